-- Jobs: who may run them, what they remove and what they leave, dry and for one workspace.
\getenv inputs PG_ABS_SRCDIR
\set workspaces :inputs '/sql/include/workspaces.psql'
\i :workspaces
\set VERBOSITY terse
CREATE ROLE wall_operator IN ROLE factory_operator;
SELECT factory.uuid7() AS mark \gset

-- The registry, as operators see it.
SET SESSION AUTHORIZATION wall_operator;
SELECT name, schedule, scope, batch, time_limit FROM factory.jobs
WHERE name ~ '^expire_(idem|inv|ref|ses)|^(apply_audit|make_audit|trim_job)' ORDER BY name;
RESET SESSION AUTHORIZATION;

-- Things whose time is over, and others whose time is not.
INSERT INTO factory.user_idempotency_keys
SELECT :'ann_id', sha256(n::text::bytea), '\x01', '\x02', now(), now() + n * interval '1 hour' FROM unnest(ARRAY[-2, -1, 1]) n;
INSERT INTO factory.idempotency_keys
SELECT t, :'ann_id', sha256(n::text::bytea), '\x01', '\x02', now(), now() + n * interval '1 hour'
FROM unnest(ARRAY[:'a', :'b']::uuid[]) t, unnest(ARRAY[-2, -1, 1]) n;
INSERT INTO factory.invitations (tenant_id, id, email, role, token_hash, expires_at)
SELECT t, gen_random_uuid(), 'late' || n || '@example.com', 'viewer', sha256(n::text::bytea), now() + n * interval '1 hour'
FROM unnest(ARRAY[:'a', :'b']::uuid[]) t, unnest(ARRAY[-1, 1]) n;
INSERT INTO factory.sessions (id, user_id, expires_at, ended_at)
SELECT gen_random_uuid(), :'ann_id', now() + e * interval '1 day', CASE WHEN d IS NOT NULL THEN now() + d * interval '1 day' END
FROM (VALUES (-31, NULL), (-29, NULL), (10, -31), (10, -1)) v(e, d);
INSERT INTO factory.refresh_tokens (token_hash, session_id, expires_at)
SELECT sha256((:'ann_session' || n)::bytea), :'ann_session', now() + n * interval '1 day' FROM unnest(ARRAY[-2, 0, 1]) n;
INSERT INTO factory.job_runs
SELECT gen_random_uuid(), 'wall', 'manual', NULL, false, now() - d * interval '1 day', now(), o, 0
FROM (VALUES ('succeeded', 6), ('succeeded', 8), ('partial', 8), ('failed', 8), ('failed', 31)) v(o, d);
CREATE VIEW wall.left_over AS
  SELECT (SELECT count(*) FROM factory.user_idempotency_keys WHERE user_id = :'ann_id') AS keys,
         (SELECT count(*) FROM factory.idempotency_keys WHERE tenant_id = :'a') AS keys_of_a,
         (SELECT count(*) FROM factory.idempotency_keys WHERE tenant_id = :'b') AS keys_of_b,
         (SELECT string_agg(status, ' ' ORDER BY email) FROM factory.invitations WHERE tenant_id = :'a' AND email ~ '^late') AS invitations_of_a,
         (SELECT string_agg(status, ' ' ORDER BY email) FROM factory.invitations WHERE tenant_id = :'b' AND email ~ '^late') AS invitations_of_b,
         (SELECT count(*) FROM factory.sessions WHERE user_id = :'ann_id') AS sessions,
         (SELECT count(*) FROM factory.refresh_tokens WHERE session_id = :'ann_session') AS tokens,
         (SELECT count(*) FROM factory.job_runs WHERE job = 'wall') AS runs;
SELECT * FROM wall.left_over;

-- For one workspace, by somebody who manages it; the other one and what belongs to none stay.
\c - app_login
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT * FROM factory.run_tenant_job('expire_idempotency_keys', dry_run => true);
SELECT * FROM factory.run_tenant_job('expire_idempotency_keys');
SELECT * FROM factory.run_tenant_job('expire_invitations');
COMMIT;
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT * FROM factory.run_tenant_job('expire_sessions');
ROLLBACK;
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT * FROM factory.run_tenant_job('no_such_job');
ROLLBACK;
BEGIN;
SELECT factory.sign_in(:'cay', :'a') AS ignored \gset
SELECT * FROM factory.run_tenant_job('expire_invitations');
ROLLBACK;
SELECT * FROM factory.run_tenant_job('expire_invitations');
\c - postgres
SELECT * FROM wall.left_over;

-- For all, by an operator: dry first, which changes nothing, then for good; a second time finds nothing.
SET SESSION AUTHORIZATION wall_operator;
SELECT outcome, rows >= 2 AS counted, dry_run, error FROM factory.run_job('expire_idempotency_keys', true);
RESET SESSION AUTHORIZATION;
SELECT keys, keys_of_b FROM wall.left_over;
SET SESSION AUTHORIZATION wall_operator;
SELECT j, outcome, rows > 0 AS some, dry_run, error
FROM unnest('{expire_idempotency_keys,expire_invitations,expire_sessions,expire_refresh_tokens,trim_job_runs}'::text[]) j, factory.run_job(j) r;
SELECT j, outcome, rows, error
FROM unnest('{expire_idempotency_keys,expire_invitations,expire_sessions,expire_refresh_tokens,trim_job_runs}'::text[]) j, factory.run_job(j) r;
RESET SESSION AUTHORIZATION;
SELECT * FROM wall.left_over;
SELECT job, trigger, CASE workspace WHEN :'a' THEN 'a' END AS workspace, dry_run, outcome, rows > 0 AS some FROM factory.job_log
WHERE id > :'mark' AND job <> 'wall' ORDER BY id;
SELECT action, target_id, actor_id, metadata ->> 'outcome' AS outcome FROM factory.platform_events WHERE id > :'mark' AND action ~ '^job' ORDER BY id LIMIT 2;
SELECT action, target_id, actor_id = :'ann_id' AS by_ann, metadata FROM factory.audit_events WHERE tenant_id = :'a' AND id > :'mark' AND action ~ '^job' ORDER BY id;

-- Audit events stay as long as the workspace says: at least 30 days, and for ever under a legal hold.
\c - app_login
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT * FROM factory.get_audit_policy();
SELECT * FROM factory.set_audit_policy(29);
ROLLBACK;
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT * FROM factory.set_audit_policy(366);
ROLLBACK;
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT * FROM factory.set_audit_policy(30);
SELECT * FROM factory.set_audit_policy(legal_hold => true);
SELECT * FROM factory.set_audit_policy(legal_hold => true);
COMMIT;
BEGIN;
SELECT factory.sign_in(:'cay', :'a') AS ignored \gset
SELECT * FROM factory.set_audit_policy(30);
ROLLBACK;
\c - postgres
-- Events of 20, 40 and 400 days ago: an id begins with the time.
CREATE FUNCTION wall.id_of(days integer) RETURNS uuid LANGUAGE sql AS $$
  SELECT (substr(lpad(to_hex((extract(epoch FROM now() - days * interval '1 day') * 1000)::bigint), 12, '0'), 1, 8) || '-' ||
          substr(lpad(to_hex((extract(epoch FROM now() - days * interval '1 day') * 1000)::bigint), 12, '0'), 9, 4) ||
          '-7000-8000-' || lpad(to_hex((random() * 1000000000)::bigint), 12, '0'))::uuid
$$;
INSERT INTO factory.audit_events (tenant_id, id, occurred_at, action, outcome, actor_type)
SELECT t, wall.id_of(d), now() - d * interval '1 day', 'old.event', 'success', 'user'
FROM unnest(ARRAY[:'a', :'b']::uuid[]) t, unnest(ARRAY[20, 40, 400]) d;
INSERT INTO factory.platform_events (id, occurred_at, action, outcome, actor_type)
SELECT wall.id_of(d), now() - d * interval '1 day', 'old.event', 'success', 'user' FROM unnest(ARRAY[20, 400]) d;
CREATE VIEW wall.kept AS
  SELECT (SELECT count(*) FROM factory.audit_events WHERE tenant_id = :'a' AND action = 'old.event') AS of_a,
         (SELECT count(*) FROM factory.audit_events WHERE tenant_id = :'b' AND action = 'old.event') AS of_b,
         (SELECT count(*) FROM factory.platform_events WHERE action = 'old.event') AS of_none;
SELECT outcome, error FROM factory.run_job('apply_audit_retention', true);
SELECT * FROM wall.kept;
SELECT outcome, error FROM factory.run_job('apply_audit_retention');
SELECT * FROM wall.kept;
\c - app_login
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT * FROM factory.set_audit_policy(legal_hold => false);
SELECT outcome, rows FROM factory.run_tenant_job('apply_audit_retention');
SELECT action, before, after, metadata FROM factory.audit_logs(6) WHERE action ~ 'policy|purged' ORDER BY id;
COMMIT;
\c - postgres
SELECT * FROM wall.kept;
SELECT (metadata ->> 'count')::int AS count, actor_id FROM factory.audit_events WHERE tenant_id = :'b' AND action = 'audit.purged';
DELETE FROM factory.platform_events WHERE action = 'old.event';

-- Months ahead have tables that guard themselves as all do.
SELECT outcome, error FROM factory.run_job('make_audit_partitions');
SELECT outcome, rows, error FROM factory.run_job('make_audit_partitions');
SELECT count(*) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'factory.audit_events'::regclass AND c.relname ~ '^audit_events_\d{4}_\d\d$' AND c.relrowsecurity AND c.relforcerowsecurity
  AND NOT has_table_privilege('factory_owner', c.oid, 'UPDATE, DELETE, TRUNCATE') AND has_table_privilege('factory_backup', c.oid, 'SELECT');
SELECT * FROM factory.lint() WHERE object ~ 'audit_events';

-- Paused and resumed. By hand it runs all the same; its schedule does not start it, nor while jobs are off.
SET SESSION AUTHORIZATION wall_operator;
SELECT factory.pause_job('expire_sessions', '');
SELECT factory.pause_job('no_such_job', 'why');
SELECT factory.resume_job('expire_sessions');
SELECT factory.pause_job('expire_sessions', 'moving house');
SELECT enabled, paused_for, paused_by FROM factory.jobs WHERE name = 'expire_sessions';
SELECT outcome FROM factory.run_job('expire_sessions');
RESET SESSION AUTHORIZATION;
ALTER SYSTEM SET factory.jobs_enabled = off;
SELECT pg_reload_conf();
\c - postgres
SELECT factory.run_scheduled_job('expire_sessions');
SELECT factory.tick();
SELECT bool_or(enabled) AS any_enabled FROM factory.jobs;
ALTER SYSTEM SET factory.jobs_enabled = on;
SELECT pg_reload_conf();
\c - postgres
SELECT factory.run_scheduled_job('expire_sessions');
SELECT factory.resume_job('expire_sessions');
-- By schedule it runs once for each of its times; one that failed waits for the next time.
DELETE FROM factory.job_runs WHERE job IN ('expire_sessions', 'expire_invitations');
SELECT factory.run_scheduled_job('expire_sessions');
SELECT factory.run_scheduled_job('expire_sessions');
SELECT factory.run_scheduled_job('no_such_job');
SELECT factory.tick() > 0 AS ticked;
SELECT job, trigger, outcome FROM factory.job_log WHERE job IN ('expire_sessions', 'expire_invitations') ORDER BY id;
-- What fails is told, and nothing of it stays.
ALTER TABLE factory.sessions ADD CONSTRAINT stuck CHECK (true), ALTER COLUMN expires_at TYPE text;
INSERT INTO factory.sessions (id, user_id, expires_at) VALUES (gen_random_uuid(), :'ann_id', '2000-01-01');
SELECT outcome, rows, error FROM factory.run_job('expire_sessions');
DELETE FROM factory.sessions WHERE expires_at = '2000-01-01';
ALTER TABLE factory.sessions DROP CONSTRAINT stuck, ALTER COLUMN expires_at TYPE timestamptz USING expires_at::timestamptz;
SELECT last_outcome, last_error FROM factory.jobs WHERE name = 'expire_sessions';
SELECT outcome FROM factory.run_job('expire_sessions');

-- pg_cron: scheduled by a superuser, mended when it has drifted; strangers' rows under our names go.
SELECT * FROM factory.install_jobs() WHERE done <> 'unchanged';
UPDATE cron.job SET nodename = 'nowhere' WHERE jobname = 'factory: expire_sessions';
UPDATE cron.job SET active = false, schedule = '* * * * *' WHERE jobname = 'factory: trim_job_runs';
DELETE FROM cron.job WHERE jobname = 'factory: expire_invitations';
SELECT cron.schedule('factory: expire_sessions', '* * * * *', 'SELECT 1') > 0 AS by_somebody_else;
SELECT job, done FROM factory.install_jobs() WHERE done <> 'unchanged' ORDER BY job, done;
SELECT schedule, command, database, username, active, nodename = current_setting('cron.host') AS node FROM cron.job
WHERE jobname IN ('factory: expire_sessions', 'factory: trim_job_runs') ORDER BY jobname;
SET SESSION AUTHORIZATION wall_operator;
SELECT * FROM factory.install_jobs();

-- Nobody else may do any of it.
RESET SESSION AUTHORIZATION;
DROP ROLE wall_operator;
\c - app_login
SELECT * FROM factory.jobs;
SELECT * FROM factory.job_log;
SELECT * FROM factory.job_runs;
SELECT factory.run_job('expire_sessions');
SELECT factory.run_scheduled_job('expire_sessions');
SELECT factory.tick();
SELECT factory.pause_job('expire_sessions', 'mine');
SELECT factory.install_jobs();
SELECT factory.jobs_missed();
\c - postgres
DELETE FROM factory.job_runs WHERE job = 'wall';
ALTER SYSTEM RESET factory.jobs_enabled;
SELECT pg_reload_conf();
\i :leave
