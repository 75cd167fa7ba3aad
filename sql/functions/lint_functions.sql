-- What leaks or could leak, read from the catalogs and the registry alone. Each branch of lint_tables(), lint_access() and lint_server() is
-- one rule; `step` puts fixes that others build on first. Nothing here runs code of an app: only catalog functions.

CREATE VIEW factory.runtime_roles AS
  SELECT r.oid, r.rolname AS name, r.rolcanlogin AS may_log_in
  FROM pg_catalog.pg_roles r
  WHERE NOT r.rolsuper
    AND (pg_catalog.pg_has_role(r.oid, 'factory_app'::name, 'MEMBER')
         OR pg_catalog.pg_has_role(r.oid, 'factory_edge'::name, 'MEMBER'));
COMMENT ON VIEW factory.runtime_roles IS 'Roles whose SQL is not trusted: factory_app, factory_edge and their members.';

-- Who may do what with our objects, in the words of GRANT; the owner is not listed.
CREATE VIEW factory.declared_privileges AS
  SELECT v.object, v.grantee, v.privilege
  FROM (VALUES ('SCHEMA factory', 'PUBLIC', 'USAGE'),
               ('TABLE factory.tenant_records', 'factory_operator', 'REFERENCES (id)'),
               ('TABLE factory.my_user', 'factory_app', 'SELECT'),
               ('TABLE factory.my_tenants', 'factory_app', 'SELECT'),
               ('TABLE factory.tenants', 'factory_app', 'SELECT'),
               ('TABLE factory.members', 'factory_app', 'SELECT'),
               ('TABLE factory.sent_invitations', 'factory_app', 'SELECT'),
               ('TABLE factory.plans', 'factory_app', 'SELECT'),
               ('TABLE factory.plans', 'factory_operator', 'SELECT'),
               ('TABLE factory.stored_secrets', 'factory_app', 'SELECT'),
               ('TABLE factory.stored_platform_secrets', 'factory_operator', 'SELECT'),
               ('TABLE factory.audit', 'factory_app', 'SELECT'),
               ('TABLE factory.audit_policy', 'factory_app', 'SELECT'),
               ('TABLE factory.jobs', 'factory_operator', 'SELECT'),
               ('TABLE factory.job_log', 'factory_operator', 'SELECT'),
               ('TABLE factory.safe_mode', 'factory_operator', 'SELECT'),
               ('TABLE factory.outbox', 'factory_app', 'SELECT'),
               ('TABLE factory.webhooks', 'factory_app', 'SELECT'),
               ('TABLE factory.outbound_allowed', 'factory_operator', 'SELECT'),
               ('TABLE factory.mail_template_texts', 'factory_operator', 'SELECT'),
               ('TABLE factory.blocked_calls', 'factory_app', 'SELECT'),
               ('TABLE factory.platform_blocked_calls', 'factory_operator', 'SELECT'),
               ('TABLE factory.platform_rate_policies', 'factory_operator', 'SELECT'),
               ('TABLE factory.protected_tables', 'factory_operator', 'SELECT')) AS v(object, grantee, privilege)
  UNION ALL
  SELECT 'TABLE ' || c.oid::regclass::text, 'factory_backup', 'SELECT'
  FROM pg_catalog.pg_class c
  WHERE c.relnamespace = 'factory'::regnamespace AND c.relkind IN ('r', 'p', 'v')
  UNION ALL
  SELECT 'FUNCTION ' || r.function, CASE role.name WHEN 'public' THEN 'PUBLIC' ELSE role.name END, 'EXECUTE'
  FROM factory.routes r CROSS JOIN LATERAL pg_catalog.unnest(r.roles) AS role(name)
  WHERE r.shipped;
COMMENT ON VIEW factory.declared_privileges IS 'What privileges.sql grants and lint() compares with.';

CREATE VIEW factory.actual_privileges AS
  SELECT o.object, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(a.grantee)::text END AS grantee,
         a.privilege_type || o.columns AS privilege, a.is_grantable
  FROM (
    SELECT 'SCHEMA factory' AS object, '' AS columns, n.nspowner AS owner,
           coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner)) AS acl
    FROM pg_catalog.pg_namespace n WHERE n.nspname = 'factory'
    UNION ALL
    SELECT 'TABLE ' || c.oid::regclass::text, '', c.relowner,
           coalesce(c.relacl, pg_catalog.acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner))
    FROM pg_catalog.pg_class c
    WHERE c.relnamespace = 'factory'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    UNION ALL
    SELECT 'TABLE ' || c.oid::regclass::text, pg_catalog.format(' (%I)', a.attname), c.relowner, a.attacl
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'factory'::regnamespace AND a.attacl IS NOT NULL
    UNION ALL
    SELECT 'FUNCTION ' || p.oid::regprocedure::text, '', p.proowner,
           coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))
    FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'factory'::regnamespace
  ) AS o CROSS JOIN LATERAL pg_catalog.aclexplode(o.acl) a
  WHERE a.grantee <> o.owner;
COMMENT ON VIEW factory.actual_privileges IS 'Privileges on our objects as they are, in the words of GRANT.';

CREATE OR REPLACE FUNCTION factory.lint_tables()
RETURNS TABLE (step integer, severity text, rule text, object text, problem text, fix text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH
  -- Tables of apps that say that they belong to workspaces, protected or not.
  tenant_columns AS (
    SELECT c.oid AS relation, c.oid::regclass::text AS name, c.relkind, c.relispartition, a.atttypid, a.attnum, a.attnotnull
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND a.attnum > 0
    WHERE c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't'
      AND c.relnamespace NOT IN ('factory'::regnamespace, 'pg_catalog'::regnamespace, 'information_schema'::regnamespace)
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
  ),
  guarded AS (
    SELECT g.*, g.relation::regclass::text AS name, c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.relowner, c.relacl,
           CASE WHEN g.relation = g.root THEN '' ELSE 'partition_' END AS prefix
    FROM factory.guarded_relations g JOIN pg_class c ON c.oid = g.relation
    WHERE c.relkind IN ('r', 'p')
  ),
  policies AS (
    SELECT p.polrelid AS relation, p.polname::text AS name, p.polpermissive AS permissive,
           CASE p.polcmd WHEN '*' THEN 'ALL' WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' ELSE 'DELETE' END AS command,
           (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(r)::text END, ', ') FROM unnest(p.polroles) r) AS grantee,
           pg_get_expr(p.polqual, p.polrelid) AS using_text, pg_get_expr(p.polwithcheck, p.polrelid) AS check_text
    FROM pg_policy p
  ),
  sources AS (
    SELECT DISTINCT w.ev_class AS reader, d.refobjid AS source
    FROM pg_rewrite w
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass
    WHERE d.refobjid <> w.ev_class
  ),
  readers AS (
    WITH RECURSIVE reach(relation) AS (
      SELECT s.reader FROM sources s JOIN factory.guarded_relations g ON g.relation = s.source
      UNION
      SELECT s.reader FROM sources s JOIN reach r ON r.relation = s.source
    )
    SELECT c.oid AS relation, c.oid::regclass::text AS name, c.relkind, o.rolsuper OR o.rolbypassrls AS owner_sees_all,
           coalesce((SELECT bool_or(x.option_value::boolean) FROM pg_options_to_table(c.reloptions) x
                     WHERE x.option_name = 'security_invoker'), false) AS invoker
    FROM reach r JOIN pg_class c ON c.oid = r.relation JOIN pg_roles o ON o.oid = c.relowner
    WHERE c.relnamespace <> 'factory'::regnamespace
      AND EXISTS (SELECT FROM factory.runtime_roles u WHERE has_any_column_privilege(u.oid, c.oid, 'SELECT'))
    UNION ALL
    SELECT t.relation, t.name, t.relkind, true, false
    FROM tenant_columns t
    WHERE t.relkind = 'f' AND EXISTS (SELECT FROM factory.runtime_roles u WHERE has_any_column_privilege(u.oid, t.relation, 'SELECT'))
  )

  SELECT 2, 'critical', 'tenantless_key', k.index::text,
         format('this unique key of %s ignores the workspace: it tells one workspace what another one holds', t.name), k.fix
  FROM tenant_columns t CROSS JOIN LATERAL factory.tenant_unique_keys(t.relation) k

  UNION ALL
  SELECT 3, 'critical', 'tenantless_foreign_key', format('%s.%I', f.conrelid::regclass, f.conname),
         format('this foreign key to %s does not carry tenant_id, so a row can refer to one of another workspace', f.confrelid::regclass),
         coalesce((SELECT k.fix FROM factory.tenant_unique_keys(f.confrelid::regclass) k WHERE k.index = f.conindid::regclass),
                  CASE WHEN child.attnum IS NULL
                       THEN format('ALTER TABLE %s DROP CONSTRAINT %I; ALTER TABLE %1$s ADD COLUMN IF NOT EXISTS tenant_id uuid NOT NULL; %3$s',
                                   f.conrelid::regclass, f.conname, factory.tenant_foreign_key(f.oid))
                       ELSE format('ALTER TABLE %s DROP CONSTRAINT %I; %s', f.conrelid::regclass, f.conname,
                                   factory.tenant_foreign_key(f.oid)) END)
  FROM pg_constraint f
  JOIN tenant_columns parent ON parent.relation = f.confrelid
  LEFT JOIN pg_attribute child ON child.attrelid = f.conrelid AND child.attname = 'tenant_id'
  WHERE f.contype = 'f' AND f.conparentid = 0
    AND NOT EXISTS (SELECT FROM unnest(f.conkey, f.confkey) AS pair(child, parent)
                    WHERE pair.child = child.attnum AND pair.parent = parent.attnum)

  UNION ALL
  SELECT 4, 'critical', 'foreign_key_sets_null', format('%s.%I', f.conrelid::regclass, f.conname),
         'ON DELETE SET NULL or SET DEFAULT between tables of workspaces changes rows outside of any context',
         format('ALTER TABLE %s DROP CONSTRAINT %I; %s', f.conrelid::regclass, f.conname, factory.tenant_foreign_key(f.oid))
  FROM pg_constraint f
  JOIN tenant_columns parent ON parent.relation = f.confrelid
  JOIN tenant_columns child ON child.relation = f.conrelid
  WHERE f.contype = 'f' AND f.conparentid = 0 AND (f.confdeltype IN ('n', 'd') OR f.confupdtype IN ('n', 'd'))

  UNION ALL
  SELECT 5, 'critical', 'unprotected_table', t.name, 'it has a tenant_id and no protection: every role that reads it reads all workspaces',
         CASE WHEN t.atttypid <> 'uuid'::regtype THEN 'Give tenant_id the type uuid, then call factory.protect().'
              WHEN t.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits i WHERE t.relation IN (i.inhrelid, i.inhparent))
              THEN 'End the inheritance or use partitions, then call factory.protect().'
              ELSE format('SELECT factory.protect(%L);', t.name) END
  FROM tenant_columns t
  WHERE t.relkind <> 'f' AND NOT t.relispartition AND NOT EXISTS (SELECT FROM factory.guarded_relations g WHERE g.relation = t.relation)

  UNION ALL
  SELECT 4, 'critical', 'parent_shows_all', i.inhparent::regclass::text,
         format('who reads it reads the rows of %s without its policies', g.name),
         CASE WHEN c.relispartition THEN format('ALTER TABLE %s DETACH PARTITION %s;', i.inhparent::regclass, g.name)
              ELSE format('ALTER TABLE %s NO INHERIT %s;', g.name, i.inhparent::regclass) END
  FROM guarded g
  JOIN pg_class c ON c.oid = g.relation
  JOIN pg_inherits i ON i.inhrelid = g.relation
  WHERE NOT EXISTS (SELECT FROM factory.guarded_relations p WHERE p.relation = i.inhparent)

  UNION ALL
  SELECT 6, 'critical', g.prefix || 'row_security_off', g.name, 'row-level security is off or does not bind the owner of the table',
         format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;', g.name)
  FROM guarded g
  WHERE NOT (g.relrowsecurity AND g.relforcerowsecurity)

  UNION ALL
  SELECT 6, 'critical', g.prefix || 'policy_changed', format('%s.%I', g.name, e.name), 'the policy is missing or not as it was made',
         format('DROP POLICY IF EXISTS %I ON %s; CREATE POLICY %1$I ON %2$s AS %s FOR %s TO %s%s%s;', e.name, g.name,
                CASE WHEN e.permissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END, e.command, e.grantee,
                ' USING (' || e.using_text || ')', ' WITH CHECK (' || e.check_text || ')')
  FROM guarded g JOIN factory.expected_policies e ON e.relation = g.relation
  WHERE NOT EXISTS (SELECT FROM policies p
                    WHERE (p.relation, p.name, p.permissive, p.command, p.grantee) = (e.relation, e.name, e.permissive, e.command, e.grantee)
                      AND p.using_text IS NOT DISTINCT FROM e.using_text AND p.check_text IS NOT DISTINCT FROM e.check_text)

  UNION ALL
  SELECT 6, 'critical', 'unaudited_table', g.name, 'its audit trigger is missing, changed or not ENABLE ALWAYS',
         CASE WHEN t.tgenabled IS NULL THEN 'CREATE' ELSE format('DROP TRIGGER factory_record_change ON %s; CREATE', g.name) END ||
           format(' TRIGGER factory_record_change AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW '
                  'EXECUTE FUNCTION factory.record_change(); ALTER TABLE %1$s ENABLE ALWAYS TRIGGER factory_record_change;', g.name)
  FROM guarded g
  LEFT JOIN pg_trigger t ON t.tgrelid = g.relation AND t.tgname = 'factory_record_change'
  WHERE NOT g.shipped AND (t.oid IS NULL OR t.tgparentid = 0)
    AND (t.tgfoid = 'factory.record_change()'::regprocedure AND t.tgtype = 29 AND t.tgqual IS NULL AND t.tgattr = ''
         AND t.tgnargs = 0 AND t.tgenabled = 'A') IS NOT TRUE

  UNION ALL
  SELECT 6, 'critical', g.prefix || 'writes_unguarded', g.name, 'its statement trigger is missing, changed or not ENABLE ALWAYS',
         CASE WHEN t.oid IS NULL THEN 'CREATE' ELSE format('DROP TRIGGER factory_guard_write ON %s; CREATE', g.name) END ||
           format(' TRIGGER factory_guard_write BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s FOR EACH STATEMENT '
                  'EXECUTE FUNCTION factory.guard_write(%L); ALTER TABLE %1$s ENABLE ALWAYS TRIGGER factory_guard_write;', g.name, g.write_capability)
  FROM guarded g
  LEFT JOIN pg_trigger t ON t.tgrelid = g.relation AND t.tgname = 'factory_guard_write'
  WHERE NOT g.shipped
    AND (t.tgfoid = 'factory.guard_write()'::regprocedure AND t.tgtype = 62 AND t.tgqual IS NULL AND t.tgattr = ''
         AND t.tgargs = convert_to(g.write_capability, 'UTF8') || '\000'::bytea AND t.tgenabled = 'A') IS NOT TRUE

  UNION ALL
  SELECT 7, 'critical', 'trigger_off', format('%s.%I', t.tgrelid::regclass, t.tgname), 'a trigger of ours does not fire always',
         format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I;', t.tgrelid::regclass, t.tgname)
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
  WHERE NOT t.tgisinternal AND t.tgenabled <> 'A'
    AND (c.relnamespace = 'factory'::regnamespace OR (t.tgname = 'factory_record_change' AND t.tgparentid <> 0))

  UNION ALL
  SELECT 7, 'critical', 'tenant_id_nullable', g.name, 'its tenant_id may be null: such a row belongs to nobody',
         format('ALTER TABLE %s ALTER COLUMN tenant_id SET NOT NULL;', g.name)
  FROM guarded g JOIN tenant_columns t ON t.relation = g.relation
  WHERE NOT t.attnotnull

  UNION ALL
  SELECT 8, CASE a.privilege_type WHEN 'TRUNCATE' THEN 'critical' ELSE 'warning' END, 'privilege_past_row_security', g.name,
         format('%s holds %s, which row-level security does not bind', w.grantee, a.privilege_type),
         format('REVOKE %s ON TABLE %s FROM %s CASCADE;', a.privilege_type, g.name, w.grantee)
  FROM guarded g
  CROSS JOIN LATERAL aclexplode(g.relacl) a
  CROSS JOIN LATERAL (SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee) w
  WHERE NOT g.shipped AND a.grantee <> g.relowner AND a.privilege_type IN ('TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN')

  UNION ALL
  SELECT 8, CASE WHEN r.owner_sees_all THEN 'critical' ELSE 'warning' END, 'view_without_security_invoker', r.name,
         'apps read rows of workspaces through it with the rights of its owner',
         format('ALTER VIEW %s SET (security_invoker = true);', r.name)
  FROM readers r WHERE r.relkind = 'v' AND NOT r.invoker

  UNION ALL
  SELECT 8, 'critical', CASE r.relkind WHEN 'm' THEN 'materialized_view_shows_all' ELSE 'foreign_table_shows_all' END, r.name,
         'apps may read it, and row-level security cannot bind it',
         format('REVOKE ALL ON %s FROM %s;', r.name,
                (SELECT string_agg(DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, ', ')
                 FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
                 WHERE c.oid = r.relation
                   AND (a.grantee = 0 OR EXISTS (SELECT FROM factory.runtime_roles u WHERE pg_has_role(u.oid, a.grantee, 'MEMBER')))))
  FROM readers r WHERE r.relkind IN ('m', 'f')

  UNION ALL
  SELECT 9, 'warning', 'table_altered', c.relation::text,
         format('%s changed it with %s, and no operator has acknowledged that', string_agg(DISTINCT c.changed_by, ', '),
                string_agg(DISTINCT c.command, ', ')),
         format('See whether it was meant: SELECT * FROM factory.acknowledge_changes(%L) takes it off this list.', c.relation::text)
  FROM factory.table_changes c
  GROUP BY c.relation

  UNION ALL
  SELECT 9, 'warning', 'table_restored', r.relation::text, 'it came out of a dump, and its changes are not watched yet',
         format('SELECT * FROM factory.acknowledge_changes(%L);', r.relation::text)
  FROM factory.table_registry r
  WHERE NOT r.shipped AND r.watched_as IS DISTINCT FROM r.relation::oid

  UNION ALL
  SELECT 9, 'critical', 'not_dumped', c.oid::regclass::text, 'pg_dump leaves the rows of this table out',
         format('UPDATE pg_catalog.pg_extension SET extconfig = pg_catalog.array_append(extconfig, %L::pg_catalog.regclass::oid), '
                'extcondition = pg_catalog.array_append(extcondition, %L) WHERE extname = ''platform_factory'';', c.oid::regclass,
                CASE WHEN EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'shipped') THEN 'WHERE NOT shipped' ELSE '' END)
  FROM pg_extension e
  JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e' AND d.classid = 'pg_class'::regclass
  JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'r'
  WHERE e.extname = 'platform_factory' AND c.oid <> ALL (coalesce(e.extconfig, '{}'))

  UNION ALL
  SELECT 9, 'warning', 'no_primary_key', g.name, 'without a primary key the audit log cannot name the rows of this table',
         format('Add one that begins with tenant_id: ALTER TABLE %s ADD PRIMARY KEY (tenant_id, ...).', g.name)
  FROM guarded g
  WHERE NOT g.shipped AND g.relation = g.root AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = g.relation AND i.indisprimary)
$$;
COMMENT ON FUNCTION factory.lint_tables() IS 'The part of lint() about tables, keys, policies, triggers and views.';

CREATE OR REPLACE FUNCTION factory.lint_access()
RETURNS TABLE (step integer, severity text, rule text, object text, problem text, fix text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH
  runtime AS (SELECT r.oid, r.name, r.may_log_in FROM factory.runtime_roles r),
  -- Who was made a member of what. From 16 on one that did not come from a superuser is taken back only in the name of who granted it.
  memberships AS (
    SELECT m.roleid, m.member, m.member::regrole::text AS name,
           format('REVOKE %s FROM %s%s CASCADE;', m.roleid::regrole, m.member::regrole,
                  (SELECT ' GRANTED BY ' || quote_ident(g.rolname) FROM pg_roles g WHERE g.oid = m.grantor AND g.oid <> 10)) AS fix
    FROM pg_auth_members m
  ),
  -- Objects of apps: not the server's, not of an extension.
  app_schemas AS (
    SELECT n.oid, n.nspname, n.nspowner, n.nspacl FROM pg_namespace n
    WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'factory')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e')
  ),
  routines AS (
    SELECT p.oid, p.oid::regprocedure::text AS name, p.proowner, p.prosecdef, p.prosqlbody, p.pronamespace,
           (SELECT s FROM unnest(p.proconfig) s WHERE s LIKE 'search\_path=%') AS path
    FROM pg_proc p
    WHERE p.pronamespace = 'factory'::regnamespace
       OR (p.pronamespace IN (SELECT oid FROM app_schemas)
           AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'))
  ),
  creators AS (
    SELECT o.object, w.right, string_agg(DISTINCT w.grantee, ', ') AS grantees
    FROM (
      SELECT 'SCHEMA ' || quote_ident(n.nspname) AS object, n.nspowner AS owner, coalesce(n.nspacl, acldefault('n', n.nspowner)) AS acl
      FROM pg_namespace n WHERE n.nspname NOT LIKE 'pg\_%'
      UNION ALL
      SELECT 'DATABASE ' || quote_ident(d.datname), d.datdba, coalesce(d.datacl, acldefault('d', d.datdba))
      FROM pg_database d WHERE d.datname = current_database()
    ) o
    CROSS JOIN LATERAL aclexplode(o.acl) a
    CROSS JOIN LATERAL (SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee, a.privilege_type AS right) w
    WHERE a.privilege_type IN ('CREATE', 'TEMPORARY') AND a.grantee <> o.owner
      AND (a.grantee = 0 OR EXISTS (SELECT FROM runtime r WHERE pg_has_role(r.oid, a.grantee, 'MEMBER')))
    GROUP BY o.object, w.right
  ),
  owned AS (
    SELECT 'SCHEMA ' || quote_ident(n.nspname) AS object, n.nspowner AS owner FROM pg_namespace n
    UNION ALL
    SELECT 'DATABASE ' || quote_ident(d.datname), d.datdba FROM pg_database d WHERE d.datname = current_database()
    UNION ALL
    SELECT CASE c.relkind WHEN 'v' THEN 'VIEW ' WHEN 'm' THEN 'MATERIALIZED VIEW ' WHEN 'S' THEN 'SEQUENCE ' WHEN 'f' THEN 'FOREIGN TABLE '
                          ELSE 'TABLE ' END || c.oid::regclass::text, c.relowner
    FROM pg_class c
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't'
      -- A sequence of a column goes with its table.
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
                        AND d.refclassid = 'pg_class'::regclass AND c.relkind = 'S')
    UNION ALL
    SELECT 'ROUTINE ' || p.oid::regprocedure::text, p.proowner FROM pg_proc p WHERE p.prokind <> 'a'
    UNION ALL
    SELECT 'TYPE ' || t.oid::regtype::text, t.typowner FROM pg_type t
    WHERE t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'c' AND EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
  ),
  ours AS (
    SELECT o.object, o.owner FROM owned o
    WHERE o.object = 'SCHEMA factory'
       OR o.object ~ '^(TABLE|VIEW|SEQUENCE|MATERIALIZED VIEW|FOREIGN TABLE|ROUTINE|TYPE) factory\.'
  )

  SELECT 1, 'critical', 'runtime_role_owns', o.object,
         format('it belongs to %s, whose SQL is not trusted', o.owner::regrole), format('ALTER %s OWNER TO CURRENT_USER;', o.object)
  FROM owned o JOIN runtime r ON r.oid = o.owner

  UNION ALL
  SELECT 1, 'critical', 'owner_changed', o.object, format('it belongs to %s instead of factory_owner', o.owner::regrole),
         format('ALTER %s OWNER TO factory_owner;', o.object)
  FROM ours o WHERE o.owner <> 'factory_owner'::regrole

  UNION ALL
  SELECT 1, 'critical', 'runtime_role_creates', c.object,
         format('roles of apps hold %s there, by %s', c.right, c.grantees), format('REVOKE %s ON %s FROM %s CASCADE;', c.right, c.object, c.grantees)
  FROM creators c

  UNION ALL
  SELECT 1, 'critical', 'runtime_role_is_operator', m.name, 'a role of apps may do what operators may', m.fix
  FROM runtime r JOIN memberships m ON m.member = r.oid AND m.roleid = 'factory_operator'::regrole

  UNION ALL
  SELECT 1, 'critical', 'runtime_role_has_server_role', m.name, format('%s lets roles of apps past the walls', m.roleid::regrole), m.fix
  FROM memberships m JOIN pg_roles p ON p.oid = m.roleid AND p.rolname ~ '^pg_'
  WHERE EXISTS (SELECT FROM runtime r WHERE pg_has_role(r.oid, m.member, 'MEMBER'))
    AND NOT EXISTS (SELECT FROM pg_roles s WHERE s.oid = m.member AND s.rolname ~ '^pg_')

  UNION ALL
  SELECT 1, 'critical', 'member_of_owner', m.name, 'a member of factory_owner can do everything to the platform''s tables', m.fix
  FROM memberships m WHERE m.roleid = 'factory_owner'::regrole

  UNION ALL
  SELECT 1, 'critical', 'bypasses_row_security', r.rolname::text, 'BYPASSRLS is for factory_backup alone', format('ALTER ROLE %I NOBYPASSRLS;', r.rolname)
  FROM pg_roles r WHERE r.rolbypassrls AND NOT r.rolsuper AND r.rolname <> 'factory_backup'

  UNION ALL
  SELECT 1, 'critical', 'may_create_roles', r.rolname::text, 'before PostgreSQL 16 CREATEROLE can make itself a member of any role, ours too',
         format('ALTER ROLE %I NOCREATEROLE;', r.rolname)
  FROM pg_roles r
  WHERE r.rolcreaterole AND NOT r.rolsuper AND current_setting('server_version_num')::integer < 160000 AND r.rolname !~ '^factory_'

  UNION ALL
  SELECT 1, 'critical', 'role_changed', r.rolname::text, 'its attributes are not those that the platform gave it',
         format('ALTER ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION %s%s;', r.rolname,
                CASE r.rolname WHEN 'factory_backup' THEN 'BYPASSRLS' ELSE 'NOBYPASSRLS' END,
                CASE WHEN r.rolname IN ('factory_edge', 'factory_jobs', 'factory_backup') THEN '' ELSE ' NOLOGIN' END)
  FROM pg_roles r
  WHERE r.rolname IN ('factory_owner', 'factory_app', 'factory_edge', 'factory_operator', 'factory_jobs', 'factory_backup')
    AND (r.rolsuper OR r.rolcreatedb OR r.rolcreaterole OR r.rolreplication OR r.rolbypassrls <> (r.rolname = 'factory_backup')
         OR (r.rolcanlogin AND r.rolname NOT IN ('factory_edge', 'factory_jobs', 'factory_backup')))

  UNION ALL
  SELECT 8, 'critical', 'privilege_added', a.object,
         format('%s holds %s, which was not declared', a.grantee, a.privilege || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END),
         format('REVOKE %s%s ON %s FROM %s CASCADE;', CASE WHEN d.object IS NULL THEN '' ELSE 'GRANT OPTION FOR ' END, a.privilege, a.object,
                CASE a.grantee WHEN 'PUBLIC' THEN 'PUBLIC' ELSE quote_ident(a.grantee) END)
  FROM factory.actual_privileges a
  LEFT JOIN factory.declared_privileges d ON (d.object, d.grantee, d.privilege) = (a.object, a.grantee, a.privilege)
  WHERE d.object IS NULL OR a.is_grantable

  UNION ALL
  SELECT 8, 'critical', 'evidence_changeable', c.oid::regclass::text, format('factory_owner, in whose name all of ours runs, holds %s', a.privilege_type),
         format('REVOKE %s ON TABLE %s FROM factory_owner;', a.privilege_type, c.oid::regclass)
  FROM pg_class c CROSS JOIN LATERAL aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a
  WHERE c.relnamespace = 'factory'::regnamespace AND c.relname ~ '^(audit_events|platform_events)' AND c.relkind IN ('r', 'p')
    AND a.grantee = c.relowner AND a.privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE')

  UNION ALL
  SELECT 1, 'warning', 'privilege_missing', d.object, format('%s lacks %s, which was declared', d.grantee, d.privilege),
         format('GRANT %s ON %s TO %s;', d.privilege, d.object, CASE d.grantee WHEN 'PUBLIC' THEN 'PUBLIC' ELSE quote_ident(d.grantee) END)
  FROM factory.declared_privileges d
  WHERE NOT EXISTS (SELECT FROM factory.actual_privileges a WHERE (a.object, a.grantee, a.privilege) = (d.object, d.grantee, d.privilege))

  UNION ALL
  SELECT 8, CASE WHEN n.nspname = 'factory' OR a.defaclrole = 'factory_owner'::regrole OR a.defaclnamespace = 0 THEN 'critical' ELSE 'warning' END,
         'default_privileges', format('%s%s', a.defaclrole::regrole, ' in schema ' || quote_ident(n.nspname)),
         format('what this role makes is open to %s at once, before it is protected', x.grantees),
         format('ALTER DEFAULT PRIVILEGES FOR ROLE %s%s REVOKE ALL ON %s FROM %s;', a.defaclrole::regrole, ' IN SCHEMA ' || quote_ident(n.nspname),
                CASE a.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES' ELSE 'SCHEMAS' END,
                x.grantees)
  FROM pg_default_acl a
  LEFT JOIN pg_namespace n ON n.oid = a.defaclnamespace
  CROSS JOIN LATERAL (SELECT string_agg(DISTINCT CASE e.grantee WHEN 0 THEN 'PUBLIC' ELSE e.grantee::regrole::text END, ', ') AS grantees
                      FROM aclexplode(a.defaclacl) e
                      WHERE (e.grantee = 0 AND a.defaclobjtype NOT IN ('f', 'T')) OR EXISTS (SELECT FROM runtime r WHERE pg_has_role(r.oid, e.grantee, 'MEMBER'))
                         OR ((n.nspname = 'factory' OR a.defaclrole = 'factory_owner'::regrole) AND e.grantee NOT IN (0, a.defaclrole))) x
  WHERE x.grantees IS NOT NULL

  UNION ALL
  SELECT 8, 'critical', 'parameter_privilege', p.parname, format('%s may set or alter it', x.grantees),
         format('REVOKE ALL ON PARAMETER %s FROM %s CASCADE;', p.parname, x.grantees)
  FROM pg_parameter_acl p
  CROSS JOIN LATERAL (SELECT string_agg(DISTINCT CASE e.grantee WHEN 0 THEN 'PUBLIC' ELSE e.grantee::regrole::text END, ', ') AS grantees
                      FROM aclexplode(p.paracl) e WHERE e.grantee <> 10) x
  WHERE (p.parname = 'session_replication_role' OR p.parname LIKE 'factory.%') AND x.grantees IS NOT NULL

  UNION ALL
  SELECT 8, 'warning', 'large_objects', 'large-object functions', 'large objects know no workspaces, and anybody may make and read them',
         format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC;', string_agg('pg_catalog.' || p.oid::regprocedure::text, ', ' ORDER BY p.oid))
  FROM pg_proc p
  WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname ~ '^(lo_|loread$|lowrite$)'
    AND EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0)
  HAVING count(*) > 0

  UNION ALL
  SELECT 8, 'critical', 'definer_without_path', r.name,
         'it runs with the rights of its owner and looks names up in the temporary schema of the caller first',
         format('ALTER ROUTINE %s SET search_path = %s, pg_temp;', r.name,
                coalesce((SELECT string_agg(e.name, ', ')
                          FROM (SELECT (regexp_matches(substr(r.path, length('search_path=') + 1), '"(?:[^"]|"")*"|[^", ]+', 'g'))[1] AS name) e
                          WHERE e.name NOT IN ('pg_temp', '"pg_temp"', '""')),
                         concat_ws(', ', 'pg_catalog', nullif(r.pronamespace::regnamespace::text, 'pg_catalog'))))
  FROM routines r
  WHERE r.prosecdef AND r.prosqlbody IS NULL AND (r.path ~ '(=|, *)"?pg_temp"?$') IS NOT TRUE

  UNION ALL
  SELECT 8, 'warning', 'definer_past_row_security', r.name, 'apps may call it, and its owner sees the rows of all workspaces',
         format('ALTER ROUTINE %s SECURITY INVOKER;', r.name)
  FROM routines r JOIN pg_roles o ON o.oid = r.proowner
  WHERE r.prosecdef AND (o.rolsuper OR o.rolbypassrls) AND r.pronamespace <> 'factory'::regnamespace
    AND EXISTS (SELECT FROM runtime u WHERE has_function_privilege(u.oid, r.oid, 'EXECUTE') AND has_schema_privilege(u.oid, r.pronamespace, 'USAGE'))

  UNION ALL
  SELECT 9, 'warning', 'route_without_function', r.function, 'a declared call whose function is gone',
         format('DELETE FROM factory.routes WHERE function = %L AND NOT shipped;', r.function)
  FROM factory.routes r
  WHERE NOT r.shipped
    AND NOT EXISTS (SELECT FROM pg_proc p CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, p.oid, 0) i
                    WHERE p.pronamespace IN (SELECT n.oid FROM pg_namespace n WHERE n.nspname !~ '^pg_') AND i.identity = r.function)
$$;
COMMENT ON FUNCTION factory.lint_access() IS 'The part of lint() about roles, ownership and privileges.';

CREATE OR REPLACE FUNCTION factory.lint_server()
RETURNS TABLE (step integer, severity text, rule text, object text, problem text, fix text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT 9, w.severity, 'setting', w.name, format('it is %s: %s', s.reset_val, w.why),
         CASE WHEN w.name = 'data_checksums' THEN 'Stop the server and run pg_checksums --enable.'
              ELSE format('ALTER SYSTEM SET %s = %s;', w.name, w.wanted) END
  FROM (VALUES
    ('fsync', 'on', 'critical', 'a crash of the machine loses or corrupts data'),
    ('full_page_writes', 'on', 'critical', 'a crash of the machine can corrupt pages'),
    ('synchronous_commit', 'on', 'warning', 'a crash can lose what was acknowledged'),
    ('data_checksums', 'on', 'warning', 'a damaged page is read as if it were whole'),
    ('row_security', 'on', 'warning', 'queries on protected tables fail instead of being filtered'),
    ('restart_after_crash', 'on', 'warning', 'the server stays down after a crash of one backend'),
    ('password_encryption', 'scram-sha-256', 'warning', 'passwords are kept as MD5'),
    ('log_parameter_max_length', '0', 'warning', 'bound values, secrets among them, reach the log'),
    ('log_parameter_max_length_on_error', '0', 'warning', 'bound values, secrets among them, reach the log')
  ) AS w(name, wanted, severity, why)
  JOIN pg_settings s ON s.name = w.name
  WHERE s.reset_val <> w.wanted AND NOT (w.name = 'synchronous_commit' AND s.reset_val IN ('remote_write', 'remote_apply'))

  UNION ALL
  SELECT 9, 'critical', 'not_preloaded', 'shared_preload_libraries', 'the library is not loaded when the server starts, so no gate stands',
         'Add platform_factory to shared_preload_libraries and restart the server.'
  WHERE current_setting('factory.database', true) IS NULL

  UNION ALL
  SELECT 9, 'warning', 'old_minor', 'server ' || current_setting('server_version'),
         format('fixes of row-level security came after it; %s.%s is the oldest that we trust', m.major, m.minor),
         'Upgrade the packages of the server and restart it.'
  FROM (VALUES (15, 20), (16, 16), (17, 12)) AS m(major, minor)
  WHERE current_setting('server_version_num')::integer BETWEEN m.major * 10000 AND m.major * 10000 + m.minor - 1

  UNION ALL
  SELECT 9, 'warning', 'login_without_timeout', r.name::text, format('%s is not set for it', w.setting),
         format('ALTER ROLE %I SET %s = %L;', r.name, w.setting, w.wanted)
  FROM factory.runtime_roles r
  CROSS JOIN (VALUES ('statement_timeout', '30s'), ('idle_in_transaction_session_timeout', '60s')) AS w(setting, wanted)
  WHERE r.may_log_in
    AND NOT EXISTS (SELECT FROM pg_settings s WHERE s.name = w.setting AND s.setting <> '0' AND s.source IN ('configuration file', 'database'))
    AND NOT EXISTS (SELECT FROM pg_db_role_setting d CROSS JOIN LATERAL unnest(d.setconfig) AS c(entry)
                    WHERE d.setrole IN (0, r.oid) AND c.entry LIKE w.setting || '=%' AND c.entry <> w.setting || '=0'
                      AND d.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())))
$$;
COMMENT ON FUNCTION factory.lint_server() IS 'The part of lint() about the server and the settings of logins.';

-- Definer, since registry and declarations are open to factory_owner alone; it shows names, and no row of a workspace.
CREATE OR REPLACE FUNCTION factory.lint()
RETURNS TABLE (severity text, rule text, object text, problem text, fix text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT f.severity, f.rule, f.object, f.problem, f.fix
  FROM (SELECT * FROM factory.lint_tables() UNION ALL SELECT * FROM factory.lint_access() UNION ALL SELECT * FROM factory.lint_server()) f
  ORDER BY f.step, array_position('{critical,warning,info}', f.severity), f.rule, f.object, f.fix
$$;
COMMENT ON FUNCTION factory.lint() IS
  'What leaks or could leak: severity (critical, warning, info), rule, object, problem, and as fix the DDL that mends it, or a sentence where DDL cannot. Fixes stand in the order in which they can be run. For factory_operator.';

SELECT factory.declare('factory.lint()', 'What leaks or could leak', '{factory_operator}', scope => 'global');
