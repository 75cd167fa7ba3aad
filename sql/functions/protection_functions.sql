CREATE OR REPLACE FUNCTION factory.protect(
  "table" regclass, read text DEFAULT 'workspace.view', write text DEFAULT 'records.write', existing_rows_tenant uuid DEFAULT NULL)
RETURNS void LANGUAGE c VOLATILE SECURITY INVOKER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'factory_protect';
COMMENT ON FUNCTION factory.protect(regclass, text, text, uuid) IS
  'Makes a table a tenant table in one call: tenant_id, foreign key, policies, FORCE ROW LEVEL SECURITY, audit trigger, registration. read, write: capabilities; existing_rows_tenant: workspace that rows already there belong to. For the table''s owner who is superuser or factory_operator.';

CREATE OR REPLACE FUNCTION factory.unprotect("table" regclass)
RETURNS void LANGUAGE c VOLATILE SECURITY INVOKER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'factory_unprotect';
COMMENT ON FUNCTION factory.unprotect(regclass) IS
  'Takes policies, audit trigger and registration off again; column and foreign key stay. For the table''s owner who is superuser or factory_operator.';

CREATE OR REPLACE FUNCTION factory.register_protection("table" regclass, read text, write text, protected_by text)
RETURNS void LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'factory_register_protection';
COMMENT ON FUNCTION factory.register_protection(regclass, text, text, text) IS 'Second half of protect and unprotect; refuses every other caller.';

CREATE VIEW factory.protected_tables WITH (security_barrier) AS
  SELECT r.relation, r.read_capability, r.write_capability, r.protected_by, r.protected_at
  FROM factory.table_registry r
  WHERE NOT r.shipped;
COMMENT ON VIEW factory.protected_tables IS 'The app tables behind factory.protect().';

SELECT factory.declare('factory.protect(regclass, text, text, uuid)', 'Make a table a tenant table', '{factory_operator}', scope => 'global');
SELECT factory.declare('factory.unprotect(regclass)', 'Undo protect', '{factory_operator}', scope => 'global');
SELECT factory.declare('factory.register_protection(regclass, text, text, text)', 'Second half of protect', '{factory_operator}', scope => 'global');
