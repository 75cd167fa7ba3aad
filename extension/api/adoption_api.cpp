// A platform that was restored or moved gets its home here.
#include "api/audit_log.hpp"
#include "api/context.hpp"
#include "api/home.hpp"
#include "core/json_writer.hpp"

extern "C" {
#include "access/xlog.h"
#include "miscadmin.h"
}

namespace factory::api {

using core::Problem;
using core::Uuid;
using pg::Value;

namespace {

std::int64_t count_of(const std::string& change) {
  return pg::run_once("WITH changed AS (" + change + " RETURNING 1) SELECT pg_catalog.count(*) FROM changed")
      .bigint(0, 1);
}

std::int64_t withdraw_invitations() {
  static pg::Statement withdraw(
      "UPDATE factory.invitations SET status = 'cancelled' WHERE tenant_id = $1 AND status = 'open' RETURNING id");
  std::vector<Uuid> tenants;
  const pg::Rows rows = pg::run_once("SELECT id FROM factory.tenant_records ORDER BY id");
  for (std::uint64_t row = 0; row < rows.count(); ++row) tenants.push_back(rows.uuid(row, 1));
  std::int64_t sum = 0;
  for (const Uuid& tenant : tenants) {
    pg::call([] { CHECK_FOR_INTERRUPTS(); });
    const context::TenantScope scope(tenant);
    sum += static_cast<std::int64_t>(withdraw.run({Value::uuid(tenant)}).count());
  }
  return sum;
}

// The homes of before, for the audit log; as text, since JSON's numbers do not hold an identifier.
std::string forget_homes() {
  std::string list;
  core::JsonWriter json(list);
  json.begin_array();
  const pg::Rows rows = pg::run_once(
      "DELETE FROM factory.homes RETURNING pg_catalog.concat(system_identifier, '/', database_oid) AS home");
  for (std::uint64_t row = 0; row < rows.count(); ++row) json.value(rows.text(row, 1));
  json.end_array();
  return list;
}

}  // namespace

FACTORY_FUNCTION(factory_adopt) {
  const pg::Connection connection;
  // Whoever comes second waits here and finds it done.
  pg::run_once("LOCK TABLE factory.homes IN SHARE ROW EXCLUSIVE MODE");
  if (home::trouble().empty()) throw Problem("conflict", "the platform is at home here: there is nothing to adopt");
  const std::int64_t sessions = count_of(
      "UPDATE factory.sessions SET ended_at = pg_catalog.clock_timestamp(), end_reason = 'adoption' WHERE ended_at IS "
      "NULL");
  const std::int64_t refresh_tokens = count_of("DELETE FROM factory.refresh_tokens");
  const std::int64_t invitations = withdraw_invitations();
  const std::string before = forget_homes();
  pg::run_once("INSERT INTO factory.homes (id, system_identifier, database_oid) VALUES ($1, $2, $3::pg_catalog.oid)",
               {Value::uuid(core::uuid7()), Value::bigint(static_cast<std::int64_t>(GetSystemIdentifier())),
                Value::bigint(static_cast<std::int64_t>(MyDatabaseId))});
  audit::Event event;
  event.action = declarations::action_of(fcinfo);
  core::JsonWriter(event.metadata)
      .begin_object()
      .raw_member("homes_before", before)
      .member("sessions", sessions)
      .member("refresh_tokens", refresh_tokens)
      .member("invitations", invitations)
      .end_object();
  audit::record(event);
  return pg::row_result(fcinfo, {Value::bigint(sessions), Value::bigint(refresh_tokens), Value::bigint(invitations)});
}

}  // namespace factory::api
