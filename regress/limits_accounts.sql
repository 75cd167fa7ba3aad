-- Guesses at an account: ten failures lock it, known or not, whatever is rolled back; a lock-out outlives the shared memory.
\getenv inputs PG_ABS_SRCDIR
\set workspaces :inputs '/sql/include/workspaces.psql'
\i :workspaces
SELECT 'ann-' || :'run' || '@example.com' AS ann_email, 'nobody-' || :'run' || '@example.com' AS nobody, 'eve-' || :'run' || '@example.com' AS eve \gset
-- The numbers as shipped; passwords are no part of this test.
SET client_min_messages = warning;
SELECT factory.set_platform_rate_policy('login', 'account', 10, 10, 900, name => 'account') AS ignored \gset
ALTER SYSTEM SET factory.scrypt_ln = 4;
SELECT pg_reload_conf() \gset
SELECT pg_sleep(0.2) \gset
-- Signs in so many times in transactions that are rolled back, and says how each one ended.
CREATE FUNCTION wall.guess(email text, password text, times integer) RETURNS TABLE (code text, n bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  said text;
  codes text[];
BEGIN
  FOR i IN 1..times LOOP
    BEGIN
      PERFORM factory.login(email, password);
      codes := codes || 'signed in'::text;
      RAISE EXCEPTION 'roll it back' USING ERRCODE = 'ZZ000';
    EXCEPTION WHEN SQLSTATE 'ZZ000' THEN NULL;
    WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS said = PG_EXCEPTION_DETAIL;
      codes := codes || (said::json->>'code');
    END;
  END LOOP;
  RETURN QUERY SELECT c, count(*) FROM unnest(codes) c GROUP BY c ORDER BY c;
END
$$;
RESET client_min_messages;
\c - app_login
SELECT * FROM wall.guess(:'ann_email', 'a wrong phrase', 9);
-- The right password forgets the failures before it.
SELECT * FROM wall.guess(:'ann_email', 'a quite long phrase', 12);
SELECT * FROM wall.guess(:'ann_email', 'a wrong phrase', 12);
SELECT * FROM wall.guess(:'ann_email', 'a quite long phrase', 1);
SELECT * FROM wall.guess(upper(:'ann_email'), 'a wrong phrase', 1);
SELECT * FROM wall.guess(:'nobody', 'a wrong phrase', 12);
\set VERBOSITY sqlstate
SELECT factory.login(:'nobody', 'a wrong phrase');
\set VERBOSITY default

-- Over HTTP the tenth failure leaves a row, and the answer is the same for known and unknown addresses.
\c - factory_edge
\set try 'SELECT s.status, count(*) FROM generate_series(1, 11) n, factory.serve_global(\'POST\', \'/v1/auth/login\', \'{"content-type": "application/json"}\', convert_to(json_build_object(\'email\', :\'who\'::text, \'password\', \'a wrong phrase\' || n)::text, \'UTF8\'), \'192.0.2.1\') s GROUP BY 1 ORDER BY 1;'
\set who :eve
:try
SELECT a.body = n.body AS same_body, a.headers - 'ratelimit' - 'retry-after' = n.headers - 'ratelimit' - 'retry-after' AS same_headers,
       a.headers->>'ratelimit-policy' AS policies, (a.headers->>'retry-after')::integer BETWEEN 880 AND 900 AS after, a.headers->>'ratelimit' LIKE '%, "account";r=0;t=8%' OR a.headers->>'ratelimit' LIKE '%, "account";r=0;t=900' AS told
FROM (SELECT headers, regexp_replace(convert_from(body, 'UTF8'), '"retry_after":\d+', '') AS body FROM factory.serve_global('POST', '/v1/auth/login', '{"content-type": "application/json"}', convert_to(json_build_object('email', :'ann_email'::text, 'password', 'x')::text, 'UTF8'), '192.0.2.1')) a,
     (SELECT headers, regexp_replace(convert_from(body, 'UTF8'), '"retry_after":\d+', '') AS body FROM factory.serve_global('POST', '/v1/auth/login', '{"content-type": "application/json"}', convert_to(json_build_object('email', :'nobody'::text, 'password', 'x')::text, 'UTF8'), '192.0.2.1')) n;
\c - postgres
SELECT factory.evidence_flush();
SELECT count(*), min(failures), min(expires_at - locked_at) FROM factory.account_lockouts WHERE locked_at > now() - interval '1 minute' AND expires_at > now();
-- The row alone holds it, as after a restart of the server.
INSERT INTO factory.account_lockouts (subject, locked_at, expires_at, failures)
SELECT left(translate(encode(sha256(convert_to('late-' || :'run' || '@example.com', 'UTF8')), 'base64'), '+/', '-_'), 22), now(), now() + interval '2 minutes', 10;
\c - app_login
SELECT * FROM wall.guess('late-' || :'run' || '@example.com', 'a wrong phrase', 1);
\c - postgres
UPDATE factory.account_lockouts SET expires_at = now() - interval '1 second' WHERE expires_at < now() + interval '3 minutes' AND locked_at > now() - interval '1 minute';
\c - app_login
SELECT * FROM wall.guess('late-' || :'run' || '@example.com', 'a wrong phrase', 1);
-- An operator ends one; the event says who.
\c - postgres
SELECT factory.unlock_account(upper(:'ann_email'));
SELECT factory.unlock_account(:'ann_email');
SELECT count(*) FROM factory.platform_events WHERE action = 'account.unlocked' AND occurred_at > now() - interval '1 minute' AND actor_id = 'db:postgres';
\c - app_login
SELECT * FROM wall.guess(:'ann_email', 'a quite long phrase', 1);
-- An operator's own numbers, and none.
\c - postgres
SELECT factory.set_platform_rate_policy('login', 'account', 2, 2, 60, name => 'account');
SELECT * FROM wall.guess(:'ann_email', 'a wrong phrase', 4);
SELECT factory.set_platform_rate_policy('login', 'account', 2, 2, 60, name => 'account', enabled => false);
SELECT * FROM wall.guess(:'ann_email', 'a wrong phrase', 4);
SELECT factory.set_platform_rate_policy('login', 'account', 100000, 100000, 60, name => 'account');
SELECT factory.unlock_account(:'ann_email');
DELETE FROM factory.account_lockouts WHERE locked_at > now() - interval '1 minute';
SET client_min_messages = warning;
ALTER SYSTEM RESET factory.scrypt_ln;
SELECT pg_reload_conf() \gset
\i :leave
