// Whether this database is where the platform's rows are at home, or one that a dump was restored into.
#pragma once

#include <string>

namespace factory::api::home {

// What keeps people from signing in here and what mends it, or empty. Looked up again only when factory.homes has changed.
const std::string& trouble();

// Throws safe_mode where there is such trouble.
void require();

}  // namespace factory::api::home
