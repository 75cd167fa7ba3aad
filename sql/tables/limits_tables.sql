-- What operators change stands beside the shipped row and takes its place, so that a dump holds their rows alone.
CREATE TABLE factory.rate_policies (
  name text NOT NULL,
  class text NOT NULL,
  strategy text NOT NULL,
  plan text NOT NULL DEFAULT '',
  burst integer NOT NULL,
  count integer NOT NULL,
  period integer NOT NULL,
  enabled boolean NOT NULL DEFAULT true,
  shipped boolean NOT NULL DEFAULT false,
  CONSTRAINT rate_policies_pkey PRIMARY KEY (class, strategy, plan, shipped),
  CONSTRAINT rate_policies_name_form CHECK (name ~ '^[a-z][a-z0-9_]{0,39}$'),
  CONSTRAINT rate_policies_class_form CHECK (class ~ '^[a-z][a-z0-9_]{0,39}$'),
  CONSTRAINT rate_policies_strategy_known CHECK (strategy IN ('ip', 'tenant', 'tenant_user', 'api_key', 'token', 'account')),
  CONSTRAINT rate_policies_positive CHECK (burst > 0 AND count > 0 AND period > 0)
);
COMMENT ON TABLE factory.rate_policies IS
  'Limits of calls for everybody (no plan) and by plan: count calls in period seconds, burst of them at once, counted by strategy.';

CREATE TABLE factory.tenant_rate_policies (
  tenant_id uuid NOT NULL,
  class text NOT NULL,
  strategy text NOT NULL,
  set_by text NOT NULL,
  burst integer NOT NULL,
  count integer NOT NULL,
  period integer NOT NULL,
  enabled boolean NOT NULL DEFAULT true,
  CONSTRAINT tenant_rate_policies_pkey PRIMARY KEY (tenant_id, class, strategy, set_by),
  CONSTRAINT tenant_rate_policies_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES factory.tenant_records (id) ON DELETE CASCADE,
  CONSTRAINT tenant_rate_policies_class_form CHECK (class ~ '^[a-z][a-z0-9_]{0,39}$'),
  CONSTRAINT tenant_rate_policies_strategy_known CHECK (strategy IN ('ip', 'tenant', 'tenant_user', 'api_key', 'token')),
  CONSTRAINT tenant_rate_policies_set_by_known CHECK (set_by IN ('operator', 'workspace')),
  CONSTRAINT tenant_rate_policies_positive CHECK (burst > 0 AND count > 0 AND period > 0)
);
COMMENT ON TABLE factory.tenant_rate_policies IS
  'Limits of one workspace: set by an operator in place of the platform''s, or by the workspace itself to tighten them.';

CREATE TABLE factory.rate_blocks (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  minute timestamptz NOT NULL,
  policy text NOT NULL,
  strategy text NOT NULL,
  subject text NOT NULL,
  hits bigint NOT NULL,
  last_at timestamptz NOT NULL,
  peer inet,
  CONSTRAINT rate_blocks_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT rate_blocks_key UNIQUE (tenant_id, minute, policy, subject),
  CONSTRAINT rate_blocks_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES factory.tenant_records (id) ON DELETE CASCADE
);
COMMENT ON TABLE factory.rate_blocks IS 'Calls in a workspace that a limit refused, one row for each minute, policy and subject.';

CREATE TABLE factory.platform_rate_blocks (
  id uuid NOT NULL,
  minute timestamptz NOT NULL,
  policy text NOT NULL,
  strategy text NOT NULL,
  subject text NOT NULL,
  hits bigint NOT NULL,
  last_at timestamptz NOT NULL,
  peer inet,
  CONSTRAINT platform_rate_blocks_pkey PRIMARY KEY (id),
  CONSTRAINT platform_rate_blocks_key UNIQUE (minute, policy, subject)
);
COMMENT ON TABLE factory.platform_rate_blocks IS 'The same for calls outside of workspaces.';

-- The shared memory of the limiter ends with the server, a lock-out does not.
CREATE TABLE factory.account_lockouts (
  subject text NOT NULL,
  locked_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  failures integer NOT NULL,
  CONSTRAINT account_lockouts_pkey PRIMARY KEY (subject)
);
COMMENT ON TABLE factory.account_lockouts IS
  'Addresses, known or not, that nobody can sign in with until expires_at; subject is a digest of the address.';

INSERT INTO factory.rate_policies (name, class, strategy, burst, count, period, shipped) VALUES
  ('api', 'api', 'tenant_user', 100, 100, 60, true),
  ('api_key', 'api', 'api_key', 600, 600, 60, true),
  ('public', 'public', 'ip', 100, 100, 60, true),
  ('register', 'register', 'ip', 30, 30, 60, true),
  ('login', 'login', 'ip', 30, 30, 60, true),
  ('account', 'login', 'account', 10, 10, 900, true),
  ('refresh', 'refresh', 'ip', 100, 100, 60, true),
  ('accept', 'accept', 'ip', 30, 30, 60, true),
  ('invite', 'invite', 'tenant', 50, 50, 3600, true),
  ('limits', 'limits', 'tenant_user', 20, 20, 60, true),
  ('export', 'export', 'tenant', 1, 1, 3600, true),
  ('ai', 'ai', 'tenant_user', 20, 20, 60, true);

SELECT pg_catalog.pg_extension_config_dump('factory.rate_policies', 'WHERE NOT shipped');
SELECT pg_catalog.pg_extension_config_dump('factory.tenant_rate_policies', '');
SELECT pg_catalog.pg_extension_config_dump('factory.rate_blocks', '');
SELECT pg_catalog.pg_extension_config_dump('factory.platform_rate_blocks', '');
SELECT pg_catalog.pg_extension_config_dump('factory.account_lockouts', '');

INSERT INTO factory.table_registry (relation, class, shipped) VALUES
  ('factory.rate_policies', 'global', true),
  ('factory.tenant_rate_policies', 'tenant', true),
  ('factory.rate_blocks', 'tenant', true),
  ('factory.platform_rate_blocks', 'node', true),
  ('factory.account_lockouts', 'node', true);

CREATE TYPE factory.rate_policy AS (
  name text, class text, strategy text, burst integer, count integer, period integer, source text);
COMMENT ON TYPE factory.rate_policy IS
  'A limit in force: count calls of the class in period seconds, burst of them at once, counted by strategy, and who set it.';
