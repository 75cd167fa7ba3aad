-- Last: every object gets its declared owner and privileges, whatever ALTER DEFAULT PRIVILEGES had planted before.
DO $$
DECLARE
  object record;
  privilege record;
BEGIN
  FOR object IN
    SELECT 'TABLE' AS kind, c.oid::regclass::text AS name
    FROM pg_class c WHERE c.relnamespace = 'factory'::regnamespace AND c.relkind IN ('r', 'p', 'v')
    UNION ALL
    SELECT 'TYPE', t.oid::regtype::text
    FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid AND c.relkind = 'c' WHERE t.typnamespace = 'factory'::regnamespace
    UNION ALL
    SELECT 'FUNCTION', p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace = 'factory'::regnamespace
  LOOP
    EXECUTE format('ALTER %s %s OWNER TO factory_owner', object.kind, object.name);
  END LOOP;
  FOR privilege IN SELECT DISTINCT a.object, a.grantee FROM factory.actual_privileges a LOOP
    EXECUTE format('REVOKE ALL ON %s FROM %s', privilege.object,
                   CASE privilege.grantee WHEN 'PUBLIC' THEN 'PUBLIC' ELSE quote_ident(privilege.grantee) END);
  END LOOP;
  FOR privilege IN SELECT d.object, d.grantee, d.privilege FROM factory.declared_privileges d LOOP
    EXECUTE format('GRANT %s ON %s TO %s', privilege.privilege, privilege.object,
                   CASE privilege.grantee WHEN 'PUBLIC' THEN 'PUBLIC' ELSE quote_ident(privilege.grantee) END);
  END LOOP;
END
$$;

-- What happened stays: the owner, in whose name all of ours runs, adds events and can do no more to them.
REVOKE UPDATE, DELETE, TRUNCATE ON factory.audit_events, factory.audit_events_default, factory.platform_events FROM factory_owner;

-- pg_dump reads what apps made as well.
GRANT pg_read_all_data TO factory_backup;
