#!/bin/bash
# Stored secrets under a wrong, missing and short key, and back; rotation that is killed again and again while others read
# and write; and a hunt for what was stored through dump and logs.
set -euo pipefail
place=$(dirname "$DATA_DIR")
work=$(mktemp -d)
fail() {
  printf '%s\n' "$*"
  exit 1
}
admin() {
  psql -X -q -A -t -v ON_ERROR_STOP=1 "$ADMIN_URL" "$@"
}
app() {
  psql -X -q -A -t -v ON_ERROR_STOP=1 "$APP_URL" "$@"
}
# keys LINE...: the server gets these lines instead of its encryption keys, and starts again.
keys() {
  { grep -v '^ENCRYPTION_KEY' "$work/secrets"; [ $# -eq 0 ] || printf '%s\n' "$@"; } >"$place/secrets"
  if ! { control/platform server && control/platform edge; } >"$work/start.log" 2>&1; then fail "$(cat "$work/start.log")"; fi
}
clean_up() {
  cat "$work/secrets" >"$place/secrets"
  { control/platform server && control/platform edge; } >/dev/null 2>&1
  rm -rf "$work"
}
cp "$place/secrets" "$work/secrets"
trap clean_up EXIT
original=$(grep '^ENCRYPTION_KEY=' "$work/secrets")
second=$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n')
third=$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n')
canary=canary-$RANDOM$RANDOM$RANDOM

# A person with many workspaces, and a secret in each.
token=$(admin -c "SELECT access_token FROM factory.register('secrets$RANDOM$RANDOM@example.com', 'a quite long phrase', 'Sam')")
home=$(app -c BEGIN -c "SELECT NULL FROM factory.sign_in('$token')" -c "SELECT id FROM factory.create_tenant('Home')" -c COMMIT | tail -n 1)
cat >"$work/open.sql" <<'SQL'
BEGIN;
SELECT factory.sign_in(:token, (:home)::uuid);
SELECT id::text AS tenant FROM factory.create_tenant('Sealed ' || gen_random_uuid()) \gset
COMMIT;
BEGIN;
SELECT factory.sign_in(:token, (:tenant)::uuid);
SELECT factory.secret_put('connector.key', convert_to(:canary, 'UTF8'));
COMMIT;
SQL
pgbench=$("$PG_CONFIG" --bindir)/pgbench
"$pgbench" -n -M extended -c 2 -t 100 -D token="$token" -D home="$home" -D canary="$canary" -f "$work/open.sql" "$APP_URL" >"$work/pgbench" 2>&1 ||
  fail "$(cat "$work/pgbench")"
tenant=$(admin -c 'SELECT tenant_id FROM factory.secrets ORDER BY set_at DESC LIMIT 1')
put() {
  app -c BEGIN -c "SELECT factory.sign_in('$token', '$tenant')" -c "SELECT version FROM factory.secret_put('connector.key', '$canary')" -c COMMIT
}
# unreadable: over the workspaces of this test.
unreadable() {
  admin -c "SELECT sum(v.secrets) >= 200, sum(v.unreadable) FROM factory.data_keys k, factory.verify_secrets(k.tenant_id) v
            WHERE k.tenant_id IN (SELECT tenant_id FROM factory.secrets WHERE name = 'connector.key')"
}
rows() {
  admin -c "SELECT md5(string_agg(t::text, '')) FROM (SELECT k::text FROM factory.data_keys k UNION ALL SELECT s::text FROM factory.secrets s
            UNION ALL SELECT e::text FROM factory.encryption_keys e ORDER BY 1) t"
}
trouble() {
  admin -c 'SELECT factory.encryption_trouble()'
}
[ "$(unreadable)" = 't|0' ] || fail "after storing: $(unreadable)"

## a key that is not the right one refuses secrets and nothing else, and the right one brings everything back

before=$(rows)
for case in "wrong|ENCRYPTION_KEY=$second|fingerprint" 'missing||not set' 'short|ENCRYPTION_KEY=0123456789abcdef|too weak'; do
  IFS='|' read -r name line words <<<"$case"
  if [ -n "$line" ]; then keys "$line"; else keys; fi
  [[ $(trouble) == *"$words"* ]] || fail "$name key: the trouble is '$(trouble)'"
  said=$(put 2>&1) && fail "$name key: a secret was stored"
  [[ $said == *safe_mode* && $said == *"$words"* ]] || fail "$name key: storing says $said"
  said=$(admin -c "SELECT factory.verify_secrets('$tenant')" 2>&1) && fail "$name key: secrets were opened"
  [[ $said == *safe_mode* ]] || fail "$name key: opening says $said"
  said=$(admin -c "SELECT factory.rekey()" 2>&1) && fail "$name key: keys were wrapped"
  [[ $said == *safe_mode* ]] || fail "$name key: wrapping says $said"
  [ "$(curl -s -o /dev/null -w '%{http_code}' -H "authorization: Bearer $token" "$EDGE_URL/v1/me")" = 200 ] || fail "$name key: /v1/me is refused too"
  [ "$(curl -s -o /dev/null -w '%{http_code}' "$EDGE_URL/readyz")" = 200 ] || fail "$name key: not ready"
  app -c BEGIN -c "SELECT factory.sign_in('$token', '$tenant')" -c "SELECT factory.update_tenant('Renamed')" -c COMMIT >/dev/null ||
    fail "$name key: other functions are refused too"
  [ "$(rows)" = "$before" ] || fail "$name key: something was written"
done
grep -q 'platform_factory: ENCRYPTION_KEY is too weak' "$LOG" || fail 'the log does not tell the trouble'
keys "$original"
[ -z "$(trouble)" ] || fail "the right key, and yet: $(trouble)"
[ "$(rows)" = "$before" ] || fail 'the right key came back and something was written'
[ "$(unreadable)" = 't|0' ] || fail "the right key came back: $(unreadable)"

## rotation, in three steps: half way to the second key, on to the third with two former ones, and back

keys "ENCRYPTION_KEY=$second" "ENCRYPTION_KEY_PREVIOUS=${original#*=}"
[ -z "$(trouble)" ] || fail "with the former key at hand: $(trouble)"
[ "$(unreadable)" = 't|0' ] || fail "before rekey: $(unreadable)"
[ "$(admin -c 'SELECT rewrapped FROM factory.rekey(50)')" = 50 ] || fail 'a batch of 50 wrapped something else'
keys "ENCRYPTION_KEY=$second"
[[ $(trouble) == *ENCRYPTION_KEY_PREVIOUS* ]] || fail "half way without the former key: $(trouble)"
keys "ENCRYPTION_KEY=$third" "ENCRYPTION_KEY_PREVIOUS=$second" "ENCRYPTION_KEY_PREVIOUS_2=${original#*=}"
[ "$(unreadable)" = 't|0' ] || fail "with two former keys: $(unreadable)"

cat >"$work/read.sql" <<'SQL'
SELECT tenant_id::text AS tenant FROM factory.secrets WHERE name = 'connector.key' ORDER BY random() LIMIT 1 \gset
SELECT 1 / (unreadable = 0)::int FROM factory.verify_secrets((:tenant)::uuid);
SQL
cat >"$work/write.sql" <<'SQL'
BEGIN;
SELECT factory.sign_in(:token, (:tenant)::uuid);
SELECT factory.secret_put('connector.key', convert_to(:canary, 'UTF8'));
COMMIT;
SQL
"$pgbench" -n -M extended -c 3 -T 6 -f "$work/read.sql" "$ADMIN_URL" >"$work/readers" 2>&1 &
readers=$!
"$pgbench" -n -M extended -c 1 -T 6 -D token="$token" -D tenant="$tenant" -D canary="$canary" -f "$work/write.sql" "$APP_URL" >"$work/writers" 2>&1 &
writers=$!
# Each run is stopped somewhere inside a batch, by its backend.
for _ in $(seq 10); do
  PGAPPNAME=rekey admin -c "SELECT factory.rekey(20) FROM generate_series(1, 2)" >/dev/null 2>&1 &
  sleep "0.0$((RANDOM % 9))"
  admin -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rekey'" >/dev/null
  wait $! || true
done
for _ in $(seq 1000); do
  [ "$(admin -c 'SELECT remaining FROM factory.rekey(20)')" != 0 ] || break
done
wait $readers || fail "readers: $(tail -n 5 "$work/readers")"
wait $writers || fail "writers: $(tail -n 5 "$work/writers")"
[ "$(admin -c 'SELECT count(*) FROM factory.encryption_key_usage() WHERE status <> $$retired$$')" = 1 ] || fail 'more than one key is in use'
[ "$(admin -c 'SELECT sum(data_keys) FROM factory.encryption_key_usage() WHERE status = $$retired$$')" = 0 ] || fail 'a retired key wraps something'
keys "ENCRYPTION_KEY=$third"
[ -z "$(trouble)" ] || fail "the former keys are gone: $(trouble)"
[ "$(unreadable)" = 't|0' ] || fail "after the rotation: $(unreadable)"
keys "$original" "ENCRYPTION_KEY_PREVIOUS=$third"
until [ "$(admin -c 'SELECT remaining FROM factory.rekey()')" = 0 ]; do :; done
keys "$original"
[ "$(unreadable)" = 't|0' ] || fail "back again: $(unreadable)"

## the form is the documented one, and what was stored stands nowhere else

# Refused calls are logged, without what they brought.
cat >"$work/refused.sql" <<'SQL'
BEGIN;
SELECT factory.sign_in(:token, (:tenant)::uuid);
SELECT factory.secret_put('Not A Name', convert_to(:canary, 'UTF8'));
SQL
logged=$(wc -c <"$LOG")
"$pgbench" -n -M extended -t 1 -D token="$token" -D tenant="$tenant" -D canary="$canary" -f "$work/refused.sql" "$APP_URL" >/dev/null 2>&1 || true
tail -c "+$logged" "$LOG" | grep -q 'some values are not acceptable' || fail 'the refused call is not in the log, so the hunt proves little'
"$("$PG_CONFIG" --bindir)/pg_dump" "$ADMIN_URL" >"$work/dump"
grep -q 'COPY factory.secrets ' "$work/dump" || fail 'the dump has no secrets at all'
for needle in "$canary" "$(printf '%s' "$canary" | od -An -tx1 | tr -d ' \n')" "$(printf '%s' "$canary" | base64)" "${original#*=}" "$second" "$third"; do
  found=$(grep -lF -- "$needle" "$work/dump" "$LOG"* "$EDGE_LOG" || true)
  [ -z "$found" ] || fail "a secret stands in $found"
done

admin -c "SELECT k.tenant_id, k.id, s.id, s.version, encode(k.wrapped, 'hex'), encode(s.sealed, 'hex') FROM factory.secrets s
          JOIN factory.data_keys k ON k.id = s.key_id WHERE s.name = 'connector.key' AND s.tenant_id = '$tenant' LIMIT 1" >"$work/row"
said=$(ENCRYPTION_KEY=${original#*=} /usr/bin/python3 - 3<"$work/row" <<'PYTHON'
import os, struct, uuid
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

tenant, key, secret, version, wrapped, sealed = os.fdopen(3).read().strip().split("|")


def opened(with_key, envelope, table, column, row, number):
    parts = [uuid.UUID(tenant).bytes, table, column, uuid.UUID(row).bytes, struct.pack(">Q", number)]
    place = b"".join(struct.pack(">I", len(part)) + part for part in parts)
    return AESGCM(with_key).decrypt(envelope[18:30], envelope[30:], envelope[:18] + place)


master = HKDF(SHA256(), 32, b"", b"platform_factory encryption key AES-256-GCM").derive(os.environ["ENCRYPTION_KEY"].encode())
data_key = opened(master, bytes.fromhex(wrapped), b"data_keys", b"wrapped", key, 1)
print(opened(data_key, bytes.fromhex(sealed), b"secrets", b"sealed", secret, int(version)).decode())
PYTHON
)
[ "$said" = "$canary" ] || fail "another program opens a secret by its documented form and reads '$said'"
