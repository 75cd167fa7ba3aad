#include "api/home.hpp"

#include "api/context.hpp"
#include "api/safe_mode.hpp"
#include "core/problem.hpp"
#include "pg/keyed_rows.hpp"

extern "C" {
#include "access/xlog.h"
#include "miscadmin.h"
}

namespace factory::api::home {

namespace {

// Several rows are the one of CREATE EXTENSION and those of a dump, even of one that was taken here. The newest committed
// rows and our own count, whatever snapshot the transaction has.
bool at_home() {
  const Oid table = platform_relation("homes");
  if (!OidIsValid(table)) return true;  // not installed here, or not yet updated
  const std::vector<pg::KeyedRow> homes = pg::all_rows(table);
  return homes.size() == 1 &&
         homes.front().bigint("system_identifier") == static_cast<std::int64_t>(GetSystemIdentifier()) &&
         homes.front().oid("database_oid") == MyDatabaseId;
}

const safe_mode::Cause home_is_elsewhere("home", [] { return trouble(); });

}  // namespace

const std::string& trouble() {
  // Never destroyed: at process exit the server's memory is gone before static destructors would run.
  static auto* const known = new std::string();
  static std::uint64_t known_at = 0;
  const std::uint64_t now = declarations::cache_epoch();
  if (known_at != now) {
    *known = at_home() ? ""
                       : "the platform was restored or moved into this database: an operator calls factory.adopt(), "
                         "which ends all sessions, refresh tokens and open invitations of before";
    known_at = now;
  }
  return *known;
}

void require() {
  if (!trouble().empty()) throw core::Problem("safe_mode", trouble());
}

}  // namespace factory::api::home
