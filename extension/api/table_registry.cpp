#include "api/table_registry.hpp"

#include "api/audit_log.hpp"
#include "api/context.hpp"
#include "core/json_writer.hpp"
#include "pg/spi.hpp"

namespace factory::api::table_registry {

using pg::Value;

bool is_tenant_table(Oid relation) {
  if (!OidIsValid(platform_relation("table_registry"))) return false;
  const AsOwner owner;
  static pg::Statement statement("SELECT 1 FROM factory.table_registry WHERE relation = $1 AND class = 'tenant'");
  const pg::Connection connection;
  return !statement.run({Value::datum(REGCLASSOID, ObjectIdGetDatum(relation))}).empty();
}

std::string qualified_name(Oid relation) {
  return pg::call([relation] {
    return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)), get_rel_name(relation));
  });
}

void forget_dropped(Oid relation) {
  if (!OidIsValid(platform_relation("table_registry"))) return;
  // Ours go with the extension; only a table that somebody protected has a row to lose.
  const AsOwner owner;
  static pg::Statement statement(
      "DELETE FROM factory.table_registry WHERE relation = $1 AND NOT shipped RETURNING relation::pg_catalog.text");
  const pg::Connection connection;
  const pg::Rows rows = statement.run({Value::datum(REGCLASSOID, ObjectIdGetDatum(relation))});
  if (rows.empty()) return;
  static pg::Statement changes("DELETE FROM factory.table_changes WHERE relation = $1");
  const std::string name = rows.text(0, 1);
  changes.run({Value::datum(REGCLASSOID, ObjectIdGetDatum(relation))});
  audit::Event event;
  event.action = "table.dropped";
  event.target_type = "table";
  event.target_id = name;
  audit::record(event);
}

}  // namespace factory::api::table_registry
