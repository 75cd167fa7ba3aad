-- Workspaces and the people in them, as the runtime login.
\getenv inputs PG_ABS_SRCDIR
\set workspaces :inputs '/sql/include/workspaces.psql'
\i :workspaces
\c - app_login
SELECT 'Tenancy ' || left(md5(gen_random_uuid()::text), 12) AS name \gset

-- Names need not be unique; slugs are made so.
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT slug AS first FROM factory.create_tenant(:'name') \gset
SELECT slug AS second, name = :'name' AS named, status, version FROM factory.create_tenant(:'name') \gset
SELECT :'first' = replace(lower(:'name'), ' ', '-') AS derived, :'second' = :'first' || '-2' AS numbered, :'named', :'status', :'version';
SELECT factory.create_tenant(:'name', :'first');
ROLLBACK;
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT factory.create_tenant('Ärger & Söhne') IS NOT NULL AS made;
SELECT factory.create_tenant('   ');
ROLLBACK;
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT factory.create_tenant('Reserved', 'admin');
ROLLBACK;
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT factory.create_tenant('Wrong', 'No Slug');
ROLLBACK;
SELECT factory.create_tenant('Nobody');

-- The workspace of the context, with a version that guards changes.
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT id = :'a' AS a, name, status, version FROM factory.get_tenant();
SELECT name, version FROM factory.update_tenant(name => 'Workspace A, renamed', expected_version => 1);
SELECT name, version FROM factory.update_tenant(name => 'Workspace A, renamed');
SELECT action, before, after FROM factory.audit WHERE action = 'tenant.updated';
SAVEPOINT s;
SELECT factory.update_tenant(name => 'stale', expected_version => 1);
ROLLBACK TO s;
SELECT factory.update_tenant(slug => 'www');
ROLLBACK;

-- My workspaces, in pages.
BEGIN;
SELECT factory.sign_in(:'ben', :'b') AS ignored \gset
SELECT name, role FROM factory.list_tenants() ORDER BY name;
SELECT count(*) FROM factory.list_tenants("limit" => 1);
SELECT count(*) FROM factory.list_tenants(after => 'ffffffff-ffff-ffff-ffff-ffffffffffff');
SELECT "user"->>'name' AS name, m->'tenant'->>'name' AS workspace, m->>'role' AS role, json_array_length(m->'capabilities') AS capabilities
FROM factory.me(), json_array_elements(memberships) m ORDER BY 2;
COMMIT;

-- Members: everybody sees them, those who manage change them, and nobody reaches above themselves.
BEGIN;
SELECT factory.sign_in(:'cay', :'a') AS ignored \gset
SELECT name, role FROM factory.list_members() ORDER BY name;
SELECT name, role FROM factory.get_member(:'ben_id');
SELECT count(*) FROM factory.get_member(gen_random_uuid());
SELECT factory.update_member(:'ben_id', 'admin');
ROLLBACK;
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT role, version FROM factory.update_member(:'cay_id', 'admin');
COMMIT;
BEGIN;
SELECT factory.sign_in(:'cay', :'a') AS ignored \gset
SELECT factory.role_name(), factory.can('members.manage');
SAVEPOINT s;
SELECT factory.update_member(:'ann_id', 'viewer');
ROLLBACK TO s;
SELECT factory.update_member(:'cay_id', 'owner');
ROLLBACK TO s;
SELECT factory.update_member(:'ben_id', 'emperor');
ROLLBACK TO s;
SELECT factory.remove_member(:'ann_id');
ROLLBACK TO s;
SELECT factory.update_member(gen_random_uuid(), 'viewer');
ROLLBACK TO s;
SELECT factory.remove_member(gen_random_uuid());
ROLLBACK TO s;
SELECT role FROM factory.update_member(:'ben_id', 'staff');
COMMIT;

-- The last owner stays: refused at commit, so that an owner can be swapped within a transaction.
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT factory.remove_member(:'ann_id');
COMMIT;
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT role FROM factory.update_member(:'ann_id', 'viewer');
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK;
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT role FROM factory.update_member(:'ann_id', 'admin');
SELECT role FROM factory.update_member(:'cay_id', 'owner');
COMMIT;
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT factory.role_name();
ROLLBACK;

-- Removal bites at once.
BEGIN;
SELECT factory.sign_in(:'cay', :'a') AS ignored \gset
SELECT factory.remove_member(:'ben_id');
COMMIT;
SELECT factory.sign_in(:'ben', :'a');
SELECT factory.sign_in(:'ben', gen_random_uuid());

-- Base tables are for nobody's eyes, and the views show one workspace.
SELECT * FROM factory.tenant_records;
SELECT * FROM factory.memberships;
SELECT * FROM factory.user_tenants;
SELECT count(*) FROM factory.tenants;
SELECT count(*) FROM factory.members;
SELECT count(*) FROM factory.my_tenants;
INSERT INTO factory.members (tenant_id, user_id, role) VALUES (:'b', :'cay_id', 'owner');
\c - postgres
\i :leave
