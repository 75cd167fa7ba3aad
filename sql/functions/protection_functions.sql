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

CREATE OR REPLACE FUNCTION factory.acknowledge_changes("table" regclass)
RETURNS TABLE (changed_at timestamptz, changed_by text, command text)
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'factory_acknowledge_changes';
COMMENT ON FUNCTION factory.acknowledge_changes(regclass) IS
  'Takes the changes of a protected table off the list of lint() and shows them: when, by which database role, with which command. After a restore it begins to watch the table again. For factory_operator.';

-- Before each statement on a protected table; installed by factory.protect().
CREATE OR REPLACE FUNCTION factory.guard_write() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'factory_guard_write';
COMMENT ON FUNCTION factory.guard_write() IS
  'Statement trigger of protected tables. Its argument is the capability to write: whom row security binds gets no_context without a workspace and forbidden without the capability. TRUNCATE leaves an event, and is refused to apps.';

CREATE VIEW factory.protected_tables WITH (security_barrier) AS
  SELECT r.relation, r.read_capability, r.write_capability, r.protected_by, r.protected_at
  FROM factory.table_registry r
  WHERE NOT r.shipped;
COMMENT ON VIEW factory.protected_tables IS 'The app tables behind factory.protect().';

-- Every relation that holds rows of workspaces: registered tables, their partitions and what inherits from them.
CREATE VIEW factory.guarded_relations AS
  WITH RECURSIVE tree AS (
    SELECT r.relation::oid AS relation, r.relation::oid AS root, r.shipped, r.read_capability, r.write_capability
    FROM factory.table_registry r
    WHERE r.class = 'tenant'
    UNION
    SELECT i.inhrelid, t.root, t.shipped, t.read_capability, t.write_capability
    FROM tree t JOIN pg_catalog.pg_inherits i ON i.inhparent = t.relation
  )
  SELECT DISTINCT ON (t.relation) t.relation, t.root, t.shipped, t.read_capability, t.write_capability
  FROM tree t JOIN pg_catalog.pg_class c ON c.oid = t.relation
  ORDER BY t.relation, t.root <> t.relation;
COMMENT ON VIEW factory.guarded_relations IS 'Relations that hold rows of workspaces, with the table whose protection they share.';

-- The policies that each of them must have, as pg_get_expr() shows them.
CREATE VIEW factory.expected_policies AS
  SELECT g.relation, p.name, p.permissive, p.command, p.grantee, p.using_text, p.check_text
  FROM factory.guarded_relations g
  CROSS JOIN LATERAL (
    SELECT pg_catalog.format('(tenant_id = factory.tenant_with(%L::text))', g.read_capability) AS can_read,
           pg_catalog.format('(tenant_id = factory.tenant_with(%L::text))', g.write_capability) AS can_write) c
  CROSS JOIN LATERAL (VALUES
    (true, false, 'tenant_guard', false, 'ALL', 'PUBLIC', '(tenant_id = factory.tenant_id())', '(tenant_id = factory.tenant_id())'),
    (true, false, 'tenant_access', true, 'ALL', 'factory_owner', '(tenant_id = factory.tenant_id())', '(tenant_id = factory.tenant_id())'),
    (false, true, 'tenant_read', false, 'SELECT', 'PUBLIC', c.can_read, NULL),
    (false, true, 'tenant_insert', false, 'INSERT', 'PUBLIC', NULL, c.can_write),
    (false, true, 'tenant_update', false, 'UPDATE', 'PUBLIC', c.can_write, c.can_write),
    (false, true, 'tenant_delete', false, 'DELETE', 'PUBLIC', c.can_write, NULL),
    (false, true, 'tenant_read_access', true, 'SELECT', 'PUBLIC', c.can_read, NULL),
    (false, true, 'tenant_insert_access', true, 'INSERT', 'PUBLIC', NULL, c.can_write),
    (false, true, 'tenant_update_access', true, 'UPDATE', 'PUBLIC', c.can_write, c.can_write),
    (false, true, 'tenant_delete_access', true, 'DELETE', 'PUBLIC', c.can_write, NULL)
  ) AS p(for_shipped, for_apps, name, permissive, command, grantee, using_text, check_text)
  WHERE CASE WHEN g.shipped THEN p.for_shipped ELSE p.for_apps END;
COMMENT ON VIEW factory.expected_policies IS 'The row security policies that protect() and the install script made.';

CREATE OR REPLACE FUNCTION factory.tenant_foreign_key("constraint" oid) RETURNS text
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
  SELECT format('ALTER TABLE %s ADD CONSTRAINT %I FOREIGN KEY (tenant_id, %s) REFERENCES %s (tenant_id, %s)%s%s%s;',
                f.conrelid::regclass, f.conname, pairs.child, f.confrelid::regclass, pairs.parent,
                CASE f.confupdtype WHEN 'c' THEN ' ON UPDATE CASCADE' WHEN 'r' THEN ' ON UPDATE RESTRICT' ELSE '' END,
                CASE f.confdeltype WHEN 'a' THEN '' WHEN 'c' THEN ' ON DELETE CASCADE' ELSE ' ON DELETE RESTRICT' END,
                CASE WHEN f.condeferred THEN ' DEFERRABLE INITIALLY DEFERRED' WHEN f.condeferrable THEN ' DEFERRABLE' ELSE '' END)
  FROM pg_constraint f
  CROSS JOIN LATERAL (SELECT string_agg(quote_ident(child.attname), ', ' ORDER BY k.position) AS child,
                             string_agg(quote_ident(parent.attname), ', ' ORDER BY k.position) AS parent
                      FROM unnest(f.conkey, f.confkey) WITH ORDINALITY AS k(child, parent, position)
                      JOIN pg_attribute child ON child.attrelid = f.conrelid AND child.attnum = k.child
                      JOIN pg_attribute parent ON parent.attrelid = f.confrelid AND parent.attnum = k.parent
                      WHERE 'tenant_id' NOT IN (child.attname, parent.attname)) pairs
  WHERE f.oid = "constraint" AND f.contype = 'f'
$$;
COMMENT ON FUNCTION factory.tenant_foreign_key(oid) IS
  'The statement that makes a foreign key anew with tenant_id in front. SET NULL and SET DEFAULT become RESTRICT.';

CREATE OR REPLACE FUNCTION factory.tenant_unique_keys("table" regclass, existing_rows_tenant uuid DEFAULT NULL)
RETURNS TABLE (index regclass, fix text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT i.indexrelid::regclass,
         concat_ws(' ',
           CASE WHEN i.indisexclusion THEN 'CREATE EXTENSION IF NOT EXISTS btree_gist;' END,
           (SELECT string_agg(format('ALTER TABLE %s DROP CONSTRAINT %I;', f.conrelid::regclass, f.conname), ' ' ORDER BY f.oid)
            FROM pg_constraint f WHERE f.contype = 'f' AND f.conindid = i.indexrelid AND f.conparentid = 0),
           CASE WHEN c.oid IS NOT NULL
                THEN format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %2$I %s;', i.indrelid::regclass, c.conname,
                            regexp_replace(regexp_replace(pg_get_constraintdef(c.oid), ', tenant_id( WITH =)?(?=[,)])', ''),
                                           '\(', CASE WHEN i.indisexclusion THEN '(tenant_id WITH =, ' ELSE '(tenant_id, ' END))
                ELSE format('DROP INDEX %s; %s;', i.indexrelid::regclass,
                            regexp_replace(regexp_replace(pg_get_indexdef(i.indexrelid), ', tenant_id(?=[,)])', ''),
                                           '( USING [a-z]+ )\(', '\1(tenant_id, '))
           END,
           (SELECT string_agg(format('ALTER TABLE %s ADD COLUMN IF NOT EXISTS tenant_id uuid NOT NULL%s;', orphan.relation,
                                     ' DEFAULT ' || quote_literal(existing_rows_tenant)), ' ' ORDER BY orphan.relation)
            FROM (SELECT DISTINCT f.conrelid::regclass AS relation FROM pg_constraint f
                  WHERE f.contype = 'f' AND f.conindid = i.indexrelid AND f.conparentid = 0 AND f.conrelid <> i.indrelid
                    AND NOT EXISTS (SELECT FROM pg_attribute a
                                    WHERE a.attrelid = f.conrelid AND a.attname = 'tenant_id')) orphan),
           (SELECT string_agg(factory.tenant_foreign_key(f.oid), ' ' ORDER BY f.oid)
            FROM pg_constraint f WHERE f.contype = 'f' AND f.conindid = i.indexrelid AND f.conparentid = 0))
  FROM pg_index i
  LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype IN ('p', 'u', 'x')
  WHERE i.indrelid = "table" AND (i.indisunique OR i.indisexclusion)
    AND i.indkey[0] IS DISTINCT FROM (SELECT a.attnum FROM pg_attribute a
                                      WHERE a.attrelid = i.indrelid AND a.attname = 'tenant_id')
    AND NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = i.indexrelid)
  ORDER BY i.indexrelid
$$;
COMMENT ON FUNCTION factory.tenant_unique_keys(regclass, uuid) IS
  'Unique and exclusion keys of a table that do not begin with tenant_id, each with the DDL that makes it anew, foreign keys on it included. existing_rows_tenant: workspace of the rows of referring tables that have no tenant_id yet. For factory_operator.';

SELECT factory.declare('factory.protect(regclass, text, text, uuid)', 'Make a table a tenant table', '{factory_operator}', scope => 'global');
SELECT factory.declare('factory.unprotect(regclass)', 'Undo protect', '{factory_operator}', scope => 'global');
SELECT factory.declare('factory.acknowledge_changes(regclass)', 'Acknowledge changes of a protected table', '{factory_operator}', scope => 'global');
SELECT factory.declare('factory.guard_write()', 'Guard of writes to protected tables', '{factory_operator}');
SELECT factory.declare('factory.register_protection(regclass, text, text, text)', 'Second half of protect', '{factory_operator}', scope => 'global');
SELECT factory.declare('factory.tenant_unique_keys(regclass, uuid)', 'Unique keys that ignore the workspace', '{factory_operator}', scope => 'global');
SELECT factory.declare('factory.tenant_foreign_key(oid)', 'A foreign key with the workspace in it', '{factory_operator}', scope => 'global');
