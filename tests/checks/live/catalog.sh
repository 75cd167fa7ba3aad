#!/bin/bash
# What the catalogs say about our own objects: classes, keys, policies, privileges, search paths, owners, comments.
# Each query lists what breaks one rule; a table of known exceptions does not exist.
set -euo pipefail
found=$(psql -X -q -A -t -v ON_ERROR_STOP=1 "$ADMIN_URL" <<'SQL'
SET search_path = pg_catalog;
CREATE TEMPORARY VIEW relations AS
  SELECT c.oid::regclass::text AS name, c.*, r.class, r.shipped
  FROM pg_class c LEFT JOIN factory.table_registry r ON r.relation = c.oid
  WHERE c.relnamespace = 'factory'::regnamespace AND c.relkind NOT IN ('i', 'I', 'c', 't');
CREATE TEMPORARY VIEW functions AS
  SELECT p.oid::regprocedure::text AS name, p.* FROM pg_proc p WHERE p.pronamespace = 'factory'::regnamespace;
CREATE TEMPORARY VIEW keys AS
  SELECT c.oid, c.conname, c.conrelid, c.confrelid, c.contype, c.conkey, c.confkey, child.class AS child, parent.class AS parent
  FROM pg_constraint c JOIN factory.table_registry child ON child.relation = c.conrelid LEFT JOIN factory.table_registry parent ON parent.relation = c.confrelid;

-- Classes (a partition has the class of its parent).
SELECT 'table without a class: ' || name FROM relations r WHERE relkind IN ('r', 'p') AND class IS NULL
  AND NOT EXISTS (SELECT FROM pg_inherits i JOIN factory.table_registry p ON p.relation = i.inhparent WHERE i.inhrelid = r.oid);
SELECT 'neither table nor view: ' || name FROM relations WHERE relkind NOT IN ('r', 'p', 'v');
SELECT 'registered as shipped and not of the extension: ' || r.relation FROM factory.table_registry r
WHERE r.shipped AND NOT EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'platform_factory'
                                WHERE d.classid = 'pg_class'::regclass AND d.objid = r.relation AND d.deptype = 'e');
SELECT 'month partition that is a member of the extension: ' || r.name FROM relations r
JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = r.oid AND d.deptype = 'e'
WHERE r.relispartition AND pg_get_expr(r.relpartbound, r.oid) <> 'DEFAULT';
SELECT 'partitioned table with an index of its own: ' || name FROM relations r
WHERE relkind = 'p' AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = r.oid);
SELECT 'table without primary key: ' || name FROM relations r
WHERE relkind = 'r' AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = r.oid AND i.indisprimary);

-- Keys.
SELECT 'key of a tenant table that does not begin with tenant_id: ' || i.indexrelid::regclass FROM pg_index i JOIN relations r ON r.oid = i.indrelid
WHERE r.class = 'tenant' AND (i.indisunique OR i.indisexclusion)
  AND i.indkey[0] IS DISTINCT FROM (SELECT attnum FROM pg_attribute a WHERE a.attrelid = r.oid AND a.attname = 'tenant_id');
SELECT 'tenant table without tenant_id uuid NOT NULL: ' || r.name FROM relations r WHERE r.class = 'tenant'
  AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = r.oid AND a.attname = 'tenant_id' AND a.attnotnull AND a.atttypid = 'uuid'::regtype);
SELECT 'foreign key from a global or node table to a tenant table: ' || conname FROM keys WHERE contype = 'f' AND child <> 'tenant' AND parent = 'tenant';
SELECT 'foreign key to or from a node table: ' || conname FROM keys WHERE contype = 'f' AND 'node' IN (child, parent);
SELECT 'foreign key between tenant tables without tenant_id in the same position: ' || k.conname FROM keys k
WHERE contype = 'f' AND child = 'tenant' AND parent = 'tenant'
  AND NOT EXISTS (SELECT FROM unnest(k.conkey, k.confkey) AS p(child, parent)
                  JOIN pg_attribute a ON (a.attrelid, a.attnum, a.attname) = (k.conrelid, p.child, 'tenant_id')
                  JOIN pg_attribute b ON (b.attrelid, b.attnum, b.attname) = (k.confrelid, p.parent, 'tenant_id'));
-- pg_restore loads one table after the other: following the keys never leads back, so there is an order.
WITH RECURSIVE path(origin, relation) AS (
  SELECT conrelid, confrelid FROM keys WHERE contype = 'f'
  UNION SELECT p.origin, k.confrelid FROM path p JOIN keys k ON k.conrelid = p.relation AND k.contype = 'f')
SELECT 'foreign keys in a circle: ' || origin::regclass FROM path WHERE origin = relation;

-- Rows are loaded one by one: nothing that happens at INSERT asks another table, and nothing audits it.
SELECT 'row trigger at INSERT: ' || t.tgrelid::regclass || ' ' || t.tgname FROM pg_trigger t JOIN relations r ON r.oid = t.tgrelid
WHERE NOT t.tgisinternal AND t.tgtype & 1 = 1 AND t.tgtype & 4 = 4;
SELECT 'trigger that does not fire always: ' || t.tgrelid::regclass || ' ' || t.tgname FROM pg_trigger t JOIN relations r ON r.oid = t.tgrelid
WHERE NOT t.tgisinternal AND t.tgenabled <> 'A';
SELECT 'check that calls a function of ours: ' || c.conname FROM pg_constraint c JOIN relations r ON r.oid = c.conrelid
WHERE c.contype = 'c' AND (pg_get_constraintdef(c.oid) ~ 'factory\.' OR pg_get_constraintdef(c.oid) ~* 'select');
SELECT 'default that is not a constant or the clock: ' || d.adrelid::regclass || ': ' || pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d JOIN relations r ON r.oid = d.adrelid
WHERE pg_get_expr(d.adbin, d.adrelid) !~ '^(now\(\)|true|false|\d+|''[a-z]*''::text)$';

-- Row-level security.
SELECT 'tenant table that does not guard itself: ' || name FROM relations WHERE class = 'tenant' AND NOT (relrowsecurity AND relforcerowsecurity);
SELECT 'partition that does not guard itself: ' || r.name FROM relations r JOIN pg_inherits i ON i.inhrelid = r.oid
JOIN factory.table_registry p ON p.relation = i.inhparent AND p.class = 'tenant' WHERE NOT (r.relrowsecurity AND r.relforcerowsecurity);
SELECT 'global or node table with row-level security: ' || name FROM relations WHERE class <> 'tenant' AND relrowsecurity;
SELECT 'tenant table without the restrictive policy for all: ' || name FROM relations r
WHERE class = 'tenant' AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = r.oid AND NOT p.polpermissive AND p.polcmd = '*' AND p.polroles = '{0}'
  AND p.polqual IS NOT NULL AND p.polwithcheck IS NOT NULL);
SELECT 'policy with a query in it: ' || p.polrelid::regclass || ' ' || p.polname FROM pg_policy p JOIN relations r ON r.oid = p.polrelid
WHERE concat(pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) ~* 'select|current_user|current_setting|session_user';
SELECT format('SELECT %L WHERE EXISTS (SELECT FROM (SELECT NULL::uuid AS tenant_id UNION ALL SELECT gen_random_uuid()) AS t WHERE %s)',
              'policy that is true without a context: ' || p.polrelid::regclass || ' ' || p.polname, e.text)
FROM pg_policy p JOIN relations r ON r.oid = p.polrelid
CROSS JOIN LATERAL (VALUES (pg_get_expr(p.polqual, p.polrelid)), (pg_get_expr(p.polwithcheck, p.polrelid))) AS e(text) WHERE e.text IS NOT NULL \gexec

-- Privileges.
SELECT 'privilege on a table for ' || pg_get_userbyid(a.grantee) || ': ' || r.name || ' ' || a.privilege_type
FROM relations r CROSS JOIN LATERAL aclexplode(coalesce(r.relacl, acldefault('r', r.relowner))) a
WHERE r.relkind IN ('r', 'p') AND a.grantee <> 'factory_owner'::regrole AND (a.grantee, a.privilege_type) <> ('factory_backup'::regrole, 'SELECT');
SELECT 'privilege on a column: ' || a.attrelid::regclass || '.' || a.attname FROM pg_attribute a JOIN relations r ON r.oid = a.attrelid
WHERE a.attacl IS NOT NULL AND (a.attrelid, a.attname, a.attacl::text) <> ('factory.tenant_records'::regclass, 'id', '{factory_operator=x/factory_owner}');
SELECT 'row of the log that its owner could change: ' || r.name || ' ' || a.privilege_type FROM relations r CROSS JOIN LATERAL aclexplode(r.relacl) a
WHERE r.name ~ 'factory\.(audit_events|platform_events)' AND a.privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE');
SELECT 'factory_backup cannot read: ' || r.name FROM relations r
WHERE r.relkind IN ('r', 'p') AND NOT EXISTS (SELECT FROM aclexplode(r.relacl) a WHERE a.grantee = 'factory_backup'::regrole);
SELECT 'view that apps could write through: ' || name FROM relations WHERE relkind = 'v' AND has_table_privilege('factory_app', oid, 'INSERT, UPDATE, DELETE');
SELECT 'view of apps that is no security barrier: ' || name FROM relations WHERE relkind = 'v' AND has_table_privilege('factory_app', oid, 'SELECT')
  AND NOT coalesce(reloptions @> '{security_barrier=true}', false);
SELECT 'executable and not declared: ' || f.name || ' for ' || coalesce(nullif(a.grantee, 0)::regrole::text, 'PUBLIC')
FROM functions f CROSS JOIN LATERAL aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) a
WHERE a.grantee <> f.proowner AND NOT EXISTS (SELECT FROM factory.routes r CROSS JOIN LATERAL unnest(r.roles) role
  WHERE r.function = f.name AND role = coalesce(nullif(a.grantee, 0)::regrole::text, 'public'));
SELECT 'declared and not there: ' || r.function FROM factory.routes r WHERE r.shipped AND to_regprocedure(r.function) IS NULL;

-- Functions and owners.
SELECT 'function without a pinned path: ' || f.name FROM functions f JOIN pg_language l ON l.oid = f.prolang
WHERE f.prosqlbody IS NULL AND NOT EXISTS (SELECT FROM unnest(f.proconfig) s WHERE s ~ '^search_path=.*pg_temp$')
  -- These in C look no name up, and run once a row.
  AND NOT (l.lanname = 'c' AND f.proleakproof OR f.name IN ('factory.uuid7()', 'factory.role_capabilities(text)', 'factory.record_change()', 'factory.guard_write()'));
SELECT 'definer that is not written in C, and could cast or compare with operators of a user type: ' || f.name FROM functions f JOIN pg_language l ON l.oid = f.prolang
WHERE f.prosecdef AND l.lanname <> 'c' AND f.name <> 'factory.lint()';
SELECT 'function that costs or plans otherwise than it says: ' || name FROM functions WHERE prosupport <> 0;
SELECT 'procedure, which could commit: ' || name FROM functions WHERE prokind = 'p';
SELECT 'relation of ' || relowner::regrole || ': ' || name FROM relations WHERE relowner <> 'factory_owner'::regrole;
SELECT 'function of ' || proowner::regrole || ': ' || name FROM functions WHERE proowner <> 'factory_owner'::regrole;
SELECT 'type of ' || typowner::regrole || ': ' || oid::regtype FROM pg_type WHERE typnamespace = 'factory'::regnamespace AND typowner <> 'factory_owner'::regrole;
SELECT 'schema of ' || nspowner::regrole FROM pg_namespace WHERE nspname = 'factory' AND nspowner <> 'factory_owner'::regrole;
SELECT 'object of the extension outside of its schema: ' || pg_describe_object(d.classid, d.objid, d.objsubid)
FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'platform_factory'
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
  AND (SELECT i.schema FROM pg_identify_object(d.classid, d.objid, 0) i) IS DISTINCT FROM 'factory' AND d.classid <> 'pg_namespace'::regclass
  AND d.classid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass, 'pg_operator'::regclass, 'pg_cast'::regclass);

-- Comments.
SELECT 'no comment: ' || name FROM relations r WHERE obj_description(r.oid, 'pg_class') IS NULL AND NOT (r.relispartition AND r.class IS NULL);
SELECT 'no comment: ' || name FROM functions f WHERE obj_description(f.oid, 'pg_proc') IS NULL;
SELECT 'no comment: ' || t.oid::regtype FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid AND c.relkind = 'c'
WHERE t.typnamespace = 'factory'::regnamespace AND obj_description(t.oid, 'pg_type') IS NULL;
SELECT 'no comment: schema factory' WHERE obj_description('factory'::regnamespace, 'pg_namespace') IS NULL;
SQL
)
[ -z "$found" ] || { printf '%s\n' "$found"; exit 1; }
