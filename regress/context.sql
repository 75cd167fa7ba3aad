-- Signing in over SQL: what a context shows, how long it lasts, and what stands behind it.
\getenv inputs PG_ABS_SRCDIR
\set workspaces :inputs '/sql/include/workspaces.psql'
\i :workspaces
\c - app_login

-- Nobody is signed in: no rows, no capability, no write.
SELECT factory.tenant_id(), factory.user_id(), factory.role_name(), factory.assurance(), factory.can('workspace.view');
SELECT count(*) FROM wall.notes;
INSERT INTO wall.notes (id, title) VALUES (9, 'nowhere');
UPDATE wall.notes SET title = 'nowhere';
SELECT count(*) FROM factory.tenants;

-- The context lasts for the transaction.
BEGIN;
SELECT factory.sign_in(:'ann', :'a') = :'a' AS signed_in;
SELECT factory.tenant_id() = :'a' AS tenant, factory.user_id() = :'ann_id' AS person, factory.role_name(), factory.assurance(),
       factory.can('members.manage'), factory.can('no.such');
SELECT id, title FROM wall.notes ORDER BY id;
INSERT INTO wall.notes (id, title) VALUES (3, 'A three') RETURNING tenant_id = :'a' AS in_a;
UPDATE wall.notes SET title = 'A 3' WHERE id = 3;
SELECT action, before, after FROM factory.audit WHERE target_type = 'wall.notes' AND actor_type = 'user' ORDER BY id;
SELECT factory.require('records.write');
SELECT name FROM factory.tenants;
SELECT name, role FROM factory.members ORDER BY name;
ROLLBACK;
SELECT factory.tenant_id(), (SELECT count(*) FROM wall.notes) AS rows;

-- Ann has one membership, so the workspace need not be named; Ben has two.
BEGIN;
SELECT factory.sign_in(:'ann') = :'a' AS signed_in;
COMMIT;
SELECT factory.tenant_id();

-- The same person has another role elsewhere.
BEGIN;
SELECT factory.sign_in(:'ben', :'a') = :'a' AS signed_in;
SELECT factory.role_name(), factory.can('workspace.view'), factory.can('records.write');
SELECT id, title FROM wall.notes ORDER BY id;
COMMIT;
BEGIN;
SELECT factory.sign_in(:'ben', :'b') = :'b' AS signed_in;
SELECT factory.role_name();
SELECT id, title FROM wall.notes ORDER BY id;
COMMIT;

-- for_session: until sign_out, over many transactions.
SELECT factory.sign_in(:'ann', :'a', for_session => true) = :'a' AS signed_in;
SELECT factory.tenant_id() = :'a' AS tenant, (SELECT count(*) FROM wall.notes) AS rows;
BEGIN;
SELECT count(*) FROM wall.notes;
ROLLBACK;
SELECT factory.sign_out();
SELECT factory.tenant_id(), (SELECT count(*) FROM wall.notes) AS rows;

-- A session-long sign-in of a transaction that is rolled back is none.
BEGIN;
SELECT factory.sign_in(:'ann', :'a', for_session => true) = :'a' AS signed_in;
ROLLBACK;
SELECT factory.tenant_id();

-- sign_out is final for its transaction, and rolled back with it.
SELECT factory.sign_in(:'ann', :'a', for_session => true) = :'a' AS signed_in;
BEGIN;
SELECT factory.sign_out();
SELECT count(*) FROM wall.notes;
SELECT factory.sign_in(:'ann', :'a');
ROLLBACK;
SELECT count(*) FROM wall.notes;
SELECT factory.sign_out();

-- Deferred work at COMMIT runs in the context of the transaction.
\c - postgres
SET SESSION AUTHORIZATION wall_owner;
CREATE FUNCTION wall.note_late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE NOTICE 'at commit: % rows, role %', (SELECT count(*) FROM wall.notes), factory.role_name();
  RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER note_late AFTER INSERT ON wall.notes DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION wall.note_late();
\c - app_login
BEGIN;
SELECT factory.sign_in(:'ann', :'a') = :'a' AS signed_in;
INSERT INTO wall.notes (id, title) VALUES (4, 'late');
COMMIT;

-- A person without any workspace signs in to none.
\c - postgres
SELECT access_token AS dan FROM factory.register('dan-' || :'run' || '@example.com', 'a quite long phrase', 'Dan') \gset
\c - app_login
BEGIN;
SELECT factory.sign_in(:'dan') IS NULL AS nowhere;
SELECT factory.tenant_id() IS NULL AS no_tenant, factory.user_id() IS NOT NULL AS person, factory.role_name(), factory.assurance(),
       factory.can('workspace.view');
SELECT count(*) FROM wall.notes;
SELECT factory.me() IS NOT NULL AS me;
COMMIT;

-- uuid7 grows and says that it is of version 7.
SELECT array_agg(id) = array_agg(id ORDER BY id) AS grows, bool_and(substr(id::text, 15, 1) = '7') AS version_7
FROM (SELECT factory.uuid7() AS id FROM generate_series(1, 1000)) ids;

\c - postgres
\i :leave
