-- Invitations, as the runtime login.
\getenv inputs PG_ABS_SRCDIR
\set workspaces :inputs '/sql/include/workspaces.psql'
\i :workspaces
SELECT gen_random_uuid() AS run \gset
SELECT access_token AS eve, "user"->>'id' AS eve_id FROM factory.register('eve-' || :'run' || '@example.com', 'a quite long phrase', 'Eve') \gset
\c - app_login

-- The token names its workspace and is shown once; only its hash is kept.
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT token AS token, id AS invitation, role, status, expires_at - created_at > interval '6 days 23 hours' AS a_week
FROM factory.create_invitation(upper('eve-' || :'run' || '@example.com'), 'staff') \gset
SELECT :'role', :'status', :'a_week', :'token' ~ '^[0-9A-Za-z]{22}\.[0-9A-Za-z_-]{43}$' AS form;
SELECT email = 'eve-' || :'run' || '@example.com' AS address, role, status FROM factory.list_invitations() LIMIT 1;
SAVEPOINT s;
SELECT factory.create_invitation('eve-' || :'run' || '@example.com', 'viewer');
ROLLBACK TO s;
SELECT factory.create_invitation('nonsense', 'viewer');
ROLLBACK TO s;
SELECT factory.create_invitation('somebody@example.com', 'emperor');
ROLLBACK TO s;
SELECT factory.create_invitation((SELECT email FROM factory.members WHERE user_id = :'ben_id'), 'viewer');
ROLLBACK TO s;
COMMIT;
\c - postgres
SELECT count(*) FROM factory.invitations WHERE token_hash = sha256(:'token');
\c - app_login

-- Nobody invites above themselves.
BEGIN;
SELECT factory.sign_in(:'cay', :'a') AS ignored \gset
SELECT factory.create_invitation('somebody@example.com', 'viewer');
ROLLBACK;
BEGIN;
SELECT factory.sign_in(:'cay', :'a') AS ignored \gset
SELECT * FROM factory.sent_invitations;
SELECT * FROM factory.list_invitations();
ROLLBACK;
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT role FROM factory.update_member(:'cay_id', 'admin');
COMMIT;
BEGIN;
SELECT factory.sign_in(:'cay', :'a') AS ignored \gset
SELECT factory.create_invitation('somebody@example.com', 'owner');
ROLLBACK;

-- The address decides who may accept.
BEGIN;
SELECT factory.sign_in(:'ben', :'b') AS ignored \gset
SELECT factory.accept_invitation(:'token');
ROLLBACK;
SELECT factory.accept_invitation(:'token');
BEGIN;
SELECT factory.sign_in(:'eve') AS ignored \gset
SAVEPOINT s;
SELECT factory.accept_invitation(left(:'token', 22) || '.' || repeat('A', 43));
ROLLBACK TO s;
SELECT factory.accept_invitation(repeat('z', 22) || substr(:'token', 23));
ROLLBACK TO s;
SELECT factory.accept_invitation('');
ROLLBACK TO s;
SELECT tenant->>'id' = :'a' AS a, tenant->>'name' AS name, role FROM factory.accept_invitation(:'token');
COMMIT;
BEGIN;
SELECT factory.sign_in(:'eve', :'a') = :'a' AS in_a;
SELECT factory.role_name();
SELECT factory.accept_invitation(:'token');
ROLLBACK;

-- Withdrawn and expired ones are gone, and the address can be invited again.
SELECT 'fay-' || :'run' || '@example.com' AS fay_email \gset
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT id AS withdrawn FROM factory.create_invitation(:'fay_email', 'viewer') \gset
SELECT factory.cancel_invitation(:'withdrawn');
SELECT token AS late FROM factory.create_invitation(:'fay_email', 'viewer') \gset
SAVEPOINT s;
SELECT factory.cancel_invitation(:'withdrawn');
ROLLBACK TO s;
COMMIT;
\c - postgres
UPDATE factory.invitations SET expires_at = now() - interval '1 second' WHERE token_hash = sha256(:'late');
\c - app_login
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT status, count(*) FROM factory.list_invitations() GROUP BY status ORDER BY status;
SELECT status FROM factory.create_invitation(:'fay_email', 'staff');
SELECT action, target_type, metadata->>'role' AS role FROM factory.audit
WHERE target_type = 'invitation' AND metadata->>'email' LIKE 'fay-%' ORDER BY id;
ROLLBACK;
SELECT * FROM factory.invitations;
\c - postgres
\i :leave
