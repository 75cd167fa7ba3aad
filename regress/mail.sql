-- Mails: templates, previews, what apps may send, and that no content lies about. Delivery is tested over SMTP.
\getenv inputs PG_ABS_SRCDIR
\set workspaces :inputs '/sql/include/workspaces.psql'
\i :workspaces

-- Operators make templates; what cannot be filled with its own sample is refused.
SELECT factory.mail_template_set('welcome', 'en', 'Welcome, {{name}}', E'Hello {{name}},\nopen {{start_url}}', '<p>Hello <a href="{{start_url}}">{{name}}</a></p>', '{"name": "Ann & Bob", "start_url": "https://example.com/?a=1&b=2"}');
SELECT factory.mail_template_set('welcome', 'de', 'Willkommen, {{name}}', E'Hallo {{name}}', NULL, '{"name": "Ann"}');
SELECT factory.mail_template_set('Welcome', 'x', '', '{{', '{{#a}}', '{}');
SELECT factory.mail_template_set('broken', 'en', 'Hi {{name}}', 'x', NULL, '{}');
SELECT factory.mail_template_set('broken', 'en', 'Hi', '{{url}}', NULL, '{"url": "javascript:alert(1)"}');
SELECT factory.mail_template_set('broken', 'en', 'Hi', 'x', NULL, '{"a": {"b": 1}}');
SELECT name, locale, shipped, subject FROM factory.mail_template_texts ORDER BY name, locale;
\c - app_login
SELECT factory.mail_template_set('welcome', 'en', 'Mine', 'x');
SELECT * FROM factory.mail_template_texts;
SELECT * FROM factory.mail_templates;

BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT * FROM factory.preview_mail_template('welcome');
SELECT locale, subject, html FROM factory.preview_mail_template('welcome', 'de-AT');
SELECT locale, subject FROM factory.preview_mail_template('welcome', 'fr');
SELECT subject FROM factory.preview_mail_template('invitation');
SAVEPOINT s;
SELECT factory.preview_mail_template('nothing');
ROLLBACK TO s;
-- Apps send by templates of the operators, to plain addresses.
SELECT factory.mail_enqueue('welcome', 'en', 'Eve@Example.com', '{"name": "Eve", "start_url": "https://example.com/"}') AS mail \gset
SELECT id = :'mail' AS same, kind, source, topic, destination, status FROM factory.list_outbox();
SELECT factory.mail_enqueue('invitation', 'en', 'eve@example.com', '{}');
ROLLBACK TO s;
SELECT factory.mail_enqueue('welcome', 'en', E'eve@example.com\r\nBcc: all@example.com', '{"name": "Eve", "start_url": "https://example.com/"}');
ROLLBACK TO s;
SELECT factory.mail_enqueue('welcome', 'en', 'eve@example.com', '{"name": "Eve"}');
ROLLBACK TO s;
SELECT factory.mail_enqueue('welcome', 'en', 'eve@example.com', '{"name": ["Eve"]}');
ROLLBACK TO s;
SELECT factory.mail_enqueue('welcome', 'en', 'eve@example.com', '[1]');
ROLLBACK TO s;
SELECT factory.mail_enqueue('welcome', 'en', 'eve@example.com', json_build_object('name', 'Eve', 'start_url', 'https://example.com/' || repeat('x', 60000)));
ROLLBACK TO s;
ROLLBACK;
BEGIN;
SELECT factory.sign_in(:'ben', :'a') AS ignored \gset
SELECT factory.mail_enqueue('welcome', 'en', 'eve@example.com', '{"name": "Eve", "start_url": "https://example.com/"}');
ROLLBACK;
SELECT factory.mail_enqueue('welcome', 'en', 'eve@example.com', '{"name": "Eve", "start_url": "https://example.com/"}');

-- A value neither ends a header nor becomes markup.
BEGIN;
SELECT factory.sign_in(:'cay', :'a') AS ignored \gset
SELECT factory.mail_enqueue('welcome', 'en', 'eve@example.com', E'{"name": "<b>Eve</b>\\r\\nBcc: all@example.com", "start_url": "https://example.com/"}') AS mail \gset
COMMIT;
\c - postgres
SELECT body IS NULL AS no_body, secret_id IS NOT NULL AS sealed FROM factory.outbox_messages WHERE id = :'mail';
SELECT lease AS lease, kind, destination, sender, encode(body, 'escape') AS content FROM factory.outbox_claim('test', '{smtp}', 10, 60) WHERE id = :'mail' \gset got_
SELECT :'got_kind' AS kind, :'got_destination' AS destination, :'got_sender' AS sender,
       regexp_replace(regexp_replace(:'got_content', '[0-9a-f]{8}-[0-9a-f-]{27}', '<id>', 'g'), 'Date: [^\r]*', 'Date: <date>') AS content;
SELECT convert_from(decode('PHA+SGVsbG8gPGEgaHJlZj0iaHR0cHM6Ly9leGFtcGxlLmNvbS8iPiZsdDtiJmd0O0V2ZSZsdDsvYiZndDsNCkJjYzogYWxsQGV4YW1wbGUuY29tPC9hPjwvcD4=', 'base64'), 'UTF8') AS html;
SELECT factory.outbox_report(:'mail', :'got_lease', 'answered', 451, 'come back later', NULL);
SELECT status, attempts, last_status, last_detail FROM factory.outbox_messages WHERE id = :'mail';
SELECT count(*) FROM factory.secrets WHERE tenant_id = :'a' AND name = 'mail/' || :'mail';
UPDATE factory.outbox_queue SET due_at = now() WHERE id = :'mail';
SELECT lease AS lease FROM factory.outbox_claim('test', '{smtp}', 10, 60) WHERE id = :'mail' \gset
SELECT factory.outbox_report(:'mail', :'lease', 'answered', 250, NULL, NULL);
SELECT status, attempts, last_status FROM factory.outbox_messages WHERE id = :'mail';
SELECT count(*) FROM factory.secrets WHERE tenant_id = :'a' AND name = 'mail/' || :'mail';

-- An invitation is mailed to the address that it is for, with a link of the configuration; its token stands nowhere in clear.
\c - app_login
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT token AS token FROM factory.create_invitation('gil@example.com', 'staff') \gset
SELECT id AS mail, source, topic, destination, status FROM factory.list_outbox() LIMIT 1 \gset new_
SELECT :'new_source' AS source, :'new_topic' AS topic, :'new_destination' AS destination, :'new_status' AS status;
COMMIT;
\c - postgres
SELECT convert_from(decode(split_part(split_part(encode(body, 'escape'), E'base64\r\n\r\n', 2), E'\r\n--', 1), 'base64'), 'UTF8') AS text
FROM factory.outbox_claim('test', '{smtp}', 10, 60) WHERE id = :'new_mail' \gset
SELECT position('http://127.0.0.1:8080/accept-invitation#token=' || :'token' IN :'text') > 0 AS link, :'text' LIKE '%Workspace A as staff%' AS names;
SELECT count(*) FROM factory.outbox_messages m WHERE position(:'token' IN m::text) > 0;
SELECT count(*) FROM factory.audit_events e WHERE position(:'token' IN e::text) > 0;
\c - app_login
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT factory.outbox_discard(:'new_mail');
ROLLBACK;
\c - postgres
UPDATE factory.outbox_queue SET due_at = now() WHERE id = :'new_mail';
\c - app_login
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT factory.outbox_discard(:'new_mail');
SELECT factory.outbox_retry(:'new_mail');
ROLLBACK;

-- So many a day and no more.
\c - postgres
ALTER SYSTEM SET factory.mails_per_day = 3;
SELECT pg_reload_conf();
SELECT pg_sleep(0.2);
\c - app_login
BEGIN;
SELECT factory.sign_in(:'cay', :'a') AS ignored \gset
SELECT factory.mail_enqueue('welcome', 'de', 'eve@example.com', '{"name": "Eve"}') IS NOT NULL AS sent;
SELECT factory.mail_enqueue('welcome', 'de', 'eve@example.com', '{"name": "Eve"}') IS NOT NULL AS sent;
ROLLBACK;
\c - postgres
ALTER SYSTEM RESET factory.mails_per_day;
SELECT pg_reload_conf();
SELECT factory.mail_template_remove('welcome', 'de');
SELECT factory.mail_template_remove('welcome', 'en');
SELECT factory.mail_template_remove('invitation', 'en');
SELECT action, metadata FROM factory.audit_events WHERE tenant_id = :'a' AND action LIKE 'mail.%' ORDER BY id;
DELETE FROM factory.outbox_queue;
DELETE FROM factory.outbox_messages;
\i :leave
