-- Declares a function of the extension itself; only this script calls it. privileges.sql grants EXECUTE to `roles`.
CREATE OR REPLACE FUNCTION factory.declare(
  function text, summary text, roles text[] DEFAULT '{factory_app}',
  method text DEFAULT NULL, path text DEFAULT NULL, scope text DEFAULT 'tenant', requires text DEFAULT 'anyone',
  reply text DEFAULT 'object', status integer DEFAULT NULL, page_key text DEFAULT NULL, etag boolean DEFAULT false,
  audit_action text DEFAULT NULL, rate_class text DEFAULT 'api', module text DEFAULT NULL, problems text[] DEFAULT '{}',
  nullable text[] DEFAULT '{}', schemas json DEFAULT '{}')
RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO factory.routes (function, roles, method, path, scope, requires, reply, status, page_key, etag, audit_action,
                              rate_class, module, summary, problems, nullable, schemas, shipped, declared_by)
  VALUES (function::regprocedure::text, roles, method, path, scope, requires, reply,
          coalesce(status, CASE reply WHEN 'none' THEN 204 ELSE 200 END), page_key, etag, audit_action, rate_class, module,
          summary, problems, nullable, schemas, true, 'platform_factory')
  ON CONFLICT (function) DO UPDATE SET
    roles = excluded.roles, method = excluded.method, path = excluded.path, scope = excluded.scope,
    requires = excluded.requires, reply = excluded.reply, status = excluded.status, page_key = excluded.page_key,
    etag = excluded.etag, audit_action = excluded.audit_action, rate_class = excluded.rate_class,
    module = excluded.module, summary = excluded.summary, problems = excluded.problems, nullable = excluded.nullable,
    schemas = excluded.schemas
$$;
COMMENT ON FUNCTION factory.declare(text, text, text[], text, text, text, text, text, integer, text, boolean, text, text, text, text[], text[], json) IS
  'Declares a shipped function: its HTTP route, who may call it, what it answers (nullable: columns that may be null; schemas: JSON Schema of json columns by name) and what it leaves in the audit log.';

-- Cached declarations and keys of other sessions are thrown away when their tables change.
CREATE OR REPLACE FUNCTION factory.forget_cached() RETURNS trigger
LANGUAGE c SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_forget_cached';
COMMENT ON FUNCTION factory.forget_cached() IS 'Statement trigger: tells every session that cached rows of this table are stale.';
CREATE TRIGGER forget_cached AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON factory.routes
  FOR EACH STATEMENT EXECUTE FUNCTION factory.forget_cached();
ALTER TABLE factory.routes ENABLE ALWAYS TRIGGER forget_cached;

CREATE OR REPLACE FUNCTION factory.serve(
  tenant uuid, method text, target text, request_headers jsonb, request_body bytea, peer inet,
  OUT status integer, OUT headers jsonb, OUT body bytea)
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'factory_serve';
COMMENT ON FUNCTION factory.serve(uuid, text, text, jsonb, bytea, inet) IS
  'Answers one HTTP call in a workspace. tenant: never null; target: path and query as received; request_headers: object of lower-case names; peer: address of the client. A refusal is an answer (RFC 9457) and leaves its evidence. For factory_edge.';

CREATE OR REPLACE FUNCTION factory.serve_global(
  method text, target text, request_headers jsonb, request_body bytea, peer inet,
  OUT status integer, OUT headers jsonb, OUT body bytea)
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'factory_serve_global';
COMMENT ON FUNCTION factory.serve_global(text, text, jsonb, bytea, inet) IS
  'Answers one HTTP call that names no workspace; 421 with x-factory-tenant says where a call belongs that does. For factory_edge.';

CREATE OR REPLACE FUNCTION factory.permission_matrix()
RETURNS TABLE (capability text, owner boolean, admin boolean, staff boolean, viewer boolean)
LANGUAGE c STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'factory_permission_matrix';
COMMENT ON FUNCTION factory.permission_matrix() IS
  'The 14 capabilities and which built-in role holds which: the very table that the gate enforces. For anyone.';

CREATE OR REPLACE FUNCTION factory.errors()
RETURNS TABLE (code text, status integer, sqlstate text, title text, hint text)
LANGUAGE c STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'factory_errors';
COMMENT ON FUNCTION factory.errors() IS 'The catalogue of problem codes with HTTP status, SQLSTATE and what to do next. For anyone.';

CREATE OR REPLACE FUNCTION factory.openapi() RETURNS json
LANGUAGE c STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'factory_openapi';
COMMENT ON FUNCTION factory.openapi() IS 'The OpenAPI 3.1 document of every declared call, an app''s own ones included. For apps and operators; over HTTP for anyone.';

CREATE OR REPLACE FUNCTION factory.route_add(
  function regprocedure, method text, path text, summary text, requires text DEFAULT 'workspace.view',
  scope text DEFAULT 'tenant', status integer DEFAULT NULL, audit_action text DEFAULT NULL, rate_class text DEFAULT NULL)
RETURNS void LANGUAGE c VOLATILE SECURITY INVOKER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'factory_route_add';
COMMENT ON FUNCTION factory.route_add(regprocedure, text, text, text, text, text, integer, text, text) IS
  'Makes a function of an app an HTTP call and puts it behind the gate. The caller owns the function and is factory_operator; factory_app may execute it; the path begins with /v1/app/. requires: anyone, user or a capability. rate_class: what limits apply, api unless given, public for anyone. Arguments come from path, query and body by name.';

CREATE OR REPLACE FUNCTION factory.route_drop(function regprocedure)
RETURNS void LANGUAGE c VOLATILE SECURITY INVOKER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'factory_route_drop';
COMMENT ON FUNCTION factory.route_drop(regprocedure) IS 'Withdraws what factory.route_add() declared. For the owner of the function who is factory_operator.';

-- What route_add and route_drop decided is written by the owner of the table.
CREATE OR REPLACE FUNCTION factory.write_route(function text, method text, path text, summary text, requires text, scope text,
                                               reply text, status integer, audit_action text, rate_class text, declared_by text)
RETURNS void LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'factory_write_route';
COMMENT ON FUNCTION factory.write_route(text, text, text, text, text, text, text, integer, text, text, text) IS
  'Second half of route_add and route_drop; refuses every other caller.';

SELECT factory.declare('factory.serve(uuid, text, text, jsonb, bytea, inet)', 'Answer an HTTP call in a workspace', '{factory_edge}', reply => 'document');
SELECT factory.declare('factory.serve_global(text, text, jsonb, bytea, inet)', 'Answer an HTTP call outside of workspaces', '{factory_edge}', scope => 'global', reply => 'document');
SELECT factory.declare('factory.permission_matrix()', 'Capabilities of the built-in roles', '{public}', 'GET', '/v1/permissions', 'global', reply => 'array', rate_class => 'public');
SELECT factory.declare('factory.errors()', 'Catalogue of problem codes', '{public}', 'GET', '/v1/errors', 'global', reply => 'array', rate_class => 'public');
SELECT factory.declare('factory.openapi()', 'This document', '{factory_app,factory_operator}', 'GET', '/v1/openapi.json', 'global', reply => 'document', rate_class => 'public');
SELECT factory.declare('factory.route_add(regprocedure, text, text, text, text, text, integer, text, text)', 'Declare an HTTP call of an app', '{factory_operator}', scope => 'global');
SELECT factory.declare('factory.route_drop(regprocedure)', 'Withdraw an HTTP call of an app', '{factory_operator}', scope => 'global');
SELECT factory.declare('factory.write_route(text, text, text, text, text, text, text, integer, text, text, text)', 'Second half of route_add', '{factory_operator}', scope => 'global');
