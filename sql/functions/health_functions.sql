CREATE OR REPLACE FUNCTION factory.health() RETURNS TABLE (component text, colour text, evidence text, remedy text)
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_health';
COMMENT ON FUNCTION factory.health() IS
  'Every part of the platform as it is now: green, amber or red, what was found, and what to do (null: nothing). lint is as the job check_health found it last. For factory_operator.';

CREATE OR REPLACE FUNCTION factory.platform_health(OUT colour text, OUT safe_mode boolean, OUT checked_at timestamptz, OUT components json)
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_platform_health';
COMMENT ON FUNCTION factory.platform_health() IS
  'The colours of what concerns every workspace, [{component, colour}], and the worst of them; at least amber when the job check_health has not looked for 15 minutes. No evidence. For workspace.view.';

CREATE OR REPLACE FUNCTION factory.readiness(
  OUT ok boolean, OUT version text, OUT schema_version text, OUT detail text, OUT colour text, OUT safe_mode boolean)
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_readiness';
COMMENT ON FUNCTION factory.readiness() IS
  'Whether the platform can serve: version of the library, version of the schema, what is wrong (null: nothing), the worst colour of the last look, and whether safe mode is on. For factory_edge, apps and factory_operator.';

CREATE VIEW factory.safe_mode WITH (security_barrier) AS
  SELECT r.cause, r.reason, r.entered_by, r.entered_at FROM factory.safe_mode_reasons r;
COMMENT ON VIEW factory.safe_mode IS 'Reasons of safe mode that last until they are taken back; the component safe_mode of factory.health() has all of them.';

CREATE OR REPLACE FUNCTION factory.enter_safe_mode(reason text) RETURNS void
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_enter_safe_mode';
COMMENT ON FUNCTION factory.enter_safe_mode(text) IS
  'From its commit on, declared calls write nothing but what repairs: 503 safe_mode with the reason, PT503 over SQL. reason: 1 to 200 characters, shown to callers. Audited. Error: validation_failed. For factory_operator.';

CREATE OR REPLACE FUNCTION factory.leave_safe_mode() RETURNS TABLE (cause text, reason text)
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_leave_safe_mode';
COMMENT ON FUNCTION factory.leave_safe_mode() IS
  'Takes the operator''s reason back and returns those that are left: safe mode ends with the last of them. Audited. Error: not_found (it is not on). For factory_operator.';

SELECT factory.declare('factory.health()', 'Health of the platform', '{factory_operator}', scope => 'global', reply => 'array');
SELECT factory.declare('factory.platform_health()', 'Health of the platform as it concerns this workspace', method => 'GET', path => '/v1/health',
  requires => 'workspace.view', nullable => '{checked_at}',
  schemas => '{"components": {"type":"array","items":{"type":"object","properties":{"component":{"type":"string"},"colour":{"type":"string","enum":["green","amber","red"]}},"required":["component","colour"]}}}');
SELECT factory.declare('factory.readiness()', 'Whether the platform can serve', '{factory_edge,factory_app,factory_operator}', scope => 'global');
SELECT factory.declare('factory.enter_safe_mode(text)', 'Enter safe mode', '{factory_operator}', scope => 'global', reply => 'none',
  audit_action => 'safe_mode.entered');
SELECT factory.declare('factory.leave_safe_mode()', 'Leave safe mode', '{factory_operator}', scope => 'global', reply => 'array',
  audit_action => 'safe_mode.left');
