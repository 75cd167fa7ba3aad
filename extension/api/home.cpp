#include "api/home.hpp"

#include "api/context.hpp"
#include "api/safe_mode.hpp"
#include "core/problem.hpp"

extern "C" {
#include "access/genam.h"
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
  return pg::call([table] {
    Relation relation = table_open(table, AccessShareLock);
    const AttrNumber identifier = get_attnum(table, "system_identifier"), database = get_attnum(table, "database_oid");
    SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, nullptr, 0, nullptr);
    int rows = 0;
    bool here = false;
    for (HeapTuple tuple; HeapTupleIsValid(tuple = systable_getnext(scan)); ++rows) {
      bool null;
      here = DatumGetInt64(heap_getattr(tuple, identifier, RelationGetDescr(relation), &null)) ==
                 static_cast<int64>(GetSystemIdentifier()) &&
             DatumGetObjectId(heap_getattr(tuple, database, RelationGetDescr(relation), &null)) == MyDatabaseId;
    }
    systable_endscan(scan);
    table_close(relation, AccessShareLock);
    return rows == 1 && here;
  });
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
