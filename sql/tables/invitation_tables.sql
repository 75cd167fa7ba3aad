CREATE TABLE factory.invitations (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  email text NOT NULL,
  role text NOT NULL,
  token_hash bytea NOT NULL,
  status text NOT NULL DEFAULT 'open',
  invited_by uuid,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  expires_at timestamptz NOT NULL,
  accepted_by uuid,
  accepted_at timestamptz,
  CONSTRAINT invitations_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT invitations_token_key UNIQUE (tenant_id, token_hash),
  CONSTRAINT invitations_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES factory.tenant_records (id) ON DELETE CASCADE,
  CONSTRAINT invitations_status_known CHECK (status IN ('open', 'accepted', 'cancelled', 'expired'))
);
CREATE UNIQUE INDEX invitations_open_key ON factory.invitations (tenant_id, email) WHERE status = 'open';
COMMENT ON TABLE factory.invitations IS 'Invitations; only the SHA-256 of the token is kept.';

SELECT pg_catalog.pg_extension_config_dump('factory.invitations', '');

INSERT INTO factory.table_registry (relation, class, shipped) VALUES ('factory.invitations', 'tenant', true);

CREATE TYPE factory.new_invitation AS (id uuid, email text, role text, status text, created_at timestamptz, expires_at timestamptz, token text);
COMMENT ON TYPE factory.new_invitation IS 'An invitation just made, with the token that is shown this once.';

CREATE TYPE factory.accepted_invitation AS (tenant json, role text);
COMMENT ON TYPE factory.accepted_invitation IS 'The workspace {id, slug, name, status} that was entered, and the role there.';
