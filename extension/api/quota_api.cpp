// Plans, and what workspaces use of them.
#include "api/audit_log.hpp"
#include "api/context.hpp"
#include "api/fields.hpp"
#include "api/job.hpp"
#include "api/quota_ledger.hpp"
#include "api/quota_requests.hpp"
#include "api/rate_policies.hpp"
#include "core/json_writer.hpp"

namespace factory::api {

using core::Problem;
using core::QuotaMetric;
using core::Uuid;
using pg::Value;

namespace {

constexpr int longest_reservation = 86400;

std::int64_t amount_argument(FunctionCallInfo fcinfo, int index, const char* name, Fields& fields) {
  const std::optional<std::int64_t> amount = pg::optional_bigint(fcinfo, index);
  if (!amount || *amount < 0 || *amount > core::kMostQuotaAmount)
    fields.complain(name, "invalid_value", "it must be 0 to 100000000000000000");
  return amount.value_or(0);
}

// The metric that an app may count; complains of any other.
const QuotaMetric* app_metric(FunctionCallInfo fcinfo, Fields& fields) {
  const std::string name = pg::text_argument(fcinfo, 0, "metric");
  const QuotaMetric* metric = core::find_quota_metric(name);
  if (metric == nullptr)
    fields.complain("metric", "invalid_value", "there is no such metric");
  else if (!metric->by_apps)
    fields.complain("metric", "invalid_value", "the platform counts this itself");
  return metric;
}

std::string number_or_null(const std::optional<std::int64_t>& number) {
  return number ? std::to_string(*number) : std::string("null");
}

void record(FunctionCallInfo fcinfo, const std::optional<Uuid>& tenant, const char* type, const std::string& id,
            const std::vector<audit::FieldChange>& changes) {
  audit::Event event;
  event.action = declarations::action_of(fcinfo);
  event.tenant = tenant;
  event.target_type = type;
  event.target_id = id;
  event.before = audit::before_of(changes);
  event.after = audit::after_of(changes);
  audit::record(event);
}

struct Account {
  std::int64_t used = 0, reserved = 0;
};

// The accounts of now, by metric; what has lapsed is no longer reserved.
std::map<std::string, Account> accounts_of(const Uuid& tenant) {
  static pg::Statement statement(
      "SELECT a.used, a.reserved - coalesce((SELECT sum(r.amount) FROM factory.quota_reservations r"
      "  WHERE r.tenant_id = a.tenant_id AND r.metric = a.metric AND r.period_start = a.period_start AND NOT r.lapsed"
      "  AND r.expires_at <= pg_catalog.clock_timestamp()), 0)::bigint"
      " FROM factory.quota_accounts a WHERE a.tenant_id = $1 AND a.metric = $2 AND a.period_start = $3");
  std::map<std::string, Account> accounts;
  for (const QuotaMetric& metric : core::quota_metrics()) {
    const pg::Rows rows =
        statement.run({Value::uuid(tenant), Value::text(metric.name), Value::timestamp(quota::period_start(metric))},
                      pg::Reads::snapshot);
    if (!rows.empty()) accounts[metric.name] = {rows.bigint(0, 1), rows.bigint(0, 2)};
  }
  const quota::Members members = quota::count_members(tenant);
  accounts["members"] = {members.joined, members.invited};
  accounts["requests_month"].used += quota::unflushed_requests(tenant);
  return accounts;
}

void append_metric(core::JsonWriter& json, const QuotaMetric& metric, const Account& account,
                   const std::optional<std::int64_t>& limit) {
  const std::int64_t now = pg::unix_seconds(GetCurrentTimestamp());
  const core::QuotaSpan span = core::quota_span(metric.period, now);
  const auto moment = [](std::int64_t seconds) { return pg::format_timestamp(pg::from_unix_seconds(seconds)); };
  json.begin_object()
      .member("metric", metric.name)
      .member("unit", metric.unit)
      .member("used", account.used)
      .member("reserved", account.reserved)
      .member("limit", limit);
  if (metric.period == core::QuotaPeriod::none)
    json.raw_member("period_start", "null").raw_member("period_end", "null").raw_member("forecast", "null");
  else
    json.member("period_start", moment(span.begin))
        .member("period_end", moment(span.end))
        .member("forecast", core::quota_forecast(account.used, span, now));
  json.end_object();
}

}  // namespace

FACTORY_FUNCTION(factory_quota_use) {
  Fields fields;
  const QuotaMetric* metric = app_metric(fcinfo, fields);
  const std::int64_t amount = amount_argument(fcinfo, 1, "amount", fields);
  fields.check();
  quota::use(context::current()->tenant, *metric, amount);
  return Datum(0);
}

FACTORY_FUNCTION(factory_quota_return) {
  Fields fields;
  const QuotaMetric* metric = app_metric(fcinfo, fields);
  if (metric != nullptr && metric->period != core::QuotaPeriod::none)
    fields.complain("metric", "invalid_value", "what was used of a period is not given back");
  const std::int64_t amount = amount_argument(fcinfo, 1, "amount", fields);
  fields.check();
  quota::give_back(context::current()->tenant, *metric, amount);
  return Datum(0);
}

FACTORY_FUNCTION(factory_quota_reserve) {
  Fields fields;
  const QuotaMetric* metric = app_metric(fcinfo, fields);
  const std::int64_t amount = amount_argument(fcinfo, 1, "amount", fields);
  const std::optional<std::int32_t> seconds = pg::optional_integer(fcinfo, 2);
  if (!seconds || *seconds < 1 || *seconds > longest_reservation)
    fields.complain("ttl", "invalid_value", "it must be 1 to 86400 seconds");
  fields.check();
  return pg::uuid_result(quota::reserve(context::current()->tenant, *metric, amount, *seconds));
}

FACTORY_FUNCTION(factory_quota_settle) {
  const Uuid id = pg::uuid_argument(fcinfo, 0, "id");
  Fields fields;
  const std::int64_t actual = amount_argument(fcinfo, 1, "actual", fields);
  fields.check();
  quota::settle(context::current()->tenant, id, actual);
  return Datum(0);
}

FACTORY_FUNCTION(factory_quota_release) {
  quota::release(context::current()->tenant, pg::uuid_argument(fcinfo, 0, "id"));
  return Datum(0);
}

FACTORY_FUNCTION(factory_usage) {
  const Uuid tenant = context::current()->tenant;
  const pg::Connection connection;
  static pg::Statement plan_of("SELECT plan FROM factory.tenant_records WHERE id = $1");
  const std::string plan = plan_of.run({Value::uuid(tenant)}, pg::Reads::snapshot).text(0, 1);
  static pg::Statement limits_of(
      "SELECT metric, \"limit\" FROM factory.plan_limits WHERE plan = $1 ORDER BY shipped DESC");
  std::map<std::string, std::optional<std::int64_t>> limits;
  const pg::Rows rows = limits_of.run({Value::text(plan)}, pg::Reads::snapshot);
  for (std::uint64_t row = 0; row < rows.count(); ++row)
    limits[rows.text(row, 1)] = rows.is_null(row, 2) ? std::nullopt : std::optional(rows.bigint(row, 2));
  std::map<std::string, Account> accounts = accounts_of(tenant);
  std::string metrics;
  core::JsonWriter json(metrics);
  json.begin_array();
  for (const QuotaMetric& metric : core::quota_metrics())
    append_metric(json, metric, accounts[metric.name], limits[metric.name]);
  json.end_array();
  return pg::row_result(fcinfo, {Value::text(plan), Value::json(metrics)});
}

FACTORY_FUNCTION(factory_set_plan) {
  const std::string plan = pg::text_argument(fcinfo, 0, "plan");
  Fields fields;
  const std::string title = fields.name("title", pg::text_argument(fcinfo, 1, "title"));
  const std::optional<std::int32_t> rank = pg::optional_integer(fcinfo, 2);
  if (!rank || *rank < 0) fields.complain("rank", "invalid_value", "it must be 0 or more");
  const auto letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const bool formed = !plan.empty() && plan.size() <= 40 && letter(plan.front()) &&
                      std::all_of(plan.begin(), plan.end(), [&letter](char c) {
                        return letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-';
                      });
  if (!formed)
    fields.complain("plan", "invalid_value", "it must be 1 to 40 of a-z, 0-9, _ and -, beginning with a letter");
  fields.check();
  const pg::Connection connection;
  static pg::Statement find("SELECT title, rank, shipped FROM factory.plan_records WHERE id = $1 FOR UPDATE");
  const pg::Rows before = find.run({Value::text(plan)});
  if (!before.empty() && before.boolean(0, 3))
    throw Problem("conflict", "this plan is shipped: set its limits, or make a plan of another name");
  static pg::Statement put(
      "INSERT INTO factory.plan_records (id, rank, title, shipped) VALUES ($1, $2, $3, false)"
      " ON CONFLICT (id) DO UPDATE SET rank = excluded.rank, title = excluded.title");
  put.run({Value::text(plan), Value::integer(*rank), Value::text(title)});
  record(fcinfo, std::nullopt, "plan", plan,
         {{"title", before.empty() ? "null" : core::json_string(before.text(0, 1)), core::json_string(title)},
          {"rank", before.empty() ? "null" : std::to_string(before.integer(0, 2)), std::to_string(*rank)}});
  return Datum(0);
}

FACTORY_FUNCTION(factory_set_plan_limit) {
  const std::string plan = pg::text_argument(fcinfo, 0, "plan"), metric = pg::text_argument(fcinfo, 1, "metric");
  const std::optional<std::int64_t> limit = pg::optional_bigint(fcinfo, 2);
  Fields fields;
  if (core::find_quota_metric(metric) == nullptr) fields.complain("metric", "invalid_value", "there is no such metric");
  if (limit && (*limit < 0 || *limit > core::kMostQuotaHeld))
    fields.complain("limit", "invalid_value", "it must be 0 to 4000000000000000000, or null for none");
  fields.check();
  const pg::Connection connection;
  static pg::Statement known("SELECT 1 FROM factory.plan_records WHERE id = $1 FOR NO KEY UPDATE");
  if (known.run({Value::text(plan)}).empty()) throw Problem("not_found", "there is no such plan");
  static pg::Statement find(
      "SELECT \"limit\" FROM factory.plan_limits WHERE plan = $1 AND metric = $2 ORDER BY shipped LIMIT 1");
  const pg::Rows rows = find.run({Value::text(plan), Value::text(metric)});
  const std::string before =
      rows.empty() || rows.is_null(0, 1) ? std::string("null") : std::to_string(rows.bigint(0, 1));
  static pg::Statement put(
      "INSERT INTO factory.plan_limits (plan, metric, shipped, \"limit\") VALUES ($1, $2, false, $3)"
      " ON CONFLICT (plan, metric, shipped) DO UPDATE SET \"limit\" = excluded.\"limit\"");
  put.run({Value::text(plan), Value::text(metric), limit ? Value::bigint(*limit) : Value::null(INT8OID)});
  record(fcinfo, std::nullopt, "plan", plan, {{metric, before, number_or_null(limit)}});
  return Datum(0);
}

FACTORY_FUNCTION(factory_drop_plan) {
  const std::string plan = pg::text_argument(fcinfo, 0, "plan");
  const pg::Connection connection;
  static pg::Statement find("SELECT shipped, title FROM factory.plan_records WHERE id = $1 FOR UPDATE");
  const pg::Rows rows = find.run({Value::text(plan)});
  if (rows.empty()) throw Problem("not_found", "there is no such plan");
  if (rows.boolean(0, 1)) throw Problem("conflict", "this plan is shipped");
  static pg::Statement used("SELECT 1 FROM factory.tenant_records WHERE plan = $1 LIMIT 1");
  if (!used.run({Value::text(plan)}).empty()) throw Problem("conflict", "workspaces have this plan");
  static pg::Statement limited("SELECT 1 FROM factory.rate_policies WHERE plan = $1 LIMIT 1");
  if (!limited.run({Value::text(plan)}).empty()) throw Problem("conflict", "rate policies name this plan");
  static pg::Statement drop("DELETE FROM factory.plan_records WHERE id = $1");
  drop.run({Value::text(plan)});
  record(fcinfo, std::nullopt, "plan", plan, {{"title", core::json_string(rows.text(0, 2)), "null"}});
  return Datum(0);
}

FACTORY_FUNCTION(factory_set_tenant_plan) {
  const Uuid tenant = pg::uuid_argument(fcinfo, 0, "tenant");
  const std::string plan = pg::text_argument(fcinfo, 1, "plan");
  const pg::Connection connection;
  static pg::Statement known("SELECT 1 FROM factory.plan_records WHERE id = $1 FOR KEY SHARE");
  if (known.run({Value::text(plan)}).empty()) throw Problem("not_found", "there is no such plan");
  static pg::Statement find("SELECT plan FROM factory.tenant_records WHERE id = $1 FOR NO KEY UPDATE");
  const pg::Rows rows = find.run({Value::uuid(tenant)});
  if (rows.empty()) throw Problem("tenant_not_found");
  const std::string before = rows.text(0, 1);
  if (before == plan) return Datum(0);
  static pg::Statement update("UPDATE factory.tenant_records SET plan = $2 WHERE id = $1");
  update.run({Value::uuid(tenant), Value::text(plan)});
  rate_policies::forget_everywhere();
  record(fcinfo, tenant, "tenant", core::format_uuid(tenant),
         {{"plan", core::json_string(before), core::json_string(plan)}});
  return Datum(0);
}

FACTORY_FUNCTION(factory_flush_requests) {
  const quota::Flushed flushed = quota::flush_requests();
  return pg::row_result(
      fcinfo, {Value::bigint(flushed.tenants), Value::bigint(flushed.requests), Value::bigint(flushed.missed)});
}

namespace {

const jobs::Job reservations_job(
    "expire_reservations",
    "Frees what was reserved and lapsed, forgets it after a day, and old days and months after 400.", "*/10 * * * *",
    jobs::Scope::tenants, 2000, [](jobs::Run& run) { return run.each_tenant(quota::clean_up); });

}  // namespace

}  // namespace factory::api
