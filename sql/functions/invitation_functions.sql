CREATE VIEW factory.sent_invitations WITH (security_barrier) AS
  SELECT i.tenant_id, i.id, i.email, i.role,
         CASE WHEN i.status = 'open' AND i.expires_at <= pg_catalog.now() THEN 'expired' ELSE i.status END AS status,
         i.invited_by, i.created_at, i.expires_at
  FROM factory.invitations i
  WHERE i.tenant_id = factory.tenant_with('members.manage')
  ORDER BY i.id DESC;
COMMENT ON VIEW factory.sent_invitations IS 'Invitations of the workspace of the context, without their tokens.';

CREATE OR REPLACE FUNCTION factory.create_invitation(email text, role text) RETURNS factory.new_invitation
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_create_invitation';
COMMENT ON FUNCTION factory.create_invitation(text, text) IS
  'Invites an address with a role that the caller may grant, and mails it a link. The token is returned this once. Errors: validation_failed, forbidden, already_member, invitation_pending, plan_limit, safe_mode (no key to seal the mail with). For members.manage.';

CREATE OR REPLACE FUNCTION factory.list_invitations("limit" integer DEFAULT 25, before uuid DEFAULT NULL)
RETURNS TABLE (id uuid, email text, role text, status text, invited_by uuid, created_at timestamptz, expires_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT i.id, i.email, i.role, i.status, i.invited_by, i.created_at, i.expires_at
  FROM factory.sent_invitations i
  WHERE i.tenant_id = factory.tenant_id()
    AND i.id < coalesce(before, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
  ORDER BY i.id DESC
  LIMIT "limit";
END;
COMMENT ON FUNCTION factory.list_invitations(integer, uuid) IS
  'Invitations of the workspace, newest first. before: id of the last row seen. For members.manage.';

CREATE OR REPLACE FUNCTION factory.cancel_invitation(id uuid) RETURNS void
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_cancel_invitation';
COMMENT ON FUNCTION factory.cancel_invitation(uuid) IS 'Withdraws an open invitation. Error: not_found. For members.manage.';

CREATE OR REPLACE FUNCTION factory.accept_invitation(token text) RETURNS factory.accepted_invitation
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_accept_invitation';
COMMENT ON FUNCTION factory.accept_invitation(text) IS
  'Enters the workspace of an invitation. The caller''s address is the invited one. Errors: invitation_gone, invitation_address_mismatch, already_member, plan_limit. For signed-in people.';

SELECT factory.declare('factory.create_invitation(text, text)', 'Invite somebody', method => 'POST', path => '/v1/invitations',
  requires => 'members.manage', status => 201, audit_action => 'invitation.created', rate_class => 'invite', problems => '{already_member,invitation_pending,plan_limit,safe_mode}');
SELECT factory.declare('factory.list_invitations(integer, uuid)', 'Invitations of this workspace', method => 'GET', path => '/v1/invitations',
  requires => 'members.manage', reply => 'list', page_key => 'id', nullable => '{invited_by}');
SELECT factory.declare('factory.cancel_invitation(uuid)', 'Withdraw an invitation', method => 'DELETE', path => '/v1/invitations/{id}',
  requires => 'members.manage', reply => 'none', audit_action => 'invitation.cancelled');
SELECT factory.declare('factory.accept_invitation(text)', 'Accept an invitation', method => 'POST', path => '/v1/invitations/accept',
  requires => 'user', audit_action => 'invitation.accepted', rate_class => 'accept',
  problems => '{invitation_gone,invitation_address_mismatch,already_member,plan_limit}',
  schemas => '{"tenant": {"type":"object","properties":{"id":{"type":"string","format":"uuid"},"slug":{"type":"string"},"name":{"type":"string"},"status":{"type":"string"}},"required":["id","slug","name","status"]}}');
