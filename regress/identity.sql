-- Accounts and sign-ins over SQL, as the runtime login: what apps that use no edge call.
\getenv inputs PG_ABS_SRCDIR
\set workspaces :inputs '/sql/include/workspaces.psql'
\i :workspaces
\c - app_login
SELECT 'dora-' || gen_random_uuid() || '@example.com' AS dora \gset

-- An account is a sign-in; the address is kept in lower case, the name without spaces around it.
SELECT access_token, refresh_token, token_type, expires_in, "user" FROM factory.register(upper(:'dora'), 'a quite long phrase', '  Dora ') \gset
SELECT :'token_type' AS token_type, :'expires_in' AS seconds, :'user'::json->>'email' = :'dora' AS lower_case, :'user'::json->>'name' AS name;
SELECT factory.sign_in(:'access_token') IS NULL AS no_workspace_yet;
BEGIN;
SELECT factory.sign_in(:'access_token');
SELECT factory.user_id()::text = :'user'::json->>'id' AS me, factory.tenant_id(), factory.role_name(), factory.can('workspace.view');
SELECT "user"->>'name' AS name, memberships FROM factory.me();
COMMIT;

-- What is stored says nothing of the secret.
\c - postgres
SELECT c.password_hash ~ '^\$scrypt\$ln=16,r=8,p=2\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$' AS phc
FROM factory.credentials c JOIN factory.users u ON u.id = c.user_id WHERE u.email = :'dora';
SELECT count(*) FROM factory.refresh_tokens r WHERE r.token_hash = sha256(:'refresh_token');
\c - app_login

-- Refused registrations name each field.
SELECT factory.register('nonsense', 'a quite long phrase', '');
SELECT factory.register(:'dora', 'a quite long phrase', 'Dora');
SELECT factory.register('other@example.com', 'short', 'Other');
SELECT factory.register('other@example.com', 'password123', 'Other');
SELECT factory.register('other-person@example.com', 'other-person', 'Other');
SELECT factory.register('other@example.com', repeat('x', 129), 'Other');
SELECT factory.register('other@example.com', NULL, 'Other');

-- Sign-in: the same answer for a wrong password and an unknown address.
SELECT access_token IS NOT NULL AS signed_in FROM factory.login(upper(:'dora'), 'a quite long phrase');
SELECT factory.login(:'dora', 'a quite wrong phrase');
SELECT factory.login('nobody@example.com', 'a quite wrong phrase');
SELECT factory.login('', '');
SELECT factory.login(:'dora', repeat('x', 1000000));

-- A refresh token is traded once; for ten seconds a client that lost the answer may ask again.
SELECT access_token AS second, refresh_token AS renewed FROM factory.refresh(:'refresh_token') \gset
SELECT :'second' <> :'access_token' AND :'renewed' <> :'refresh_token' AS new_pair;
SELECT access_token IS NOT NULL AS again FROM factory.refresh(:'refresh_token');
SELECT factory.refresh('no such token');
\c - postgres
UPDATE factory.refresh_tokens SET used_at = used_at - interval '11 seconds' WHERE token_hash = sha256(:'refresh_token');
\c - app_login
SELECT factory.refresh(:'refresh_token');
-- ... and with that the whole family, though nothing of this transaction stays.
SELECT factory.refresh(:'renewed');
SELECT access_token AS second, refresh_token AS renewed FROM factory.login(:'dora', 'a quite long phrase') \gset
\c - postgres
UPDATE factory.refresh_tokens SET expires_at = now() - interval '1 second' WHERE token_hash = sha256(:'renewed');
\c - app_login
SELECT factory.refresh(:'renewed');

-- Signing out ends the session: access and refresh tokens with it.
BEGIN;
SELECT factory.sign_in(:'second');
SELECT factory.logout();
COMMIT;
SELECT factory.sign_in(:'second');
SELECT factory.sign_in(:'access_token');
SELECT factory.refresh(:'renewed');
SELECT factory.logout();

-- A disabled account signs in no more, and its open sessions stop.
SELECT access_token AS third FROM factory.login(:'dora', 'a quite long phrase') \gset
\c - postgres
UPDATE factory.users SET status = 'disabled' WHERE email = :'dora';
\c - app_login
SELECT factory.sign_in(:'third');
SELECT factory.login(:'dora', 'a quite long phrase');

-- Global tables are for nobody's eyes.
SELECT * FROM factory.users;
SELECT * FROM factory.credentials;
SELECT * FROM factory.sessions;
SELECT * FROM factory.refresh_tokens;
SELECT * FROM factory.signing_keys;
UPDATE factory.my_user SET name = 'Mallory';
\c - postgres
\i :leave
