-- Events of changed rows go into the audit log without a plan of their own: to the right partition, whatever its layout,
-- into all of its indexes, and past none of its triggers.
\set VERBOSITY terse
BEGIN;
INSERT INTO factory.tenant_records (id, slug, name) VALUES ('0190a000-0000-7000-8000-000000000001', 'audit-partitions', 'Partitions');
CREATE SCHEMA ledger;
CREATE TABLE ledger.orders (
  tenant_id uuid NOT NULL, id integer, title text, placed date, at timestamptz, price numeric, tags text[],
  PRIMARY KEY (tenant_id, id));
SELECT factory.protect('ledger.orders');
CREATE VIEW ledger.log AS
  SELECT tableoid::regclass AS partition, action, actor_type, actor_id, target_type, target_id, before, after, metadata,
         occurred_at = now() AS in_time, e.tenant_id, e.id
  FROM factory.audit_events e
  WHERE e.tenant_id = '0190a000-0000-7000-8000-000000000001' AND target_type = 'ledger.orders';

-- Without a partition for the month: the default one.
INSERT INTO ledger.orders VALUES
  ('0190a000-0000-7000-8000-000000000001', 1, 'one', '2026-02-28', '2026-02-28 23:59:59.25+00', 1.50, '{a,"b c"}'),
  ('0190a000-0000-7000-8000-000000000001', 2, NULL, NULL, '0044-03-15 12:00:00+00 BC', 'NaN', NULL);
UPDATE ledger.orders SET title = 'uno' WHERE id = 1;
UPDATE ledger.orders SET title = 'uno' WHERE id = 1;
DELETE FROM ledger.orders WHERE id = 2;
SELECT partition, action, actor_id, target_id, before, after, in_time FROM ledger.log ORDER BY id;

-- A savepoint takes its events along.
SAVEPOINT before;
UPDATE ledger.orders SET title = 'lost' WHERE id = 1;
ROLLBACK TO before;
SELECT count(*) FROM ledger.log;

-- The month has come, as a table with its columns in another order and with indexes that need working out.
DELETE FROM factory.audit_events;
CREATE TABLE ledger.month (
  metadata jsonb, dropped integer, after jsonb, before jsonb, peer inet, request_id text, target_id text, target_type text,
  session_id uuid, actor_id text, actor_type text NOT NULL, outcome text NOT NULL, action text NOT NULL,
  occurred_at timestamptz NOT NULL, id uuid NOT NULL, tenant_id uuid NOT NULL, PRIMARY KEY (tenant_id, id),
  CONSTRAINT audit_events_outcome_known CHECK (outcome IN ('success', 'denied', 'failed', 'blocked')));
ALTER TABLE ledger.month DROP COLUMN dropped;
CREATE INDEX month_updates ON ledger.month (upper(action)) WHERE outcome = 'success';
SELECT date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month' || '+00' AS next_month \gset
ALTER TABLE factory.audit_events ATTACH PARTITION ledger.month FOR VALUES FROM ('2000-01-01') TO (:'next_month');
UPDATE ledger.orders SET title = repeat('many words ', 100000) WHERE id = 1;
SELECT partition, action, target_id, length(after ->> 'title') AS length FROM ledger.log ORDER BY id;
SET LOCAL enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT target_id FROM ledger.month WHERE upper(action) = 'ORDERS.UPDATED' AND outcome = 'success';
SELECT target_id FROM ledger.month WHERE upper(action) = 'ORDERS.UPDATED' AND outcome = 'success';

-- A trigger of the DBA's on the partition is heard.
CREATE FUNCTION ledger.hear() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  new.metadata := '{"heard": true}';
  RETURN new;
END
$$;
CREATE TRIGGER hear BEFORE INSERT ON ledger.month FOR EACH ROW EXECUTE FUNCTION ledger.hear();
DELETE FROM ledger.orders;
SELECT partition, action, metadata FROM ledger.log WHERE action = 'orders.deleted';
ROLLBACK;
