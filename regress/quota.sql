-- Plans and quotas: exact limits, reservations that lapse, and nobody in somebody else's books.
\getenv inputs PG_ABS_SRCDIR
\set workspaces :inputs '/sql/include/workspaces.psql'
\i :workspaces
SELECT coalesce((SELECT id FROM factory.platform_events ORDER BY id DESC LIMIT 1), gen_random_uuid()) AS last \gset
CREATE ROLE quota_operator IN ROLE factory_operator;

-- Operators make plans, and change what shipped ones allow.
SET SESSION AUTHORIZATION quota_operator;
SELECT plan, rank, metric, "limit" FROM factory.plans WHERE plan = 'pro' ORDER BY metric;
SELECT factory.set_plan('small', 'Small', 1);
SELECT factory.set_plan('small', ' Smallest ', 2);
SELECT plan, rank, title, metric FROM factory.plans WHERE plan = 'small';
SELECT factory.set_plan_limit('small', 'records', 10);
SELECT factory.set_plan_limit('small', 'ai_usd_month', 1000);
SELECT factory.set_plan_limit('small', 'members', 4);
SELECT factory.set_plan_limit('pro', 'records', 20);
SELECT factory.set_plan_limit('free', 'records', 10);
SELECT plan, "limit" FROM factory.plans WHERE metric = 'records' ORDER BY rank;
SELECT factory.set_tenant_plan(:'a', 'small');
SELECT factory.set_tenant_plan(:'a', 'small');
SELECT factory.set_tenant_plan(:'a', 'none');
SELECT factory.set_tenant_plan(gen_random_uuid(), 'small');
SELECT factory.set_plan('pro', 'Mine', 1);
SELECT factory.set_plan('Bad Plan', '', -1);
SELECT factory.set_plan(NULL, 'x', 1);
SELECT factory.set_plan_limit('none', 'records', 1);
SELECT factory.set_plan_limit('small', 'minutes', -1);
SELECT factory.set_plan_limit('small', 'records', 4000000000000000001);
SELECT factory.drop_plan('small');
SELECT factory.drop_plan('pro');
SELECT factory.drop_plan('none');
RESET SESSION AUTHORIZATION;
SELECT action, target_id, before, after FROM factory.platform_events WHERE id > :'last' AND actor_id = 'db:quota_operator' ORDER BY id;
\c - app_login
SELECT factory.set_plan_limit('free', 'records', NULL);
SELECT factory.set_tenant_plan(gen_random_uuid(), 'business');
SELECT factory.flush_requests();
SELECT * FROM factory.quota_accounts;
SELECT * FROM factory.plan_limits;
SELECT count(DISTINCT plan) >= 3 AS plans_are_public FROM factory.plans;

-- Up to the limit and not one more; what is given back can be used again.
SELECT factory.quota_use('records');
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT action, before, after FROM factory.audit WHERE action = 'tenant.plan_changed';
SELECT factory.quota_use('records', 10);
SAVEPOINT s;
SELECT factory.quota_use('records');
ROLLBACK TO s;
SELECT factory.quota_use('records', 11);
ROLLBACK TO s;
SELECT factory.quota_use('records', 0);
SELECT factory.quota_return('records', 3);
SELECT factory.quota_use('records', 3);
SELECT factory.quota_return('records', 100);
SELECT factory.quota_use('records', 10);
COMMIT;

-- Reservations hold room until they are settled, released or lapsed.
BEGIN;
SELECT factory.sign_in(:'cay', :'a') AS ignored \gset
SELECT factory.quota_reserve('ai_usd_month', 600) AS first \gset
SELECT factory.quota_reserve('ai_usd_month', 400) AS second \gset
SAVEPOINT s;
SELECT factory.quota_use('ai_usd_month', 1);
ROLLBACK TO s;
SELECT factory.quota_settle(:'first', 150);
SELECT factory.quota_settle(:'first', 150);
ROLLBACK TO s;
SELECT factory.quota_settle(:'first', 150);
SELECT factory.quota_release(gen_random_uuid());
ROLLBACK TO s;
SELECT factory.quota_settle(:'first', 150);
COMMIT;
BEGIN;
SELECT factory.sign_in(:'cay', :'a') AS ignored \gset
SELECT m->>'metric' AS metric, m->>'used' AS used, m->>'reserved' AS reserved, m->>'limit' AS "limit",
       m->>'period_start' = to_char(date_trunc('month', now() AT TIME ZONE 'UTC'), 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS month,
       (m->>'forecast')::bigint >= (m->>'used')::bigint AS forecast
FROM factory.usage() u, json_array_elements(u.metrics) m WHERE m->>'metric' IN ('ai_usd_month', 'records', 'members');
SELECT plan, json_array_length(metrics) FROM factory.usage();
COMMIT;
\c - postgres
UPDATE factory.quota_reservations SET expires_at = clock_timestamp() WHERE tenant_id = :'a' AND id = :'second';
\c - app_login
BEGIN;
SELECT factory.sign_in(:'cay', :'a') AS ignored \gset
SELECT m->>'reserved' AS lapsed_is_free FROM factory.usage() u, json_array_elements(u.metrics) m WHERE m->>'metric' = 'ai_usd_month';
SELECT factory.quota_reserve('ai_usd_month', 850) AS third \gset
-- What was used was used, though its reservation lapsed and the room is taken.
SELECT factory.quota_settle(:'second', 300);
SELECT m->>'used' AS used, m->>'reserved' AS reserved FROM factory.usage() u, json_array_elements(u.metrics) m WHERE m->>'metric' = 'ai_usd_month';
SELECT factory.quota_release(:'third');
SELECT m->>'used' AS used, m->>'reserved' AS reserved FROM factory.usage() u, json_array_elements(u.metrics) m WHERE m->>'metric' = 'ai_usd_month';
SELECT factory.quota_reserve('ai_usd_month', 50) AS fourth \gset
COMMIT;

-- Another workspace neither sees nor ends them.
BEGIN;
SELECT factory.sign_in(:'ben', :'b') AS ignored \gset
SELECT factory.quota_reserve('ai_requests_day', 1) AS of_ben \gset
SAVEPOINT s;
SELECT factory.quota_settle(:'fourth', 1);
ROLLBACK TO s;
SELECT factory.quota_release(:'fourth');
ROLLBACK TO s;
SELECT plan, (SELECT sum((m->>'used')::bigint) FROM json_array_elements(metrics) m WHERE m->>'metric' <> 'members') AS used FROM factory.usage();
COMMIT;

-- Bad input.
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SAVEPOINT s;
SELECT factory.quota_use('records', -1);
ROLLBACK TO s;
SELECT factory.quota_use('records', 9223372036854775807);
ROLLBACK TO s;
SELECT factory.quota_use('records', NULL);
ROLLBACK TO s;
SELECT factory.quota_use(NULL);
ROLLBACK TO s;
SELECT factory.quota_use('minutes', 1);
ROLLBACK TO s;
SELECT factory.quota_use('members', 1);
ROLLBACK TO s;
SELECT factory.quota_return('ai_usd_month', 1);
ROLLBACK TO s;
SELECT factory.quota_reserve('records', -5, 0);
ROLLBACK TO s;
SELECT factory.quota_reserve('records', 1, 86401);
ROLLBACK TO s;
SELECT factory.quota_settle(NULL, 1);
ROLLBACK TO s;
SELECT factory.quota_settle(gen_random_uuid(), -1);
ROLLBACK TO s;
SELECT factory.quota_release(NULL);
ROLLBACK;

-- People count when they are invited and when they come: three are here, one invitation fills the plan.
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT token AS invitation FROM factory.create_invitation('dan-' || gen_random_uuid() || '@example.com', 'viewer') \gset
SAVEPOINT s;
SELECT factory.create_invitation('eve-' || gen_random_uuid() || '@example.com', 'viewer');
ROLLBACK TO s;
SELECT m->>'used' AS used, m->>'reserved' AS reserved, m->>'limit' AS "limit" FROM factory.usage() u, json_array_elements(u.metrics) m WHERE m->>'metric' = 'members';
COMMIT;
\c - postgres
SELECT "user"->>'id' AS dan_id, access_token AS dan FROM factory.register('dan-' || gen_random_uuid() || '@example.com', 'a quite long phrase', 'Dan') \gset
UPDATE factory.invitations SET email = (SELECT email FROM factory.users WHERE id = :'dan_id') WHERE tenant_id = :'a' AND status = 'open';
SELECT factory.set_plan_limit('small', 'members', 3);
\c - app_login
BEGIN;
SELECT factory.sign_in(:'dan') AS ignored \gset
SELECT factory.accept_invitation(:'invitation');
ROLLBACK;
\c - postgres
SELECT factory.set_plan_limit('small', 'members', 4);
\c - app_login
BEGIN;
SELECT factory.sign_in(:'dan') AS ignored \gset
SELECT role FROM factory.accept_invitation(:'invitation');
COMMIT;

\c - postgres
-- Requests are counted in memory and brought over in batches, by the worker too; a rolled back flush loses none and doubles
-- none.
CREATE FUNCTION pg_temp.call(method text, path text) RETURNS text LANGUAGE sql AS $$
  SELECT s.status || coalesce(' ' || (convert_from(s.body, 'UTF8')::json->>'code'), '')
  FROM factory.serve(current_setting('quota.tenant')::uuid, method, path, jsonb_build_object('authorization', 'Bearer ' || current_setting('quota.token'),
    'content-type', 'application/json'), CASE method WHEN 'GET' THEN '' ELSE '{"name": "Renamed"}' END::bytea, '192.0.2.1') s
$$;
-- Shown in each reading are all requests so far, itself included; asked again while the worker is between two steps.
CREATE FUNCTION pg_temp.shows(wanted bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  used bigint;
BEGIN
  FOR reading IN 0 .. 50 LOOP
    SELECT m->>'used' INTO used
    FROM factory.serve(current_setting('quota.tenant')::uuid, 'GET', '/v1/usage', jsonb_build_object('authorization', 'Bearer ' || current_setting('quota.token')), '', '192.0.2.1') s,
         json_array_elements(convert_from(s.body, 'UTF8')::json->'metrics') m WHERE m->>'metric' = 'requests_month';
    PERFORM set_config('quota.extra', (coalesce(nullif(current_setting('quota.extra', true), ''), '0')::bigint + 1)::text, false);
    IF used = wanted + current_setting('quota.extra')::bigint THEN
      RETURN true;
    END IF;
    PERFORM pg_sleep(0.1);
  END LOOP;
  RETURN false;
END
$$;
SELECT set_config('quota.tenant', :'a', false) IS NULL AS ignored, set_config('quota.token', :'ann', false) IS NULL AS ignored \gset
SELECT pg_temp.call('GET', '/v1/tenant'), pg_temp.call('PATCH', '/v1/tenant'), pg_temp.call('GET', '/v1/nothing');
SELECT pg_temp.shows(2);
BEGIN;
SELECT factory.flush_requests() IS NULL AS nothing;
SELECT * FROM factory.flush_requests();
ROLLBACK;
SELECT pg_temp.shows(2);
BEGIN;
SAVEPOINT s;
SELECT factory.flush_requests() IS NULL AS nothing;
ROLLBACK TO s;
SAVEPOINT t;
RELEASE t;
COMMIT;
SELECT pg_temp.shows(2);
BEGIN;
SAVEPOINT s;
SELECT factory.flush_requests() IS NULL AS nothing;
RELEASE s;
SAVEPOINT t;
ROLLBACK TO t;
COMMIT;
SELECT pg_temp.shows(2);
-- A month's requests used up: reading goes on, writing waits for another plan.
SELECT factory.set_plan_limit('small', 'requests_month', 5);
SELECT pg_sleep(0.2), factory.flush_requests() IS NULL AS nothing;
SELECT pg_sleep(0.2), factory.flush_requests() IS NULL AS nothing;
SELECT pg_temp.call('GET', '/v1/tenant'), pg_temp.call('PATCH', '/v1/tenant');
SELECT factory.set_plan_limit('small', 'requests_month', 1000);
SELECT pg_temp.call('GET', '/v1/tenant'), pg_temp.call('PATCH', '/v1/tenant');

-- What lapsed is freed by the job too, kept for a day and forgotten then.
UPDATE factory.quota_reservations SET expires_at = clock_timestamp() WHERE tenant_id = :'a';
SELECT outcome, rows > 0 AS some FROM factory.run_job('expire_reservations');
SELECT amount, lapsed FROM factory.quota_reservations WHERE tenant_id = :'a';
SELECT used, reserved FROM factory.quota_accounts WHERE tenant_id = :'a' AND metric = 'ai_usd_month';
UPDATE factory.quota_reservations SET expires_at = now() - interval '25 hours' WHERE tenant_id = :'a';
INSERT INTO factory.quota_accounts VALUES (:'a', 'ai_requests_day', now() - interval '401 days', 7), (:'a', 'ai_requests_day', now() - interval '399 days', 8);
SELECT outcome, rows > 0 AS some FROM factory.run_job('expire_reservations');
SELECT count(*) FROM factory.quota_reservations WHERE tenant_id = :'a';
SELECT used FROM factory.quota_accounts WHERE tenant_id = :'a' AND metric = 'ai_requests_day';
SELECT used FROM factory.quota_accounts WHERE tenant_id = :'a' AND metric = 'records';

-- The largest sums stay numbers.
SELECT factory.set_plan_limit('small', 'storage_bytes', NULL);
UPDATE factory.quota_accounts SET used = 4000000000000000000 WHERE tenant_id = :'a' AND metric = 'storage_bytes';
INSERT INTO factory.quota_accounts VALUES (:'a', 'storage_bytes', 'epoch', 4000000000000000000);
\c - app_login
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SAVEPOINT s;
SELECT factory.quota_use('storage_bytes', 100000000000000000);
ROLLBACK TO s;
SELECT factory.quota_return('storage_bytes', 100000000000000000);
SELECT factory.quota_use('storage_bytes', 100000000000000000);
COMMIT;

\c - postgres
DELETE FROM wall.notes WHERE tenant_id = :'a';
DELETE FROM factory.tenant_records WHERE id = :'a';
SELECT count(*) FROM factory.quota_accounts WHERE tenant_id = :'a';
SELECT factory.drop_plan('small');
DELETE FROM factory.plan_limits WHERE NOT shipped;
DROP ROLE quota_operator;
\set leave :inputs /sql/include/leave.psql
\i :leave
