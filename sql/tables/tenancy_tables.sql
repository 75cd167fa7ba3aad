CREATE TABLE factory.tenant_records (
  id uuid NOT NULL,
  slug text NOT NULL,
  name text NOT NULL,
  status text NOT NULL DEFAULT 'active',
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  created_by uuid,
  version bigint NOT NULL DEFAULT 1,
  CONSTRAINT tenant_records_pkey PRIMARY KEY (id),
  CONSTRAINT tenant_records_slug_key UNIQUE (slug),
  CONSTRAINT tenant_records_status_known CHECK (status IN ('active', 'deleted')),
  CONSTRAINT tenant_records_creator_fkey FOREIGN KEY (created_by) REFERENCES factory.users (id) ON DELETE SET NULL
);
COMMENT ON TABLE factory.tenant_records IS 'Workspaces. Apps read theirs through the view factory.tenants.';

CREATE TABLE factory.memberships (
  tenant_id uuid NOT NULL,
  user_id uuid NOT NULL,
  role text NOT NULL,
  joined_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  version bigint NOT NULL DEFAULT 1,
  CONSTRAINT memberships_pkey PRIMARY KEY (tenant_id, user_id),
  CONSTRAINT memberships_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES factory.tenant_records (id) ON DELETE CASCADE,
  CONSTRAINT memberships_user_fkey FOREIGN KEY (user_id) REFERENCES factory.users (id) ON DELETE CASCADE
);
CREATE INDEX memberships_user_idx ON factory.memberships (user_id);
COMMENT ON TABLE factory.memberships IS 'Who works where, with which role: the authority that every call asks.';

-- Kept in step with memberships by the same calls; it answers "my workspaces", which no tenant table can.
CREATE TABLE factory.user_tenants (
  user_id uuid NOT NULL,
  tenant_id uuid NOT NULL,
  role text NOT NULL,
  joined_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  CONSTRAINT user_tenants_pkey PRIMARY KEY (user_id, tenant_id),
  CONSTRAINT user_tenants_user_fkey FOREIGN KEY (user_id) REFERENCES factory.users (id) ON DELETE CASCADE,
  CONSTRAINT user_tenants_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES factory.tenant_records (id) ON DELETE CASCADE
);
CREATE INDEX user_tenants_tenant_idx ON factory.user_tenants (tenant_id);
COMMENT ON TABLE factory.user_tenants IS 'Directory of who is where; grants nothing.';

SELECT pg_catalog.pg_extension_config_dump('factory.tenant_records', '');
SELECT pg_catalog.pg_extension_config_dump('factory.memberships', '');
SELECT pg_catalog.pg_extension_config_dump('factory.user_tenants', '');

INSERT INTO factory.table_registry (relation, class, shipped) VALUES
  ('factory.tenant_records', 'global', true),
  ('factory.memberships', 'tenant', true),
  ('factory.user_tenants', 'global', true);

CREATE TYPE factory.tenant AS (id uuid, slug text, name text, status text, created_at timestamptz, version bigint);
COMMENT ON TYPE factory.tenant IS 'A workspace; version counts its changes and is the ETag over HTTP.';

CREATE TYPE factory.member AS (user_id uuid, email text, name text, role text, joined_at timestamptz, version bigint);
COMMENT ON TYPE factory.member IS 'A person in a workspace; version counts the changes of the membership and is the ETag over HTTP.';
