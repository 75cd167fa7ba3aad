-- Partitioned by month; the parent has no key of its own, each partition brings one. Months are made ahead by a job and
-- are not members of the extension; until then rows go to the default partition.
CREATE TABLE factory.audit_events (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  occurred_at timestamptz NOT NULL,
  action text NOT NULL,
  outcome text NOT NULL,
  actor_type text NOT NULL,
  actor_id text,
  session_id uuid,
  target_type text,
  target_id text,
  request_id text,
  peer inet,
  before jsonb,
  after jsonb,
  metadata jsonb,
  CONSTRAINT audit_events_outcome_known CHECK (outcome IN ('success', 'denied', 'failed', 'blocked'))
) PARTITION BY RANGE (occurred_at);
COMMENT ON TABLE factory.audit_events IS 'What happened in each workspace. Apps read theirs through the view factory.audit.';

CREATE TABLE factory.audit_events_default PARTITION OF factory.audit_events DEFAULT;
ALTER TABLE factory.audit_events_default ADD CONSTRAINT audit_events_default_pkey PRIMARY KEY (tenant_id, id);
COMMENT ON TABLE factory.audit_events_default IS 'Events of months that have no partition of their own.';

-- Events that belong to no workspace, such as failed sign-ins and knocks of strangers: kept apart, or anyone could flood
-- a workspace's log.
CREATE TABLE factory.platform_events (
  id uuid NOT NULL,
  occurred_at timestamptz NOT NULL,
  action text NOT NULL,
  outcome text NOT NULL,
  actor_type text NOT NULL,
  actor_id text,
  session_id uuid,
  target_type text,
  target_id text,
  request_id text,
  peer inet,
  before jsonb,
  after jsonb,
  metadata jsonb,
  CONSTRAINT platform_events_pkey PRIMARY KEY (id),
  CONSTRAINT platform_events_outcome_known CHECK (outcome IN ('success', 'denied', 'failed', 'blocked'))
);
COMMENT ON TABLE factory.platform_events IS 'What happened outside of any workspace.';

CREATE TABLE factory.audit_policies (
  tenant_id uuid NOT NULL,
  retention_days integer NOT NULL DEFAULT 365,
  legal_hold boolean NOT NULL DEFAULT false,
  CONSTRAINT audit_policies_pkey PRIMARY KEY (tenant_id),
  CONSTRAINT audit_policies_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES factory.tenant_records (id) ON DELETE CASCADE,
  CONSTRAINT audit_policies_retention_days CHECK (retention_days BETWEEN 30 AND 365)
);
COMMENT ON TABLE factory.audit_policies IS 'How long a workspace keeps its audit events; without a row 365 days.';

SELECT pg_catalog.pg_extension_config_dump('factory.audit_policies', '');
SELECT pg_catalog.pg_extension_config_dump('factory.audit_events_default', '');
SELECT pg_catalog.pg_extension_config_dump('factory.platform_events', '');

INSERT INTO factory.table_registry (relation, class, shipped) VALUES
  ('factory.audit_events', 'tenant', true),
  ('factory.audit_events_default', 'tenant', true),
  ('factory.audit_policies', 'tenant', true),
  ('factory.platform_events', 'node', true);

CREATE TYPE factory.audit_entry AS (
  id uuid, occurred_at timestamptz, action text, outcome text, actor json, target json, request_id text, peer inet,
  before jsonb, after jsonb, metadata jsonb);
COMMENT ON TYPE factory.audit_entry IS 'An audit event as readers see it: actor and target as {type, id}.';

CREATE TYPE factory.audit_retention AS (retention_days integer, legal_hold boolean);
COMMENT ON TYPE factory.audit_retention IS 'How long a workspace keeps its audit events, and whether none may go at all.';
