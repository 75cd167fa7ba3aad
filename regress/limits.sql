-- Limits over SQL, as the runtime login, and through serve as the edge.
\getenv inputs PG_ABS_SRCDIR
\set workspaces :inputs '/sql/include/workspaces.psql'
\i :workspaces
\c - app_login
SELECT 'k-' || gen_random_uuid() AS key, 'o-' || gen_random_uuid() AS other \gset

-- The burst at once, then one every 20 seconds; what is refused costs nothing, and cost 0 only looks.
SELECT * FROM factory.throttle(:'key', 3, 3, 60);
SELECT * FROM factory.throttle(:'key', 3, 3, 60, 2);
SELECT * FROM factory.throttle(:'key', 3, 3, 60);
SELECT * FROM factory.throttle(:'key', 3, 3, 60, 0);
SELECT * FROM factory.throttle(:'other', 3, 3, 60, 0);

-- It outlives ROLLBACK, a savepoint's too, and works where nothing may be written.
BEGIN READ ONLY;
SELECT limited FROM factory.throttle(:'other', 2, 2, 60);
SAVEPOINT s;
SELECT limited FROM factory.throttle(:'other', 2, 2, 60);
ROLLBACK TO s;
ROLLBACK;
SELECT limited FROM factory.throttle(:'other', 2, 2, 60);

-- Keys of a workspace are its own: neither another workspace nor a caller without one touches them.
BEGIN;
SELECT factory.sign_in(:'ann', :'a') IS NOT NULL AS in_a;
SELECT limited FROM factory.throttle(:'other', 1, 1, 60);
SELECT limited FROM factory.throttle(:'other', 1, 1, 60);
COMMIT;
BEGIN;
SELECT factory.sign_in(:'ben', :'b') IS NOT NULL AS in_b;
SELECT limited FROM factory.throttle(:'other', 1, 1, 60);
COMMIT;

-- Bad arguments are errors that name each of them.
SELECT * FROM factory.throttle('', 0, 0, 0, -1);
SELECT * FROM factory.throttle(NULL, 1, 1, 1);
SELECT * FROM factory.throttle('x', 1, NULL, 1);
SELECT * FROM factory.throttle('x', 1, 1, 1, NULL);
SELECT * FROM factory.throttle('x', 2, 2, 1, 3);
SELECT * FROM factory.throttle('x', 2147483647, 1, 2147483647);
SELECT * FROM factory.throttle('x', 1, 1000001, 1);
SELECT * FROM factory.throttle(repeat('x', 1025), 1, 1, 1);
SELECT limited, "limit" FROM factory.throttle(repeat('x', 1024), 2147483647, 1000000, 1);

-- Nobody but an operator sets the platform's policies, and nobody reads the tables.
SELECT factory.set_platform_rate_policy('api', 'tenant_user', 1, 1, 60);
SELECT factory.drop_platform_rate_policy('api', 'tenant_user');
SELECT factory.unlock_account('ann@example.com');
SELECT * FROM factory.rate_policies;
SELECT * FROM factory.tenant_rate_policies;
SELECT * FROM factory.rate_blocks;
SELECT * FROM factory.account_lockouts;
SELECT * FROM factory.platform_blocked_calls;
SELECT factory.set_rate_policy('api', 'tenant_user', 1, 1, 60);
BEGIN;
SELECT factory.sign_in(:'cay', :'a') IS NOT NULL AS staff;
SELECT factory.set_rate_policy('api', 'tenant_user', 1, 1, 60);
ROLLBACK;
BEGIN;
SELECT factory.sign_in(:'cay', :'a') IS NOT NULL AS staff;
SELECT * FROM factory.list_rate_policies();
ROLLBACK;

-- An operator gives workspace A three calls; it holds for the very next statement, over SQL by the SQLSTATE PT429.
\c - postgres
SELECT factory.set_platform_rate_policy('api', 'tenant_user', 3, 3, 60, tenant => :'a');
SELECT factory.set_platform_rate_policy('api', 'tenant_user', 3, 3, 60, tenant => :'b');
\c - app_login
BEGIN;
SELECT factory.sign_in(:'ann', :'a') IS NOT NULL AS in_a;
SELECT name FROM factory.get_tenant();
SELECT count(*) FROM factory.list_members();
SELECT count(*) FROM (SELECT factory.list_members()) one_call;
ROLLBACK;
\set VERBOSITY sqlstate
BEGIN;
SELECT factory.sign_in(:'ann', :'a') IS NOT NULL AS in_a;
SELECT name FROM factory.get_tenant();
ROLLBACK;
\set VERBOSITY default
-- Another person of the workspace has their own, another workspace is not concerned.
BEGIN;
SELECT factory.sign_in(:'cay', :'a') IS NOT NULL AS in_a;
SELECT name FROM factory.get_tenant();
COMMIT;
BEGIN;
SELECT factory.sign_in(:'ben', :'b') IS NOT NULL AS in_b;
SELECT name FROM factory.get_tenant();
COMMIT;
-- Each row of a statement is a call; what returns many rows is one, however often the statement asks for it.
BEGIN;
SELECT factory.sign_in(:'cay', :'a') IS NOT NULL AS in_a;
SELECT count(*), sum((SELECT count(*) FROM factory.get_member(u.user_id))) FROM factory.members u;
COMMIT;
BEGIN;
SELECT factory.sign_in(:'ben', :'b') IS NOT NULL AS in_b;
SELECT n, (factory.update_tenant(name => 'Workspace B')).name FROM generate_series(1, 3) n;
ROLLBACK;

-- Over HTTP the same, with headers; the refusal leaves its row, and a second call doubles it.
\c - factory_edge
\set as_ann '{"authorization": "Bearer ' :ann '", "content-type": "application/json"}'
SELECT status, headers - 'retry-after' - 'ratelimit' AS headers, (headers->>'retry-after')::integer BETWEEN 1 AND 20 AS waits,
       headers->>'ratelimit' = format('"api";r=0;t=%s', headers->>'retry-after') AS same_instant,
       convert_from(body, 'UTF8')::json->>'code' AS code
FROM factory.serve(:'a', 'GET', '/v1/tenant', :'as_ann', '', '192.0.2.1');
SELECT status FROM factory.serve(:'a', 'GET', '/v1/tenant', :'as_ann', '', '192.0.2.1');
SELECT status FROM factory.serve(:'a', 'GET', '/v1/tenant', :'as_ann', '', '192.0.2.1');
SELECT status, convert_from(body, 'UTF8')::json->'data'->0->>'hits' AS hits, convert_from(body, 'UTF8')::json->'data'->0->>'policy' AS policy,
       convert_from(body, 'UTF8')::json->'data'->0->>'subject' = :'ann_id' AS by_ann
FROM factory.serve(:'a', 'GET', '/v1/rate-limits/blocks', :'as_ann', '', '192.0.2.1');
\c - postgres
SELECT count(*), max(hits) FROM factory.rate_blocks WHERE tenant_id = :'a';
SELECT factory.drop_platform_rate_policy('api', 'tenant_user', tenant => :'a');
SELECT factory.drop_platform_rate_policy('api', 'tenant_user', tenant => :'a');
\c - factory_edge
SELECT status, convert_from(body, 'UTF8')::json->'data'->0->>'hits' AS hits
FROM factory.serve(:'a', 'GET', '/v1/rate-limits/blocks', :'as_ann', '', '192.0.2.1');

-- A workspace tightens what is allowed, and cannot loosen it or lock itself out.
\set put 'SELECT status, convert_from(body, \'UTF8\') AS body FROM factory.serve(:\'a\', \'PUT\', \'/v1/rate-limits/policies\', :\'as_ann\', convert_to(:\'policy\', \'UTF8\'), \'192.0.2.1\');'
\set policy '{"class": "invite", "strategy": "tenant", "burst": 2, "count": 2, "period": 3600}'
:put
\set policy '{"class": "invite", "strategy": "tenant", "burst": 100001, "count": 2, "period": 60}'
SELECT status, convert_from(body, 'UTF8')::json->'errors'->0->>'pointer' AS pointer FROM factory.serve(:'a', 'PUT', '/v1/rate-limits/policies', :'as_ann', convert_to(:'policy', 'UTF8'), '192.0.2.1');
\set policy '{"class": "limits", "strategy": "tenant_user", "burst": 1, "count": 1, "period": 86400}'
SELECT status, convert_from(body, 'UTF8')::json->'errors'->0->>'detail' AS detail FROM factory.serve(:'a', 'PUT', '/v1/rate-limits/policies', :'as_ann', convert_to(:'policy', 'UTF8'), '192.0.2.1');
\set policy '{"class": "nothing", "strategy": "tenant", "burst": 1, "count": 1, "period": 60}'
SELECT status, convert_from(body, 'UTF8')::json->'errors'->0->>'detail' AS detail FROM factory.serve(:'a', 'PUT', '/v1/rate-limits/policies', :'as_ann', convert_to(:'policy', 'UTF8'), '192.0.2.1');
\set policy '{"class": "Invite!", "strategy": "host", "burst": 0, "count": 0, "period": 0}'
SELECT status, convert_from(body, 'UTF8')::json->'errors' AS errors FROM factory.serve(:'a', 'PUT', '/v1/rate-limits/policies', :'as_ann', convert_to(:'policy', 'UTF8'), '192.0.2.1');
SELECT r.policy->>'name' AS name, r.policy->>'burst' AS burst, r.policy->>'period' AS period, r.policy->>'source' AS source
FROM factory.serve(:'a', 'GET', '/v1/rate-limits/policies', :'as_ann', '', '192.0.2.1') s, json_array_elements(convert_from(s.body, 'UTF8')::json->'data') AS r(policy)
WHERE r.policy->>'name' = 'invite';
-- Who may not call uses up nothing of what the workspace shares, over HTTP and over SQL.
\set as_ben '{"authorization": "Bearer ' :ben '", "content-type": "application/json"}'
SELECT n, s.status FROM generate_series(1, 3) n, factory.serve(:'a', 'POST', '/v1/invitations', :'as_ben',
  convert_to('{"email": "guest@example.com", "role": "viewer"}', 'UTF8'), '192.0.2.1') s;
\c - app_login
BEGIN;
SELECT factory.sign_in(:'ben', :'a') IS NOT NULL AS viewer;
DO $$
BEGIN
  FOR n IN 1..3 LOOP
    BEGIN
      PERFORM factory.create_invitation('guest@example.com', 'viewer');
    EXCEPTION WHEN insufficient_privilege THEN
    END;
  END LOOP;
END $$;
ROLLBACK;
\c - factory_edge
SELECT n, s.status FROM generate_series(1, 3) n, factory.serve(:'a', 'POST', '/v1/invitations', :'as_ann',
  convert_to(format('{"email": "guest%s@example.com", "role": "viewer"}', n), 'UTF8'), '192.0.2.1') s;
\set policy '{"class": "invite", "strategy": "tenant", "burst": 2, "count": 2, "period": 3600, "enabled": false}'
SELECT status, convert_from(body, 'UTF8')::json->>'source' AS source FROM factory.serve(:'a', 'PUT', '/v1/rate-limits/policies', :'as_ann', convert_to(:'policy', 'UTF8'), '192.0.2.1');

-- By address: IPv6 counts by /64, and an IPv4-mapped address is the IPv4 address.
\c - postgres
SELECT factory.set_platform_rate_policy('public', 'ip', 2, 2, 60, name => 'public');
\c - factory_edge
SELECT peer, s.status FROM unnest('{203.0.113.7,::ffff:203.0.113.7,::ffff:cb00:7107,203.0.113.8,2001:db8:7::1,2001:db8:7::2,2001:db8:7:0:ffff::3,2001:db8:7:1::1}'::text[]) peer,
  factory.serve_global('GET', '/v1/permissions', '{}', '', peer::inet) s;
SELECT status FROM factory.serve_global('GET', '/v1/permissions', '{"x-forwarded-for": "198.51.100.1"}', '', '203.0.113.7');
SELECT n, s.status FROM generate_series(1, 3) n, factory.serve_global('GET', '/v1/permissions', '{}', '', CASE WHEN n = 0 THEN '::1'::inet END) s;
\c - postgres
SELECT subject, hits, peer FROM factory.platform_rate_blocks WHERE policy = 'public' AND (subject LIKE '203.0.113%' OR subject LIKE '2001:db8:7:%') ORDER BY 1;
DELETE FROM factory.platform_rate_blocks WHERE policy = 'public';
-- A policy of a plan holds in the workspaces that have it; one that is off is no limit.
SELECT factory.set_platform_rate_policy('public', 'ip', 1, 1, 60, name => 'public', enabled => false);
SELECT headers ? 'ratelimit' AS limited FROM factory.serve_global('GET', '/v1/permissions', '{}', '', '203.0.113.7');
SELECT factory.set_platform_rate_policy('public', 'ip', 100000, 100000, 60, name => 'public');
BEGIN;
SELECT factory.set_platform_rate_policy('api', 'tenant_user', 7, 7, 60, plan => 'pro');
SELECT factory.sign_in(:'ann', :'a') IS NOT NULL AS in_a;
SELECT name, burst, source FROM factory.list_rate_policies() WHERE class = 'api' AND strategy = 'tenant_user';
SELECT factory.set_tenant_plan(:'a', 'pro');
SELECT name, burst, source FROM factory.list_rate_policies() WHERE class = 'api' AND strategy = 'tenant_user';
ROLLBACK;
SELECT factory.set_platform_rate_policy('api', 'tenant_user', 7, 7, 60, plan => 'no_such_plan');
-- Values that cannot be.
SELECT factory.set_platform_rate_policy('api', 'account', 1, 1, 60);
SELECT factory.set_platform_rate_policy('login', 'account', 5, 6, 60);
SELECT factory.set_platform_rate_policy('api', 'ip', 1, 1, 60, tenant => :'a', plan => 'pro');
SELECT factory.set_platform_rate_policy('api', 'ip', 1, 1, 60, plan => '');
SELECT factory.set_platform_rate_policy('api', 'ip', 1, 1, 60, tenant => gen_random_uuid());
SELECT factory.set_platform_rate_policy('api', 'ip', 1, 1, 60, name => 'Ünknown"');
\i :leave
