"""An app of the tests' own: a schema whose owner is an operator, with one protected table and functions made calls."""

import psycopg2

from platform_client import unique


class AppSchema:
    """Runs DDL as the app's owner, and takes every route and object away again at the end."""

    def __init__(self, platform):
        self.platform = platform
        self.name = unique("app").replace("-", "_")
        self.routes = []
        platform.admin(f"CREATE ROLE {self.name} IN ROLE factory_operator")
        platform.admin(f"CREATE SCHEMA {self.name} AUTHORIZATION {self.name}")
        self.run(f"GRANT USAGE ON SCHEMA {self.name} TO factory_app")
        self.run(f"""CREATE TABLE {self.name}.marks (id uuid NOT NULL DEFAULT factory.uuid7(), word text NOT NULL,
                     tenant_id uuid NOT NULL, PRIMARY KEY (tenant_id, id))""")
        self.run(f"SELECT factory.protect('{self.name}.marks', 'workspace.view', 'workspace.view')")
        self.run(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {self.name}.marks TO factory_app")

    def run(self, statement, *parameters):
        """One statement as the app's owner."""
        connection = self.platform.connect("admin")
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"SET SESSION AUTHORIZATION {self.name}")
                cursor.execute(statement, parameters or None)
        finally:
            connection.close()

    def add(self, function, body, method, path, returns="uuid", language="sql", **declaration):
        """Makes function(arguments) with that body a call below /v1/app/<schema>/, and answers its target."""
        whole = f"{self.name}.{function}"
        target = f"/v1/app/{self.name}/{path}"
        self.run(f"CREATE FUNCTION {whole} RETURNS {returns} LANGUAGE {language}"
                 f" SET search_path = {self.name}, pg_catalog, pg_temp AS $${body}$$")
        self.run(f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {self.name} TO factory_app")
        signature = self.platform.count(
            "SELECT max(oid)::regprocedure::text FROM pg_proc WHERE pronamespace = %s::regnamespace", self.name)
        options = "".join(f", {name} => %s" for name in declaration)
        self.run(f"SELECT factory.route_add(%s, %s, %s, 'A call of a test'{options})", signature, method, target,
                 *declaration.values())
        self.routes.append(signature)
        return target

    def marks(self, word):
        """How many marks of this word there are, in all workspaces."""
        return self.platform.count(f"SELECT count(*) FROM {self.name}.marks WHERE word = %s", word)

    def close(self):
        for signature in self.routes:
            self.run("SELECT factory.route_drop(%s)", signature)
        self.platform.admin(f"DROP SCHEMA {self.name} CASCADE")
        self.platform.admin(f"DROP ROLE {self.name}")


def sqlstate_of(connection, statement, *parameters):
    """The SQLSTATE that a statement ends with; 00000 when it succeeds."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
        return "00000"
    except psycopg2.Error as error:
        return error.pgcode
