CREATE OR REPLACE FUNCTION factory.sign_in(token text, tenant uuid DEFAULT NULL, for_session boolean DEFAULT false)
RETURNS uuid LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'factory_sign_in';
COMMENT ON FUNCTION factory.sign_in(text, uuid, boolean) IS
  'Verifies an access token and sets who and where for this transaction (for_session: until sign_out), returning the workspace. tenant: the workspace asked for; null means the sole membership, or none where there is no membership. Errors: invalid_token, token_expired, session_ended, account_disabled, tenant_required, tenant_not_found, tenant_deleted, one_tenant_per_transaction, safe_mode. For apps.';

CREATE OR REPLACE FUNCTION factory.sign_out() RETURNS void
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'factory_sign_out';
COMMENT ON FUNCTION factory.sign_out() IS 'Drops the context of the transaction and of the session; final until the transaction ends. For apps.';

CREATE OR REPLACE FUNCTION factory.tenant_id() RETURNS uuid
LANGUAGE c STABLE LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'factory_tenant_id';
COMMENT ON FUNCTION factory.tenant_id() IS 'Workspace of the verified context, or null. For anyone, in policies and defaults too.';

CREATE OR REPLACE FUNCTION factory.user_id() RETURNS uuid
LANGUAGE c STABLE LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'factory_user_id';
COMMENT ON FUNCTION factory.user_id() IS 'Person of the verified context, or null. For anyone.';

CREATE OR REPLACE FUNCTION factory.role_name() RETURNS text
LANGUAGE c STABLE LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'factory_role_name';
COMMENT ON FUNCTION factory.role_name() IS 'Role of the person in the workspace of the context, or null. For anyone.';

CREATE OR REPLACE FUNCTION factory.assurance() RETURNS integer
LANGUAGE c STABLE LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'factory_assurance';
COMMENT ON FUNCTION factory.assurance() IS 'Assurance level of the sign-in: 1 password, 2 second factor; null without context. For anyone.';

CREATE OR REPLACE FUNCTION factory.can(capability text) RETURNS boolean
LANGUAGE c STABLE LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'factory_can';
COMMENT ON FUNCTION factory.can(text) IS 'Whether the context holds the capability; false without context and for unknown names. For anyone.';

CREATE OR REPLACE FUNCTION factory.tenant_with(capability text) RETURNS uuid
LANGUAGE c STABLE LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'factory_tenant_with';
COMMENT ON FUNCTION factory.tenant_with(text) IS
  'Workspace of the context when the context holds the capability, else null: what the policies of protected tables compare tenant_id with. For anyone.';

CREATE OR REPLACE FUNCTION factory.require(capability text) RETURNS void
LANGUAGE c STABLE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_require';
COMMENT ON FUNCTION factory.require(text) IS
  'Raises unless the context holds the capability; checks expiry by the clock. Errors: no_context, token_expired, forbidden, validation_failed (no such capability). For anyone.';

CREATE OR REPLACE FUNCTION factory.require_found(found boolean) RETURNS boolean
LANGUAGE c STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_require_found';
COMMENT ON FUNCTION factory.require_found(boolean) IS
  'True, or raises not_found: for the WHERE clause of a list that belongs to something, WHERE factory.require_found(EXISTS (...)) AND ... For anyone.';

CREATE OR REPLACE FUNCTION factory.uuid7() RETURNS uuid
LANGUAGE c VOLATILE PARALLEL SAFE AS 'MODULE_PATHNAME', 'factory_uuid7';
COMMENT ON FUNCTION factory.uuid7() IS 'A new UUID of version 7 (RFC 9562), growing within a session. For anyone.';

SELECT factory.declare('factory.sign_in(text, uuid, boolean)', 'Sign in over SQL', scope => 'global');
SELECT factory.declare('factory.sign_out()', 'Sign out over SQL', scope => 'global');
SELECT factory.declare('factory.tenant_id()', 'Workspace of the context', '{public}', scope => 'global');
SELECT factory.declare('factory.user_id()', 'Person of the context', '{public}', scope => 'global');
SELECT factory.declare('factory.role_name()', 'Role of the context', '{public}', scope => 'global');
SELECT factory.declare('factory.assurance()', 'Assurance of the context', '{public}', scope => 'global');
SELECT factory.declare('factory.can(text)', 'Whether the context holds a capability', '{public}', scope => 'global');
SELECT factory.declare('factory.tenant_with(text)', 'Workspace in which the context holds a capability', '{public}', scope => 'global');
SELECT factory.declare('factory.require(text)', 'Raise unless the context holds a capability', '{public}', scope => 'global');
SELECT factory.declare('factory.require_found(boolean)', 'Raise unless it was found', '{public}', scope => 'global');
SELECT factory.declare('factory.uuid7()', 'A new UUIDv7', '{public}', scope => 'global');
