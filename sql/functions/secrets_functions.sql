CREATE VIEW factory.stored_secrets WITH (security_barrier) AS
  SELECT s.id, s.name, s.version, s.set_at, s.set_by, s.expires_at
  FROM factory.secrets s
  WHERE s.tenant_id = factory.tenant_id() AND s.name !~ '/' AND factory.can('connectors.manage');
COMMENT ON VIEW factory.stored_secrets IS
  'Secrets that apps keep in the workspace of the context, without their values; expires_at: until when a replaced version still stands.';

CREATE VIEW factory.stored_platform_secrets WITH (security_barrier) AS
  SELECT s.id, s.name, s.version, s.set_at, s.set_by, s.expires_at FROM factory.platform_secrets s;
COMMENT ON VIEW factory.stored_platform_secrets IS 'Secrets of the platform itself, without their values. For factory_operator.';

CREATE OR REPLACE FUNCTION factory.secret_put(name text, value bytea, overlap_seconds integer DEFAULT 0)
RETURNS factory.stored_secret
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_secret_put';
COMMENT ON FUNCTION factory.secret_put(text, bytea, integer) IS
  'Stores a secret of the workspace, or its next version; nobody can read it back. name: 1 to 100 of a-z, 0-9, ., _ and -; value: 1 to 65536 bytes, as a bound parameter so that no log has it; overlap_seconds: how long the version before stands beside it, 0 to 2592000. Errors: validation_failed, safe_mode. For connectors.manage.';

CREATE OR REPLACE FUNCTION factory.secret_delete(name text) RETURNS void
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_secret_delete';
COMMENT ON FUNCTION factory.secret_delete(text) IS
  'Removes a secret of the workspace with all its versions. Error: not_found. For connectors.manage.';

CREATE OR REPLACE FUNCTION factory.platform_secret_put(name text, value bytea, overlap_seconds integer DEFAULT 0)
RETURNS factory.stored_secret
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_platform_secret_put';
COMMENT ON FUNCTION factory.platform_secret_put(text, bytea, integer) IS
  'Stores a secret of the platform itself, such as a password of its mail server; arguments and errors as of secret_put. For factory_operator.';

CREATE OR REPLACE FUNCTION factory.platform_secret_delete(name text) RETURNS void
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_platform_secret_delete';
COMMENT ON FUNCTION factory.platform_secret_delete(text) IS
  'Removes a secret of the platform with all its versions. Error: not_found. For factory_operator.';

CREATE OR REPLACE FUNCTION factory.verify_secrets(tenant uuid DEFAULT NULL, OUT secrets bigint, OUT unreadable bigint)
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_verify_secrets';
COMMENT ON FUNCTION factory.verify_secrets(uuid) IS
  'Opens every stored version of a workspace, or of the platform (null), and says how many there are and how many do not open; shows none of them. Audited. Errors: tenant_not_found, safe_mode. For factory_operator.';

CREATE OR REPLACE FUNCTION factory.rekey(batch integer DEFAULT 1000, OUT rewrapped bigint, OUT remaining bigint)
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_rekey';
COMMENT ON FUNCTION factory.rekey(integer) IS
  'Wraps up to `batch` (1 to 100000) data keys with the current ENCRYPTION_KEY and says how many remain under former ones; call it until none does, then the former key may go. Secrets stay readable and writable meanwhile; a call that was killed is called again. Audited. Errors: validation_failed, safe_mode. For factory_operator and factory_jobs.';

CREATE OR REPLACE FUNCTION factory.destroy_data_keys(tenant uuid) RETURNS bigint
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_destroy_data_keys';
COMMENT ON FUNCTION factory.destroy_data_keys(uuid) IS
  'Destroys the data keys of a workspace and says how many: no secret stored there can ever be opened again. Audited. Error: tenant_not_found. For factory_operator.';

CREATE OR REPLACE FUNCTION factory.encryption_trouble() RETURNS text
LANGUAGE c STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_encryption_trouble';
COMMENT ON FUNCTION factory.encryption_trouble() IS
  'What keeps stored secrets from being written and opened, and what mends it; null when all is well. For factory_operator.';

CREATE OR REPLACE FUNCTION factory.encryption_key_usage()
RETURNS TABLE (fingerprint uuid, status text, loaded boolean, data_keys bigint)
LANGUAGE c STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_encryption_key_usage';
COMMENT ON FUNCTION factory.encryption_key_usage() IS
  'The encryption keys by fingerprint: active, next or retired, whether the server was given it, and how many data keys it wraps. For factory_operator.';

SELECT factory.declare('factory.secret_put(text, bytea, integer)', 'Store a secret of this workspace', requires => 'connectors.manage',
  audit_action => 'secret.stored');
SELECT factory.declare('factory.secret_delete(text)', 'Remove a secret of this workspace', requires => 'connectors.manage',
  reply => 'none', audit_action => 'secret.deleted');
SELECT factory.declare('factory.platform_secret_put(text, bytea, integer)', 'Store a secret of the platform', '{factory_operator}', scope => 'global',
  audit_action => 'secret.stored');
SELECT factory.declare('factory.platform_secret_delete(text)', 'Remove a secret of the platform', '{factory_operator}', scope => 'global',
  reply => 'none', audit_action => 'secret.deleted');
SELECT factory.declare('factory.verify_secrets(uuid)', 'Try to open every secret', '{factory_operator}', scope => 'global', audit_action => 'secrets.verified');
SELECT factory.declare('factory.rekey(integer)', 'Wrap data keys with the current encryption key', '{factory_operator,factory_jobs}', scope => 'global',
  audit_action => 'data_keys.rewrapped');
SELECT factory.declare('factory.destroy_data_keys(uuid)', 'Make a workspace''s secrets unreadable for good', '{factory_operator}', scope => 'global',
  audit_action => 'data_keys.destroyed');
SELECT factory.declare('factory.encryption_trouble()', 'What keeps secrets from being opened', '{factory_operator}', scope => 'global');
SELECT factory.declare('factory.encryption_key_usage()', 'Encryption keys and what they wrap', '{factory_operator}', scope => 'global', reply => 'array');
