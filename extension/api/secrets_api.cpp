// Stored secrets for apps and operators: written, listed, removed, and never read back.
#include "api/audit_log.hpp"
#include "api/context.hpp"
#include "api/data_keys.hpp"
#include "api/fields.hpp"
#include "core/json_writer.hpp"

namespace factory::api {

using core::Problem;
using core::Uuid;
using pg::Value;
using secrets::Owner;

namespace {

constexpr std::size_t longest_name = 100;
constexpr int longest_overlap = 30 * 86400;
constexpr int largest_batch = 100000;

bool is_name(std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const auto allowed = [&plain](char c) { return plain(c) || c == '.' || c == '_' || c == '-'; };
  return !name.empty() && name.size() <= longest_name && plain(name.front()) &&
         std::all_of(name.begin(), name.end(), allowed);
}

// A copy that is wiped at the end; nothing for null.
std::optional<crypto::Secret> secret_argument(FunctionCallInfo fcinfo, int index) {
  if (fcinfo->args[index].isnull) return std::nullopt;
  const Datum argument = fcinfo->args[index].value;
  const bytea* packed = pg::call([argument] { return DatumGetByteaPP(argument); });
  return crypto::Secret(
      crypto::ByteView(reinterpret_cast<const std::uint8_t*>(VARDATA_ANY(packed)), VARSIZE_ANY_EXHDR(packed)));
}

void record(FunctionCallInfo fcinfo, const Owner& owner, const Uuid& id, const std::string& name,
            std::optional<std::int64_t> version) {
  audit::Event event;
  event.action = declarations::action_of(fcinfo);
  event.tenant = owner;
  event.target_type = "secret";
  event.target_id = core::format_uuid(id);
  core::JsonWriter json(event.metadata);
  json.begin_object().member("name", name);
  if (version) json.member("version", *version);
  json.end_object();
  audit::record(event);
}

Datum put(FunctionCallInfo fcinfo, const Owner& owner) {
  const std::string name = pg::text_argument(fcinfo, 0, "name");
  const std::optional<crypto::Secret> value = secret_argument(fcinfo, 1);
  const std::optional<std::int32_t> overlap = pg::optional_integer(fcinfo, 2);
  Fields fields;
  if (!is_name(name))
    fields.complain("name", "invalid_value",
                    "it must be 1 to 100 of a-z, 0-9, ., _ and -, beginning with a letter or digit");
  if (!value || value->empty())
    fields.complain("value", "required", "it must not be empty");
  else if (value->size() > crypto::kMaxEnvelopeContent)
    fields.complain("value", "too_long", "it must have at most 65536 bytes");
  if (!overlap || *overlap < 0 || *overlap > longest_overlap)
    fields.complain("overlap_seconds", "invalid_value", "it must be 0 to 2592000");
  fields.check();
  const secrets::Stored stored = secrets::put(owner, name, value->view(), *overlap);
  record(fcinfo, owner, stored.id, name, stored.version);
  return pg::row_result(fcinfo, {Value::uuid(stored.id), Value::text(name), Value::bigint(stored.version),
                                 Value::timestamp(stored.set_at)});
}

Datum remove(FunctionCallInfo fcinfo, const Owner& owner) {
  const std::string name = pg::text_argument(fcinfo, 0, "name");
  const std::optional<Uuid> id = is_name(name) ? secrets::remove(owner, name) : std::nullopt;
  if (!id) throw Problem("not_found");
  record(fcinfo, owner, *id, name, std::nullopt);
  return Datum(0);
}

// What an operator did to keys, on the platform's own log.
void record_operation(FunctionCallInfo fcinfo, const Owner& owner,
                      std::initializer_list<std::pair<const char*, std::int64_t>> counts) {
  audit::Event event;
  event.action = declarations::action_of(fcinfo);
  if (owner) {
    event.target_type = "tenant";
    event.target_id = core::format_uuid(*owner);
  }
  core::JsonWriter json(event.metadata);
  json.begin_object();
  for (const auto& [name, count] : counts) json.member(name, count);
  json.end_object();
  audit::record(event);
}

}  // namespace

FACTORY_FUNCTION(factory_secret_put) { return put(fcinfo, context::current()->tenant); }
FACTORY_FUNCTION(factory_secret_delete) { return remove(fcinfo, context::current()->tenant); }
FACTORY_FUNCTION(factory_platform_secret_put) { return put(fcinfo, std::nullopt); }
FACTORY_FUNCTION(factory_platform_secret_delete) { return remove(fcinfo, std::nullopt); }

FACTORY_FUNCTION(factory_verify_secrets) {
  const Owner owner = pg::optional_uuid(fcinfo, 0);
  const pg::Connection connection;
  static pg::Statement known("SELECT 1 FROM factory.tenant_records WHERE id = $1");
  if (owner && known.run({Value::uuid(*owner)}).empty()) throw Problem("tenant_not_found");
  const secrets::Verdict verdict = secrets::verify(owner);
  record_operation(fcinfo, owner, {{"secrets", verdict.secrets}, {"unreadable", verdict.unreadable}});
  return pg::row_result(fcinfo, {Value::bigint(verdict.secrets), Value::bigint(verdict.unreadable)});
}

FACTORY_FUNCTION(factory_rekey) {
  const std::optional<std::int32_t> batch = pg::optional_integer(fcinfo, 0);
  if (!batch || *batch < 1 || *batch > largest_batch) {
    Fields fields;
    fields.complain("batch", "invalid_value", "it must be 1 to 100000");
    fields.check();
  }
  const pg::Connection connection;
  const data_keys::Progress progress = data_keys::rewrap(*batch);
  if (progress.rewrapped > 0)
    record_operation(fcinfo, std::nullopt, {{"rewrapped", progress.rewrapped}, {"remaining", progress.remaining}});
  return pg::row_result(fcinfo, {Value::bigint(progress.rewrapped), Value::bigint(progress.remaining)});
}

FACTORY_FUNCTION(factory_destroy_data_keys) {
  const Uuid tenant = pg::uuid_argument(fcinfo, 0, "tenant");
  const pg::Connection connection;
  const std::int64_t destroyed = data_keys::destroy(tenant);
  record_operation(fcinfo, tenant, {{"destroyed", destroyed}});
  return Int64GetDatum(destroyed);
}

FACTORY_FUNCTION(factory_encryption_trouble) {
  const std::string trouble = data_keys::trouble();
  if (!trouble.empty()) return pg::text_result(trouble);
  fcinfo->isnull = true;
  return Datum(0);
}

FACTORY_FUNCTION(factory_encryption_key_usage) {
  static pg::Statement statement(
      "SELECT e.id, e.status, count(k.id) FROM factory.encryption_keys e"
      " LEFT JOIN factory.data_keys k ON k.encryption_key_id = e.id GROUP BY e.id, e.status ORDER BY "
      "min(e.created_at), e.id");
  const pg::Connection connection;
  const pg::Rows rows = statement.run({});
  std::vector<std::string> statuses;
  for (std::uint64_t row = 0; row < rows.count(); ++row) statuses.push_back(rows.text(row, 2));
  std::vector<std::vector<Value>> result;
  for (std::uint64_t row = 0; row < rows.count(); ++row) {
    const Uuid id = rows.uuid(row, 1);
    result.push_back({Value::uuid(id), Value::text(statuses[row]),
                      Value::boolean(secrets::find_encryption_key(id) != nullptr), Value::bigint(rows.bigint(row, 3))});
  }
  return pg::rows_result(fcinfo, result);
}

}  // namespace factory::api
