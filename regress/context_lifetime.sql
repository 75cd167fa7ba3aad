-- A context ends when it must: by the clock, by sign-out elsewhere, with the membership, with the workspace, with DISCARD ALL.
\getenv inputs PG_ABS_SRCDIR
\set workspaces :inputs '/sql/include/workspaces.psql'
\i :workspaces
\setenv PGDATABASE :DBNAME
\setenv A :a
\setenv CAY :cay_id
-- What an operator does meanwhile, in a session of its own.
\set end '\\! psql -X -q -U postgres -c "UPDATE factory.sessions SET ended_at = now() WHERE user_id = \'$CAY\'"'
\set resume '\\! psql -X -q -U postgres -c "UPDATE factory.sessions SET ended_at = NULL, expires_at = now() + \'1 day\' WHERE user_id = \'$CAY\'"'
\set shorten '\\! psql -X -q -U postgres -c "UPDATE factory.sessions SET expires_at = clock_timestamp() + \'2 s\' WHERE user_id = \'$CAY\'"'
\c - app_login

-- A session-long context is looked at again in each transaction: the session's end ends it.
SELECT factory.sign_in(:'cay', :'a', true) = :'a' AS signed_in;
SELECT count(*) FROM wall.notes;
:end
SELECT count(*) FROM wall.notes;
SELECT factory.tenant_id(), factory.user_id(), factory.role_name(), factory.can('workspace.view');
INSERT INTO wall.notes (id, title) VALUES (9, 'after the end');
SELECT count(*) FROM factory.list_members();
SELECT factory.sign_in(:'cay', :'a', true);
:resume
SELECT count(*) FROM wall.notes;

-- A disabled account.
\! psql -X -q -U postgres -c "UPDATE factory.users SET status = 'disabled' WHERE id = '$CAY'"
SELECT count(*) FROM wall.notes;
SELECT factory.sign_in(:'cay', :'a');
\! psql -X -q -U postgres -c "UPDATE factory.users SET status = 'active' WHERE id = '$CAY'"
SELECT count(*) FROM wall.notes;

-- Another role has other capabilities: sign in again.
\! psql -X -q -U postgres -c "UPDATE factory.memberships SET role = 'viewer' WHERE tenant_id = '$A' AND user_id = '$CAY'"
SELECT factory.role_name(), (SELECT count(*) FROM wall.notes) AS rows;
INSERT INTO wall.notes (id, title) VALUES (9, 'after the demotion');
SELECT factory.sign_out();
SELECT factory.sign_in(:'cay', :'a', true) = :'a' AS signed_in;
SELECT factory.role_name(), (SELECT count(*) FROM wall.notes) AS rows;
INSERT INTO wall.notes (id, title) VALUES (9, 'as a viewer');

-- No member any more.
\! psql -X -q -U postgres -c "DELETE FROM factory.memberships WHERE tenant_id = '$A' AND user_id = '$CAY'"
SELECT factory.role_name(), (SELECT count(*) FROM wall.notes) AS rows;
SELECT factory.sign_out();
SELECT factory.sign_in(:'cay', :'a');
\! psql -X -q -U postgres -c "INSERT INTO factory.memberships (tenant_id, user_id, role) VALUES ('$A', '$CAY', 'staff')"

-- The workspace is deleted.
SELECT factory.sign_in(:'cay', :'a', true) = :'a' AS signed_in;
\! psql -X -q -U postgres -c "UPDATE factory.tenant_records SET status = 'deleted' WHERE id = '$A'"
SELECT factory.role_name(), (SELECT count(*) FROM wall.notes) AS rows;
SELECT factory.sign_out();
SELECT factory.sign_in(:'cay', :'a');
\! psql -X -q -U postgres -c "UPDATE factory.tenant_records SET status = 'active' WHERE id = '$A'"

-- An old snapshot does not bring back what is over.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM wall.notes;
:end
SELECT factory.sign_in(:'cay', :'a');
ROLLBACK;
:resume
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT count(*) FROM wall.notes;
\! psql -X -q -U postgres -c "DELETE FROM factory.memberships WHERE tenant_id = '$A' AND user_id = '$CAY'"
SELECT factory.sign_in(:'cay', :'a');
ROLLBACK;
\! psql -X -q -U postgres -c "INSERT INTO factory.memberships (tenant_id, user_id, role) VALUES ('$A', '$CAY', 'staff')"

-- A context that a savepoint brings back was ended meanwhile: signing in as somebody else does not vouch for it.
SELECT factory.sign_in(:'cay', :'a', true) = :'a' AS signed_in;
:end
BEGIN;
SAVEPOINT s;
SELECT factory.sign_in(:'ann', :'a', true) = :'a' AS signed_in;
SELECT factory.role_name(), (SELECT count(*) FROM wall.notes) AS rows;
ROLLBACK TO s;
SELECT factory.role_name(), (SELECT count(*) FROM wall.notes) AS rows;
INSERT INTO wall.notes (id, title) VALUES (9, 'brought back');
COMMIT;
SELECT factory.role_name();
SELECT factory.sign_out();
:resume

-- Expiry in the middle of a transaction: the next statement sees nothing, and the gate says why.
:shorten
BEGIN;
SELECT factory.sign_in(:'cay', :'a') = :'a' AS signed_in;
DECLARE open_before CURSOR FOR SELECT factory.role_name(), factory.can('workspace.view');
SELECT count(*) FROM wall.notes;
SELECT pg_sleep(2.1);
SELECT factory.tenant_id(), factory.can('workspace.view'), (SELECT count(*) FROM wall.notes) AS rows;
FETCH open_before;
SAVEPOINT s;
INSERT INTO wall.notes (id, title) VALUES (9, 'expired');
ROLLBACK TO s;
SELECT factory.require('workspace.view');
ROLLBACK;
SELECT factory.sign_in(:'cay', :'a');
:resume
-- In the middle of a statement the gate goes by the clock.
:shorten
BEGIN;
SELECT factory.sign_in(:'cay', :'a') = :'a' AS signed_in;
DO $$
BEGIN
  PERFORM factory.require('workspace.view');
  PERFORM pg_sleep(2.1);
  PERFORM factory.require('workspace.view');
END
$$;
ROLLBACK;
:resume
-- And session-long.
:shorten
SELECT factory.sign_in(:'cay', :'a', true) = :'a' AS signed_in;
SELECT count(*) FROM wall.notes;
SELECT pg_sleep(2.1);
SELECT factory.tenant_id(), (SELECT count(*) FROM wall.notes) AS rows;
:resume
-- A longer life of the session does not lengthen the context.
SELECT factory.tenant_id(), (SELECT count(*) FROM wall.notes) AS rows;
SELECT factory.sign_out();

-- What a pool does between two clients.
SELECT factory.sign_in(:'cay', :'a', true) = :'a' AS signed_in;
DISCARD ALL;
SELECT factory.tenant_id(), (SELECT count(*) FROM wall.notes) AS rows;
SELECT factory.sign_in(:'cay', :'a', true) = :'a' AS signed_in;
RESET ALL;
SELECT factory.tenant_id(), (SELECT count(*) FROM wall.notes) AS rows;
SELECT factory.sign_in(:'cay', :'a', true) = :'a' AS signed_in;
DISCARD PLANS;
DISCARD SEQUENCES;
SELECT factory.tenant_id() = :'a' AS still;
\c - app_login
SELECT factory.tenant_id(), (SELECT count(*) FROM wall.notes) AS rows;

-- The context is the session's, whatever role the session takes on.
SELECT factory.sign_in(:'cay', :'a', true) = :'a' AS signed_in;
SET ROLE factory_app;
SELECT factory.role_name(), (SELECT count(*) FROM wall.notes) AS rows;
RESET ROLE;
SELECT factory.sign_out();
\c - postgres
SELECT factory.sign_in(:'cay', :'a', true) = :'a' AS signed_in;
SET SESSION AUTHORIZATION app_login;
SELECT factory.role_name(), (SELECT count(*) FROM wall.notes) AS rows;
DISCARD ALL;
SELECT current_user, factory.tenant_id();

-- Logging out ends the session for every transaction that begins after it.
\c - app_login
BEGIN;
SELECT factory.sign_in(:'cay', :'a') = :'a' AS signed_in;
SELECT factory.logout();
COMMIT;
SELECT factory.sign_in(:'cay', :'a');

\c - postgres
\i :leave
