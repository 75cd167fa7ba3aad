-- The data of the figures: 1,000 workspaces of 12 people, the same again in plain tables without row security, and three
-- tables that differ only in how their changes are recorded. Run once, by the superuser of the throw-away platform.
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
FROM generate_series(1, 1000) w, generate_series(1, 12) m;

INSERT INTO factory.users (id, email, name) SELECT user_id, email, name FROM bench.people;
INSERT INTO factory.credentials (user_id, password_hash)
SELECT p.user_id, c.password_hash
FROM bench.people p, factory.credentials c JOIN factory.users u ON u.id = c.user_id
WHERE p.member = 1 AND u.email = 'first@example.com';
INSERT INTO factory.tenant_records (id, slug, name, created_by)
SELECT gen_random_uuid(), 'workspace-' || workspace, 'Workspace ' || workspace, user_id FROM bench.people WHERE member = 1;
INSERT INTO factory.memberships (tenant_id, user_id, role)
SELECT t.id, p.user_id, p.role FROM bench.people p JOIN factory.tenant_records t ON t.slug = 'workspace-' || p.workspace;
INSERT INTO factory.user_tenants (user_id, tenant_id, role) SELECT user_id, tenant_id, role FROM factory.memberships;

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

-- The plain twins.
CREATE TABLE bench.users (LIKE factory.users INCLUDING ALL);
CREATE TABLE bench.sessions (LIKE factory.sessions INCLUDING ALL);
CREATE TABLE bench.tenants (LIKE factory.tenant_records INCLUDING ALL);
CREATE TABLE bench.memberships (LIKE factory.memberships INCLUDING ALL);
CREATE TABLE bench.user_tenants (LIKE factory.user_tenants INCLUDING ALL);
CREATE TABLE bench.roles (name text PRIMARY KEY, capabilities text[] NOT NULL);
INSERT INTO bench.users SELECT * FROM factory.users;
INSERT INTO bench.sessions SELECT * FROM factory.sessions;
INSERT INTO bench.tenants SELECT * FROM factory.tenant_records;
INSERT INTO bench.memberships SELECT * FROM factory.memberships;
INSERT INTO bench.user_tenants SELECT * FROM factory.user_tenants;
INSERT INTO bench.roles SELECT r, factory.role_capabilities(r) FROM unnest('{owner,admin,staff,viewer}'::text[]) r;

-- One workspace with a million rows.
CREATE TABLE bench.readings (tenant_id uuid NOT NULL, id bigint NOT NULL, value integer NOT NULL, PRIMARY KEY (tenant_id, id));
INSERT INTO bench.readings SELECT c.tenant, n, n % 1000 FROM bench.callers c, generate_series(1, 1000000) n WHERE c.number = 1;

-- A counter as one keeps it in a table.
CREATE TABLE bench.counters (key text PRIMARY KEY, n bigint NOT NULL);

-- The same table three times: recorded by the platform, by a trigger as one writes it in PL/pgSQL, and not at all.
CREATE TABLE bench.orders (
  tenant_id uuid NOT NULL, id uuid NOT NULL DEFAULT factory.uuid7(), title text NOT NULL, amount bigint NOT NULL,
  state text NOT NULL DEFAULT 'open', created_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (tenant_id, id));
CREATE TABLE bench.orders_unrecorded (LIKE bench.orders INCLUDING ALL);
CREATE TABLE bench.orders_plpgsql (LIKE bench.orders INCLUDING ALL);

CREATE TABLE bench.history (
  tenant_id uuid NOT NULL, id uuid NOT NULL DEFAULT factory.uuid7(), occurred_at timestamptz NOT NULL DEFAULT now(),
  action text NOT NULL, actor_id text, target_type text, target_id text, before jsonb, after jsonb,
  PRIMARY KEY (tenant_id, id));
CREATE FUNCTION bench.record_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO bench.history (tenant_id, action, actor_id, target_type, target_id, before, after)
  VALUES (coalesce(new.tenant_id, old.tenant_id), tg_table_name || '.' || lower(tg_op), factory.user_id()::text,
          tg_table_name, coalesce(new.id, old.id)::text, to_jsonb(old), to_jsonb(new));
  RETURN NULL;
END
$$;
CREATE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON bench.orders_plpgsql
  FOR EACH ROW EXECUTE FUNCTION bench.record_change();

DO $$
DECLARE
  each text;
BEGIN
  FOREACH each IN ARRAY ARRAY['bench.readings', 'bench.orders', 'bench.orders_unrecorded', 'bench.orders_plpgsql'] LOOP
    EXECUTE format('ALTER TABLE %s OWNER TO bench_owner', each);
  END LOOP;
END
$$;
SET SESSION AUTHORIZATION bench_owner;
SELECT factory.protect('bench.readings', read => 'workspace.view', write => 'records.write') \g /dev/null
SELECT factory.protect('bench.orders', read => 'workspace.view', write => 'records.write') \g /dev/null
SELECT factory.protect('bench.orders_unrecorded', read => 'workspace.view', write => 'records.write') \g /dev/null
SELECT factory.protect('bench.orders_plpgsql', read => 'workspace.view', write => 'records.write') \g /dev/null
DROP TRIGGER factory_record_change ON bench.orders_unrecorded;
DROP TRIGGER factory_record_change ON bench.orders_plpgsql;
RESET SESSION AUTHORIZATION;

GRANT USAGE ON SCHEMA bench TO factory_app, factory_edge;
GRANT SELECT ON bench.callers, bench.users, bench.sessions, bench.tenants, bench.memberships, bench.user_tenants,
  bench.roles TO factory_app, factory_edge;
GRANT SELECT, INSERT, UPDATE ON bench.counters TO factory_app;
GRANT SELECT, INSERT ON bench.readings, bench.orders, bench.orders_unrecorded, bench.orders_plpgsql TO factory_app;

-- Figures of refusals would be worthless. One caller: a transaction has one workspace.
DO $$
BEGIN
  IF EXISTS (
    SELECT FROM bench.callers c,
      factory.serve_global('GET', '/v1/me', c.headers::jsonb, '', '127.0.0.1') me,
      factory.serve(c.tenant, 'GET', '/v1/members', c.headers::jsonb, '', '127.0.0.1') members
    WHERE c.number = 1 AND (me.status <> 200 OR members.status <> 200
      OR json_array_length(convert_from(members.body, 'UTF8')::json -> 'data') <> 12))
  THEN
    RAISE EXCEPTION 'a caller is not answered as it should be';
  END IF;
END
$$;

VACUUM ANALYZE;
CHECKPOINT;
