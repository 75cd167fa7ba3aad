-- The audit log: what is in it, who reads it, and that nobody changes it.
\getenv inputs PG_ABS_SRCDIR
\set workspaces :inputs '/sql/include/workspaces.psql'
\i :workspaces
\c - app_login

-- Each change of a protected row is one event with the fields that changed.
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
INSERT INTO wall.notes (id, title) VALUES (10, 'ten'), (11, 'eleven');
UPDATE wall.notes SET title = 'TEN' WHERE id = 10;
UPDATE wall.notes SET title = 'TEN' WHERE id = 10;
DELETE FROM wall.notes WHERE id = 11;
SELECT e.action, e.outcome, e.actor->>'type' AS actor, e.actor->>'id' = :'ann_id' AS ann, e.target->>'type' AS target, e.target->>'id' AS id,
       e.before, e.after
FROM factory.audit_logs(actor => :'ann_id') e WHERE e.target->>'type' = 'wall.notes' ORDER BY e.id;
COMMIT;

-- What is rolled back leaves no event, what a savepoint takes back neither.
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SAVEPOINT s;
INSERT INTO wall.notes (id, title) VALUES (12, 'twelve');
ROLLBACK TO s;
INSERT INTO wall.notes (id, title) VALUES (13, 'thirteen');
SELECT target->>'id' AS id FROM factory.audit_logs("limit" => 1);
ROLLBACK;

-- Filters and pages.
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT action, count(*) FROM factory.audit_logs("limit" => 100) GROUP BY action ORDER BY action;
SELECT count(*) FROM factory.audit_logs(action => 'invitation.created');
SELECT count(*) FROM factory.audit_logs(target => '10');
SELECT count(*) FROM factory.audit_logs(outcome => 'denied');
SELECT count(*) FROM factory.audit_logs("from" => now() + interval '1 hour');
SELECT count(*) > 0 AS some FROM factory.audit_logs("to" => now() + interval '1 hour');
SELECT id AS last FROM factory.audit_logs("limit" => 1) \gset
SELECT bool_and(id < :'last') AS older FROM factory.audit_logs(before_id => :'last');
COMMIT;

-- It is for audit.view, and for the own workspace.
BEGIN;
SELECT factory.sign_in(:'cay', :'a') AS ignored \gset
SELECT count(*) FROM factory.audit;
SELECT * FROM factory.audit_logs();
ROLLBACK;
BEGIN;
SELECT factory.sign_in(:'ben', :'b') AS ignored \gset
SELECT DISTINCT tenant_id = :'b' AS b FROM factory.audit;
SELECT count(*) FROM factory.audit WHERE tenant_id = :'a';
COMMIT;
SELECT * FROM factory.audit_logs();
SELECT * FROM factory.platform_events;

-- Nobody rewrites it: no role of the platform, its owner neither.
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
UPDATE factory.audit SET action = 'nothing.happened';
ROLLBACK;
INSERT INTO factory.audit_events (tenant_id, id, occurred_at, action, outcome, actor_type)
VALUES (:'a', gen_random_uuid(), now(), 'forged.event', 'success', 'user');
\c - postgres
SELECT r.rolname AS role, t.relation, p.privilege
FROM pg_roles r, (VALUES ('factory.audit_events'), ('factory.audit_events_default'), ('factory.platform_events')) t(relation),
     (VALUES ('UPDATE'), ('DELETE'), ('TRUNCATE'), ('TRIGGER')) p(privilege)
WHERE r.rolname LIKE 'factory\_%' AND has_table_privilege(r.oid, t.relation, p.privilege)
ORDER BY 1, 2, 3;
SET ROLE factory_owner;
DELETE FROM factory.platform_events;
UPDATE factory.audit_events SET action = 'nothing.happened';
RESET ROLE;

-- Somebody without a context, such as a DBA, is named by the database role; the row's workspace gets the event.
INSERT INTO wall.notes VALUES (20, :'b', 'by hand');
SELECT actor_type, actor_id, tenant_id = :'b' AS b, after FROM factory.audit_events WHERE target_id = '20' AND tenant_id = :'b';
UPDATE wall.notes SET tenant_id = :'a' WHERE id = 20;
\i :leave
