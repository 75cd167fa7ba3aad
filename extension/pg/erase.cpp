#include "pg/erase.hpp"

extern "C" {
#include "access/genam.h"
#include "access/tableam.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"
}

namespace factory::pg {

namespace {

constexpr int most_keys = 4;

}  // namespace

std::uint64_t erase(Oid table, std::span<const core::Uuid> prefix, const core::Uuid& bound, std::uint64_t most) {
  return call([&] {
    Relation relation = table_open(table, RowExclusiveLock);
    RelationGetIndexList(relation);  // finds the primary key
    if (relation->trigdesc != nullptr || !OidIsValid(relation->rd_pkindex) || prefix.size() >= most_keys)
      elog(ERROR, "rows of relation %u cannot be erased by key", table);
    Relation index = index_open(relation->rd_pkindex, AccessShareLock);
    ScanKeyData keys[most_keys];
    int count = 0;
    for (const core::Uuid& part : prefix) {
      ScanKeyInit(&keys[count], static_cast<AttrNumber>(count + 1), BTEqualStrategyNumber, F_UUID_EQ,
                  PointerGetDatum(part.data()));
      ++count;
    }
    ScanKeyInit(&keys[count], static_cast<AttrNumber>(count + 1), BTLessStrategyNumber, F_UUID_LT,
                PointerGetDatum(bound.data()));
    ++count;
    Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
    IndexScanDesc scan = index_beginscan(relation, index, snapshot, count, 0);
    index_rescan(scan, keys, count, nullptr, 0);
    TupleTableSlot* slot = table_slot_create(relation, nullptr);
    std::uint64_t erased = 0;
    while (erased < most && index_getnext_slot(scan, ForwardScanDirection, slot)) {
      CHECK_FOR_INTERRUPTS();
      simple_table_tuple_delete(relation, &slot->tts_tid, snapshot);
      ++erased;
    }
    ExecDropSingleTupleTableSlot(slot);
    index_endscan(scan);
    UnregisterSnapshot(snapshot);
    index_close(index, NoLock);
    table_close(relation, NoLock);
    if (erased > 0) CommandCounterIncrement();
    return erased;
  });
}

bool is_empty(Oid table) {
  return call([table] {
    Relation relation = table_open(table, AccessShareLock);
    Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
    TableScanDesc scan = table_beginscan(relation, snapshot, 0, nullptr);
    TupleTableSlot* slot = table_slot_create(relation, nullptr);
    const bool found = table_scan_getnextslot(scan, ForwardScanDirection, slot);
    ExecDropSingleTupleTableSlot(slot);
    table_endscan(scan);
    UnregisterSnapshot(snapshot);
    table_close(relation, NoLock);
    return !found;
  });
}

}  // namespace factory::pg
