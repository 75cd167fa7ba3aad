CREATE TABLE factory.users (
  id uuid NOT NULL,
  email text NOT NULL,
  name text NOT NULL,
  status text NOT NULL DEFAULT 'active',
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  version bigint NOT NULL DEFAULT 1,
  CONSTRAINT users_pkey PRIMARY KEY (id),
  CONSTRAINT users_email_key UNIQUE (email),
  CONSTRAINT users_status_known CHECK (status IN ('active', 'disabled'))
);
COMMENT ON TABLE factory.users IS 'One identity per person, whatever number of workspaces. The address is kept in lower case.';

CREATE TABLE factory.credentials (
  user_id uuid NOT NULL,
  password_hash text NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  CONSTRAINT credentials_pkey PRIMARY KEY (user_id),
  CONSTRAINT credentials_user_fkey FOREIGN KEY (user_id) REFERENCES factory.users (id) ON DELETE CASCADE
);
COMMENT ON TABLE factory.credentials IS 'Passwords as PHC strings of scrypt (RFC 7914).';

CREATE TABLE factory.sessions (
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  assurance smallint NOT NULL DEFAULT 1,
  user_agent text,
  peer inet,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  expires_at timestamptz NOT NULL,
  ended_at timestamptz,
  end_reason text,
  CONSTRAINT sessions_pkey PRIMARY KEY (id),
  CONSTRAINT sessions_user_fkey FOREIGN KEY (user_id) REFERENCES factory.users (id) ON DELETE CASCADE
);
CREATE INDEX sessions_user_idx ON factory.sessions (user_id);
COMMENT ON TABLE factory.sessions IS 'Sign-ins: an access token works only while its session is here and not ended.';

CREATE TABLE factory.refresh_tokens (
  token_hash bytea NOT NULL,
  session_id uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  expires_at timestamptz NOT NULL,
  used_at timestamptz,
  CONSTRAINT refresh_tokens_pkey PRIMARY KEY (token_hash),
  CONSTRAINT refresh_tokens_session_fkey FOREIGN KEY (session_id) REFERENCES factory.sessions (id) ON DELETE CASCADE
);
CREATE INDEX refresh_tokens_session_idx ON factory.refresh_tokens (session_id);
COMMENT ON TABLE factory.refresh_tokens IS 'SHA-256 of each refresh token; one session is one family.';

CREATE TABLE factory.signing_keys (
  kid text NOT NULL,
  algorithm text NOT NULL,
  status text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  CONSTRAINT signing_keys_pkey PRIMARY KEY (kid),
  CONSTRAINT signing_keys_kid_form CHECK (kid ~ '^[A-Za-z0-9_-]{1,64}$'),
  CONSTRAINT signing_keys_algorithm_known CHECK (algorithm IN ('HS256')),
  CONSTRAINT signing_keys_status_known CHECK (status IN ('active', 'retired'))
);
COMMENT ON TABLE factory.signing_keys IS
  'Keys of access tokens by name. The secret is derived from SESSION_SECRET and the name, and never stored.';

SELECT pg_catalog.pg_extension_config_dump('factory.users', '');
SELECT pg_catalog.pg_extension_config_dump('factory.credentials', '');
SELECT pg_catalog.pg_extension_config_dump('factory.sessions', '');
SELECT pg_catalog.pg_extension_config_dump('factory.refresh_tokens', '');
SELECT pg_catalog.pg_extension_config_dump('factory.signing_keys', '');

INSERT INTO factory.table_registry (relation, class, shipped) VALUES
  ('factory.users', 'global', true),
  ('factory.credentials', 'global', true),
  ('factory.sessions', 'global', true),
  ('factory.refresh_tokens', 'global', true),
  ('factory.signing_keys', 'global', true);

CREATE TYPE factory.token_pair AS (access_token text, token_type text, expires_in integer, refresh_token text, "user" json);
COMMENT ON TYPE factory.token_pair IS 'A sign-in: bearer token, its life in seconds, the token that renews it, and {id, email, name}.';
