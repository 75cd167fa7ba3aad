-- The outbox: who may see, claim, report and act. The relay itself is tested over HTTP.
\getenv inputs PG_ABS_SRCDIR
\set workspaces :inputs '/sql/include/workspaces.psql'
\i :workspaces
DELETE FROM factory.outbound_networks;

-- Operators queue a call of the platform; its transaction decides whether it exists.
BEGIN;
SELECT factory.outbox_post('https://example.com/hook', '{"n": 1}') AS rolled_back \gset
ROLLBACK;
SELECT count(*) FROM factory.platform_outbox() WHERE id = :'rolled_back';
SELECT factory.outbox_post('https://example.com/hook', '{"n": 1}') AS first \gset
SELECT factory.outbox_post('https://example.com/later', '{}', now() + interval '1 hour') AS later \gset
SELECT kind, source, topic, destination, status, attempts FROM factory.platform_outbox() WHERE id IN (:'first', :'later') ORDER BY id;
SELECT factory.outbox_post('http://example.com/', '{}');
SELECT factory.outbox_post('https://user@example.com/', '{}');
SELECT factory.outbox_post('https://example.com/', '{');

-- The edge claims what is due, under a lease that it has to show.
\c - factory_edge
SELECT factory.outbox_claim('test', '{smtp}', 10, 60);
SELECT id = :'first' AS first, lease, kind, attempt, destination, headers = E'Content-Type: application/json\nIdempotency-Key: ' || id AS headers,
       convert_from(body, 'UTF8') AS body
FROM factory.outbox_claim('test', '{http}', 10, 60) \gset got_
SELECT :'got_first' AS first, :'got_kind' AS kind, :'got_attempt' AS attempt, :'got_destination' AS destination, :'got_headers' AS headers, :'got_body' AS body;
SELECT * FROM factory.outbox_claim('test', '{http}', 10, 60);
SELECT factory.outbox_report(:'first', gen_random_uuid(), 'answered', 200, NULL, NULL);
SELECT factory.outbox_report(:'later', :'got_lease', 'answered', 200, NULL, NULL);
SELECT factory.outbox_report(:'first', :'got_lease', 'answered', NULL, NULL, NULL);
SELECT factory.outbox_report(:'first', :'got_lease', 'eaten', 200, NULL, NULL);
SELECT factory.outbox_report(:'first', :'got_lease', 'answered', 200, repeat('x', 301), NULL);
SELECT factory.outbox_report(:'first', :'got_lease', 'answered', 503, 'busy', 120);
SELECT factory.outbox_report(:'first', :'got_lease', 'answered', 200, NULL, NULL);
SELECT waiting, due FROM factory.outbox_backlog();
SELECT factory.outbox_claim('test', '{http}', 0, 60);
SELECT factory.outbox_claim('test', '{http}', 10, 0);
SELECT factory.outbox_claim(NULL, '{http}', 10, 60);
SELECT * FROM factory.outbound_networks();
SELECT factory.outbox_post('https://example.com/', '{}');
SELECT * FROM factory.platform_outbox();
SELECT * FROM factory.outbox_queue;
\c - postgres
SELECT status, attempts, last_status, last_detail, next_attempt_at - now() BETWEEN interval '119 s' AND interval '120 s' AS in_two_minutes
FROM factory.platform_outbox() WHERE id = :'first';

-- Dead ones can be sent again, or given up.
UPDATE factory.outbox_queue SET due_at = now() WHERE id = :'first';
SELECT lease AS lease FROM factory.outbox_claim('test', '{http}', 1, 60) \gset
SELECT factory.platform_outbox_retry(:'first');
SELECT factory.outbox_report(:'first', :'lease', 'answered', 404, 'no such hook', NULL);
SELECT status, attempts, last_status, last_detail, next_attempt_at FROM factory.platform_outbox() WHERE id = :'first';
SELECT factory.platform_outbox_retry(:'first');
SELECT status, attempts FROM factory.platform_outbox() WHERE id = :'first';
SELECT lease AS lease, attempt FROM factory.outbox_claim('test', '{http}', 1, 60) \gset
SELECT factory.outbox_report(:'first', :'lease', 'returned', NULL, NULL, NULL);
SELECT status, attempts FROM factory.platform_outbox() WHERE id = :'first';
SELECT factory.platform_outbox_discard(:'first');
SELECT status FROM factory.platform_outbox() WHERE id = :'first';
SELECT factory.platform_outbox_retry(:'first');
SELECT lease AS lease FROM factory.outbox_claim('test', '{http}', 1, 60) \gset
SELECT factory.outbox_report(:'first', :'lease', 'answered', 204, NULL, NULL);
SELECT status, attempts, last_status FROM factory.platform_outbox() WHERE id = :'first';
SELECT factory.platform_outbox_retry(:'first');
SELECT factory.platform_outbox_discard(gen_random_uuid());

-- A message that ends every relay that takes it ends as well.
UPDATE factory.outbox_queue SET due_at = now(), attempts = 12 WHERE id = :'later';
SELECT * FROM factory.outbox_claim('test', '{http}', 1, 60);
SELECT status, last_detail FROM factory.platform_outbox() WHERE id = :'later';
SELECT action, outcome, target_type, target_id = :'later' AS later FROM factory.platform_events ORDER BY id DESC LIMIT 1;

-- One workspace's slow receivers do not take all the places.
SELECT count(factory.outbox_post('https://example.com/' || n, '{}')) FROM generate_series(1, 40) n;
SELECT count(*) FROM factory.outbox_claim('test', '{http}', 32, 60);
SELECT count(*) FROM factory.outbox_claim('test', '{http}', 32, 60);
UPDATE factory.outbox_queue SET due_at = now() WHERE lease IS NOT NULL;
SELECT count(*) FROM factory.outbox_claim('test', '{http}', 10, 60);

-- Neither do many that cannot be sent any more: those of a workspace that is gone, and of an endpoint that is.
SELECT gen_random_uuid() AS gone \gset
INSERT INTO factory.outbox_queue (id, tenant_id, kind, due_at) SELECT gen_random_uuid(), :'gone', 'http', now() - interval '1 day' FROM generate_series(1, 100);
INSERT INTO factory.outbox_messages (tenant_id, id, kind, source, topic, reference, body, created_at)
SELECT :'gone', id, 'http', 'webhook', 'test', gen_random_uuid(), '{}', now() FROM factory.outbox_queue WHERE tenant_id = :'gone' LIMIT 50;
SELECT count(*) FROM factory.outbox_claim('test', '{http}', 10, 60);
SELECT status, count(*) FROM factory.outbox_messages WHERE tenant_id = :'gone' GROUP BY status;

-- Finished ones stay for a while.
SELECT count(*) > 0 AS kept FROM factory.outbox_queue WHERE finished;
SELECT factory.outbox_purge();
UPDATE factory.outbox_queue SET due_at = now() WHERE finished;
SELECT factory.outbox_purge(1);
SELECT factory.outbox_purge() > 0 AS purged;
SELECT count(*) FROM factory.platform_outbox() WHERE status <> 'waiting' AND id IN (:'first', :'later');

-- Operators open networks, and each opening is on record.
SELECT factory.outbound_allow('10.1.0.0/16');
SELECT factory.outbound_allow('10.1.0.0/16');
SELECT factory.outbound_allow('10.2.0.1', 8080);
SELECT factory.outbound_allow('10.2.0.1', 0);
SELECT factory.outbound_allow(NULL);
SELECT network, port, allowed_by FROM factory.outbound_allowed WHERE network <<= '10.0.0.0/8' ORDER BY network;
SELECT factory.outbound_disallow('10.2.0.1');
SELECT factory.outbound_disallow('10.2.0.1', 8080);
SELECT factory.outbound_disallow('10.1.0.0/16');
SELECT action, target_id FROM factory.platform_events WHERE action LIKE 'outbound.%allowed' ORDER BY id DESC LIMIT 4;

-- Apps see their workspace's messages, with connectors.manage, and none of the machinery.
INSERT INTO factory.outbox_messages (tenant_id, id, kind, source, topic, destination, created_at)
SELECT t, gen_random_uuid(), 'http', 'webhook', 'test', 'https://example.com/', now() FROM unnest(ARRAY[:'a', :'b']::uuid[]) t;
\c - app_login
SELECT * FROM factory.outbox;
SELECT * FROM factory.list_outbox();
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT source, topic, status FROM factory.list_outbox();
SELECT count(*) FROM factory.list_outbox(status => 'dead');
SELECT count(*), count(DISTINCT tenant_id) FROM factory.outbox;
SAVEPOINT s;
SELECT factory.outbox_retry(:'first');
ROLLBACK TO s;
SELECT factory.outbox_discard(gen_random_uuid());
ROLLBACK;
BEGIN;
SELECT factory.sign_in(:'cay', :'a') AS ignored \gset
SELECT count(*) FROM factory.outbox;
SELECT factory.list_outbox();
ROLLBACK;
SELECT factory.outbox_claim('test', '{http}', 10, 60);
SELECT factory.outbox_report(:'first', :'first', 'answered', 200, NULL, NULL);
SELECT factory.outbox_post('https://example.com/', '{}');
SELECT factory.outbound_allow('10.0.0.0/8');
SELECT * FROM factory.outbound_allowed;
SELECT * FROM factory.outbox_messages;
\c - postgres
DELETE FROM factory.outbox_queue;
DELETE FROM factory.outbox_messages;
\i :leave
