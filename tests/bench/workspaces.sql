-- The workspaces of the figures, 20 people in each, and who calls. workspaces: how many. Run once, by the superuser of a
-- throw-away platform.
SET client_min_messages = warning;

CREATE SCHEMA bench;
CREATE ROLE bench_owner NOLOGIN IN ROLE factory_operator;
GRANT ALL ON SCHEMA bench TO bench_owner;

-- Passwords are no part of these figures; the settings live as long as the throw-away platform.
ALTER SYSTEM SET factory.scrypt_ln = 4;
ALTER SYSTEM SET factory.scrypt_r = 1;
ALTER SYSTEM SET factory.scrypt_p = 1;
ALTER SYSTEM SET factory.access_token_seconds = 3600;
SELECT pg_reload_conf() \g (format=unaligned tuples_only=on) /dev/null
SELECT pg_sleep(0.5) \g /dev/null

CREATE FUNCTION bench.post(path text, body json) RETURNS json LANGUAGE sql AS $$
  SELECT convert_from(answer.body, 'UTF8')::json
  FROM factory.serve_global('POST', path, '{"content-type": "application/json"}', convert_to(body::text, 'UTF8'),
                            '127.0.0.1') answer
$$;

-- One password for all who sign in.
SELECT bench.post('/v1/auth/register', '{"email": "first@example.com", "password": "a password of the figures", "name": "First"}') \g /dev/null

CREATE TABLE bench.people AS
SELECT w AS workspace, m AS member, gen_random_uuid() AS user_id, format('member%s@workspace%s.example', m, w) AS email,
       format('Member %s of %s', m, w) AS name, (ARRAY['owner', 'admin', 'staff', 'viewer'])[least(m, 4)] AS role
FROM generate_series(1, :workspaces) w, generate_series(1, 20) m;

INSERT INTO factory.users (id, email, name) SELECT user_id, email, name FROM bench.people;
INSERT INTO factory.credentials (user_id, password_hash)
SELECT p.user_id, c.password_hash
FROM bench.people p, factory.credentials c JOIN factory.users u ON u.id = c.user_id
WHERE p.member = 1 AND u.email = 'first@example.com';
-- The largest plan: nobody may come to the end of a quota while the time is taken.
INSERT INTO factory.tenant_records (id, slug, name, created_by, plan)
SELECT gen_random_uuid(), 'workspace-' || workspace, 'Workspace ' || workspace, user_id, 'business' FROM bench.people WHERE member = 1;
INSERT INTO factory.memberships (tenant_id, user_id, role)
SELECT t.id, p.user_id, p.role FROM bench.people p JOIN factory.tenant_records t ON t.slug = 'workspace-' || p.workspace;
INSERT INTO factory.user_tenants (user_id, tenant_id, role) SELECT user_id, tenant_id, role FROM factory.memberships;

ANALYZE;

-- Who calls: the owner of each workspace, signed in. The headers are those that the edge hands on.
CREATE TABLE bench.callers AS
SELECT p.workspace AS number, t.id AS tenant, p.user_id AS person, signed_in.token,
       json_build_object('authorization', 'Bearer ' || signed_in.token, 'x-request-id', gen_random_uuid()) AS headers
FROM bench.people p
JOIN factory.tenant_records t ON t.slug = 'workspace-' || p.workspace,
LATERAL (SELECT bench.post('/v1/auth/login', json_build_object('email', p.email, 'password', 'a password of the figures'))
                ->> 'access_token' AS token) signed_in
WHERE p.member = 1;
ALTER TABLE bench.callers ADD PRIMARY KEY (number);
ALTER TABLE bench.callers ADD COLUMN session uuid;
UPDATE bench.callers c SET session = s.id FROM factory.sessions s WHERE s.user_id = c.person;

-- What happened in each workspace: two pages of it.
INSERT INTO factory.audit_events (tenant_id, id, occurred_at, action, outcome, actor_type, actor_id, target_type, target_id, metadata)
SELECT c.tenant, factory.uuid7(), now(), 'member.changed', 'success', 'user', c.person, 'user', c.person, '{"role": "staff"}'
FROM bench.callers c, generate_series(1, 50);

GRANT USAGE ON SCHEMA bench TO factory_app, factory_edge;
GRANT SELECT ON bench.callers TO factory_app, factory_edge;

-- Figures of refusals would be worthless. One caller: a transaction has one workspace.
DO $$
DECLARE
  refused text;
BEGIN
  SELECT string_agg(answer.path, ', ') INTO refused
  FROM (
    SELECT '/v1/me' AS path, me.status, 12 AS rows
    FROM bench.callers c, factory.serve_global('GET', '/v1/me', c.headers::jsonb, '', '127.0.0.1') me
    WHERE c.number = 1
    UNION ALL
    SELECT path, own.status,
           CASE path WHEN '/v1/members?limit=12' THEN json_array_length(convert_from(own.body, 'UTF8')::json -> 'data') ELSE 12 END
    FROM bench.callers c, unnest(ARRAY['/v1/tenant', '/v1/members?limit=12', '/v1/audit-logs']) path,
      factory.serve(c.tenant, 'GET', path, c.headers::jsonb, '', '127.0.0.1') own
    WHERE c.number = 1) answer
  WHERE answer.status <> 200 OR answer.rows <> 12;
  IF refused IS NOT NULL THEN
    RAISE EXCEPTION 'a caller is not answered as it should be: %', refused;
  END IF;
END
$$;

VACUUM ANALYZE;
CHECKPOINT;
