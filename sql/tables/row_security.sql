-- The wall, the same for every tenant table of ours: the restrictive policy binds every role to the tenant of the context,
-- the permissive one admits only callers that have one. FORCE binds the owner too.
DO $$
DECLARE
  guarded regclass;
BEGIN
  FOR guarded IN SELECT relation FROM factory.table_registry WHERE class = 'tenant' ORDER BY relation::text LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', guarded);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', guarded);
    EXECUTE format('CREATE POLICY tenant_guard ON %s AS RESTRICTIVE FOR ALL TO PUBLIC '
                   'USING (tenant_id = factory.tenant_id()) WITH CHECK (tenant_id = factory.tenant_id())', guarded);
    EXECUTE format('CREATE POLICY tenant_access ON %s AS PERMISSIVE FOR ALL TO factory_owner '
                   'USING (tenant_id = factory.tenant_id()) WITH CHECK (tenant_id = factory.tenant_id())', guarded);
  END LOOP;
END
$$;
