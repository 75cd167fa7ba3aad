// How long audit events stay: the policy of each workspace, the months that are made ahead, and what is removed.
#include "api/audit_log.hpp"
#include "api/context.hpp"
#include "api/job.hpp"
#include "core/json_writer.hpp"
#include "pg/erase.hpp"

#include <chrono>

namespace factory::api {

using core::Problem;
using core::Uuid;
using jobs::Run;
using jobs::Scope;
using pg::Value;

namespace {

constexpr std::int32_t least_days = 30;
constexpr std::int32_t most_days = 365;
constexpr int months_ahead = 3;

struct Policy {
  std::int32_t days = most_days;
  bool legal_hold = false;
};

Policy policy_of(const Uuid& tenant) {
  static pg::Statement statement("SELECT retention_days, legal_hold FROM factory.audit_policies WHERE tenant_id = $1");
  const pg::Rows rows = statement.run({Value::uuid(tenant)});
  return rows.empty() ? Policy{} : Policy{rows.integer(0, 1), rows.boolean(0, 2)};
}

std::string to_json(const Policy& policy) {
  std::string json;
  core::JsonWriter(json)
      .begin_object()
      .member("retention_days", policy.days)
      .member("legal_hold", policy.legal_hold)
      .end_object();
  return json;
}

// Ids of events begin with their time in milliseconds: the least one of so many days ago.
Uuid oldest_kept(std::int32_t days) {
  const TimestampTz time = GetCurrentTimestamp() - days * USECS_PER_DAY;
  const std::int64_t milliseconds = (time + pg::unix_epoch_seconds * USECS_PER_SEC) / 1000;
  Uuid id{};
  for (int byte = 0; byte < 6; ++byte)
    id[static_cast<std::size_t>(byte)] = static_cast<std::uint8_t>(milliseconds >> (40 - 8 * byte));
  return id;
}

std::vector<Oid> partitions() {
  static pg::Statement statement(
      "SELECT inhrelid FROM pg_catalog.pg_inherits WHERE inhparent = 'factory.audit_events'::pg_catalog.regclass"
      " ORDER BY inhrelid");
  const pg::Rows rows = statement.run({});
  std::vector<Oid> result;
  for (std::uint64_t row = 0; row < rows.count(); ++row) {
    bool null;
    result.push_back(DatumGetObjectId(rows.datum(row, 1, &null)));
  }
  return result;
}

std::int64_t erase_in_batches(Run& run, Oid table, std::span<const Uuid> prefix, const Uuid& bound) {
  return run.in_batches([&] {
    return static_cast<std::int64_t>(pg::erase(table, prefix, bound, static_cast<std::uint64_t>(run.batch)));
  });
}

std::int64_t erase_of(Run& run, const Uuid& tenant, const std::vector<Oid>& tables) {
  const Policy policy = policy_of(tenant);
  if (policy.legal_hold) return 0;
  std::int64_t sum = 0;
  for (const Oid table : tables) sum += erase_in_batches(run, table, std::span(&tenant, 1), oldest_kept(policy.days));
  if (sum == 0) return 0;
  audit::Event event;
  event.action = "audit.purged";
  event.tenant = tenant;
  core::JsonWriter(event.metadata)
      .begin_object()
      .member("count", sum)
      .member("retention_days", policy.days)
      .end_object();
  audit::record(event);
  return sum;
}

std::int64_t apply_audit_retention(Run& run) {
  const std::vector<Oid> tables = partitions();
  std::int64_t sum = run.each_tenant([&](const Uuid& tenant) { return erase_of(run, tenant, tables); });
  if (run.is_for_all()) sum += erase_in_batches(run, platform_relation("platform_events"), {}, oldest_kept(most_days));
  return sum;
}

// A month, counted from year 0.
struct Month {
  int number;
  std::string first_day() const {
    char text[32];
    snprintf(text, sizeof text, "%04d-%02d-01 00:00:00+00", number / 12, number % 12 + 1);
    return text;
  }
  std::string table() const {
    char text[32];
    snprintf(text, sizeof text, "audit_events_%04d_%02d", number / 12, number % 12 + 1);
    return text;
  }
};

Month this_month() {
  const auto today = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
  const std::chrono::year_month_day date{today};
  return {static_cast<int>(date.year()) * 12 + static_cast<int>(static_cast<unsigned>(date.month())) - 1};
}

Oid table_of(const Month& month) {
  const std::string name = month.table();
  return pg::call([&name] { return get_relname_relid(name.c_str(), get_namespace_oid("factory", false)); });
}

// The partition guards itself as its parent does, and is nobody's to change.
void make_partition(const Month& month) {
  const std::string name = month.table(), table = "factory." + name;
  pg::run_once("CREATE TABLE " + table + " PARTITION OF factory.audit_events (CONSTRAINT " + name +
               "_pkey PRIMARY KEY (tenant_id, id)) FOR VALUES FROM ('" + month.first_day() + "') TO ('" +
               Month{month.number + 1}.first_day() + "')");
  pg::run_once("ALTER TABLE " + table + " ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY");
  const std::string guard =
      " USING (tenant_id OPERATOR(pg_catalog.=) factory.tenant_id())"
      " WITH CHECK (tenant_id OPERATOR(pg_catalog.=) factory.tenant_id())";
  pg::run_once("CREATE POLICY tenant_guard ON " + table + " AS RESTRICTIVE FOR ALL TO PUBLIC" + guard);
  pg::run_once("CREATE POLICY tenant_access ON " + table + " AS PERMISSIVE FOR ALL TO factory_owner" + guard);
  pg::run_once("REVOKE ALL ON " + table + " FROM PUBLIC");
  pg::run_once("REVOKE UPDATE, DELETE, TRUNCATE ON " + table + " FROM factory_owner");
  pg::run_once("GRANT SELECT ON " + table + " TO factory_backup");
  pg::run_once("COMMENT ON TABLE " + table + " IS 'Audit events of one month.'");
}

// The month that runs has rows in the default partition already, so the first one made is the next.
std::int64_t make_audit_partitions(Run& run) {
  const int now = this_month().number;
  std::int64_t made = 0;
  for (int ahead = 1; ahead <= months_ahead; ++ahead) {
    const Month month{now + ahead};
    if (OidIsValid(table_of(month)) || !run.has_time()) continue;
    make_partition(month);
    ++made;
  }
  // Months that retention has emptied.
  for (int ago = most_days / 30 + 2; ago >= 2; --ago) {
    const Month month{now - ago};
    const Oid table = table_of(month);
    if (!OidIsValid(table) || !pg::is_empty(table)) continue;
    pg::run_once("DROP TABLE factory." + month.table());
    ++made;
  }
  return made;
}

const jobs::Job retention_job("apply_audit_retention",
                              "Removes audit events that are older than their workspace keeps them.", "37 * * * *",
                              Scope::tenants, 2000, apply_audit_retention);
const jobs::Job partitions_job("make_audit_partitions",
                               "Makes the tables of the next months' audit events, and removes empty old ones.",
                               "47 3 * * *", Scope::platform, 1, make_audit_partitions);

}  // namespace

FACTORY_FUNCTION(factory_set_audit_policy) {
  const std::optional<std::int32_t> days = pg::optional_integer(fcinfo, 0);
  const bool hold_given = !fcinfo->args[1].isnull;
  if (days && (*days < least_days || *days > most_days))
    throw Problem("validation_failed", "retention_days: it must be from 30 to 365",
                  {{"#/retention_days", "out_of_range", "it must be from 30 to 365"}});
  const Uuid tenant = context::current()->tenant;
  const pg::Connection connection;
  // One row for the workspace, so that two changes at once come one after the other.
  static pg::Statement ensure(
      "INSERT INTO factory.audit_policies (tenant_id) VALUES ($1) ON CONFLICT (tenant_id) DO NOTHING");
  ensure.run({Value::uuid(tenant)});
  static pg::Statement lock("SELECT 1 FROM factory.audit_policies WHERE tenant_id = $1 FOR NO KEY UPDATE");
  lock.run({Value::uuid(tenant)});
  const Policy before = policy_of(tenant);
  const Policy after{days.value_or(before.days),
                     hold_given ? pg::boolean_argument(fcinfo, 1, "legal_hold") : before.legal_hold};
  static pg::Statement update(
      "UPDATE factory.audit_policies SET retention_days = $2, legal_hold = $3 WHERE tenant_id = $1");
  update.run({Value::uuid(tenant), Value::integer(after.days), Value::boolean(after.legal_hold)});
  if (to_json(before) != to_json(after)) {
    audit::Event event;
    event.action = declarations::action_of(fcinfo);
    event.tenant = tenant;
    event.target_type = "tenant";
    event.target_id = core::format_uuid(tenant);
    event.before = to_json(before);
    event.after = to_json(after);
    audit::record(event);
  }
  return pg::row_result(fcinfo, {Value::integer(after.days), Value::boolean(after.legal_hold)});
}

}  // namespace factory::api
