-- Which ENCRYPTION_KEYs have wrapped data keys: next (rekey() is bringing them over to it), active, or retired.
CREATE TABLE factory.encryption_keys (
  id uuid NOT NULL,
  status text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  CONSTRAINT encryption_keys_pkey PRIMARY KEY (id),
  CONSTRAINT encryption_keys_status_known CHECK (status IN ('next', 'active', 'retired'))
);
CREATE UNIQUE INDEX encryption_keys_active_key ON factory.encryption_keys (status) WHERE status = 'active';
COMMENT ON TABLE factory.encryption_keys IS
  'Fingerprints of the encryption keys that stored secrets hang on; the keys themselves are never stored.';

-- One row a workspace, read with its secrets and seldom written. Being global, all of them are wrapped anew without walking
-- through workspaces.
CREATE TABLE factory.data_keys (
  id uuid NOT NULL,
  tenant_id uuid,
  status text NOT NULL,
  encryption_key_id uuid,
  wrapped bytea,
  encryptions bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  destroyed_at timestamptz,
  CONSTRAINT data_keys_pkey PRIMARY KEY (id),
  CONSTRAINT data_keys_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES factory.tenant_records (id) ON DELETE CASCADE,
  CONSTRAINT data_keys_encryption_key_fkey FOREIGN KEY (encryption_key_id) REFERENCES factory.encryption_keys (id),
  CONSTRAINT data_keys_status_known CHECK (status IN ('active', 'retired', 'destroyed')),
  CONSTRAINT data_keys_destroyed_whole CHECK (
    (status = 'destroyed') = (wrapped IS NULL) AND (wrapped IS NULL) = (encryption_key_id IS NULL)
    AND (status = 'destroyed') = (destroyed_at IS NOT NULL))
);
CREATE UNIQUE INDEX data_keys_active_key ON factory.data_keys (tenant_id) NULLS NOT DISTINCT WHERE status = 'active';
CREATE INDEX data_keys_tenant_idx ON factory.data_keys (tenant_id);
CREATE INDEX data_keys_encryption_key_idx ON factory.data_keys (encryption_key_id);
COMMENT ON TABLE factory.data_keys IS
  'The random key of each workspace, and of the platform (no workspace), wrapped by an encryption key; a destroyed one is gone for good.';

CREATE TABLE factory.secrets (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  version bigint NOT NULL,
  name text NOT NULL,
  key_id uuid NOT NULL,
  sealed bytea NOT NULL,
  set_at timestamptz NOT NULL,
  set_by text NOT NULL,
  expires_at timestamptz,
  CONSTRAINT secrets_pkey PRIMARY KEY (tenant_id, id, version),
  CONSTRAINT secrets_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES factory.tenant_records (id) ON DELETE CASCADE,
  CONSTRAINT secrets_key_fkey FOREIGN KEY (key_id) REFERENCES factory.data_keys (id)
);
CREATE UNIQUE INDEX secrets_current_key ON factory.secrets (tenant_id, name) WHERE expires_at IS NULL;
CREATE INDEX secrets_key_idx ON factory.secrets (key_id);
COMMENT ON TABLE factory.secrets IS
  'Secrets of workspaces, sealed under the data key of each. A replaced version stands for as long as it was given.';

CREATE TABLE factory.platform_secrets (
  id uuid NOT NULL,
  version bigint NOT NULL,
  name text NOT NULL,
  key_id uuid NOT NULL,
  sealed bytea NOT NULL,
  set_at timestamptz NOT NULL,
  set_by text NOT NULL,
  expires_at timestamptz,
  CONSTRAINT platform_secrets_pkey PRIMARY KEY (id, version),
  CONSTRAINT platform_secrets_key_fkey FOREIGN KEY (key_id) REFERENCES factory.data_keys (id)
);
CREATE UNIQUE INDEX platform_secrets_current_key ON factory.platform_secrets (name) WHERE expires_at IS NULL;
CREATE INDEX platform_secrets_key_idx ON factory.platform_secrets (key_id);
COMMENT ON TABLE factory.platform_secrets IS 'The same for secrets that belong to no workspace.';

SELECT pg_catalog.pg_extension_config_dump('factory.encryption_keys', '');
SELECT pg_catalog.pg_extension_config_dump('factory.data_keys', '');
SELECT pg_catalog.pg_extension_config_dump('factory.secrets', '');
SELECT pg_catalog.pg_extension_config_dump('factory.platform_secrets', '');

INSERT INTO factory.table_registry (relation, class, shipped) VALUES
  ('factory.encryption_keys', 'global', true),
  ('factory.data_keys', 'global', true),
  ('factory.secrets', 'tenant', true),
  ('factory.platform_secrets', 'global', true);

CREATE TYPE factory.stored_secret AS (id uuid, name text, version bigint, set_at timestamptz);
COMMENT ON TYPE factory.stored_secret IS 'A secret just stored: its id, which is what others refer to, and its version. Never its value.';
