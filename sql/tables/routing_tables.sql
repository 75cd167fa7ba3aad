-- One row per declared function: the router, the gate, the permission matrix, the audit action, the OpenAPI document and
-- the execute privileges are made from it.
CREATE TABLE factory.routes (
  function text NOT NULL,
  roles text[] NOT NULL,
  method text,
  path text,
  scope text NOT NULL,
  requires text NOT NULL,
  reply text NOT NULL,
  status integer NOT NULL,
  page_key text,
  etag boolean NOT NULL,
  audit_action text,
  rate_class text NOT NULL,
  module text,
  summary text NOT NULL,
  problems text[] NOT NULL,
  nullable text[] NOT NULL,
  schemas json NOT NULL,
  shipped boolean NOT NULL,
  declared_by text NOT NULL,
  CONSTRAINT routes_pkey PRIMARY KEY (function),
  CONSTRAINT routes_method_path_key UNIQUE (method, path),
  CONSTRAINT routes_http_whole CHECK ((method IS NULL) = (path IS NULL)),
  CONSTRAINT routes_scope_known CHECK (scope IN ('global', 'tenant')),
  CONSTRAINT routes_reply_known CHECK (reply IN ('none', 'object', 'list', 'array', 'document')),
  CONSTRAINT routes_schemas_object CHECK (json_typeof(schemas) = 'object'),
  CONSTRAINT routes_list_has_key CHECK ((reply = 'list') = (page_key IS NOT NULL))
);
COMMENT ON TABLE factory.routes IS
  'Declarations: which function answers which call, who may call it, and what it leaves in the audit log.';

-- First answers to POST calls with an Idempotency-Key, sealed under that key: a copy of this table reveals none of them.
CREATE TABLE factory.idempotency_keys (
  tenant_id uuid NOT NULL,
  user_id uuid NOT NULL,
  key_hash bytea NOT NULL,
  fingerprint bytea NOT NULL,
  answer bytea NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, user_id, key_hash)
);
COMMENT ON TABLE factory.idempotency_keys IS 'Answers kept for 24 hours so that a repeated POST in a workspace has one effect.';

CREATE TABLE factory.user_idempotency_keys (
  user_id uuid NOT NULL,
  key_hash bytea NOT NULL,
  fingerprint bytea NOT NULL,
  answer bytea NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  CONSTRAINT user_idempotency_keys_pkey PRIMARY KEY (user_id, key_hash)
);
COMMENT ON TABLE factory.user_idempotency_keys IS 'The same for calls that belong to no workspace.';

SELECT pg_catalog.pg_extension_config_dump('factory.routes', 'WHERE NOT shipped');
SELECT pg_catalog.pg_extension_config_dump('factory.idempotency_keys', '');
SELECT pg_catalog.pg_extension_config_dump('factory.user_idempotency_keys', '');
