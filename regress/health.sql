-- Health and safe mode: who sees what, and what safe mode stops, in every session at once and for as long as it lasts.
\getenv inputs PG_ABS_SRCDIR
\set workspaces :inputs '/sql/include/workspaces.psql'
\i :workspaces
SELECT clock_timestamp() AS begun \gset
CREATE ROLE health_operator LOGIN IN ROLE factory_operator;

-- A runtime login reads no evidence, and neither enters nor leaves safe mode.
SET SESSION AUTHORIZATION app_login;
SELECT * FROM factory.health();
SELECT * FROM factory.safe_mode;
SELECT * FROM factory.safe_mode_reasons;
SELECT * FROM factory.health_components;
SELECT factory.enter_safe_mode('mine now');
SELECT * FROM factory.leave_safe_mode();
INSERT INTO factory.safe_mode_reasons (cause, reason, entered_by) VALUES ('mine', 'mine', 'mine');
SET SESSION AUTHORIZATION factory_edge;
SELECT * FROM factory.health();
SELECT factory.enter_safe_mode('mine now');
SELECT * FROM factory.leave_safe_mode();
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM factory.safe_mode_reasons;

-- Operators see every part with what was found; what is not green has a remedy.
SET SESSION AUTHORIZATION health_operator;
SELECT outcome, rows FROM factory.run_job('check_health');
SELECT component, colour IN ('green', 'amber', 'red') AS known, evidence <> '' AS evidence, (colour = 'green') = (remedy IS NULL) AS remedy
FROM factory.health();
SELECT component, colour FROM factory.health() WHERE component IN ('clock', 'database', 'encryption', 'safe_mode', 'session_secret', 'replication');
SELECT ok, detail, colour <> 'green' AS jobs_are_off, safe_mode FROM factory.readiness();
-- A pause is amber and named.
SELECT factory.pause_job('expire_sessions', 'a test');
SELECT colour, evidence LIKE '%expire_sessions is paused: a test%' AS named FROM factory.health() WHERE component = 'jobs';
SELECT factory.resume_job('expire_sessions');
-- A clock that was set back, months that nobody made, messages that nobody takes.
RESET SESSION AUTHORIZATION;
BEGIN;
INSERT INTO factory.job_runs (id, job, trigger, dry_run, started_at, ended_at, outcome, rows)
VALUES ('ffffffff-ffff-7fff-bfff-ffffffffffff', 'check_health', 'manual', false, now() + interval '1 hour', now() + interval '1 hour', 'succeeded', 0);
SELECT colour, evidence ~ '^the newest row is 3[56]\d\d s ahead' AS named FROM factory.health() WHERE component = 'clock';
ROLLBACK;
BEGIN;
DO $$ DECLARE month regclass; BEGIN
  FOR month IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'factory.audit_events'::regclass AND inhrelid <> 'factory.audit_events_default'::regclass LOOP
    EXECUTE format('ALTER TABLE factory.audit_events DETACH PARTITION %s', month);
  END LOOP;
END $$;
SELECT colour, evidence FROM factory.health() WHERE component = 'audit_partitions';
ROLLBACK;
BEGIN;
SET LOCAL session_replication_role = replica;
INSERT INTO factory.outbox_queue (tenant_id, id, kind, due_at, finished) VALUES (:'a', gen_random_uuid(), 'http', now() - interval '2 hours', false);
SELECT colour, evidence FROM factory.health() WHERE component = 'outbox';
ROLLBACK;

-- A workspace sees colours of what concerns it, and no evidence.
SET SESSION AUTHORIZATION app_login;
SELECT * FROM factory.platform_health();
BEGIN;
SELECT factory.sign_in(:'ben', :'a') AS ignored \gset
SELECT colour <> 'red' AS fine, safe_mode, checked_at > now() - interval '5 minutes' AS of_late,
       (SELECT string_agg(c->>'component', ',') FROM json_array_elements(components) c) AS parts, components::text ~ 'evidence|remedy|paused' AS tells
FROM factory.platform_health();
COMMIT;

-- Safe mode of an operator: rolled back it was never there.
SET SESSION AUTHORIZATION health_operator;
SELECT factory.enter_safe_mode('');
BEGIN;
SELECT factory.enter_safe_mode('moving to another machine');
SELECT safe_mode FROM factory.readiness();
ROLLBACK;
SELECT safe_mode FROM factory.readiness();
SELECT * FROM factory.leave_safe_mode();
SELECT factory.enter_safe_mode('moving to another machine');
SELECT cause, reason, entered_by FROM factory.safe_mode;
SELECT ok, detail, colour, safe_mode FROM factory.readiness();

-- Writes are refused with the reason, reads and repairs go on; who may not write is told so only outside of safe mode.
SET SESSION AUTHORIZATION app_login;
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SAVEPOINT s;
SELECT factory.create_invitation('somebody@example.com', 'staff');
ROLLBACK TO s;
SELECT factory.secret_put('connector.key', 'x');
ROLLBACK TO s;
SELECT count(*) FROM factory.list_members();
SELECT name FROM factory.stored_secrets;
SELECT outcome FROM factory.run_tenant_job('expire_invitations', true);
SELECT colour, safe_mode FROM factory.platform_health();
COMMIT;
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION factory_edge;
SELECT status, convert_from(body, 'UTF8')::json->>'code' AS code, convert_from(body, 'UTF8')::json->'reasons' AS reasons
FROM factory.serve(:'a', 'PATCH', '/v1/tenant', jsonb_build_object('authorization', 'Bearer ' || :'ann', 'content-type', 'application/json'), '{"name":"New"}', '192.0.2.1');
SELECT status, convert_from(body, 'UTF8')::json->>'code' AS code
FROM factory.serve_global('POST', '/v1/auth/register', '{"content-type":"application/json"}', '{"email":"new@example.com","password":"a quite long phrase","name":"New"}', '192.0.2.1');
-- Route, caller and workspace come first.
SELECT status FROM factory.serve(:'a', 'POST', '/v1/nowhere', '{}', '', '192.0.2.1');
SELECT status FROM factory.serve(:'a', 'PATCH', '/v1/tenant', '{}', '', '192.0.2.1');
SELECT status, convert_from(body, 'UTF8')::json->>'code' AS code
FROM factory.serve(:'b', 'PATCH', '/v1/tenant', jsonb_build_object('authorization', 'Bearer ' || :'ann'), '{"name":"New"}', '192.0.2.1');
SELECT status FROM factory.serve(:'a', 'GET', '/v1/tenant', jsonb_build_object('authorization', 'Bearer ' || :'ann'), '', '192.0.2.1');
SELECT status FROM factory.serve_global('POST', '/v1/auth/logout', jsonb_build_object('authorization', 'Bearer ' || :'cay'), '', '192.0.2.1');
RESET SESSION AUTHORIZATION;
SELECT name FROM factory.tenant_records WHERE id = :'a';

-- Another entry changes the reason; leaving it ends safe mode at once.
SET SESSION AUTHORIZATION health_operator;
SELECT factory.enter_safe_mode('nearly done');
SELECT reason FROM factory.safe_mode;
SELECT * FROM factory.leave_safe_mode();
SELECT safe_mode FROM factory.readiness();
SET SESSION AUTHORIZATION app_login;
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT name FROM factory.update_tenant('Open again');
COMMIT;

-- A critical finding of lint enters it, and the look after the repair leaves it; an operator cannot talk it away.
RESET SESSION AUTHORIZATION;
CREATE TABLE public.leaky (tenant_id uuid, secret text);
GRANT SELECT ON public.leaky TO factory_app;
SET SESSION AUTHORIZATION health_operator;
SELECT outcome FROM factory.run_job('check_health', true);
SELECT safe_mode FROM factory.readiness();
SELECT outcome FROM factory.run_job('check_health');
SELECT colour, evidence ~ '^[1-9]\d* critical findings' AS counted FROM factory.health() WHERE component = 'lint';
SELECT * FROM factory.leave_safe_mode();
SET SESSION AUTHORIZATION app_login;
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT factory.update_tenant('Not now');
ROLLBACK;
RESET SESSION AUTHORIZATION;
DROP TABLE public.leaky;
SET SESSION AUTHORIZATION health_operator;
SELECT outcome FROM factory.run_job('check_health');
SELECT colour FROM factory.health() WHERE component IN ('lint', 'safe_mode');

-- A schema of another version than the library's is a cause by itself, seen without any row.
RESET SESSION AUTHORIZATION;
BEGIN;
UPDATE pg_extension SET extversion = '0.0.9' WHERE extname = 'platform_factory';
-- A new backend would ask by itself; this one is told, as ALTER EXTENSION UPDATE tells it by replacing functions.
UPDATE factory.routes SET summary = summary WHERE function = 'factory.health()';
SELECT ok, detail ~ '^the library is .* and the schema 0\.0\.9: run ALTER EXTENSION' AS told, colour, safe_mode FROM factory.readiness();
ROLLBACK;
SELECT ok, safe_mode FROM factory.readiness();

-- All of it stands in the platform's log, by whom and why.
SELECT action, actor_id, target_id, metadata->>'reason' AS reason FROM factory.platform_events
WHERE action LIKE 'safe_mode.%' AND occurred_at > :'begun' ORDER BY id;
DELETE FROM factory.health_components;
DROP ROLE health_operator;
\i :leave
