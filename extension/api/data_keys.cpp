#include "api/data_keys.hpp"

#include "api/audit_log.hpp"
#include "api/context.hpp"
#include "core/json_writer.hpp"
#include "crypto/gcm.hpp"
#include "crypto/random.hpp"

extern "C" {
#include "storage/lmgr.h"
}

namespace factory::api::data_keys {

using core::Problem;
using core::Uuid;
using pg::Value;
using secrets::EncryptionKey;
using secrets::Owner;

namespace {

// Random nonces of 96 bits may collide once in 2^32 encryptions under one key; half of that is where a new one begins.
constexpr std::int64_t most_encryptions = std::int64_t{1} << 31;
// One in so many encryptions is counted, as so many: who seals does not wait for the others of the workspace.
constexpr int stride = 1024;

crypto::ByteView view(const Owner& owner) { return owner ? crypto::ByteView(*owner) : crypto::ByteView(); }

crypto::EnvelopePlace place_of(const Owner& owner, const Uuid& id) {
  return {view(owner), "data_keys", "wrapped", id, 1};
}

crypto::Bytes wrap(const EncryptionKey& by, const Owner& owner, const Uuid& id, crypto::ByteView key) {
  return crypto::envelope_seal(by.key.view(), by.id, place_of(owner, id), key);
}

std::string not_given(const Uuid& id) {
  return "ENCRYPTION_KEY is another one than stored secrets hang on: give the server the key with fingerprint " +
         core::format_uuid(id) + " again, as ENCRYPTION_KEY or, to go on with the new one, as ENCRYPTION_KEY_PREVIOUS";
}

// Makes the current key one that may wrap.
void register_current(const EncryptionKey& current) {
  static pg::Statement known("SELECT 1 FROM factory.encryption_keys WHERE id = $1 AND status <> 'retired'");
  if (!known.run({Value::uuid(current.id)}).empty()) return;
  // Two that seal the first secret at once would both make it the active one.
  const Oid table = platform_relation("encryption_keys");
  pg::call([table] { LockRelationOid(table, ShareRowExclusiveLock); });
  static pg::Statement add(
      "INSERT INTO factory.encryption_keys (id, status) SELECT $1,"
      " CASE WHEN EXISTS (SELECT FROM factory.encryption_keys WHERE status = 'active') THEN 'next' ELSE 'active' END"
      " ON CONFLICT (id) DO UPDATE SET status = excluded.status WHERE encryption_keys.status = 'retired'");
  add.run({Value::uuid(current.id)});
}

void require_well() {
  if (const std::string why = trouble(); !why.empty()) throw Problem("safe_mode", why);
}

void make(const Owner& owner) {
  const EncryptionKey& current = secrets::encryption_key();
  register_current(current);
  const Uuid id = core::uuid7();
  crypto::Secret key(crypto::kGcmKeySize);
  crypto::fill_random({key.data(), key.size()});
  // Whoever comes second waits here and then finds the key of the first.
  static pg::Statement insert(
      "INSERT INTO factory.data_keys (id, tenant_id, status, encryption_key_id, wrapped)"
      " VALUES ($1, $2, 'active', $3, $4) ON CONFLICT DO NOTHING");
  const crypto::Bytes wrapped = wrap(current, owner, id, key.view());
  insert.run({Value::uuid(id), Value::optional_uuid(owner), Value::uuid(current.id), Value::bytea(wrapped)});
}

void retire(const Owner& owner, const Uuid& id) {
  static pg::Statement statement("UPDATE factory.data_keys SET status = 'retired' WHERE id = $1");
  statement.run({Value::uuid(id)});
  audit::Event event;
  event.action = "data_key.retired";
  event.tenant = owner;
  event.target_type = "data_key";
  event.target_id = core::format_uuid(id);
  core::JsonWriter(event.metadata).begin_object().member("encryptions", most_encryptions).end_object();
  audit::record(event);
}

void count_encryption(const Owner& owner) {
  std::array<std::uint8_t, 2> chance;
  crypto::fill_random(chance);
  if ((chance[0] << 8 | chance[1]) % stride != 0) return;
  static pg::Statement of_tenant(
      "UPDATE factory.data_keys SET encryptions = encryptions + $2 WHERE tenant_id = $1 AND status = 'active'");
  static pg::Statement of_platform(
      "UPDATE factory.data_keys SET encryptions = encryptions + $1 WHERE tenant_id IS NULL AND status = 'active'");
  if (owner)
    of_tenant.run({Value::uuid(*owner), Value::integer(stride)});
  else
    of_platform.run({Value::integer(stride)});
}

}  // namespace

std::string trouble() {
  if (!secrets::encryption_trouble().empty()) return secrets::encryption_trouble();
  const pg::Connection connection;
  static pg::Statement in_use("SELECT id FROM factory.encryption_keys WHERE status <> 'retired' ORDER BY status, id");
  const pg::Rows rows = in_use.run({});
  for (std::uint64_t row = 0; row < rows.count(); ++row)
    if (secrets::find_encryption_key(rows.uuid(row, 1)) == nullptr) return not_given(rows.uuid(row, 1));
  return {};
}

DataKey for_encryption(const Owner& owner) {
  require_well();
  static pg::Statement of_tenant(
      "SELECT id, encryption_key_id, wrapped, encryptions FROM factory.data_keys"
      " WHERE tenant_id = $1 AND status = 'active' FOR SHARE");
  static pg::Statement of_platform(
      "SELECT id, encryption_key_id, wrapped, encryptions FROM factory.data_keys"
      " WHERE tenant_id IS NULL AND status = 'active' FOR SHARE");
  count_encryption(owner);
  constexpr int tries = 3;
  for (int n = 0; n < tries; ++n) {
    const pg::Rows rows = owner ? of_tenant.run({Value::uuid(*owner)}) : of_platform.run({});
    if (rows.empty()) {
      make(owner);
      continue;
    }
    const Uuid id = rows.uuid(0, 1);
    if (rows.bigint(0, 4) >= most_encryptions) {
      retire(owner, id);
      continue;
    }
    std::optional<crypto::Secret> key = unwrap(owner, id, rows.optional_uuid(0, 2), rows.text(0, 3));
    if (!key) throw Problem("secret_unreadable", "the data key was altered");
    return {id, std::move(*key)};
  }
  throw Problem("serialization");
}

std::optional<crypto::Secret> unwrap(const Owner& owner, const Uuid& id, const std::optional<Uuid>& encryption_key,
                                     std::string_view wrapped) {
  if (!encryption_key) return std::nullopt;
  const EncryptionKey* by = secrets::find_encryption_key(*encryption_key);
  if (by == nullptr) throw Problem("safe_mode", not_given(*encryption_key));
  return crypto::envelope_open(by->key.view(), by->id, place_of(owner, id), crypto::as_bytes(wrapped));
}

Progress rewrap(int batch) {
  require_well();
  const EncryptionKey& current = secrets::encryption_key();
  register_current(current);
  // Rows that somebody is writing with are left for the next call.
  static pg::Statement find(
      "SELECT id, tenant_id, encryption_key_id, wrapped FROM factory.data_keys WHERE encryption_key_id <> $1"
      " ORDER BY id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED");
  static pg::Statement replace("UPDATE factory.data_keys SET encryption_key_id = $2, wrapped = $3 WHERE id = $1");
  const pg::Rows rows = find.run({Value::uuid(current.id), Value::bigint(batch)});
  for (std::uint64_t row = 0; row < rows.count(); ++row) {
    pg::call([] { CHECK_FOR_INTERRUPTS(); });
    const Uuid id = rows.uuid(row, 1);
    const Owner owner = rows.optional_uuid(row, 2);
    const std::optional<crypto::Secret> key = unwrap(owner, id, rows.optional_uuid(row, 3), rows.text(row, 4));
    if (!key) throw Problem("secret_unreadable", "data key " + core::format_uuid(id) + " was altered");
    const crypto::Bytes wrapped = wrap(current, owner, id, key->view());
    replace.run({Value::uuid(id), Value::uuid(current.id), Value::bytea(wrapped)});
  }
  static pg::Statement count("SELECT count(*) FROM factory.data_keys WHERE encryption_key_id <> $1");
  const Progress progress{static_cast<std::int64_t>(rows.count()), count.run({Value::uuid(current.id)}).bigint(0, 1)};
  if (progress.remaining == 0) {
    // Two statements: at no moment are two keys active.
    static pg::Statement retire_others(
        "UPDATE factory.encryption_keys SET status = 'retired' WHERE id <> $1 AND status <> 'retired'");
    static pg::Statement activate(
        "UPDATE factory.encryption_keys SET status = 'active' WHERE id = $1 AND status <> 'active'");
    retire_others.run({Value::uuid(current.id)});
    activate.run({Value::uuid(current.id)});
  }
  return progress;
}

std::int64_t destroy(const Uuid& tenant) {
  // Waits for those who are making a key of this workspace: theirs goes too.
  static pg::Statement lock("SELECT 1 FROM factory.tenant_records WHERE id = $1 FOR UPDATE");
  if (lock.run({Value::uuid(tenant)}).empty()) throw Problem("tenant_not_found");
  static pg::Statement statement(
      "UPDATE factory.data_keys SET status = 'destroyed', encryption_key_id = NULL, wrapped = NULL,"
      " destroyed_at = pg_catalog.clock_timestamp() WHERE tenant_id = $1 AND status <> 'destroyed' RETURNING id");
  return static_cast<std::int64_t>(statement.run({Value::uuid(tenant)}).count());
}

}  // namespace factory::api::data_keys
