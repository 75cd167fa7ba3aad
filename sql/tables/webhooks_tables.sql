CREATE TABLE factory.webhook_endpoints (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  url text NOT NULL,
  description text NOT NULL DEFAULT '',
  events text[] NOT NULL,
  enabled boolean NOT NULL DEFAULT true,
  disabled_reason text,
  secret_id uuid NOT NULL,
  failures integer NOT NULL DEFAULT 0,
  failed_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  created_by uuid,
  version bigint NOT NULL DEFAULT 1,
  CONSTRAINT webhook_endpoints_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT webhook_endpoints_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES factory.tenant_records (id) ON DELETE CASCADE,
  CONSTRAINT webhook_endpoints_reason_known CHECK (disabled_reason IN ('paused', 'failing', 'gone')),
  CONSTRAINT webhook_endpoints_reason_given CHECK (enabled = (disabled_reason IS NULL))
);
COMMENT ON TABLE factory.webhook_endpoints IS
  'Where each workspace wants to hear of its events; the signing secret is a stored secret. Apps read theirs through the view factory.webhooks.';

SELECT pg_catalog.pg_extension_config_dump('factory.webhook_endpoints', '');

INSERT INTO factory.table_registry (relation, class, shipped) VALUES ('factory.webhook_endpoints', 'tenant', true);

CREATE TYPE factory.webhook AS (
  id uuid, url text, description text, events json, enabled boolean, disabled_reason text, failures integer,
  created_at timestamptz, version bigint);
COMMENT ON TYPE factory.webhook IS
  'A webhook endpoint; disabled_reason: paused by a person, failing for long, or gone (410); failures: minutes in a row with nothing but failed calls; version is the ETag over HTTP.';

CREATE TYPE factory.new_webhook AS (
  id uuid, url text, description text, events json, enabled boolean, created_at timestamptz, version bigint, secret text);
COMMENT ON TYPE factory.new_webhook IS 'A webhook endpoint just made, with the signing secret that is shown this once.';
