#include "api/secrets_store.hpp"

#include "api/audit_log.hpp"
#include "api/context.hpp"
#include "api/data_keys.hpp"
#include "core/json_writer.hpp"

namespace factory::api::secrets {

using core::Problem;
using core::Uuid;
using pg::Value;

namespace {

// The same statements over both tables; $1 is the workspace, null for the platform's.
struct Table {
  const char* const name;
  const std::string from;
  const std::string of_owner;
  const std::string stands = " AND (s.expires_at IS NULL OR s.expires_at > pg_catalog.clock_timestamp())";
  const std::string columns = "s.id, s.version, s.key_id, k.encryption_key_id, k.wrapped, s.sealed, s.name";

  pg::Statement current{"SELECT s.id, s.version FROM " + from + " WHERE " + of_owner +
                        " AND s.name = $2 AND s.expires_at IS NULL FOR UPDATE"};
  pg::Statement end{
      "UPDATE " + from +
      " SET expires_at = pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => $3::float8) WHERE " +
      of_owner + " AND s.id = $2 AND s.expires_at IS NULL"};
  pg::Statement clear{"DELETE FROM " + from + " WHERE " + of_owner +
                      " AND s.id = $2 AND s.expires_at <= pg_catalog.clock_timestamp()"};
  pg::Statement remove{"DELETE FROM " + from + " WHERE " + of_owner + " AND s.id = $2"};
  pg::Statement find{"SELECT " + columns + " FROM " + from + " JOIN factory.data_keys k ON k.id = s.key_id WHERE " +
                     of_owner + " AND s.id = $2" + stands + " ORDER BY s.version DESC"};
  pg::Statement all{"SELECT " + columns + " FROM " + from + " JOIN factory.data_keys k ON k.id = s.key_id WHERE " +
                    of_owner + " ORDER BY s.id, s.version"};
  pg::Statement insert;

  Table(const char* table, const char* condition, const char* insertion)
      : name(table), from(std::string("factory.") + table + " s"), of_owner(condition), insert(insertion) {}
};

Table& table_of(const Owner& owner) {
  static Table tenants("secrets", "s.tenant_id = $1",
                       "INSERT INTO factory.secrets (tenant_id, id, version, name, key_id, sealed, set_at, set_by)"
                       " VALUES ($1, $2, $3, $4, $5, $6, pg_catalog.clock_timestamp(), $7)"
                       " ON CONFLICT DO NOTHING RETURNING set_at");
  static Table platform("platform_secrets", "$1::uuid IS NULL",
                        "INSERT INTO factory.platform_secrets (id, version, name, key_id, sealed, set_at, set_by)"
                        " SELECT $2, $3, $4, $5, $6, pg_catalog.clock_timestamp(), $7 WHERE $1::uuid IS NULL"
                        " ON CONFLICT DO NOTHING RETURNING set_at");
  return owner ? tenants : platform;
}

crypto::EnvelopePlace place_of(const Owner& owner, const Uuid& id, std::int64_t version) {
  return {owner ? crypto::ByteView(*owner) : crypto::ByteView(), table_of(owner).name, "sealed", id,
          static_cast<std::uint64_t>(version)};
}

// Row security shows the owner's rows, whoever asks.
class OwnerScope {
 public:
  explicit OwnerScope(const Owner& owner) {
    if (owner) tenant_.emplace(*owner);
  }

 private:
  pg::Connection connection_;
  std::optional<context::TenantScope> tenant_;
};

std::string setter() {
  if (const Context* context = context::current()) return core::format_uuid(context->user);
  return std::string("db:") + pg::call([] { return GetUserNameFromId(GetOuterUserId(), false); });
}

// A row of `find` or `all`.
std::optional<crypto::Secret> open_row(const Owner& owner, const pg::Rows& rows, std::uint64_t row) {
  if (rows.is_null(row, 5)) return std::nullopt;
  const Uuid key_id = rows.uuid(row, 3);
  const std::optional<crypto::Secret> key =
      data_keys::unwrap(owner, key_id, rows.optional_uuid(row, 4), rows.text(row, 5));
  if (!key) return std::nullopt;
  return crypto::envelope_open(key->view(), key_id, place_of(owner, rows.uuid(row, 1), rows.bigint(row, 2)),
                               crypto::as_bytes(rows.text(row, 6)));
}

void require_well() {
  if (const std::string why = data_keys::trouble(); !why.empty()) throw Problem("safe_mode", why);
}

}  // namespace

Stored put(const Owner& owner, const std::string& name, crypto::ByteView value, int overlap_seconds) {
  const OwnerScope scope(owner);
  Table& table = table_of(owner);
  const data_keys::DataKey key = data_keys::for_encryption(owner);
  const std::string set_by = setter();
  // Whoever waited for another one's version finds the name taken by it, and looks again.
  constexpr int tries = 3;
  for (int n = 0; n < tries; ++n) {
    const pg::Rows before = table.current.run({Value::optional_uuid(owner), Value::text(name)});
    Stored stored{before.empty() ? core::uuid7() : before.uuid(0, 1), before.empty() ? 1 : before.bigint(0, 2) + 1, 0};
    if (!before.empty()) {
      table.end.run({Value::optional_uuid(owner), Value::uuid(stored.id), Value::integer(overlap_seconds)});
      table.clear.run({Value::optional_uuid(owner), Value::uuid(stored.id)});
    }
    const crypto::Bytes sealed =
        crypto::envelope_seal(key.key.view(), key.id, place_of(owner, stored.id, stored.version), value);
    const pg::Rows after =
        table.insert.run({Value::optional_uuid(owner), Value::uuid(stored.id), Value::bigint(stored.version),
                          Value::text(name), Value::uuid(key.id), Value::bytea(sealed), Value::text(set_by)});
    if (after.empty()) continue;
    stored.set_at = after.timestamp(0, 1);
    return stored;
  }
  throw Problem("serialization");
}

std::optional<Uuid> remove(const Owner& owner, const std::string& name) {
  const OwnerScope scope(owner);
  Table& table = table_of(owner);
  const pg::Rows rows = table.current.run({Value::optional_uuid(owner), Value::text(name)});
  if (rows.empty()) return std::nullopt;
  const Uuid id = rows.uuid(0, 1);
  table.remove.run({Value::optional_uuid(owner), Value::uuid(id)});
  return id;
}

std::vector<Opened> open(const Owner& owner, const Uuid& id, const Use& use) {
  const OwnerScope scope(owner);
  require_well();
  const pg::Rows rows = table_of(owner).find.run({Value::optional_uuid(owner), Value::uuid(id)});
  if (rows.empty()) throw Problem("not_found", "there is no such secret");
  audit::Event event;
  event.action = "secret.opened";
  event.tenant = owner;
  event.target_type = "secret";
  event.target_id = core::format_uuid(id);
  core::JsonWriter(event.metadata)
      .begin_object()
      .member("name", rows.text(0, 7))
      .member("version", rows.bigint(0, 2))
      .member("for_type", use.type)
      .member("for_id", use.id)
      .end_object();
  audit::record(event);
  std::vector<Opened> opened;
  for (std::uint64_t row = 0; row < rows.count(); ++row) {
    std::optional<crypto::Secret> value = open_row(owner, rows, row);
    if (!value) throw Problem("secret_unreadable");
    opened.push_back({rows.bigint(row, 2), std::move(*value)});
  }
  return opened;
}

Verdict verify(const Owner& owner) {
  const OwnerScope scope(owner);
  require_well();
  const pg::Rows rows = table_of(owner).all.run({Value::optional_uuid(owner)});
  Verdict verdict{static_cast<std::int64_t>(rows.count()), 0};
  for (std::uint64_t row = 0; row < rows.count(); ++row) {
    pg::call([] { CHECK_FOR_INTERRUPTS(); });
    if (!open_row(owner, rows, row)) ++verdict.unreadable;
  }
  return verdict;
}

}  // namespace factory::api::secrets
