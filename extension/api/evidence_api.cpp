// The evidence ring as DBAs see it, and reading a workspace's log from outside of it.
#include "api/context.hpp"
#include "api/evidence.hpp"
#include "api/evidence_ring.hpp"
#include "api/worker.hpp"
#include "core/problem.hpp"

namespace factory::api {

using core::Problem;
using pg::Value;

namespace {

constexpr std::int32_t longest_flush_seconds = 600;
constexpr std::int32_t most_events = 1000;

}  // namespace

FACTORY_FUNCTION(factory_evidence_flush) {
  const std::int32_t seconds = pg::optional_integer(fcinfo, 0).value_or(5);
  if (seconds < 0 || seconds > longest_flush_seconds)
    throw Problem("validation_failed", "seconds: it must be from 0 to 600");
  if (!evidence_ring::await(evidence_ring::newest(), seconds * 1000L))
    throw Problem("evidence_unavailable", worker::runs() ? "the background worker has not written all of it in time"
                                                         : "the background worker does not run");
  return Datum(0);
}

FACTORY_FUNCTION(factory_evidence_status) {
  const evidence_ring::Status status = evidence_ring::status();
  const int process = worker::process_id();
  const auto number = [](std::uint64_t value) { return Value::bigint(static_cast<std::int64_t>(value)); };
  return pg::row_result(fcinfo,
                        {number(status.size), number(status.waiting), number(status.recorded), number(status.refused),
                         process == 0 ? Value::null(INT4OID) : Value::integer(process)});
}

// Whoever reads across workspaces is seen before the first row is returned, ROLLBACK or not.
FACTORY_FUNCTION(factory_audit_of) {
  const core::Uuid tenant = pg::uuid_argument(fcinfo, 0, "tenant");
  const std::int32_t limit = pg::optional_integer(fcinfo, 1).value_or(25);
  const std::optional<core::Uuid> before = pg::optional_uuid(fcinfo, 2);
  if (limit < 1 || limit > most_events) throw Problem("validation_failed", "limit: it must be from 1 to 1000");
  const pg::Connection connection;
  static pg::Statement find("SELECT 1 FROM factory.tenant_records WHERE id = $1");
  if (find.run({Value::uuid(tenant)}).empty()) throw Problem("tenant_not_found");
  audit::Event event;
  event.action = "audit.read_by_operator";
  event.tenant = tenant;
  event.target_type = "tenant";
  event.target_id = core::format_uuid(tenant);
  evidence::leave_first(event);
  static pg::Statement read(
      "SELECT e.id, e.occurred_at, e.action, e.outcome,"
      " pg_catalog.json_build_object('type', e.actor_type, 'id', e.actor_id),"
      " CASE WHEN e.target_type IS NOT NULL"
      " THEN pg_catalog.json_build_object('type', e.target_type, 'id', e.target_id) END,"
      " e.request_id, e.peer, e.before, e.after, e.metadata FROM factory.audit_events e"
      " WHERE e.tenant_id = $1 AND e.id < coalesce($2, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::pg_catalog.uuid)"
      " ORDER BY e.id DESC LIMIT $3");
  const context::TenantScope scope(tenant);
  const pg::Rows rows = read.run({Value::uuid(tenant), Value::optional_uuid(before), Value::integer(limit)});
  static constexpr std::array<Oid, 11> types = {UUIDOID, TIMESTAMPTZOID, TEXTOID,  TEXTOID,  JSONOID, JSONOID,
                                                TEXTOID, INETOID,        JSONBOID, JSONBOID, JSONBOID};
  std::vector<std::vector<Value>> result;
  for (std::uint64_t row = 0; row < rows.count(); ++row) {
    std::vector<Value>& values = result.emplace_back();
    for (int column = 1; column <= static_cast<int>(types.size()); ++column) {
      const Oid type = types[static_cast<std::size_t>(column - 1)];
      bool null;
      const Datum datum = rows.datum(row, column, &null);
      values.push_back(null ? Value::null(type) : Value::datum(type, datum));
    }
  }
  return pg::rows_result(fcinfo, result);
}

}  // namespace factory::api
