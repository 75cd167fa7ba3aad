\echo Use "CREATE EXTENSION platform_factory" to load this file. \quit

-- Nothing of a user is on the path while this script runs.
SET LOCAL search_path = pg_catalog, pg_temp;

-- The platform's roles belong to the cluster. One that exists already is accepted only as we would have made it.
DO $$
DECLARE
  wanted record;
  existing pg_catalog.pg_roles%ROWTYPE;
BEGIN
  FOR wanted IN
    SELECT * FROM (VALUES ('factory_owner', false, false),
                          ('factory_app', false, false),
                          ('factory_edge', false, true),
                          ('factory_operator', false, false),
                          ('factory_jobs', false, true),
                          ('factory_backup', true, true)) AS role(name, bypasses_rls, may_log_in)
  LOOP
    SELECT * INTO existing FROM pg_catalog.pg_roles WHERE rolname = wanted.name;
    IF NOT FOUND THEN
      -- The background worker enters as factory_jobs, which has no password.
      EXECUTE format('CREATE ROLE %I %s NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION %s', wanted.name,
                     CASE wanted.name WHEN 'factory_jobs' THEN 'LOGIN' ELSE 'NOLOGIN' END,
                     CASE WHEN wanted.bypasses_rls THEN 'BYPASSRLS' ELSE 'NOBYPASSRLS' END);
    ELSIF existing.rolsuper OR existing.rolcreatedb OR existing.rolcreaterole OR existing.rolreplication
          OR existing.rolbypassrls <> wanted.bypasses_rls OR (existing.rolcanlogin AND NOT wanted.may_log_in) THEN
      RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
        MESSAGE = format('role %I exists with other attributes than the platform needs', wanted.name),
        HINT = format('ALTER ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION %s%s;', wanted.name,
                      CASE WHEN wanted.bypasses_rls THEN 'BYPASSRLS' ELSE 'NOBYPASSRLS' END,
                      CASE WHEN wanted.may_log_in THEN '' ELSE ' NOLOGIN' END);
    END IF;
  END LOOP;
  DECLARE
    member name;
  BEGIN
    SELECT m.rolname INTO member
    FROM pg_catalog.pg_auth_members a
    JOIN pg_catalog.pg_roles o ON o.oid = a.roleid AND o.rolname = 'factory_owner'
    JOIN pg_catalog.pg_roles m ON m.oid = a.member
    LIMIT 1;
    IF FOUND THEN
      RAISE EXCEPTION USING ERRCODE = 'invalid_grant_operation',
        MESSAGE = format('role %I is a member of factory_owner, which owns the data of every workspace', member),
        HINT = format('REVOKE factory_owner FROM %I;', member);
    END IF;
  END;
END
$$;

CREATE SCHEMA factory AUTHORIZATION factory_owner;
COMMENT ON SCHEMA factory IS 'The platform: workspaces (tenants), people, roles, row-level security, audit and the HTTP API.';
