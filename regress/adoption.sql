-- A platform that was restored or moved: nobody signs in with what came along until an operator has adopted it.
\getenv inputs PG_ABS_SRCDIR
\set workspaces :inputs '/sql/include/workspaces.psql'
\i :workspaces
SELECT refresh_token AS refresh FROM factory.login('ann-' || :'run' || '@example.com', 'a quite long phrase') \gset
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT token AS invited FROM factory.create_invitation('dan-' || :'run' || '@example.com', 'viewer') \gset
COMMIT;
DELETE FROM factory.outbox_queue;
SELECT count(*) AS homes, bool_and(h.system_identifier = s.system_identifier) AS this_cluster, bool_and(h.database_oid = d.oid) AS this_database
FROM factory.homes h, pg_control_system() s, pg_database d WHERE d.datname = current_database();
-- At home there is nothing to adopt, whoever asks; and none but operators may ask.
SELECT * FROM factory.adopt();
\c - app_login
SELECT * FROM factory.adopt();
SELECT * FROM factory.homes;
INSERT INTO factory.homes (id, system_identifier, database_oid) VALUES (gen_random_uuid(), 1, 1);
\c - factory_edge
SELECT * FROM factory.adopt();
SELECT * FROM factory.homes;

-- Another database of this cluster, another cluster, a dump of this very place restored into it, and no word at all: each is
-- safe mode, in sessions that had known better as well. Only at home is a token read at all.
\c - postgres
\set VERBOSITY terse
SELECT factory.sign_in('no token');
SELECT id AS home, system_identifier AS cluster, database_oid AS database FROM factory.homes \gset
UPDATE factory.homes SET database_oid = database_oid::int8 + 1;
SELECT factory.sign_in('no token');
UPDATE factory.homes SET database_oid = :'database', system_identifier = system_identifier + 1;
SELECT factory.sign_in('no token');
UPDATE factory.homes SET system_identifier = :'cluster';
SELECT factory.sign_in('no token');
INSERT INTO factory.homes (id, system_identifier, database_oid) VALUES (gen_random_uuid(), :'cluster', :'database');
SELECT factory.sign_in('no token');
BEGIN;
DELETE FROM factory.homes;
SELECT factory.sign_in('no token');
ROLLBACK;
DELETE FROM factory.homes WHERE id <> :'home';
SELECT factory.sign_in('no token');
\set VERBOSITY default

-- A context that lasts for a session is gone with its next transaction.
\setenv PGDATABASE :DBNAME
\c - app_login
SELECT factory.sign_in(:'ann', :'a', for_session => true) = :'a' AS signed_in;
SELECT count(*) FROM wall.notes;
\! psql -X -q -U postgres -c 'UPDATE factory.homes SET system_identifier = system_identifier + 1, database_oid = 1'
SELECT count(*) FROM wall.notes;
SELECT factory.tenant_id();

-- Tokens, refresh tokens, passwords and new accounts are refused alike; what needs no credential goes on.
\c - app_login
BEGIN;
SELECT factory.sign_in(:'ann', :'a');
ROLLBACK;
SELECT factory.sign_in(:'ann', :'a', for_session => true);
SELECT access_token FROM factory.refresh(:'refresh');
SELECT access_token FROM factory.login('ann-' || :'run' || '@example.com', 'a quite long phrase');
SELECT access_token FROM factory.register('eve-' || :'run' || '@example.com', 'a quite long phrase', 'Eve');
SELECT count(*) FROM wall.notes;
\c - factory_edge
SELECT status, convert_from(body, 'UTF8')::jsonb - 'request_id' AS body FROM factory.serve(:'a', 'GET', '/v1/members', jsonb_build_object('authorization', 'Bearer ' || :'ann'), NULL, NULL);
SELECT status, convert_from(body, 'UTF8')::jsonb ->> 'code' AS code FROM factory.serve_global('GET', '/v1/me', jsonb_build_object('authorization', 'Bearer ' || :'ann'), NULL, NULL);
SELECT status, convert_from(body, 'UTF8')::jsonb ->> 'code' AS code FROM factory.serve_global('POST', '/v1/auth/refresh', '{"content-type":"application/json"}', convert_to(jsonb_build_object('refresh_token', :'refresh')::text, 'UTF8'), NULL);
SELECT status FROM factory.serve_global('GET', '/v1/permissions', '{}', NULL, NULL);

-- What was queued elsewhere may have been sent there: no relay gets it, and operators go on.
\c - postgres
SELECT factory.outbox_post('https://example.com/hook', '{}') AS queued \gset
SELECT count(*) FROM factory.outbox_claim('test', '{http}', 1000, 60);
SELECT factory.platform_secret_put('adoption-test', 'x') IS NOT NULL AS stored;
SELECT factory.platform_secret_delete('adoption-test');

-- The operator adopts: what came along ends, and people sign in anew.
SET SESSION AUTHORIZATION wall_owner;
SELECT sessions >= 4 AS sessions, refresh_tokens >= 4 AS refresh_tokens, invitations >= 1 AS invitations FROM factory.adopt();
SELECT * FROM factory.adopt();
RESET SESSION AUTHORIZATION;
SELECT count(*) > 0 AS claimed FROM factory.outbox_claim('test', '{http}', 1000, 60);
DELETE FROM factory.outbox_queue;
SELECT count(*) AS homes, bool_and(system_identifier = :'cluster' AND database_oid = :'database') AS here FROM factory.homes;
SELECT actor_id, metadata -> 'homes_before' = jsonb_build_array((:'cluster'::int8 + 1) || '/1') AS home_before, metadata ->> 'sessions' IS NOT NULL AS counted
FROM factory.platform_events WHERE action = 'platform.adopted' ORDER BY id DESC LIMIT 1;
SELECT count(*) FILTER (WHERE ended_at IS NULL) AS open, count(*) FILTER (WHERE end_reason = 'adoption') > 0 AS ended FROM factory.sessions;
\c - app_login
BEGIN;
SELECT factory.sign_in(:'ann', :'a');
ROLLBACK;
SELECT access_token FROM factory.refresh(:'refresh');
SELECT access_token AS dan FROM factory.register('dan-' || :'run' || '@example.com', 'a quite long phrase', 'Dan') \gset
BEGIN;
SELECT factory.sign_in(:'dan') AS ignored \gset
SELECT role FROM factory.accept_invitation(:'invited');
ROLLBACK;
SELECT access_token AS ann FROM factory.login('ann-' || :'run' || '@example.com', 'a quite long phrase') \gset
BEGIN;
SELECT factory.sign_in(:'ann', :'a') = :'a' AS signed_in_anew;
SELECT count(*) FROM wall.notes;
COMMIT;

-- A row of signing_keys names a key and holds none: a doctored one turns the server's own key off and on, and lets in
-- nothing that was signed with another, whatever it is called.
\c - postgres
SELECT kid FROM factory.signing_keys WHERE status = 'active' ORDER BY created_at DESC LIMIT 1 \gset
INSERT INTO factory.signing_keys (kid, algorithm, status) VALUES ('planted', 'HS256', 'active');
\set VERBOSITY terse
INSERT INTO factory.signing_keys (kid, algorithm, status) VALUES ('planted-none', 'none', 'active');
\set VERBOSITY default
SELECT array_agg(attname ORDER BY attnum) AS columns FROM pg_attribute WHERE attrelid = 'factory.signing_keys'::regclass AND attnum > 0;
\setenv TOKEN :ann
\setenv OWN_KID :kid
\set forge '/usr/bin/python3 ' :inputs '/sql/include/forge_token.py'
\setenv FORGE :forge
\set planted `$FORGE planted`
\set own `$FORGE "$OWN_KID"`
\set unsigned `$FORGE planted none`
SELECT bool_and(split_part(forged, '.', 2) = split_part(:'ann', '.', 2)) AS claims_of_ann
FROM unnest(ARRAY[:'planted', :'own', :'unsigned']) forged;
\c - app_login
SELECT factory.sign_in(:'planted', :'a');
SELECT factory.sign_in(:'own', :'a');
SELECT factory.sign_in(:'unsigned', :'a');
\c - postgres
UPDATE factory.signing_keys SET kid = 'away' WHERE kid = :'kid';
\c - app_login
SELECT factory.sign_in(:'ann', :'a');
\c - postgres
UPDATE factory.signing_keys SET kid = :'kid' WHERE kid = 'away';
DELETE FROM factory.signing_keys WHERE kid = 'planted';
\c - app_login
BEGIN;
SELECT factory.sign_in(:'ann', :'a') = :'a' AS signed_in;
COMMIT;
\c - postgres
\set leave :inputs '/sql/include/leave.psql'
\i :leave
