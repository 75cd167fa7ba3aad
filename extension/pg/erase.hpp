// The way out for rows that no role may delete.
#pragma once

#include "pg/datum.hpp"

namespace factory::pg {

// Removes up to `most` rows of a plain table without triggers by its primary key of uuids: the first columns equal `prefix`
// and the next one is below `bound`. Privileges and row security are not asked. Returns how many.
std::uint64_t erase(Oid table, std::span<const core::Uuid> prefix, const core::Uuid& bound, std::uint64_t most);

// Whether the table holds no row that this transaction sees.
bool is_empty(Oid table);

}  // namespace factory::pg
