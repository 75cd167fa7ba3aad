#include "api/table_changes.hpp"

#include "api/audit_log.hpp"
#include "api/context.hpp"
#include "api/table_registry.hpp"
#include "core/json_writer.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "access/genam.h"
#include "access/stratnum.h"
#include "catalog/dependency.h"
#include "catalog/partition.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "commands/extension.h"
#include "utils/fmgroids.h"
}

namespace factory::api::table_changes {

using pg::Value;

namespace {

struct Noted {
  Oid relation;
  SubTransactionId since;
};

std::vector<Noted>& noted() {
  static auto* instance = new std::vector<Noted>();
  return *instance;
}

void keep(Oid relation) {
  if (relation >= FirstNormalObjectId) noted().push_back({relation, GetCurrentSubTransactionId()});
}

// What hangs on a table: the catalog, its index by oid, the columns that hold that oid and the table's.
struct Part {
  Oid catalog, index;
  AttrNumber oid, table;
};
constexpr Part parts[] = {
    {PolicyRelationId, PolicyOidIndexId, Anum_pg_policy_oid, Anum_pg_policy_polrelid},
    {TriggerRelationId, TriggerOidIndexId, Anum_pg_trigger_oid, Anum_pg_trigger_tgrelid},
    {RewriteRelationId, RewriteOidIndexId, Anum_pg_rewrite_oid, Anum_pg_rewrite_ev_class},
    {ConstraintRelationId, ConstraintOidIndexId, Anum_pg_constraint_oid, Anum_pg_constraint_conrelid},
    {AttrDefaultRelationId, AttrDefaultOidIndexId, Anum_pg_attrdef_oid, Anum_pg_attrdef_adrelid},
};

enum class Holds : bool { plain_columns, code };

struct Place {
  bool found = false;
  Oid table = InvalidOid;
  Holds holds = Holds::plain_columns;  // of an index
};

// Reads the row of an object as this very command has written it. Inside the call guard.
Place place_of(const Part& part, Oid object) {
  Place place;
  Relation catalog = table_open(part.catalog, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, part.oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object));
  SysScanDesc scan = systable_beginscan(catalog, part.index, true, SnapshotSelf, 1, &key);
  if (HeapTuple row = systable_getnext(scan); HeapTupleIsValid(row)) {
    bool null;
    place.found = true;
    place.table = DatumGetObjectId(heap_getattr(row, part.table, RelationGetDescr(catalog), &null));
    // A foreign key of another table has triggers on this one.
    if (part.catalog == TriggerRelationId && reinterpret_cast<Form_pg_trigger>(GETSTRUCT(row))->tgisinternal)
      place.table = InvalidOid;
    if (part.catalog == IndexRelationId &&
        !(heap_attisnull(row, Anum_pg_index_indexprs, nullptr) && heap_attisnull(row, Anum_pg_index_indpred, nullptr)))
      place.holds = Holds::code;
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  return place;
}

// Of relations, a table that is altered counts, a partition that goes, and an index that holds code of its maker.
Oid table_of_relation(ObjectAccessType access, Oid relation, int column) {
  static constexpr Part index = {IndexRelationId, IndexRelidIndexId, Anum_pg_index_indexrelid, Anum_pg_index_indrelid};
  const Place place = place_of(index, relation);
  if (place.found) return access == OAT_POST_CREATE && place.holds == Holds::code ? place.table : InvalidOid;
  if (column != 0 || access == OAT_POST_ALTER) return relation;
  return access == OAT_DROP && get_rel_relispartition(relation) ? get_partition_parent(relation, true) : InvalidOid;
}

// What the server does by itself on the way, such as the new heap of CLUSTER.
bool is_internal(ObjectAccessType access, const void* argument) {
  if (argument == nullptr) return false;
  switch (access) {
    case OAT_POST_CREATE:
      return static_cast<const ObjectAccessPostCreate*>(argument)->is_internal;
    case OAT_POST_ALTER:
      return static_cast<const ObjectAccessPostAlter*>(argument)->is_internal;
    default:
      return static_cast<const ObjectAccessDrop*>(argument)->dropflags & PERFORM_DELETION_INTERNAL;
  }
}

bool by_our_own_script() {
  return creating_extension &&
         pg::call([] { return CurrentExtensionObject == get_extension_oid("platform_factory", true); });
}

void transaction_ended(XactEvent event, void*) {
  if (event == XACT_EVENT_ABORT) forget();
}

// The ids of subtransactions grow: those inside of the one that fails are undone with it.
void subtransaction_ended(SubXactEvent event, SubTransactionId failed, SubTransactionId, void*) {
  if (event == SUBXACT_EVENT_ABORT_SUB)
    std::erase_if(noted(), [failed](const Noted& entry) { return entry.since >= failed; });
}

// The protected tables that the noted relations are or are partitions of. One that came out of a dump is watched once an
// operator has acknowledged it: until then the restore itself makes its policies and triggers.
std::set<Oid> changed_tables(std::size_t before) {
  static pg::Statement statement(
      "WITH RECURSIVE up(relation) AS (SELECT $1 UNION"
      " SELECT i.inhparent FROM up u JOIN pg_catalog.pg_inherits i ON i.inhrelid = u.relation)"
      " SELECT r.relation::oid::bigint FROM up u JOIN factory.table_registry r ON r.relation = u.relation"
      " WHERE NOT r.shipped AND r.watched_as = r.relation::oid");
  std::set<Oid> relations, tables;
  for (std::size_t i = before; i < noted().size(); ++i) relations.insert(noted()[i].relation);
  for (const Oid relation : relations) {
    const pg::Rows rows = statement.run({Value::oid(relation)});
    for (std::uint64_t row = 0; row < rows.count(); ++row) tables.insert(static_cast<Oid>(rows.bigint(row, 1)));
  }
  return tables;
}

std::string role_name(Oid role) {
  return pg::call([role] { return GetUserNameFromId(role, false); });
}

}  // namespace

void install() {
  RegisterXactCallback(transaction_ended, nullptr);
  RegisterSubXactCallback(subtransaction_ended, nullptr);
}

void note(ObjectAccessType access, Oid catalog, Oid object, int column, const void* argument) {
  if (is_internal(access, argument) || by_our_own_script()) return;
  if (catalog == RelationRelationId) {
    keep(pg::call([=] { return table_of_relation(access, object, column); }));
  } else if (catalog == InheritsRelationId && access == OAT_POST_ALTER) {
    keep(object);
    keep(static_cast<const ObjectAccessPostAlter*>(argument)->auxiliary_id);
  } else {
    for (const Part& part : parts)
      if (part.catalog == catalog) keep(pg::call([&part, object] { return place_of(part, object).table; }));
  }
}

void note(const RangeVar* table) {
  if (!by_our_own_script()) keep(pg::call([table] { return RangeVarGetRelid(table, NoLock, true); }));
}

std::size_t count() { return noted().size(); }

void forget() { noted().clear(); }

void record(std::size_t before, const char* command) {
  if (!OidIsValid(platform_relation("table_changes"))) return forget();
  const std::string role = role_name(GetUserId()), login = role_name(GetSessionUserId());
  pg::call([] { CommandCounterIncrement(); });
  const AsOwner owner;
  const pg::Connection connection;
  const std::set<Oid> tables = changed_tables(before);
  noted().erase(noted().begin() + static_cast<std::ptrdiff_t>(before), noted().end());
  for (const Oid table : tables) {
    audit::Event event;
    event.action = "table.altered";
    event.target_type = "table";
    event.target_id = table_registry::qualified_name(table);
    core::JsonWriter(event.metadata)
        .begin_object()
        .member("command", std::string_view(command))
        .member("role", role)
        .member("login", login)
        .end_object();
    static pg::Statement insert("INSERT INTO factory.table_changes VALUES ($1, $2, pg_catalog.now(), $3, $4)");
    insert.run({Value::uuid(audit::record(event)), Value::datum(REGCLASSOID, ObjectIdGetDatum(table)),
                Value::text(role), Value::text(std::string_view(command))});
  }
}

}  // namespace factory::api::table_changes
