CREATE VIEW factory.webhooks WITH (security_barrier) AS
  SELECT e.tenant_id, e.id, e.url, e.description, e.events, e.enabled, e.disabled_reason, e.failures, e.created_at,
         e.created_by, e.version
  FROM factory.webhook_endpoints e
  WHERE e.tenant_id = factory.tenant_with('connectors.manage')
  ORDER BY e.id DESC;
COMMENT ON VIEW factory.webhooks IS 'Webhook endpoints of the workspace of the context, without their secrets.';

-- Sessions remember which workspaces have endpoints for what; counting failures changes neither.
CREATE OR REPLACE FUNCTION factory.forget_webhooks() RETURNS trigger
LANGUAGE c SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_forget_webhooks';
COMMENT ON FUNCTION factory.forget_webhooks() IS 'Statement trigger: tells every session that remembered webhook endpoints are stale.';
CREATE TRIGGER forget_webhooks AFTER INSERT OR UPDATE OF tenant_id, id, events, enabled OR DELETE OR TRUNCATE ON factory.webhook_endpoints
  FOR EACH STATEMENT EXECUTE FUNCTION factory.forget_webhooks();
ALTER TABLE factory.webhook_endpoints ENABLE ALWAYS TRIGGER forget_webhooks;

CREATE OR REPLACE FUNCTION factory.create_webhook(url text, events text[], description text DEFAULT NULL) RETURNS factory.new_webhook
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_create_webhook';
COMMENT ON FUNCTION factory.create_webhook(text, text[], text) IS
  'Makes an endpoint, with its signing secret shown this once. url: https, or http to a network that the operators opened; events: actions of the audit log, or {*}; at most 20 endpoints a workspace. Errors: validation_failed, conflict, safe_mode. For connectors.manage.';

CREATE OR REPLACE FUNCTION factory.list_webhooks("limit" integer DEFAULT 25, before uuid DEFAULT NULL)
RETURNS SETOF factory.webhook
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT e.id, e.url, e.description, to_json(e.events), e.enabled, e.disabled_reason, e.failures, e.created_at, e.version
  FROM factory.webhooks e
  WHERE e.tenant_id = factory.tenant_id()
    AND e.id < coalesce(before, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
  ORDER BY e.id DESC
  LIMIT "limit";
END;
COMMENT ON FUNCTION factory.list_webhooks(integer, uuid) IS 'Webhook endpoints, newest first. before: id of the last row seen. For connectors.manage.';

CREATE OR REPLACE FUNCTION factory.get_webhook(id uuid) RETURNS SETOF factory.webhook
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT e.id, e.url, e.description, to_json(e.events), e.enabled, e.disabled_reason, e.failures, e.created_at, e.version
  FROM factory.webhooks e WHERE e.tenant_id = factory.tenant_id() AND e.id = get_webhook.id;
END;
COMMENT ON FUNCTION factory.get_webhook(uuid) IS 'One webhook endpoint; no row when there is none. For connectors.manage.';

CREATE OR REPLACE FUNCTION factory.update_webhook(
  id uuid, url text DEFAULT NULL, events text[] DEFAULT NULL, description text DEFAULT NULL, enabled boolean DEFAULT NULL,
  expected_version bigint DEFAULT NULL)
RETURNS factory.webhook
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_update_webhook';
COMMENT ON FUNCTION factory.update_webhook(uuid, text, text[], text, boolean, bigint) IS
  'Changes an endpoint; null leaves a value. enabled: false pauses it, true ends any reason it was disabled for. expected_version: refuse when the row has another version. Errors: not_found, validation_failed, precondition_failed. For connectors.manage.';

CREATE OR REPLACE FUNCTION factory.delete_webhook(id uuid) RETURNS void
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_delete_webhook';
COMMENT ON FUNCTION factory.delete_webhook(uuid) IS
  'Removes an endpoint and its secret, and discards what waits for it. Error: not_found. For connectors.manage.';

CREATE OR REPLACE FUNCTION factory.rotate_webhook_secret(id uuid, overlap_seconds integer DEFAULT 86400, OUT webhook_id uuid, OUT secret text)
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_rotate_webhook_secret';
COMMENT ON FUNCTION factory.rotate_webhook_secret(uuid, integer) IS
  'Gives an endpoint a new signing secret, shown this once; for overlap_seconds (0 to 604800) calls are signed with the former one too. Errors: not_found, validation_failed, safe_mode. For connectors.manage.';

CREATE OR REPLACE FUNCTION factory.test_webhook(id uuid, OUT message_id uuid, OUT webhook_id uuid)
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_test_webhook';
COMMENT ON FUNCTION factory.test_webhook(uuid) IS
  'Sends the event webhook.tested to one endpoint, whatever it subscribed to. Errors: not_found, conflict (disabled). For connectors.manage.';

CREATE OR REPLACE FUNCTION factory.list_webhook_deliveries(id uuid, "limit" integer DEFAULT 25, before uuid DEFAULT NULL)
RETURNS TABLE (message_id uuid, event text, status text, attempts integer, last_status integer, last_detail text,
               created_at timestamptz, next_attempt_at timestamptz, finished_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT m.id, m.topic, m.status, m.attempts, m.last_status, m.last_detail, m.created_at, m.next_attempt_at, m.finished_at
  FROM factory.outbox m
  WHERE factory.require_found(EXISTS (SELECT FROM factory.webhooks e WHERE e.tenant_id = factory.tenant_id() AND e.id = list_webhook_deliveries.id))
    AND m.tenant_id = factory.tenant_id() AND m.reference = list_webhook_deliveries.id AND m.source = 'webhook'
    AND m.id < coalesce(before, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
  ORDER BY m.id DESC
  LIMIT "limit";
END;
COMMENT ON FUNCTION factory.list_webhook_deliveries(uuid, integer, uuid) IS
  'What was sent to an endpoint, newest first, as long as the outbox keeps it. before: message_id of the last row seen. Error: not_found. For connectors.manage.';

SELECT factory.declare('factory.forget_webhooks()', 'Statement trigger of webhook endpoints', '{}', scope => 'global');
SELECT factory.declare('factory.create_webhook(text, text[], text)', 'Make a webhook', method => 'POST', path => '/v1/webhooks',
  requires => 'connectors.manage', status => 201, etag => true, audit_action => 'webhook.created', problems => '{conflict,safe_mode}',
  schemas => '{"events": {"type":"array","items":{"type":"string"}}}');
SELECT factory.declare('factory.list_webhooks(integer, uuid)', 'Webhooks of this workspace', method => 'GET', path => '/v1/webhooks',
  requires => 'connectors.manage', reply => 'list', page_key => 'id', nullable => '{disabled_reason}',
  schemas => '{"events": {"type":"array","items":{"type":"string"}}}');
SELECT factory.declare('factory.get_webhook(uuid)', 'One webhook', method => 'GET', path => '/v1/webhooks/{id}',
  requires => 'connectors.manage', etag => true, nullable => '{disabled_reason}', schemas => '{"events": {"type":"array","items":{"type":"string"}}}');
SELECT factory.declare('factory.update_webhook(uuid, text, text[], text, boolean, bigint)', 'Change a webhook', method => 'PATCH', path => '/v1/webhooks/{id}',
  requires => 'connectors.manage', etag => true, audit_action => 'webhook.updated', nullable => '{disabled_reason}',
  schemas => '{"events": {"type":"array","items":{"type":"string"}}}');
SELECT factory.declare('factory.delete_webhook(uuid)', 'Remove a webhook', method => 'DELETE', path => '/v1/webhooks/{id}',
  requires => 'connectors.manage', reply => 'none', audit_action => 'webhook.deleted');
SELECT factory.declare('factory.rotate_webhook_secret(uuid, integer)', 'Give a webhook a new secret', method => 'POST', path => '/v1/webhooks/{id}/rotate-secret',
  requires => 'connectors.manage', audit_action => 'webhook.secret_rotated', problems => '{safe_mode}');
SELECT factory.declare('factory.test_webhook(uuid)', 'Send a test event', method => 'POST', path => '/v1/webhooks/{id}/test',
  requires => 'connectors.manage', status => 202, audit_action => 'webhook.tested', problems => '{conflict}');
SELECT factory.declare('factory.list_webhook_deliveries(uuid, integer, uuid)', 'Deliveries of a webhook', method => 'GET', path => '/v1/webhooks/{id}/deliveries',
  requires => 'connectors.manage', reply => 'list', page_key => 'message_id',
  nullable => '{last_status,last_detail,next_attempt_at,finished_at}');
