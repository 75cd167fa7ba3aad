#include "api/quota_ledger.hpp"

#include "api/context.hpp"
#include "core/json_writer.hpp"
#include "core/problem.hpp"

namespace factory::api::quota {

using core::Problem;
using core::QuotaMetric;
using core::Uuid;
using pg::Value;

namespace {

const QuotaMetric& members_metric() { return *core::find_quota_metric("members"); }

struct Allowance {
  std::string plan, title;
  std::optional<std::int64_t> limit;

  std::int64_t room() const { return std::min(limit.value_or(core::kMostQuotaHeld), core::kMostQuotaHeld); }
};

Allowance allowance(const Uuid& tenant, const QuotaMetric& metric) {
  static pg::Statement statement(
      "SELECT p.id, p.title, l.\"limit\" FROM factory.tenant_records t JOIN factory.plan_records p ON p.id = t.plan"
      " LEFT JOIN factory.plan_limits l ON l.plan = t.plan AND l.metric = $2 WHERE t.id = $1 ORDER BY l.shipped LIMIT "
      "1");
  const pg::Rows rows = statement.run({Value::uuid(tenant), Value::text(metric.name)});
  if (rows.empty()) throw Problem("tenant_not_found");
  return {rows.text(0, 1), rows.text(0, 2),
          rows.is_null(0, 3) ? std::nullopt : std::optional<std::int64_t>(rows.bigint(0, 3))};
}

// Refuses with the smallest plan above this one that allows `needed` in all.
[[noreturn]] void refuse(const QuotaMetric& metric, const Allowance& allowed, std::int64_t needed) {
  static pg::Statement statement(
      "SELECT p.id, p.title FROM factory.plan_records p JOIN factory.plan_records own ON own.id = $1 AND p.rank > "
      "own.rank"
      " WHERE NOT EXISTS (SELECT FROM factory.plan_limits l WHERE l.plan = p.id AND l.metric = $2 AND l.\"limit\" < $3"
      "  AND (NOT l.shipped OR NOT EXISTS (SELECT FROM factory.plan_limits o"
      "   WHERE o.plan = l.plan AND o.metric = l.metric AND NOT o.shipped)))"
      " ORDER BY p.rank, p.id LIMIT 1");
  const pg::Rows rows = statement.run({Value::text(allowed.plan), Value::text(metric.name), Value::bigint(needed)});
  const std::string fits = rows.empty() ? std::string() : rows.text(0, 1);
  std::string detail = "the plan " + allowed.plan + " limits " + metric.name + " to " + std::to_string(allowed.room()) +
                       ", and this would make it " + std::to_string(needed) + "; ";
  detail += fits.empty() ? "no plan allows that much" : "the plan " + fits + " would allow it";
  Problem problem("plan_limit", detail);
  problem.with("metric", core::json_string(metric.name))
      .with("limit", std::to_string(allowed.room()))
      .with("needed", std::to_string(needed))
      .with("plan", core::json_string(allowed.plan))
      .with("plan_that_fits", fits.empty() ? "null" : core::json_string(fits));
  throw problem;
}

void open_account(const Uuid& tenant, const QuotaMetric& metric, TimestampTz start) {
  static pg::Statement statement(
      "INSERT INTO factory.quota_accounts (tenant_id, metric, period_start) VALUES ($1, $2, $3) ON CONFLICT DO "
      "NOTHING");
  statement.run({Value::uuid(tenant), Value::text(metric.name), Value::timestamp(start)});
}

void lock_account(const Uuid& tenant, const std::string& metric, TimestampTz start) {
  static pg::Statement statement(
      "SELECT 1 FROM factory.quota_accounts WHERE tenant_id = $1 AND metric = $2 AND period_start = $3 FOR NO KEY "
      "UPDATE");
  statement.run({Value::uuid(tenant), Value::text(metric), Value::timestamp(start)});
}

// What expired unsettled is free again; whether there was any. The account is locked before its reservations, as everywhere.
bool free_lapsed(const Uuid& tenant, const QuotaMetric& metric, TimestampTz start) {
  lock_account(tenant, metric.name, start);
  static pg::Statement lapse(
      "UPDATE factory.quota_reservations SET lapsed = true WHERE tenant_id = $1 AND metric = $2 AND period_start = $3"
      " AND NOT lapsed AND expires_at <= pg_catalog.clock_timestamp() RETURNING amount");
  const pg::Rows rows = lapse.run({Value::uuid(tenant), Value::text(metric.name), Value::timestamp(start)});
  if (rows.empty()) return false;
  std::int64_t sum = 0;
  for (std::uint64_t row = 0; row < rows.count(); ++row) sum += rows.bigint(row, 1);
  static pg::Statement free(
      "UPDATE factory.quota_accounts SET reserved = reserved - $4 WHERE tenant_id = $1 AND metric = $2 AND "
      "period_start = $3");
  free.run({Value::uuid(tenant), Value::text(metric.name), Value::timestamp(start), Value::bigint(sum)});
  return true;
}

// Takes `amount` by a statement that does so only where there is room ($4 of $5), in the metric's period of now.
TimestampTz take(pg::Statement& statement, const Uuid& tenant, const QuotaMetric& metric, std::int64_t amount) {
  const Allowance allowed = allowance(tenant, metric);
  const TimestampTz start = period_start(metric);
  const auto taken = [&] {
    return !statement
                .run({Value::uuid(tenant), Value::text(metric.name), Value::timestamp(start), Value::bigint(amount),
                      Value::bigint(allowed.room())})
                .empty();
  };
  if (taken()) return start;
  open_account(tenant, metric, start);
  if (taken()) return start;
  if (free_lapsed(tenant, metric, start) && taken()) return start;
  static pg::Statement held(
      "SELECT used + reserved FROM factory.quota_accounts WHERE tenant_id = $1 AND metric = $2 AND period_start = $3");
  const pg::Rows rows = held.run_latest({Value::uuid(tenant), Value::text(metric.name), Value::timestamp(start)});
  refuse(metric, allowed, (rows.empty() ? 0 : rows.bigint(0, 1)) + amount);
}

// Takes a reservation out of the books, and puts down what was used.
void end(const Uuid& tenant, const Uuid& id, std::int64_t used) {
  static pg::Statement find(
      "SELECT metric, period_start FROM factory.quota_reservations WHERE tenant_id = $1 AND id = $2");
  const pg::Rows found = find.run({Value::uuid(tenant), Value::uuid(id)});
  if (found.empty()) throw Problem("reservation_gone");
  const std::string metric = found.text(0, 1);
  const TimestampTz start = found.timestamp(0, 2);
  // The account first: whoever frees what lapsed holds it while changing reservations.
  lock_account(tenant, metric, start);
  static pg::Statement remove(
      "DELETE FROM factory.quota_reservations WHERE tenant_id = $1 AND id = $2"
      " RETURNING CASE WHEN lapsed THEN 0 ELSE amount END");
  const pg::Rows removed = remove.run({Value::uuid(tenant), Value::uuid(id)});
  if (removed.empty()) throw Problem("reservation_gone");
  static pg::Statement book(
      "UPDATE factory.quota_accounts SET reserved = reserved - $4, used = least(used + $5, $6)"
      " WHERE tenant_id = $1 AND metric = $2 AND period_start = $3");
  book.run({Value::uuid(tenant), Value::text(metric), Value::timestamp(start), Value::bigint(removed.bigint(0, 1)),
            Value::bigint(used), Value::bigint(core::kMostQuotaHeld)});
}

}  // namespace

TimestampTz period_start(const QuotaMetric& metric) {
  return pg::from_unix_seconds(core::quota_span(metric.period, pg::unix_seconds(GetCurrentTimestamp())).begin);
}

void use(const Uuid& tenant, const QuotaMetric& metric, std::int64_t amount) {
  static pg::Statement statement(
      "UPDATE factory.quota_accounts SET used = used + $4 WHERE tenant_id = $1 AND metric = $2 AND period_start = $3"
      " AND $4 <= $5 - used - reserved RETURNING 1");
  const pg::Connection connection;
  take(statement, tenant, metric, amount);
}

void give_back(const Uuid& tenant, const QuotaMetric& metric, std::int64_t amount) {
  static pg::Statement statement(
      "UPDATE factory.quota_accounts SET used = greatest(used - $4, 0) WHERE tenant_id = $1 AND metric = $2"
      " AND period_start = $3");
  const pg::Connection connection;
  statement.run(
      {Value::uuid(tenant), Value::text(metric.name), Value::timestamp(period_start(metric)), Value::bigint(amount)});
}

Uuid reserve(const Uuid& tenant, const QuotaMetric& metric, std::int64_t amount, int seconds) {
  static pg::Statement statement(
      "UPDATE factory.quota_accounts SET reserved = reserved + $4 WHERE tenant_id = $1 AND metric = $2"
      " AND period_start = $3 AND $4 <= $5 - used - reserved RETURNING 1");
  const pg::Connection connection;
  const TimestampTz start = take(statement, tenant, metric, amount);
  static pg::Statement insert(
      "INSERT INTO factory.quota_reservations (tenant_id, id, metric, period_start, amount, expires_at)"
      " VALUES ($1, $2, $3, $4, $5, pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => $6::float8))");
  const Uuid id = core::uuid7();
  insert.run({Value::uuid(tenant), Value::uuid(id), Value::text(metric.name), Value::timestamp(start),
              Value::bigint(amount), Value::integer(seconds)});
  return id;
}

void settle(const Uuid& tenant, const Uuid& reservation, std::int64_t actual) {
  const pg::Connection connection;
  end(tenant, reservation, actual);
}

void release(const Uuid& tenant, const Uuid& reservation) {
  const pg::Connection connection;
  end(tenant, reservation, 0);
}

void lock(const Uuid& tenant, const QuotaMetric& metric) {
  const pg::Connection connection;
  const TimestampTz start = period_start(metric);
  open_account(tenant, metric, start);
  lock_account(tenant, metric.name, start);
}

void check_count(const Uuid& tenant, const QuotaMetric& metric, std::int64_t count, std::int64_t amount) {
  const pg::Connection connection;
  const Allowance allowed = allowance(tenant, metric);
  if (amount > allowed.room() - count) refuse(metric, allowed, count + amount);
}

Members count_members(const Uuid& tenant) {
  const pg::Connection connection;
  static pg::Statement joined("SELECT count(*) FROM factory.memberships WHERE tenant_id = $1");
  static pg::Statement invited(
      "SELECT count(*) FROM factory.invitations WHERE tenant_id = $1 AND status = 'open'"
      " AND expires_at > pg_catalog.clock_timestamp()");
  return {joined.run_latest({Value::uuid(tenant)}).bigint(0, 1),
          invited.run_latest({Value::uuid(tenant)}).bigint(0, 1)};
}

void check_invitation(const Uuid& tenant) {
  lock(tenant, members_metric());
  const Members members = count_members(tenant);
  check_count(tenant, members_metric(), members.joined + members.invited, 1);
}

// Whoever joins brings an invitation along, so only people count.
void check_join(const Uuid& tenant) {
  lock(tenant, members_metric());
  check_count(tenant, members_metric(), count_members(tenant).joined, 1);
}

bool add(const Uuid& tenant, const QuotaMetric& metric, TimestampTz start, std::int64_t amount) {
  const pg::Connection connection;
  static pg::Statement statement(
      "INSERT INTO factory.quota_accounts AS a (tenant_id, metric, period_start, used) VALUES ($1, $2, $3, $4)"
      " ON CONFLICT (tenant_id, metric, period_start) DO UPDATE SET used = least(a.used + $4, $5) RETURNING used");
  const std::int64_t used = statement
                                .run({Value::uuid(tenant), Value::text(metric.name), Value::timestamp(start),
                                      Value::bigint(amount), Value::bigint(core::kMostQuotaHeld)})
                                .bigint(0, 1);
  return used >= allowance(tenant, metric).room();
}

std::int64_t clean_up(const Uuid& tenant) {
  const pg::Connection connection;
  static pg::Statement lapsed(
      "SELECT DISTINCT metric, period_start FROM factory.quota_reservations WHERE tenant_id = $1 AND NOT lapsed"
      " AND expires_at <= pg_catalog.clock_timestamp()");
  const pg::Rows accounts = lapsed.run({Value::uuid(tenant)});
  std::int64_t changed = 0;
  for (std::uint64_t row = 0; row < accounts.count(); ++row) {
    const QuotaMetric* metric = core::find_quota_metric(accounts.text(row, 1));
    if (metric != nullptr && free_lapsed(tenant, *metric, accounts.timestamp(row, 2))) ++changed;
  }
  static pg::Statement forget(
      "DELETE FROM factory.quota_reservations WHERE tenant_id = $1 AND lapsed"
      " AND expires_at <= pg_catalog.clock_timestamp() - interval '1 day' RETURNING 1");
  changed += static_cast<std::int64_t>(forget.run({Value::uuid(tenant)}).count());
  static pg::Statement forget_periods(
      "DELETE FROM factory.quota_accounts a WHERE a.tenant_id = $1 AND a.period_start > 'epoch'"
      " AND a.period_start <= pg_catalog.clock_timestamp() - interval '400 days' AND NOT EXISTS (SELECT FROM"
      " factory.quota_reservations r WHERE r.tenant_id = $1 AND (r.metric, r.period_start) = (a.metric, "
      "a.period_start))"
      " RETURNING 1");
  changed += static_cast<std::int64_t>(forget_periods.run({Value::uuid(tenant)}).count());
  return changed;
}

}  // namespace factory::api::quota
