-- Views for apps: they belong to factory_owner, whom FORCE ROW LEVEL SECURITY binds, and name the caller besides.
CREATE VIEW factory.tenants WITH (security_barrier) AS
  SELECT t.id, t.slug, t.name, t.status, t.created_at, t.version
  FROM factory.tenant_records t
  WHERE t.id = factory.tenant_with('workspace.view');
COMMENT ON VIEW factory.tenants IS 'The workspace of the context.';

CREATE VIEW factory.members WITH (security_barrier) AS
  SELECT m.tenant_id, m.user_id, u.email, u.name, m.role, m.joined_at, m.version
  FROM factory.memberships m
  JOIN factory.users u ON u.id = m.user_id
  WHERE m.tenant_id = factory.tenant_with('workspace.view')
  ORDER BY m.user_id;
COMMENT ON VIEW factory.members IS 'The people of the workspace of the context.';

CREATE VIEW factory.my_tenants WITH (security_barrier) AS
  SELECT d.tenant_id AS id, t.slug, t.name, t.status, d.role, d.joined_at, t.created_at
  FROM factory.user_tenants d
  JOIN factory.tenant_records t ON t.id = d.tenant_id
  WHERE d.user_id = factory.user_id()
  ORDER BY d.tenant_id;
COMMENT ON VIEW factory.my_tenants IS 'The workspaces of the person of the context.';

CREATE OR REPLACE FUNCTION factory.role_capabilities(role text) RETURNS text[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'factory_role_capabilities';
COMMENT ON FUNCTION factory.role_capabilities(text) IS 'The capabilities of a role, in the order of the matrix; empty for unknown roles. For anyone.';

CREATE OR REPLACE FUNCTION factory.me() RETURNS TABLE ("user" json, memberships json)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT json_build_object('id', u.id, 'email', u.email, 'name', u.name),
         coalesce((SELECT json_agg(json_build_object(
                            'tenant', json_build_object('id', t.id, 'slug', t.slug, 'name', t.name, 'status', t.status),
                            'role', t.role, 'capabilities', factory.role_capabilities(t.role)) ORDER BY t.id)
                   FROM factory.my_tenants t), '[]'::json)
  FROM factory.my_user u;
END;
COMMENT ON FUNCTION factory.me() IS 'The account of the context and its workspaces with role and capabilities in each. For signed-in people.';

CREATE OR REPLACE FUNCTION factory.create_tenant(name text, slug text DEFAULT NULL) RETURNS factory.tenant
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_create_tenant';
COMMENT ON FUNCTION factory.create_tenant(text, text) IS
  'Opens a workspace owned by the caller. slug: 3 to 48 of a-z, 0-9 and -; without it one is derived from the name and made unique. Errors: validation_failed, slug_taken. For signed-in people.';

CREATE OR REPLACE FUNCTION factory.list_tenants("limit" integer DEFAULT 25, after uuid DEFAULT NULL)
RETURNS TABLE (id uuid, slug text, name text, status text, role text, created_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT t.id, t.slug, t.name, t.status, t.role, t.created_at
  FROM factory.my_tenants t
  WHERE t.id > coalesce(after, '00000000-0000-0000-0000-000000000000'::uuid)
  ORDER BY t.id
  LIMIT "limit";
END;
COMMENT ON FUNCTION factory.list_tenants(integer, uuid) IS 'The caller''s workspaces by id. after: id of the last row seen. For signed-in people.';

CREATE OR REPLACE FUNCTION factory.get_tenant() RETURNS SETOF factory.tenant
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT t.id, t.slug, t.name, t.status, t.created_at, t.version FROM factory.tenants t WHERE t.id = factory.tenant_id();
END;
COMMENT ON FUNCTION factory.get_tenant() IS 'The workspace of the context. For workspace.view.';

CREATE OR REPLACE FUNCTION factory.update_tenant(name text DEFAULT NULL, slug text DEFAULT NULL, expected_version bigint DEFAULT NULL)
RETURNS factory.tenant
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_update_tenant';
COMMENT ON FUNCTION factory.update_tenant(text, text, bigint) IS
  'Changes name or slug of the workspace; null leaves a value. expected_version: refuse when the row has another version. Errors: validation_failed, slug_taken, precondition_failed. For workspace.manage.';

CREATE OR REPLACE FUNCTION factory.list_members("limit" integer DEFAULT 25, after uuid DEFAULT NULL)
RETURNS TABLE (user_id uuid, email text, name text, role text, joined_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT m.user_id, m.email, m.name, m.role, m.joined_at
  FROM factory.members m
  WHERE m.tenant_id = factory.tenant_id()
    AND m.user_id > coalesce(after, '00000000-0000-0000-0000-000000000000'::uuid)
  ORDER BY m.user_id
  LIMIT "limit";
END;
COMMENT ON FUNCTION factory.list_members(integer, uuid) IS 'The people of the workspace by id. after: user_id of the last row seen. For workspace.view.';

CREATE OR REPLACE FUNCTION factory.get_member(user_id uuid) RETURNS SETOF factory.member
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT m.user_id, m.email, m.name, m.role, m.joined_at, m.version
  FROM factory.members m
  WHERE m.tenant_id = factory.tenant_id() AND m.user_id = get_member.user_id;
END;
COMMENT ON FUNCTION factory.get_member(uuid) IS 'One person of the workspace; no row when there is none. For workspace.view.';

CREATE OR REPLACE FUNCTION factory.update_member(user_id uuid, role text, expected_version bigint DEFAULT NULL)
RETURNS factory.member
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_update_member';
COMMENT ON FUNCTION factory.update_member(uuid, text, bigint) IS
  'Gives a member another role; it bites on the next call. Nobody grants what they lack or edits somebody above them. Errors: not_found, forbidden, last_owner, validation_failed, precondition_failed. For members.manage.';

CREATE OR REPLACE FUNCTION factory.remove_member(user_id uuid) RETURNS void
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_remove_member';
COMMENT ON FUNCTION factory.remove_member(uuid) IS
  'Takes a member out of the workspace; it bites on the next call. Errors: not_found, forbidden (above your own role), last_owner. For members.manage.';

CREATE OR REPLACE FUNCTION factory.keep_last_owner() RETURNS trigger
LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_keep_last_owner';
COMMENT ON FUNCTION factory.keep_last_owner() IS 'Deferred trigger: a live workspace keeps an owner. Error: last_owner.';
CREATE CONSTRAINT TRIGGER keep_last_owner AFTER UPDATE OR DELETE ON factory.memberships
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION factory.keep_last_owner();
ALTER TABLE factory.memberships ENABLE ALWAYS TRIGGER keep_last_owner;

SELECT factory.declare('factory.role_capabilities(text)', 'Capabilities of a role', '{public}', scope => 'global');
SELECT factory.declare('factory.me()', 'My account and workspaces', method => 'GET', path => '/v1/me', scope => 'global', requires => 'user',
  schemas => '{"user": {"type":"object","properties":{"id":{"type":"string","format":"uuid"},"email":{"type":"string","format":"email"},"name":{"type":"string"}},"required":["id","email","name"]},
    "memberships": {"type":"array","items":{"type":"object","properties":{"tenant":{"type":"object","properties":{"id":{"type":"string","format":"uuid"},"slug":{"type":"string"},"name":{"type":"string"},"status":{"type":"string"}},"required":["id","slug","name","status"]},"role":{"type":"string"},"capabilities":{"type":"array","items":{"type":"string"}}},"required":["tenant","role","capabilities"]}}}');
SELECT factory.declare('factory.create_tenant(text, text)', 'Open a workspace', method => 'POST', path => '/v1/tenants', scope => 'global',
  requires => 'user', status => 201, etag => true, audit_action => 'tenant.created', problems => '{slug_taken}');
SELECT factory.declare('factory.list_tenants(integer, uuid)', 'My workspaces', method => 'GET', path => '/v1/tenants', scope => 'global',
  requires => 'user', reply => 'list', page_key => 'id');
SELECT factory.declare('factory.get_tenant()', 'This workspace', method => 'GET', path => '/v1/tenant', requires => 'workspace.view', etag => true);
SELECT factory.declare('factory.update_tenant(text, text, bigint)', 'Change this workspace', method => 'PATCH', path => '/v1/tenant',
  requires => 'workspace.manage', etag => true, audit_action => 'tenant.updated', problems => '{slug_taken}');
SELECT factory.declare('factory.list_members(integer, uuid)', 'People of this workspace', method => 'GET', path => '/v1/members',
  requires => 'workspace.view', reply => 'list', page_key => 'user_id');
SELECT factory.declare('factory.get_member(uuid)', 'One member', method => 'GET', path => '/v1/members/{user_id}',
  requires => 'workspace.view', etag => true);
SELECT factory.declare('factory.update_member(uuid, text, bigint)', 'Change a member''s role', method => 'PATCH', path => '/v1/members/{user_id}',
  requires => 'members.manage', etag => true, audit_action => 'member.role_changed', problems => '{last_owner}');
SELECT factory.declare('factory.remove_member(uuid)', 'Remove a member', method => 'DELETE', path => '/v1/members/{user_id}',
  requires => 'members.manage', reply => 'none', audit_action => 'member.removed', problems => '{last_owner}');
