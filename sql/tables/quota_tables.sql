CREATE TABLE factory.plan_records (
  id text NOT NULL,
  rank integer NOT NULL,
  title text NOT NULL,
  shipped boolean NOT NULL,
  CONSTRAINT plan_records_pkey PRIMARY KEY (id),
  CONSTRAINT plan_records_id_form CHECK (id ~ '^[a-z][a-z0-9_-]{0,39}$')
);
COMMENT ON TABLE factory.plan_records IS 'Plans, the smallest first by rank. Everybody reads them through the view factory.plans.';

-- What an operator set stands beside what was shipped and goes before it: so an upgrade may ship other limits, and a dump
-- holds the operator's alone.
CREATE TABLE factory.plan_limits (
  plan text NOT NULL,
  metric text NOT NULL,
  shipped boolean NOT NULL,
  "limit" bigint,
  CONSTRAINT plan_limits_pkey PRIMARY KEY (plan, metric, shipped),
  CONSTRAINT plan_limits_plan_fkey FOREIGN KEY (plan) REFERENCES factory.plan_records (id) ON DELETE CASCADE,
  CONSTRAINT plan_limits_limit_possible CHECK ("limit" BETWEEN 0 AND 4000000000000000000)
);
COMMENT ON TABLE factory.plan_limits IS 'What each plan allows; null, or no row, is without limit.';

INSERT INTO factory.plan_records (id, rank, title, shipped) VALUES
  ('free', 10, 'Free', true),
  ('pro', 20, 'Pro', true),
  ('business', 30, 'Business', true);

INSERT INTO factory.plan_limits (plan, metric, shipped, "limit") VALUES
  ('free', 'members', true, 25),
  ('free', 'api_keys', true, 10),
  ('free', 'records', true, 10000),
  ('free', 'storage_bytes', true, 1000000000),
  ('free', 'requests_month', true, 100000),
  ('free', 'ai_usd_month', true, 1000000000000),
  ('free', 'ai_requests_day', true, 50),
  ('free', 'exports_day', true, 3),
  ('pro', 'members', true, 50),
  ('pro', 'api_keys', true, 20),
  ('pro', 'records', true, 100000),
  ('pro', 'storage_bytes', true, 10000000000),
  ('pro', 'requests_month', true, 1000000),
  ('pro', 'ai_usd_month', true, 20000000000000),
  ('pro', 'ai_requests_day', true, 500),
  ('pro', 'exports_day', true, 5),
  ('business', 'members', true, NULL),
  ('business', 'api_keys', true, 200),
  ('business', 'records', true, 10000000),
  ('business', 'storage_bytes', true, 1000000000000),
  ('business', 'requests_month', true, 50000000),
  ('business', 'ai_usd_month', true, 500000000000000),
  ('business', 'ai_requests_day', true, 20000),
  ('business', 'exports_day', true, 50);

ALTER TABLE factory.tenant_records ADD COLUMN plan text NOT NULL DEFAULT 'free'
  CONSTRAINT tenant_records_plan_fkey REFERENCES factory.plan_records (id);

-- One account for each metric and period; period_start is 1970 for what counts until it is given back.
CREATE TABLE factory.quota_accounts (
  tenant_id uuid NOT NULL,
  metric text NOT NULL,
  period_start timestamptz NOT NULL,
  used bigint NOT NULL DEFAULT 0,
  reserved bigint NOT NULL DEFAULT 0,
  CONSTRAINT quota_accounts_pkey PRIMARY KEY (tenant_id, metric, period_start),
  CONSTRAINT quota_accounts_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES factory.tenant_records (id) ON DELETE CASCADE,
  CONSTRAINT quota_accounts_possible CHECK (used BETWEEN 0 AND 4000000000000000000 AND reserved BETWEEN 0 AND 4000000000000000000)
);
COMMENT ON TABLE factory.quota_accounts IS 'What each workspace has used and reserved.';

CREATE TABLE factory.quota_reservations (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  metric text NOT NULL,
  period_start timestamptz NOT NULL,
  amount bigint NOT NULL,
  expires_at timestamptz NOT NULL,
  lapsed boolean NOT NULL DEFAULT false,
  CONSTRAINT quota_reservations_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT quota_reservations_account_fkey FOREIGN KEY (tenant_id, metric, period_start)
    REFERENCES factory.quota_accounts (tenant_id, metric, period_start) ON DELETE CASCADE
);
CREATE INDEX quota_reservations_account_idx ON factory.quota_reservations (tenant_id, metric, period_start, expires_at);
COMMENT ON TABLE factory.quota_reservations IS
  'Amounts set aside and not yet settled. A lapsed one holds nothing any more, and is kept for a day so that a late settlement counts.';

SELECT pg_catalog.pg_extension_config_dump('factory.plan_records', 'WHERE NOT shipped');
SELECT pg_catalog.pg_extension_config_dump('factory.plan_limits', 'WHERE NOT shipped');
SELECT pg_catalog.pg_extension_config_dump('factory.quota_accounts', '');
SELECT pg_catalog.pg_extension_config_dump('factory.quota_reservations', '');

INSERT INTO factory.table_registry (relation, class, shipped) VALUES
  ('factory.plan_records', 'global', true),
  ('factory.plan_limits', 'global', true),
  ('factory.quota_accounts', 'tenant', true),
  ('factory.quota_reservations', 'tenant', true);
