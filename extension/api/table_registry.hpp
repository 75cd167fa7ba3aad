// The registry of table classes, factory.table_registry.
#pragma once

#include "pg/postgres.hpp"

namespace factory::api::table_registry {

// Whether the table is one of tenants' rows: our own or a protected one.
bool is_tenant_table(Oid relation);

// schema.table, quoted where it must be. The table exists.
std::string qualified_name(Oid relation);

// Takes a table that is being dropped out of the registry, and says so in the platform's log.
void forget_dropped(Oid relation);

}  // namespace factory::api::table_registry
