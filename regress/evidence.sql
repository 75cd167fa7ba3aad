-- What is refused over SQL leaves its event, although the caller rolls back. Every refusal has waited for its event here.
\getenv inputs PG_ABS_SRCDIR
\set workspaces :inputs '/sql/include/workspaces.psql'
\i :workspaces
\set VERBOSITY terse
CREATE VIEW wall.evidence AS
  SELECT 'workspace' AS log, tenant_id, id, action, outcome, actor_type, actor_id, session_id, target_type, target_id, peer, metadata
  FROM factory.audit_events
  UNION ALL
  SELECT 'platform', NULL, id, action, outcome, actor_type, actor_id, session_id, target_type, target_id, peer, metadata
  FROM factory.platform_events;
SELECT factory.uuid7() AS mark \gset
\c - app_login

-- The attack: ask, be denied, roll back, and leave no trace.
BEGIN;
SELECT factory.sign_in(:'ben', :'a') AS ignored \gset
SELECT factory.require('members.manage');
ROLLBACK;
BEGIN;
SELECT factory.sign_in(:'ben', :'a') AS ignored \gset
SELECT * FROM factory.create_invitation('mallory@example.com', 'viewer');
ROLLBACK;
-- Or swallow the refusal; each try is an event of its own.
BEGIN;
SELECT factory.sign_in(:'ben', :'a') AS ignored \gset
DO $$
BEGIN
  FOR i IN 1..3 LOOP
    BEGIN
      PERFORM factory.require('audit.view');
    EXCEPTION WHEN insufficient_privilege THEN
    END;
  END LOOP;
END
$$;
ROLLBACK;
\c - postgres
SELECT factory.evidence_flush();
SELECT log, e.tenant_id = :'a' AS of_a, action, outcome, actor_type, actor_id = :'ben_id' AS by_ben,
       session_id = :'ben_session' AS session, metadata
FROM wall.evidence e WHERE id > :'mark' ORDER BY id;

-- Without a context the database role is named, in the platform's log.
SELECT factory.uuid7() AS mark \gset
\c - app_login
BEGIN;
SELECT * FROM factory.list_members();
ROLLBACK;
SELECT factory.logout();
-- Failed sign-ins: no token, the token of somebody who is no member, and a workspace that is not there.
SELECT factory.sign_in('no.token.atall');
BEGIN;
SELECT factory.sign_in(:'cay', :'b');
ROLLBACK;
SELECT factory.sign_in(:'cay', '0190a000-0000-7000-8000-000000000009');
SELECT factory.login('mallory@example.com', 'a quite wrong phrase');
BEGIN;
SELECT factory.login('mallory@example.com', 'a quite wrong phrase');
ROLLBACK;
SELECT factory.refresh('no such token');
\c - postgres
SELECT log, action, outcome, actor_type, CASE actor_id WHEN :'cay_id' THEN 'cay' ELSE actor_id END AS actor,
       target_type, CASE target_id WHEN :'b' THEN 'b' ELSE target_id END AS target, metadata
FROM wall.evidence WHERE id > :'mark' ORDER BY id;
-- What is refused for another reason than rights leaves nothing.
SELECT factory.uuid7() AS mark \gset
\c - app_login
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT factory.update_tenant(slug => 'not a slug');
ROLLBACK;
SELECT factory.require('no.such');
\c - postgres
SELECT count(*) FROM wall.evidence WHERE id > :'mark';

-- A refresh token used twice ends its family, although the thief rolls back.
SELECT 'dora-' || gen_random_uuid() || '@example.com' AS dora \gset
\c - app_login
SELECT access_token AS dora_access, refresh_token AS stolen, "user"->>'id' AS dora_id FROM factory.register(:'dora', 'a quite long phrase', 'Dora') \gset
SELECT refresh_token AS renewed FROM factory.refresh(:'stolen') \gset
\c - postgres
UPDATE factory.refresh_tokens SET used_at = used_at - interval '11 seconds' WHERE token_hash = sha256(:'stolen');
SELECT factory.uuid7() AS mark \gset
\c - app_login
BEGIN;
SELECT factory.refresh(:'stolen');
ROLLBACK;
SELECT factory.refresh(:'renewed');
SELECT factory.sign_in(:'dora_access');
\c - postgres
SELECT end_reason FROM factory.sessions WHERE user_id = :'dora_id';
SELECT action, outcome, actor_id = :'dora_id' AS of_dora, target_type FROM wall.evidence WHERE id > :'mark' ORDER BY id;

-- An operator who reads a workspace's log is seen before the first row comes, ROLLBACK or not.
CREATE ROLE wall_operator IN ROLE factory_operator;
SELECT factory.uuid7() AS mark \gset
SET SESSION AUTHORIZATION wall_operator;
BEGIN;
SELECT action, actor->>'id' AS actor FROM factory.audit_of(:'a', 1);
ROLLBACK;
SELECT count(*) FROM factory.audit_of(:'b', 2, :'mark');
SELECT factory.audit_of('0190a000-0000-7000-8000-000000000009');
SELECT factory.audit_of(NULL);
SELECT factory.audit_of(:'a', 0);
SELECT factory.evidence_flush(-1);
SELECT size, waiting, recorded > 10 AS recorded, lost >= 0 AS lost, worker > 0 AS worker FROM factory.evidence_status();
RESET SESSION AUTHORIZATION;
DROP ROLE wall_operator;
SELECT action, outcome, actor_type, actor_id, CASE tenant_id WHEN :'a' THEN 'a' WHEN :'b' THEN 'b' END AS workspace
FROM wall.evidence WHERE id > :'mark' ORDER BY id;
-- Nobody else may.
\c - app_login
SELECT factory.audit_of(:'a');
SELECT factory.evidence_flush();
SELECT * FROM factory.evidence_status();
\c - postgres
\i :leave
