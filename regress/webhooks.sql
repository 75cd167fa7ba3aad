-- Webhook endpoints over SQL, and what an audit event leaves in the outbox. Deliveries are tested over HTTP.
\getenv inputs PG_ABS_SRCDIR
\set workspaces :inputs '/sql/include/workspaces.psql'
\i :workspaces
\c - app_login

BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT id AS hook, secret AS secret, url, description, events, enabled, version FROM factory.create_webhook('https://example.com/hook', '{tenant.updated,tenant.updated}', 'mine') \gset made_
SELECT :'made_url' AS url, :'made_description' AS description, :'made_events' AS events, :'made_enabled' AS enabled, :'made_version' AS version,
       :'made_secret' ~ '^whsec_[A-Za-z0-9+/]{43}=$' AS secret;
SELECT id = :'made_hook' AS same, url, description, events, enabled, disabled_reason, failures, version FROM factory.list_webhooks();
SELECT id = :'made_hook' AS same, events FROM factory.get_webhook(:'made_hook');
SELECT id = :'made_hook' AS same, events FROM factory.webhooks;
-- In the transaction of its change, once for each endpoint that wants it.
SELECT name FROM factory.update_tenant('First name');
SELECT source, topic, reference = :'made_hook' AS mine, status FROM factory.list_outbox();
SAVEPOINT s;
SELECT name FROM factory.update_tenant('Second name');
ROLLBACK TO s;
SELECT count(*) FROM factory.list_webhook_deliveries(:'made_hook');
-- A change in a transaction is heeded by it at once, and undone with it.
SAVEPOINT s;
SELECT enabled, disabled_reason, version FROM factory.update_webhook(:'made_hook', enabled => false);
SELECT name FROM factory.update_tenant('Third name');
SELECT count(*) FROM factory.list_webhook_deliveries(:'made_hook');
SELECT factory.test_webhook(:'made_hook');
ROLLBACK TO s;
SELECT name FROM factory.update_tenant('Fourth name');
SELECT count(*) FROM factory.list_webhook_deliveries(:'made_hook');
SELECT url, events, enabled, version FROM factory.update_webhook(:'made_hook', 'https://example.com/other', '{*}', expected_version => 1);
SAVEPOINT s;
SELECT factory.update_webhook(:'made_hook', enabled => true, expected_version => 1);
ROLLBACK TO s;
SELECT factory.update_webhook(gen_random_uuid(), enabled => true);
ROLLBACK TO s;
SELECT factory.create_webhook('https://user@example.com/', '{}');
ROLLBACK TO s;
SELECT factory.create_webhook(NULL, '{*}');
ROLLBACK TO s;
SELECT factory.rotate_webhook_secret(:'made_hook', -1);
ROLLBACK TO s;
SELECT webhook_id = :'made_hook' AS same, secret <> :'made_secret' AS another FROM factory.rotate_webhook_secret(:'made_hook');
SELECT webhook_id = :'made_hook' AS same FROM factory.test_webhook(:'made_hook');
COMMIT;

-- Without connectors.manage, in another workspace and without a context there is nothing.
BEGIN;
SELECT factory.sign_in(:'cay', :'a') AS ignored \gset
SELECT count(*) FROM factory.webhooks;
SELECT factory.list_webhooks();
ROLLBACK;
BEGIN;
SELECT factory.sign_in(:'ben', :'b') AS ignored \gset
SELECT count(*) FROM factory.list_webhooks();
SELECT count(*) FROM factory.get_webhook(:'made_hook');
SAVEPOINT s;
SELECT count(*) FROM factory.list_webhook_deliveries(:'made_hook');
ROLLBACK TO s;
SELECT factory.delete_webhook(:'made_hook');
ROLLBACK TO s;
SELECT factory.rotate_webhook_secret(:'made_hook');
ROLLBACK TO s;
SELECT name FROM factory.update_tenant('B as ever');
SELECT count(*) FROM factory.list_outbox();
ROLLBACK;
SELECT factory.create_webhook('https://example.com/', '{*}');
SELECT * FROM factory.webhook_endpoints;
SELECT factory.forget_webhooks();

-- The claim signs with every secret that stands, and the log of the endpoint follows.
\c - postgres
SELECT CASE WHEN headers ~ ('\nWebhook-Id: ' || id || '\nWebhook-Timestamp: \d{10}\nWebhook-Signature: v1,\S{44} v1,\S{44}$') THEN 'two signatures' ELSE headers END AS headers,
       destination, (convert_from(body, 'UTF8')::jsonb) ->> 'type' AS type
FROM factory.outbox_claim('test', '{http}', 10, 60) ORDER BY id;
SELECT action, outcome FROM factory.audit_events WHERE tenant_id = :'a' AND action = 'secret.opened' LIMIT 1;
SELECT count(*) AS opened FROM factory.audit_events WHERE tenant_id = :'a' AND action = 'secret.opened';
SELECT count(*) AS still FROM factory.outbox_messages WHERE tenant_id = :'a';

-- Rows that a superuser or an app writes are events as well.
INSERT INTO wall.notes VALUES (3, :'a', 'A three'), (2, :'b', 'B two');
SELECT topic, convert_from(body, 'UTF8')::jsonb -> 'data' ->> 'after' AS after FROM factory.outbox_messages WHERE tenant_id = :'a' AND topic LIKE 'notes%';
SELECT convert_from(body, 'UTF8')::jsonb -> 'data' -> 'actor' AS actor FROM factory.outbox_messages WHERE tenant_id = :'a' AND topic LIKE 'notes%';
-- One too large for a message comes without its values.
INSERT INTO wall.notes VALUES (4, :'a', repeat('x', 300000));
SELECT length(body) < 1000 AS short, convert_from(body, 'UTF8')::jsonb -> 'data' -> 'truncated' AS truncated
FROM factory.outbox_messages WHERE tenant_id = :'a' AND topic LIKE 'notes%' ORDER BY id DESC LIMIT 1;

\c - app_login
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT factory.delete_webhook(:'made_hook');
SELECT DISTINCT status FROM factory.list_outbox();
SELECT count(*) FROM factory.list_webhooks();
COMMIT;
\c - postgres
SELECT count(*) FROM factory.secrets WHERE tenant_id = :'a' AND name LIKE 'webhook/%';
SELECT action, outcome, before, after FROM factory.audit_events WHERE tenant_id = :'a' AND action LIKE 'webhook.%' ORDER BY id;
DELETE FROM factory.outbox_queue;
DELETE FROM factory.outbox_messages;
\i :leave
