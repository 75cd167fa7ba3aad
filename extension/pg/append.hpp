// Rows that are written with nearly every change, without the cost of starting the executor for each.
#pragma once

#include "pg/datum.hpp"

namespace factory::pg {

// Appends one row to a table of the platform, or to the partition that it belongs in. values: one for each column, in
// order; they are not held against CHECK constraints, row security or privileges, and stand for defaults too. Returns
// false, and nothing has happened, when a table asks for more than that, by a trigger, a foreign key or another kind of
// storage or partitioning: then use a Statement. Throws PostgresError, 25006 in a read-only transaction.
bool append(Oid table, std::span<const Value> values);

}  // namespace factory::pg
