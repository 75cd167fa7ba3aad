"""Every function of the platform, as each real role, with every kind of argument: an answer or an error of the
catalogue, never a dead backend, never anything of another workspace."""

import json

import psycopg2
import pytest

from platform_client import Crew, unique, unique_email

LONG = 1_000_000
TEXTS = [
    "", " ", "x", "x" * LONG, "'; DROP SCHEMA factory CASCADE; --", "\\", "%s%n$1", "\u0001\n\t", "é🦉", "owner",
    "admin", "a@example.com", "workspace.view", "GET", "/v1/me", "POST", "/v1/app/x/{y}", "/v1/tenants?x=%00", "null",
    "{}", "user"]
VALUES = {
    "text": TEXTS,
    "uuid": ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
    "boolean": ["true", "false"],
    "integer": ["0", "-1", "1", "99", "2147483647", "-2147483648"],
    "bigint": ["0", "-1", "1", "9223372036854775807", "-9223372036854775808"],
    "timestamp with time zone": [
        "infinity", "-infinity", "epoch", "now", "294276-12-31 23:59:59Z", "4713-01-01 00:00:00Z BC"],
    "jsonb": [
        "{}", "[]", "1", '"x"', "null", "[" * 60 + "]" * 60, '{"authorization": null}', '{"authorization": "Bearer x"}',
        '{"authorization": ["x"], "x-request-id": {"a": 1}}', '{"x-request-id": "' + "x" * LONG + '"}',
        '{"": "", "x-request-id": "\\n", "if-match": "x", "prefer": "x", "idempotency-key": "x", "user-agent": "' +
        "é" * 5000 + '"}'],
    "json": ["{}", "[]", "1", "{"],
    "bytea": ["", "\\x00", "\\xff", "{}", "[]", "\\x" + "00" * LONG, '{"email": "x", "password": "y"}'],
    "inet": ["0.0.0.0", "::1", "10.0.0.0/8"],
    "cidr": ["0.0.0.0/0", "::/0", "192.0.2.0/24"],
    "text[]": ["{}", "{NULL}", "{x,y}"],
    "regclass": ["0", "4294967295", "pg_class", "factory.users", "factory.memberships", "factory.audit", "pg_authid"],
    "regprocedure": [
        "0", "4294967295", "now()", "factory.serve_global(text,text,jsonb,bytea,inet)", "factory.readiness()"],
    "oid": ["0", "1259", "4294967295"],
}
# What the server itself says of a value, an object or a LIMIT, before or beside our functions.
SERVERS_OWN = {
    "00000", "22P02", "22007", "22008", "22003", "22004", "22021", "2201W", "42P01", "42883", "42704", "42809"}


@pytest.fixture(scope="module")
def other(platform):
    other = Crew(platform, ("owner", "viewer"))
    other.invitation = other.invite(unique_email("canary"), "viewer")
    return other


def functions(platform):
    """(oid, signature, argument types, whether it is a trigger function) of every function of the schema."""
    return platform.admin("""
        SELECT p.oid, p.oid::regprocedure::text,
               array(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY AS a(t, n) ORDER BY n),
               p.prorettype = 'trigger'::regtype
        FROM pg_proc p WHERE p.pronamespace = 'factory'::regnamespace ORDER BY 2""")


def calls(types, extra):
    """Argument lists: all null, all of the first kind, and each argument with each value while the others are plain."""
    kinds = [[None, *VALUES[kind], *extra.get(kind, ())] for kind in types]
    plain = [values[min(3, len(values) - 1)] for values in kinds]
    yield [None] * len(kinds)
    yield [values[1] for values in kinds]
    for position, values in enumerate(kinds):
        for value in values:
            yield [*plain[:position], value, *plain[position + 1:]]


class Caller:
    """A session of one role, in one transaction for each call that is rolled back."""

    def __init__(self, platform, login, before=()):
        self.connection = platform.connect("admin" if login == "operator" else login)
        self.before = before
        if login == "operator":
            self.execute(f"SET SESSION AUTHORIZATION {before[0]}")
            self.before = ()
        self.connection.autocommit = False
        self.backend = self.execute("SELECT pg_backend_pid()")
        self.connection.rollback()

    def execute(self, statement, parameters=None):
        with self.connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall()[0] if cursor.description and cursor.rowcount else None

    def call(self, statement, parameters):
        """(SQLSTATE, everything that was said)."""
        try:
            for one in self.before:
                self.execute(*one)
            return "00000", str(self.execute(statement, parameters))
        except psycopg2.Error as error:
            diagnosis = error.diag
            return error.pgcode, " ".join(str(part) for part in (error, diagnosis.message_detail, diagnosis.context))
        finally:
            self.connection.rollback()

    def close(self):
        assert self.execute("SELECT pg_backend_pid()") == self.backend
        self.connection.close()


def state_of(platform, crew):
    return platform.admin(
        "SELECT (SELECT count(*) FROM factory.memberships), (SELECT count(*) FROM factory.users),"
        " (SELECT count(*) FROM factory.audit_events WHERE outcome = 'success' AND action <> 'audit.read_by_operator'), (SELECT count(*) FROM factory.routes),"
        " (SELECT count(*) FROM factory.invitations), (SELECT max(version) FROM factory.tenant_records WHERE id = %s)",
        crew.id)


@pytest.mark.parametrize("login", ["app", "app in a workspace", "edge", "operator"])
def test_every_function_with_every_kind_of_argument(platform, crew, other, app_schema, login):
    role = {"edge": "factory_edge", "operator": app_schema.name}.get(login, "app_login")
    before = {"app in a workspace": [("SELECT factory.sign_in(%s, %s)", (crew.owner.token, crew.id))],
              "operator": [app_schema.name]}.get(login, ())
    foreign = [other.id, other.owner.id, other.invitation["id"], crew.id, crew.owner.id, crew.people["viewer"].id]
    extra = {
        "uuid": foreign,
        "text": [*foreign, other.invitation["token"], other.invitation["email"], crew.owner.token + "x"],
        "regclass": [f"{app_schema.name}.marks"], "bytea": [json.dumps({"token": other.invitation["token"]})]}
    canaries = [other.workspace["name"], other.workspace["slug"], other.owner.email, other.people["viewer"].id]
    errors = {
        sqlstate
        for (sqlstate,) in platform.admin("SELECT DISTINCT sqlstate FROM factory.errors() WHERE code <> 'internal'")}
    start, before_state = platform.count("SELECT pg_postmaster_start_time()"), state_of(platform, crew)
    caller, tried, wrong = Caller(platform, login.split()[0], before), 0, []
    for oid, signature, types, returns_trigger in functions(platform):
        granted = platform.count("SELECT has_function_privilege(%s, %s::oid, 'EXECUTE')", role, oid)
        name, source = signature.split("(")[0], "" if returns_trigger else "* FROM "
        statement = f"SELECT {source}{name}({', '.join('%s::' + kind for kind in types)})"
        every = list(calls(types, extra))
        if not granted:
            every = every[:5]
        elif name == "factory.login":
            every = every[::5]  # whatever it is given, it hashes a password
        for values in every:
            sqlstate, said = caller.call(statement, values)
            tried += 1
            allowed = errors | SERVERS_OWN if granted else {"42501", "22P02", "42P01", "42883", "0A000"}
            if None in values and (sqlstate, said) == ("00000", "(None,)"):
                continue  # a strict function is not called with null, and so not asked for
            # An operator may read a workspace's log, and is seen there.
            read_by_operator = login == "operator" and name == "factory.audit_of"
            leaked = [canary for canary in canaries if canary in said and canary not in map(str, values)]
            if sqlstate not in allowed or (leaked and not read_by_operator):
                wrong.append((signature, [str(value)[:40] for value in values], sqlstate, leaked, said[:200]))
    caller.close()
    assert wrong == []
    assert tried > 120
    assert platform.count("SELECT pg_postmaster_start_time()") == start
    assert state_of(platform, crew) == before_state


@pytest.mark.parametrize("statement", [
    "SELECT * FROM factory.list_members('NaN'::float8::int)", "SELECT factory.can(repeat('x', 100000000))",
    "SELECT factory.role_capabilities(repeat('workspace.view', 1000000))",
    "SELECT count(factory.uuid7()) FROM generate_series(1, 100000)", "SELECT factory.require(NULL)",
    "SELECT factory.sign_in(repeat('a.', 10000000))",
    "SELECT factory.sign_in(convert_from(decode('ff', 'hex'), 'LATIN1'))",
    "SELECT factory.tenant_id() FROM generate_series(1, 100000)",
    "SELECT * FROM factory.audit_logs(2147483647, NULL, '', '', '', '', 'infinity', '-infinity')"])
def test_extremes_end_in_an_answer(platform, crew, statement):
    caller = Caller(platform, "app", [("SELECT factory.sign_in(%s, %s)", (crew.owner.token, crew.id))])
    sqlstate, said = caller.call(statement, None)
    assert sqlstate in SERVERS_OWN | {"PT401", "22023"}, said[:300]
    caller.close()


def test_errors_do_not_grow_a_backend(platform, crew):
    """Ten thousand refusals of many kinds in one session: its memory stays."""
    connection = platform.connect("app")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid, = cursor.fetchone()
        sizes = []
        for round_number in range(4):
            for _ in range(250):
                for statement in ("SELECT factory.sign_in('x')", "SELECT factory.require('workspace.view')",
                                  "SELECT factory.require('x')", "SELECT * FROM factory.get_tenant()",
                                  "SELECT * FROM factory.create_tenant('x')",
                                  "SELECT factory.update_member(NULL, NULL)", "SELECT * FROM factory.users",
                                  "SELECT * FROM factory.refresh('x')", "SELECT factory.remove_member(factory.uuid7())",
                                  "SELECT * FROM factory.create_invitation('x', 'y')"):
                    try:
                        cursor.execute(statement)
                    except psycopg2.Error:
                        pass
            with open(f"/proc/{pid}/status", encoding="ascii") as status:
                sizes.append(next(int(line.split()[1]) for line in status if line.startswith("RssAnon:")))
    connection.close()
    assert sizes[-1] - sizes[0] <= 1024, sizes


def test_long_texts_come_back_whole(platform):
    person = platform.register()
    workspace = person.call("POST", "/v1/tenants", {"name": unique("é" * 150)}).json
    assert person.enter(workspace)("GET", "/v1/tenant").json == workspace
