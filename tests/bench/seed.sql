-- What our figures stand beside, after workspaces.sql: its people again in plain tables without row security, and three
-- tables that differ only in how their changes are recorded. Run once, by the superuser of the throw-away platform.
SET client_min_messages = warning;

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

GRANT SELECT ON bench.users, bench.sessions, bench.tenants, bench.memberships, bench.user_tenants,
  bench.roles TO factory_app, factory_edge;
GRANT SELECT, INSERT, UPDATE ON bench.counters TO factory_app;
GRANT SELECT, INSERT ON bench.readings, bench.orders, bench.orders_unrecorded, bench.orders_plpgsql TO factory_app;

VACUUM ANALYZE;
CHECKPOINT;
