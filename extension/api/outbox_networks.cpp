// Networks that operators opened for calls out, besides the public internet over https.
#include "api/audit_log.hpp"
#include "api/fields.hpp"
#include "api/outbox.hpp"

#include <deque>

namespace factory::api {

using core::Problem;
using pg::Value;

namespace {

struct NetworkRow {
  Datum network;
  int port;
  std::string text;
};

NetworkRow network_argument(FunctionCallInfo fcinfo) {
  Fields fields;
  if (PG_ARGISNULL(0)) fields.complain("network", "required", "it must not be null");
  const std::optional<std::int32_t> port = pg::optional_integer(fcinfo, 1);
  if (port && (*port < 1 || *port > 65535))
    fields.complain("port", "invalid_value", "it must be from 1 to 65535, or null for every port");
  fields.check();
  const Datum network = PG_GETARG_DATUM(0);
  std::string text = pg::call([network] { return DatumGetCString(DirectFunctionCall1(cidr_out, network)); });
  if (port) text += " port " + std::to_string(*port);
  return {network, port.value_or(0), text};
}

void record_network(FunctionCallInfo fcinfo, const NetworkRow& row) {
  audit::Event event;
  event.action = declarations::action_of(fcinfo);
  event.target_type = "network";
  event.target_id = row.text;
  audit::record(event);
}

}  // namespace

namespace outbox {

bool plain_http_is_possible() {
  const pg::Connection connection;
  static pg::Statement any("SELECT 1 FROM factory.outbound_networks LIMIT 1");
  return !any.run({}).empty();
}

}  // namespace outbox

FACTORY_FUNCTION(factory_outbound_allow) {
  const NetworkRow row = network_argument(fcinfo);
  const std::string caller = pg::call([] { return GetUserNameFromId(GetOuterUserId(), false); });
  const pg::Connection connection;
  static pg::Statement insert(
      "INSERT INTO factory.outbound_networks (network, port, allowed_by) VALUES ($1, $2, $3)"
      " ON CONFLICT (network, port) DO NOTHING RETURNING 1");
  if (insert.run({Value::datum(CIDROID, row.network), Value::integer(row.port), Value::text(caller)}).empty())
    return Datum(0);
  record_network(fcinfo, row);
  return Datum(0);
}

FACTORY_FUNCTION(factory_outbound_disallow) {
  const NetworkRow row = network_argument(fcinfo);
  const pg::Connection connection;
  static pg::Statement remove("DELETE FROM factory.outbound_networks WHERE network = $1 AND port = $2 RETURNING 1");
  if (remove.run({Value::datum(CIDROID, row.network), Value::integer(row.port)}).empty()) throw Problem("not_found");
  record_network(fcinfo, row);
  return Datum(0);
}

FACTORY_FUNCTION(factory_outbound_networks) {
  const pg::Connection connection;
  static pg::Statement list("SELECT network::pg_catalog.text, port FROM factory.outbound_networks ORDER BY 1, 2");
  const pg::Rows found = list.run({}, pg::Reads::snapshot);
  std::deque<std::string> texts;
  std::vector<std::vector<Value>> rows;
  for (std::uint64_t i = 0; i < found.count(); ++i)
    rows.push_back({Value::text(texts.emplace_back(found.text(i, 1))), Value::integer(found.integer(i, 2))});
  return pg::rows_result(fcinfo, rows);
}

}  // namespace factory::api
