-- Stored secrets: written by whom may write them, opened by nobody over SQL, and bound to the place they stand in.
\getenv inputs PG_ABS_SRCDIR
\set workspaces :inputs '/sql/include/workspaces.psql'
\i :workspaces
\c - app_login

-- Who manages connectors stores, replaces and removes; the value never comes back.
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT id AS stripe, name, version FROM factory.secret_put('stripe.key', 'sk_live_canary_one') \gset
SELECT :'name' AS name, :version AS version;
SELECT id = :'stripe' AS same, version FROM factory.secret_put('stripe.key', 'sk_live_canary_two');
SELECT id = :'stripe' AS same, version FROM factory.secret_put('stripe.key', 'sk_live_canary_three', 3600);
SELECT version FROM factory.secret_put('smtp', '\x00ff00');
SELECT name, version, set_by = :'ann_id' AS by_ann, expires_at > clock_timestamp() AS stands_on, expires_at IS NULL AS current
FROM factory.stored_secrets ORDER BY name, version;
SELECT action, target_id = :'stripe' AS stripe, metadata - 'name' AS metadata FROM factory.audit WHERE action LIKE 'secret.%' ORDER BY id;
COMMIT;

-- Not without the capability, not from another workspace, not without a context.
SELECT factory.secret_put('x', 'y');
SELECT factory.secret_delete('stripe.key');
SELECT count(*) FROM factory.stored_secrets;
BEGIN;
SELECT factory.sign_in(:'cay', :'a') AS ignored \gset
SAVEPOINT s;
SELECT factory.secret_put('x', 'y');
ROLLBACK TO s;
SELECT factory.secret_delete('stripe.key');
ROLLBACK TO s;
SELECT count(*) FROM factory.stored_secrets;
ROLLBACK;
BEGIN;
SELECT factory.sign_in(:'ben', :'b') AS ignored \gset
SELECT count(*) FROM factory.stored_secrets;
SAVEPOINT s;
SELECT factory.secret_delete('stripe.key');
ROLLBACK TO s;
SELECT version FROM factory.secret_put('stripe.key', 'sk_of_ben');
COMMIT;

-- Nothing that an app can reach holds a value or a key.
SELECT * FROM factory.secrets;
SELECT * FROM factory.data_keys;
SELECT * FROM factory.encryption_keys;
SELECT * FROM factory.platform_secrets;
SELECT * FROM factory.stored_platform_secrets;
SELECT factory.platform_secret_put('x', 'y');
SELECT factory.verify_secrets();
SELECT factory.rekey();
SELECT factory.destroy_data_keys(:'a');
SELECT factory.encryption_trouble();
SELECT * FROM factory.encryption_key_usage();

-- Bad input.
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SAVEPOINT s;
SELECT factory.secret_put(NULL, 'y');
ROLLBACK TO s;
SELECT factory.secret_put('', '', -1);
ROLLBACK TO s;
SELECT factory.secret_put('Upper', NULL, NULL);
ROLLBACK TO s;
SELECT factory.secret_put('webhook/of-the-platform', 'y');
ROLLBACK TO s;
SELECT factory.secret_put(repeat('a', 101), 'y', 2592001);
ROLLBACK TO s;
SELECT factory.secret_put('long', convert_to(repeat('x', 65537), 'UTF8'));
ROLLBACK TO s;
SELECT version FROM factory.secret_put(repeat('a', 100), convert_to(repeat('x', 65536), 'UTF8'), 2592000);
SELECT factory.secret_delete(repeat('a', 100));
SELECT factory.secret_delete(repeat('a', 100));
ROLLBACK TO s;
SELECT factory.secret_delete(NULL);
ROLLBACK;

\c - postgres
\set VERBOSITY terse
-- Each workspace has one key, and every version opens.
SELECT count(*), count(DISTINCT tenant_id), bool_and(status = 'active') AS active, bool_and(octet_length(wrapped) = 78) AS wrapped
FROM factory.data_keys WHERE tenant_id IN (:'a', :'b');
SELECT encryptions % 1024 AS counted_by_the_1024 FROM factory.data_keys WHERE tenant_id = :'a';
SELECT * FROM factory.verify_secrets(:'a');
SELECT * FROM factory.verify_secrets(:'b');
SELECT factory.verify_secrets(gen_random_uuid());
SELECT name, version, octet_length(sealed) AS size, substr(sealed, 1, 2) AS form, substr(sealed, 3, 16) = uuid_send(key_id) AS names_key,
       position('canary'::bytea IN sealed) AS clear
FROM factory.secrets WHERE tenant_id = :'a' ORDER BY name, version;

-- A row that was changed or moved does not open, in whatever way: column by column, and the bytes of another one.
CREATE TEMPORARY TABLE moves (what text, change text);
INSERT INTO moves VALUES
  ('nothing', 'UPDATE factory.secrets SET set_by = set_by WHERE tenant_id = $1'),
  ('first bit', $$UPDATE factory.secrets SET sealed = set_byte(sealed, 0, 119) WHERE tenant_id = $1 AND name = 'smtp'$$),
  ('key name', $$UPDATE factory.secrets SET sealed = set_byte(sealed, 2, get_byte(sealed, 2) # 1) WHERE tenant_id = $1 AND name = 'smtp'$$),
  ('nonce', $$UPDATE factory.secrets SET sealed = set_byte(sealed, 18, get_byte(sealed, 18) # 1) WHERE tenant_id = $1 AND name = 'smtp'$$),
  ('ciphertext', $$UPDATE factory.secrets SET sealed = set_byte(sealed, 30, get_byte(sealed, 30) # 1) WHERE tenant_id = $1 AND name = 'smtp'$$),
  ('tag', $$UPDATE factory.secrets SET sealed = set_byte(sealed, octet_length(sealed) - 1, get_byte(sealed, octet_length(sealed) - 1) # 1) WHERE tenant_id = $1 AND name = 'smtp'$$),
  ('cut', $$UPDATE factory.secrets SET sealed = substr(sealed, 1, octet_length(sealed) - 1) WHERE tenant_id = $1 AND name = 'smtp'$$),
  ('emptied', $$UPDATE factory.secrets SET sealed = '' WHERE tenant_id = $1 AND name = 'smtp'$$),
  ('other row', $$UPDATE factory.secrets SET id = gen_random_uuid() WHERE tenant_id = $1 AND name = 'smtp'$$),
  ('other version', $$UPDATE factory.secrets SET version = 9 WHERE tenant_id = $1 AND name = 'smtp'$$),
  ('version before', $$UPDATE factory.secrets SET sealed = (SELECT sealed FROM factory.secrets WHERE tenant_id = $1 AND name = 'stripe.key' AND version = 2)
      WHERE tenant_id = $1 AND name = 'stripe.key' AND version = 3$$),
  ('bytes of another workspace', $$UPDATE factory.secrets SET sealed = (SELECT sealed FROM factory.secrets WHERE tenant_id = $2), key_id = (SELECT key_id FROM factory.secrets WHERE tenant_id = $2)
      WHERE tenant_id = $1 AND name = 'smtp'$$),
  ('key of another workspace', $$UPDATE factory.data_keys SET wrapped = (SELECT wrapped FROM factory.data_keys WHERE tenant_id = $2) WHERE tenant_id = $1$$),
  ('key changed', $$UPDATE factory.data_keys SET wrapped = set_byte(wrapped, 40, get_byte(wrapped, 40) # 1) WHERE tenant_id = $1$$);
CREATE FUNCTION pg_temp.try(change text, a uuid, b uuid) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  found bigint;
BEGIN
  BEGIN
    EXECUTE change USING a, b;
    SELECT unreadable INTO found FROM factory.verify_secrets(a);
    RAISE EXCEPTION 'undo';
  EXCEPTION WHEN raise_exception THEN
    RETURN found;
  END;
END
$$;
SELECT what, pg_temp.try(change, :'a', :'b') AS unreadable FROM moves;
DROP FUNCTION pg_temp.try;
DROP TABLE moves;

-- A key in use cannot go, and a key that was used for long makes room for a new one.
DELETE FROM factory.data_keys WHERE tenant_id = :'a';
DELETE FROM factory.encryption_keys WHERE id = (SELECT encryption_key_id FROM factory.data_keys WHERE tenant_id = :'a');
\set VERBOSITY default
UPDATE factory.data_keys SET encryptions = 2147483648 WHERE tenant_id = :'a';
\c - app_login
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT version FROM factory.secret_put('smtp', 'under the next key');
SELECT action, metadata FROM factory.audit WHERE action LIKE 'data_key.%';
COMMIT;
\c - postgres
SELECT status, encryptions >= 2147483648 AS worn FROM factory.data_keys WHERE tenant_id = :'a' ORDER BY id;
SELECT * FROM factory.verify_secrets(:'a');

-- Secrets of the platform itself, for operators.
SELECT coalesce((SELECT id FROM factory.platform_events ORDER BY id DESC LIMIT 1), gen_random_uuid()) AS last \gset
CREATE ROLE secrets_operator IN ROLE factory_operator;
SET SESSION AUTHORIZATION secrets_operator;
SELECT name, version FROM factory.platform_secret_put('mail.password', 'canary');
SELECT version FROM factory.platform_secret_put('mail.password', 'canary', 60);
SELECT name, version, set_by, expires_at IS NULL AS current FROM factory.stored_platform_secrets ORDER BY name, version;
SELECT * FROM factory.verify_secrets();
SELECT factory.platform_secret_put('A', 'canary');
SELECT * FROM factory.platform_secrets;
SELECT factory.platform_secret_delete('mail.password');
SELECT factory.platform_secret_delete('mail.password');
SELECT count(*) FROM factory.stored_platform_secrets;

-- The key that the server was given wraps them all.
SELECT factory.encryption_trouble();
SELECT status, loaded, data_keys > 0 AS wraps FROM factory.encryption_key_usage() WHERE status <> 'retired';
SELECT * FROM factory.rekey();
SELECT factory.rekey(0);
SELECT factory.rekey(NULL);

-- Without its key a workspace's secrets are gone for good; new ones can be stored.
SELECT factory.destroy_data_keys(gen_random_uuid());
SELECT factory.destroy_data_keys(NULL);
SELECT factory.destroy_data_keys(:'a');
SELECT factory.destroy_data_keys(:'a');
SELECT * FROM factory.verify_secrets(:'a');
SELECT * FROM factory.verify_secrets(:'b');
RESET SESSION AUTHORIZATION;
SELECT status, wrapped, encryption_key_id FROM factory.data_keys WHERE tenant_id = :'a';
SELECT action, actor_id, metadata FROM factory.platform_events WHERE id > :'last' AND actor_id = 'db:secrets_operator' AND action <> 'secrets.verified' ORDER BY id;
\c - app_login
BEGIN;
SELECT factory.sign_in(:'ann', :'a') AS ignored \gset
SELECT version FROM factory.secret_put('smtp', 'set anew');
COMMIT;
\c - postgres
SELECT * FROM factory.verify_secrets(:'a');

-- The workspace takes keys and secrets with it.
DELETE FROM wall.notes WHERE tenant_id = :'b';
DELETE FROM factory.tenant_records WHERE id = :'b';
SELECT count(*) FROM factory.data_keys WHERE tenant_id = :'b';
SELECT count(*) FROM factory.secrets WHERE tenant_id = :'b';
DROP ROLE secrets_operator;
\set leave :inputs /sql/include/leave.psql
\i :leave
