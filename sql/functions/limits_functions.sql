CREATE OR REPLACE FUNCTION factory.throttle(
  key text, burst integer, count integer, period integer, cost integer DEFAULT 1,
  OUT limited boolean, OUT "limit" integer, OUT remaining integer, OUT retry_after integer, OUT reset_after integer)
LANGUAGE c VOLATILE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'factory_throttle';
COMMENT ON FUNCTION factory.throttle(text, integer, integer, integer, integer) IS
  'Counts a call under a key: count calls in period seconds on average, burst of them at once (GCRA). cost: what this one weighs, 0 only looks. limited: refuse it; limit: burst; remaining: how many would pass now; retry_after, reset_after: seconds, rounded up, until one of this cost passes and until the whole burst is back. Outlives ROLLBACK. Keys of a signed-in workspace are its own. Error: validation_failed. For apps.';

-- Every session takes up changed policies with its next statement.
CREATE OR REPLACE FUNCTION factory.forget_policies() RETURNS trigger
LANGUAGE c SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_forget_policies';
COMMENT ON FUNCTION factory.forget_policies() IS 'Statement trigger: tells every session that its cached rate policies are stale.';
CREATE TRIGGER forget_policies AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON factory.rate_policies
  FOR EACH STATEMENT EXECUTE FUNCTION factory.forget_policies();
ALTER TABLE factory.rate_policies ENABLE ALWAYS TRIGGER forget_policies;
CREATE TRIGGER forget_policies AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON factory.tenant_rate_policies
  FOR EACH STATEMENT EXECUTE FUNCTION factory.forget_policies();
ALTER TABLE factory.tenant_rate_policies ENABLE ALWAYS TRIGGER forget_policies;

CREATE OR REPLACE FUNCTION factory.list_rate_policies()
RETURNS SETOF factory.rate_policy
LANGUAGE c STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_list_rate_policies';
COMMENT ON FUNCTION factory.list_rate_policies() IS
  'The limits in force in the workspace: count calls of the class in period seconds, burst of them at once. source: who set it, platform, plan, operator or workspace. For audit.view.';

CREATE OR REPLACE FUNCTION factory.set_rate_policy(
  class text, strategy text, burst integer, count integer, period integer, enabled boolean DEFAULT true)
RETURNS factory.rate_policy
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_set_rate_policy';
COMMENT ON FUNCTION factory.set_rate_policy(text, text, integer, integer, integer, boolean) IS
  'Tightens a limit of the workspace and returns what is in force: count calls of the class in period seconds, burst at once, counted by ip, tenant, tenant_user, api_key or token. enabled: false takes the workspace''s own back. Takes effect on the next call. Error: validation_failed, also for what is looser than the platform allows. For workspace.manage.';

CREATE OR REPLACE FUNCTION factory.set_platform_rate_policy(
  class text, strategy text, burst integer, count integer, period integer, tenant uuid DEFAULT NULL, plan text DEFAULT NULL,
  enabled boolean DEFAULT true, name text DEFAULT NULL)
RETURNS void LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'factory_set_platform_rate_policy';
COMMENT ON FUNCTION factory.set_platform_rate_policy(text, text, integer, integer, integer, uuid, text, boolean, text) IS
  'Limits the calls of a class: count in period seconds, burst at once, counted by ip, tenant, tenant_user, api_key or token; account: failed sign-ins, class login alone. tenant, plan: for one workspace or plan instead of everybody. enabled: false means no limit. name: in headers and block log, the class unless given. Takes effect on the next call. Errors: validation_failed, tenant_not_found, not_found (the plan). For factory_operator.';

CREATE OR REPLACE FUNCTION factory.drop_platform_rate_policy(class text, strategy text, tenant uuid DEFAULT NULL, plan text DEFAULT NULL)
RETURNS void LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'factory_drop_platform_rate_policy';
COMMENT ON FUNCTION factory.drop_platform_rate_policy(text, text, uuid, text) IS
  'Takes back what set_platform_rate_policy() set; the shipped policy holds again. Error: not_found. For factory_operator.';

CREATE OR REPLACE FUNCTION factory.unlock_account(email text) RETURNS boolean
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_unlock_account';
COMMENT ON FUNCTION factory.unlock_account(text) IS
  'Forgets the failed sign-ins of an address and ends its lock-out; says whether there were any. For factory_operator.';

CREATE VIEW factory.blocked_calls WITH (security_barrier) AS
  SELECT b.tenant_id, b.id, b.minute, b.policy, b.strategy, b.subject, b.hits, b.last_at, b.peer
  FROM factory.rate_blocks b
  WHERE b.tenant_id = factory.tenant_with('audit.view')
  ORDER BY b.id DESC;
COMMENT ON VIEW factory.blocked_calls IS 'Calls in the workspace of the context that a limit refused, by minute.';

CREATE VIEW factory.platform_blocked_calls WITH (security_barrier) AS
  SELECT b.id, b.minute, b.policy, b.strategy, b.subject, b.hits, b.last_at, b.peer FROM factory.platform_rate_blocks b;
COMMENT ON VIEW factory.platform_blocked_calls IS 'Calls outside of workspaces that a limit refused, by minute. For operators.';

CREATE VIEW factory.platform_rate_policies WITH (security_barrier) AS
  SELECT p.name, p.class, p.strategy, nullif(p.plan, '') AS plan, p.burst, p.count, p.period, p.enabled, p.shipped FROM factory.rate_policies p;
COMMENT ON VIEW factory.platform_rate_policies IS 'The policies for everybody and by plan; what is not shipped stands in for what is. For operators.';

CREATE OR REPLACE FUNCTION factory.list_blocked_calls("limit" integer DEFAULT 25, before uuid DEFAULT NULL)
RETURNS TABLE (id uuid, minute timestamptz, policy text, strategy text, subject text, hits bigint, last_at timestamptz, peer inet)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT b.id, b.minute, b.policy, b.strategy, b.subject, b.hits, b.last_at, b.peer
  FROM factory.blocked_calls b
  WHERE b.tenant_id = factory.tenant_id()
    AND b.id < coalesce(before, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
  ORDER BY b.id DESC
  LIMIT "limit";
END;
COMMENT ON FUNCTION factory.list_blocked_calls(integer, uuid) IS
  'Calls that a limit refused, newest first, one row for each minute, policy and subject; hits: their number, rounded down to a power of two. before: id of the last row seen. For audit.view.';

SELECT factory.declare('factory.throttle(text, integer, integer, integer, integer)', 'Limit calls of your own', scope => 'global');
SELECT factory.declare('factory.list_rate_policies()', 'Limits of this workspace', method => 'GET', path => '/v1/rate-limits/policies',
  requires => 'audit.view', reply => 'array', rate_class => 'limits');
SELECT factory.declare('factory.set_rate_policy(text, text, integer, integer, integer, boolean)', 'Tighten a limit of this workspace',
  method => 'PUT', path => '/v1/rate-limits/policies', requires => 'workspace.manage', audit_action => 'rate_policy.changed', rate_class => 'limits');
SELECT factory.declare('factory.list_blocked_calls(integer, uuid)', 'Calls that a limit refused', method => 'GET',
  path => '/v1/rate-limits/blocks', requires => 'audit.view', reply => 'list', page_key => 'id', nullable => '{peer}');
SELECT factory.declare('factory.set_platform_rate_policy(text, text, integer, integer, integer, uuid, text, boolean, text)',
  'Set a limit', '{factory_operator}', scope => 'global', requires => 'operator', audit_action => 'rate_policy.changed');
SELECT factory.declare('factory.drop_platform_rate_policy(text, text, uuid, text)', 'Take a limit back', '{factory_operator}',
  scope => 'global', requires => 'operator', audit_action => 'rate_policy.dropped');
SELECT factory.declare('factory.unlock_account(text)', 'End a lock-out', '{factory_operator}', scope => 'global',
  requires => 'operator', audit_action => 'account.unlocked');
