CREATE VIEW factory.audit WITH (security_barrier) AS
  SELECT e.tenant_id, e.id, e.occurred_at, e.action, e.outcome, e.actor_type, e.actor_id, e.session_id, e.target_type,
         e.target_id, e.request_id, e.peer, e.before, e.after, e.metadata
  FROM factory.audit_events e
  WHERE e.tenant_id = factory.tenant_with('audit.view')
  ORDER BY e.id DESC;
COMMENT ON VIEW factory.audit IS 'What happened in the workspace of the context.';

CREATE OR REPLACE FUNCTION factory.audit_logs(
  "limit" integer DEFAULT 25, before_id uuid DEFAULT NULL, action text DEFAULT NULL, actor text DEFAULT NULL,
  target text DEFAULT NULL, outcome text DEFAULT NULL, "from" timestamptz DEFAULT NULL, "to" timestamptz DEFAULT NULL)
RETURNS SETOF factory.audit_entry
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT e.id, e.occurred_at, e.action, e.outcome,
         json_build_object('type', e.actor_type, 'id', e.actor_id),
         CASE WHEN e.target_type IS NOT NULL THEN json_build_object('type', e.target_type, 'id', e.target_id) END,
         e.request_id, e.peer, e.before, e.after, e.metadata
  FROM factory.audit e
  WHERE e.tenant_id = factory.tenant_id()
    AND e.id < coalesce(audit_logs.before_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
    AND (audit_logs.action IS NULL OR e.action = audit_logs.action)
    AND (audit_logs.actor IS NULL OR e.actor_id = audit_logs.actor)
    AND (audit_logs.target IS NULL OR e.target_id = audit_logs.target)
    AND (audit_logs.outcome IS NULL OR e.outcome = audit_logs.outcome)
    AND (audit_logs."from" IS NULL OR e.occurred_at >= audit_logs."from")
    AND (audit_logs."to" IS NULL OR e.occurred_at < audit_logs."to")
  ORDER BY e.id DESC
  LIMIT audit_logs."limit";
END;
COMMENT ON FUNCTION factory.audit_logs(integer, uuid, text, text, text, text, timestamptz, timestamptz) IS
  'The audit log, newest first. before_id: id of the last row seen; actor and target: ids; outcome: success, denied, failed or blocked; from inclusive, to exclusive. For audit.view.';

-- One event per changed row of a protected table; installed by factory.protect(). It runs as whoever changes the row, as do
-- the output functions of the row's types, and asks nobody for rights.
CREATE OR REPLACE FUNCTION factory.record_change() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'factory_record_change';
COMMENT ON FUNCTION factory.record_change() IS 'Row trigger of protected tables: writes the audit event of the change.';

SELECT factory.declare('factory.audit_logs(integer, uuid, text, text, text, text, timestamptz, timestamptz)', 'Audit log of this workspace',
  method => 'GET', path => '/v1/audit-logs', requires => 'audit.view', reply => 'list', page_key => 'id',
  nullable => '{request_id,peer}',
  schemas => '{"actor": {"type":"object","properties":{"type":{"type":"string"},"id":{"type":["string","null"]}},"required":["type","id"]}, "target": {"type":["object","null"],"properties":{"type":{"type":"string"},"id":{"type":["string","null"]}},"required":["type","id"]},
    "before": {"type":["object","null"]}, "after": {"type":["object","null"]}, "metadata": {"type":["object","null"]}}');
SELECT factory.declare('factory.record_change()', 'Audit trigger of protected tables', '{factory_operator}');

CREATE VIEW factory.audit_policy WITH (security_barrier) AS
  SELECT t.id AS tenant_id, coalesce(p.retention_days, 365) AS retention_days, coalesce(p.legal_hold, false) AS legal_hold
  FROM factory.tenant_records t
  LEFT JOIN factory.audit_policies p ON p.tenant_id = t.id
  WHERE t.id = factory.tenant_id() AND factory.can('audit.view');
COMMENT ON VIEW factory.audit_policy IS 'How long the workspace of the context keeps its audit events.';

CREATE OR REPLACE FUNCTION factory.get_audit_policy() RETURNS SETOF factory.audit_retention
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT p.retention_days, p.legal_hold FROM factory.audit_policy p WHERE p.tenant_id = factory.tenant_id();
END;
COMMENT ON FUNCTION factory.get_audit_policy() IS 'How long the workspace keeps its audit events. For audit.view.';

CREATE OR REPLACE FUNCTION factory.set_audit_policy(retention_days integer DEFAULT NULL, legal_hold boolean DEFAULT NULL)
RETURNS factory.audit_retention
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_set_audit_policy';
COMMENT ON FUNCTION factory.set_audit_policy(integer, boolean) IS
  'Changes how long the workspace keeps its audit events: 30 to 365 days; with legal_hold none goes at all. Null leaves a value. Error: validation_failed. For compliance.manage.';

SELECT factory.declare('factory.get_audit_policy()', 'How long audit events stay', method => 'GET', path => '/v1/audit-policy', requires => 'audit.view');
SELECT factory.declare('factory.set_audit_policy(integer, boolean)', 'Change how long audit events stay', method => 'PATCH', path => '/v1/audit-policy',
  requires => 'compliance.manage', audit_action => 'audit_policy.updated');
