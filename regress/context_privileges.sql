-- What the runtime logins may touch, and what no session of theirs may do because it would carry rows to the next context.
\getenv inputs PG_ABS_SRCDIR
\set workspaces :inputs '/sql/include/workspaces.psql'
\i :workspaces

-- No column of a table, and nothing but the views that name the caller; for factory_edge not even those.
SELECT r.rolname, c.relname
FROM pg_class c, pg_roles r
WHERE c.relnamespace = 'factory'::regnamespace AND c.relkind IN ('r', 'p')
  AND r.rolname IN ('app_login', 'factory_app', 'factory_edge', 'factory_operator', 'factory_jobs', 'wall_owner')
  AND (has_any_column_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE') OR has_table_privilege(r.oid, c.oid, 'DELETE, TRUNCATE, TRIGGER'));
SELECT r.rolname, string_agg(c.relname, ' ' ORDER BY c.relname) AS views
FROM pg_class c, pg_roles r
WHERE c.relnamespace = 'factory'::regnamespace AND c.relkind = 'v' AND r.rolname IN ('app_login', 'factory_edge')
  AND has_table_privilege(r.oid, c.oid, 'SELECT')
GROUP BY r.rolname;
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = 'factory'::regnamespace AND c.relkind = 'v' AND has_table_privilege('app_login', c.oid, 'INSERT, UPDATE, DELETE');
SELECT r.rolname, n.nspname FROM pg_namespace n, pg_roles r
WHERE r.rolname IN ('app_login', 'factory_app', 'factory_edge', 'factory_jobs') AND has_schema_privilege(r.oid, n.oid, 'CREATE')
  AND n.nspname !~ '^pg_(toast_)?temp_';
SELECT rolname FROM pg_roles WHERE rolname LIKE 'factory\_%' AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication);
SELECT rolname FROM pg_roles WHERE rolname LIKE 'factory\_%' AND rolbypassrls;
SELECT m.member::regrole FROM pg_auth_members m WHERE m.roleid IN ('factory_owner'::regrole, 'factory_backup'::regrole);

-- Who may call the platform's inner functions.
SELECT p.proname, r.rolname
FROM pg_proc p, pg_roles r
WHERE p.pronamespace = 'factory'::regnamespace AND r.rolname IN ('app_login', 'factory_edge', 'factory_jobs')
  AND p.proname IN ('serve', 'serve_global', 'declare', 'protect', 'unprotect', 'route_add', 'route_drop', 'write_route',
                    'register_protection', 'record_change', 'keep_last_owner', 'forget_cached')
  AND has_function_privilege(r.oid, p.oid, 'EXECUTE')
ORDER BY 1, 2;

\c - app_login
SELECT * FROM factory.users;
SELECT * FROM factory.memberships;
SELECT * FROM factory.audit_events;
SELECT * FROM factory.signing_keys;
DELETE FROM factory.audit;
UPDATE factory.tenants SET name = 'mine';
SELECT factory.serve(:'a', 'GET', '/v1/tenant', '{}', '', '127.0.0.1');
SELECT factory.protect('wall.notes');
SELECT factory.unprotect('wall.notes');
SELECT factory.route_add('wall.f()', 'GET', '/v1/app/f', 'f');
SELECT factory.declare('wall.f()', 'f');
SELECT factory.record_change();
SET ROLE factory_owner;
SET ROLE factory_operator;
SET SESSION AUTHORIZATION factory_owner;
ALTER TABLE wall.notes NO FORCE ROW LEVEL SECURITY;
CREATE POLICY all_of_it ON wall.notes USING (true);
TRUNCATE wall.notes;
CREATE SCHEMA mine;
CREATE TABLE public.mine (n integer);
-- Only the two halves of protect and route_add call each other.
\c - postgres
SET SESSION AUTHORIZATION wall_owner;
SELECT factory.register_protection('wall.notes', NULL, NULL, 'wall_owner');
SELECT factory.write_route('wall.f()', 'GET', '/v1/app/f', 'f', 'anyone', 'global', 'object', 200, NULL, 'public', 'wall_owner');
SELECT factory.declare('wall.f()', 'f');

-- What would carry rows into the next context: refused with a context and without.
\c - postgres
GRANT TEMPORARY ON DATABASE :DBNAME TO app_login;
CREATE VIEW wall.seen WITH (security_invoker) AS SELECT * FROM wall.notes;
GRANT SELECT, UPDATE ON wall.seen TO app_login;
\c - app_login
SELECT factory.sign_in(:'ann', :'a', true) = :'a' AS signed_in;
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT title FROM wall.notes;
ROLLBACK;
CREATE TEMP TABLE loot AS SELECT * FROM wall.notes;
CREATE TEMPORARY TABLE loot (title text);
CREATE TABLE pg_temp.loot (title text);
SELECT title INTO TEMP loot FROM wall.notes;
CREATE TEMP VIEW loot AS SELECT * FROM wall.notes;
CREATE TEMP SEQUENCE loot;
CREATE FUNCTION pg_temp.loot() RETURNS text LANGUAGE sql AS 'SELECT 1';
CREATE TYPE pg_temp.loot AS ENUM ('A one');
CREATE DOMAIN pg_temp.loot AS text;
SET search_path = pg_temp;
CREATE TABLE loot AS SELECT title FROM wall.notes;
CREATE TABLE loot (title text);
RESET search_path;
EXPLAIN ANALYZE CREATE TEMP TABLE loot AS SELECT title FROM wall.notes;
BEGIN;
DO $$ BEGIN CREATE TEMP TABLE loot (title text); END $$;
ROLLBACK;
BEGIN;
DO $$ BEGIN EXECUTE 'CREATE FUNCTION pg_temp.loot() RETURNS integer LANGUAGE sql AS ''SELECT 1'''; END $$;
ROLLBACK;
SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema();
BEGIN;
PREPARE TRANSACTION 'loot';
ROLLBACK;
LISTEN factory_outbox;
LISTEN "Factory_Outbox";
LISTEN mine;
UNLISTEN *;
BEGIN;
LOCK TABLE wall.notes IN ACCESS SHARE MODE;
ROLLBACK;
BEGIN;
LOCK TABLE ONLY wall.notes IN ACCESS EXCLUSIVE MODE;
ROLLBACK;
BEGIN;
LOCK TABLE wall.seen IN ACCESS EXCLUSIVE MODE;
ROLLBACK;
COPY wall.notes (id, title) FROM STDIN;
\.
SELECT lo_from_bytea(0, 'A one');
SELECT lo_create(0);
-- Servers word these refusals differently.
\set VERBOSITY sqlstate
COPY wall.notes TO '/tmp/loot';
COPY wall.notes TO PROGRAM 'cat';
\set VERBOSITY default
SELECT pg_read_file('postgresql.conf');
SELECT factory.sign_out();
CREATE TEMP TABLE loot (title text);
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT 1;
ROLLBACK;
\c - postgres
REVOKE TEMPORARY ON DATABASE :DBNAME FROM app_login;
\c - app_login
CREATE TEMP TABLE loot (title text);

-- A viewer writes nothing; nobody moves a row, or writes one, into another workspace.
BEGIN;
SELECT factory.sign_in(:'ben', :'a') = :'a' AS signed_in;
SAVEPOINT s;
UPDATE wall.notes SET title = 'viewer';
ROLLBACK TO s;
DELETE FROM wall.notes;
ROLLBACK TO s;
INSERT INTO wall.notes (id, title) VALUES (9, 'viewer');
ROLLBACK TO s;
INSERT INTO wall.notes (id, title) VALUES (1, 'viewer') ON CONFLICT (tenant_id, id) DO UPDATE SET title = excluded.title;
ROLLBACK TO s;
MERGE INTO wall.notes n USING (VALUES (1)) v(id) ON n.id = v.id WHEN MATCHED THEN UPDATE SET title = 'viewer';
ROLLBACK TO s;
SELECT id FROM wall.notes FOR UPDATE;
ROLLBACK TO s;
SELECT factory.create_invitation('x@example.com', 'viewer');
ROLLBACK TO s;
SELECT id, title FROM wall.notes ORDER BY id;
ROLLBACK;
BEGIN;
SELECT factory.sign_in(:'cay', :'a') = :'a' AS signed_in;
SAVEPOINT s;
INSERT INTO wall.notes (id, tenant_id, title) VALUES (9, :'b', 'over the wall');
ROLLBACK TO s;
INSERT INTO wall.notes (id, tenant_id, title) VALUES (1, :'b', 'B secret') ON CONFLICT DO NOTHING;
ROLLBACK TO s;
INSERT INTO wall.notes (id, tenant_id, title) VALUES (9, NULL, 'nobody''s');
ROLLBACK TO s;
UPDATE wall.notes SET tenant_id = :'b';
ROLLBACK TO s;
UPDATE wall.notes SET title = 'mine' WHERE tenant_id = :'b';
DELETE FROM wall.notes WHERE tenant_id = :'b';
SELECT count(*) FROM wall.notes WHERE tenant_id = :'b';
MERGE INTO wall.notes n USING (VALUES (5)) v(id) ON n.id = v.id WHEN NOT MATCHED THEN INSERT (id, tenant_id, title) VALUES (5, :'b', 'merged');
ROLLBACK;

-- Silencing the triggers is a superuser's privilege; even granted, it silences none of the platform's.
SET session_replication_role = replica;
\c - postgres
GRANT SET ON PARAMETER session_replication_role TO app_login;
\c - app_login
SET session_replication_role = replica;
BEGIN;
SELECT factory.sign_in(:'ann', :'a') = :'a' AS signed_in;
INSERT INTO wall.notes (id, title) VALUES (6, 'silent?');
SELECT action, after FROM factory.audit ORDER BY id DESC LIMIT 1;
SELECT role FROM factory.update_member(:'ann_id', 'viewer');
COMMIT;
\c - postgres
REVOKE SET ON PARAMETER session_replication_role FROM app_login;
SELECT title FROM wall.notes WHERE tenant_id = :'b';
\i :leave
