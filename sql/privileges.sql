-- Last: every object gets its declared owner and privileges, whatever ALTER DEFAULT PRIVILEGES had planted before.
-- What is declared: functions by factory.routes.roles, tables and views below.
CREATE TABLE factory.declared_privileges (
  relation regclass NOT NULL,
  grantee text NOT NULL,
  privilege text NOT NULL,
  CONSTRAINT declared_privileges_pkey PRIMARY KEY (relation, grantee, privilege)
);
COMMENT ON TABLE factory.declared_privileges IS 'Which role may do what with which relation of the platform; factory.lint() compares.';
INSERT INTO factory.table_registry (relation, class, shipped) VALUES ('factory.declared_privileges', 'node', true);

INSERT INTO factory.declared_privileges (relation, grantee, privilege)
SELECT c.oid, 'factory_backup', 'SELECT'
FROM pg_class c WHERE c.relnamespace = 'factory'::regnamespace AND c.relkind IN ('r', 'p', 'v')
UNION ALL
SELECT v.relation::regclass, v.grantee, v.privilege
FROM (VALUES ('factory.my_user', 'factory_app', 'SELECT'),
             ('factory.my_tenants', 'factory_app', 'SELECT'),
             ('factory.tenants', 'factory_app', 'SELECT'),
             ('factory.members', 'factory_app', 'SELECT'),
             ('factory.sent_invitations', 'factory_app', 'SELECT'),
             ('factory.audit', 'factory_app', 'SELECT'),
             ('factory.protected_tables', 'factory_operator', 'SELECT')) AS v(relation, grantee, privilege);

DO $$
DECLARE
  object record;
  grantee record;
  other record;
BEGIN
  FOR object IN
    SELECT c.oid::regclass::text AS name, c.oid, c.relacl AS acl
    FROM pg_class c WHERE c.relnamespace = 'factory'::regnamespace AND c.relkind IN ('r', 'p', 'v')
  LOOP
    EXECUTE format('ALTER TABLE %s OWNER TO factory_owner', object.name);
  END LOOP;
  FOR object IN
    SELECT c.oid::regclass::text AS name, c.oid
    FROM pg_class c WHERE c.relnamespace = 'factory'::regnamespace AND c.relkind IN ('r', 'p', 'v')
  LOOP
    FOR other IN
      SELECT DISTINCT a.grantee FROM pg_class c, aclexplode(c.relacl) a
      WHERE c.oid = object.oid AND a.grantee <> c.relowner
    LOOP
      EXECUTE format('REVOKE ALL ON %s FROM %s', object.name,
                     CASE other.grantee WHEN 0 THEN 'PUBLIC' ELSE other.grantee::regrole::text END);
    END LOOP;
    FOR grantee IN SELECT * FROM factory.declared_privileges p WHERE p.relation = object.oid LOOP
      EXECUTE format('GRANT %s ON %s TO %I', grantee.privilege, object.name, grantee.grantee);
    END LOOP;
  END LOOP;
  FOR object IN SELECT t.oid::regtype::text AS name FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid AND c.relkind = 'c'
                WHERE t.typnamespace = 'factory'::regnamespace LOOP
    EXECUTE format('ALTER TYPE %s OWNER TO factory_owner', object.name);
  END LOOP;
  FOR object IN
    SELECT p.oid::regprocedure::text AS name, p.oid FROM pg_proc p WHERE p.pronamespace = 'factory'::regnamespace
  LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO factory_owner', object.name);
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', object.name);
    FOR other IN
      SELECT DISTINCT a.grantee FROM pg_proc p, aclexplode(p.proacl) a
      WHERE p.oid = object.oid AND a.grantee <> p.proowner AND a.grantee <> 0
    LOOP
      EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', object.name, other.grantee::regrole);
    END LOOP;
    FOR grantee IN SELECT unnest(r.roles) AS name FROM factory.routes r WHERE r.function = object.name LOOP
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s', object.name,
                     CASE grantee.name WHEN 'public' THEN 'PUBLIC' ELSE quote_ident(grantee.name) END);
    END LOOP;
  END LOOP;
END
$$;

GRANT USAGE ON SCHEMA factory TO PUBLIC;
GRANT REFERENCES (id) ON factory.tenant_records TO factory_operator;
