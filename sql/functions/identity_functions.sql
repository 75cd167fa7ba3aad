CREATE TRIGGER forget_cached AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON factory.signing_keys
  FOR EACH STATEMENT EXECUTE FUNCTION factory.forget_cached();
ALTER TABLE factory.signing_keys ENABLE ALWAYS TRIGGER forget_cached;

CREATE OR REPLACE FUNCTION factory.register(email text, password text, name text)
RETURNS factory.token_pair
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'factory_register';
COMMENT ON FUNCTION factory.register(text, text, text) IS
  'Makes an account and signs it in. password: 8 to 128 bytes, not a common one; expires_in: seconds. Errors: validation_failed, password_too_weak, email_taken, kdf_busy. For anyone.';

CREATE OR REPLACE FUNCTION factory.login(email text, password text)
RETURNS factory.token_pair
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'factory_login';
COMMENT ON FUNCTION factory.login(text, text) IS
  'Signs in with address and password. An unknown address and a wrong password look and last the same. Errors: invalid_credentials, account_disabled, account_locked (10 failures within 15 minutes), kdf_busy. For anyone.';

CREATE OR REPLACE FUNCTION factory.refresh(refresh_token text)
RETURNS factory.token_pair
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'factory_refresh';
COMMENT ON FUNCTION factory.refresh(text) IS
  'Trades a refresh token for a new pair. A used one works for 10 more seconds; later it ends the session. Errors: invalid_refresh_token, session_ended, account_disabled. For anyone.';

CREATE OR REPLACE FUNCTION factory.logout() RETURNS void
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'factory_logout';
COMMENT ON FUNCTION factory.logout() IS 'Ends the session of the context: its tokens are refused from the next call on. For signed-in people.';

CREATE VIEW factory.my_user WITH (security_barrier) AS
  SELECT u.id, u.email, u.name, u.status, u.created_at, u.version
  FROM factory.users u
  WHERE u.id = factory.user_id();
COMMENT ON VIEW factory.my_user IS 'The account of the context.';

SELECT factory.declare('factory.register(text, text, text)', 'Create an account', '{factory_app}', 'POST', '/v1/auth/register', 'global', 'anyone',
  status => 201, audit_action => 'user.created', rate_class => 'register', problems => '{email_taken,password_too_weak,kdf_busy}',
  schemas => '{"user": {"type":"object","properties":{"id":{"type":"string","format":"uuid"},"email":{"type":"string","format":"email"},"name":{"type":"string"}},"required":["id","email","name"]}}');
SELECT factory.declare('factory.login(text, text)', 'Sign in', '{factory_app}', 'POST', '/v1/auth/login', 'global', 'anyone',
  audit_action => 'session.created', rate_class => 'login', problems => '{invalid_credentials,account_disabled,account_locked,kdf_busy}',
  schemas => '{"user": {"type":"object","properties":{"id":{"type":"string","format":"uuid"},"email":{"type":"string","format":"email"},"name":{"type":"string"}},"required":["id","email","name"]}}');
SELECT factory.declare('factory.refresh(text)', 'Trade a refresh token', '{factory_app}', 'POST', '/v1/auth/refresh', 'global', 'anyone',
  audit_action => 'session.refreshed', rate_class => 'refresh', problems => '{invalid_refresh_token,session_ended,account_disabled}',
  schemas => '{"user": {"type":"object","properties":{"id":{"type":"string","format":"uuid"},"email":{"type":"string","format":"email"},"name":{"type":"string"}},"required":["id","email","name"]}}');
SELECT factory.declare('factory.logout()', 'Sign out', '{factory_app}', 'POST', '/v1/auth/logout', 'global', 'user', 'none',
  audit_action => 'session.ended');
