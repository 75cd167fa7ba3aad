#include "pg/append.hpp"

#include "pg/scope.hpp"
#include "pg/version.hpp"

extern "C" {
#include "access/tableam.h"
#include "access/tupconvert.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "utils/partcache.h"
}

namespace factory::pg {

namespace {

constexpr int max_columns = 64;

// The partition of a table by ranges of one plain column that takes the row; InvalidOid for any other and for no partition.
Oid partition_of(Relation table, HeapTuple row) {
  const PartitionKeyData* key = RelationGetPartitionKey(table);
  const PartitionDescData* partitions = RelationGetPartitionDesc(table, true);
  if (key->strategy != PARTITION_STRATEGY_RANGE || key->partnatts != 1 || key->partattrs[0] == 0 ||
      partitions->nparts == 0)
    return InvalidOid;
  bool null;
  Datum value = heap_getattr(row, key->partattrs[0], RelationGetDescr(table), &null);
  const PartitionBoundInfoData* bounds = partitions->boundinfo;
  int partition = -1;
  if (!null) {
    bool equal;
    const int bound =
        partition_range_datum_bsearch(key->partsupfunc, key->partcollation, partitions->boundinfo, 1, &value, &equal);
    partition = bounds->indexes[bound + 1];
  }
  if (partition < 0) partition = bounds->default_index;
  return partition < 0 ? InvalidOid : partitions->oids[partition];
}

// Opens the partition that takes the row. Waiting for it may have let an ATTACH or DETACH through, after which the row
// belongs elsewhere; what is open with the lock of a writer stays where it is.
Relation open_partition(Relation table, HeapTuple row) {
  for (Oid oid = partition_of(table, row); OidIsValid(oid);) {
    Relation partition = try_table_open(oid, RowExclusiveLock);
    const Oid now = partition_of(table, row);
    if (now == oid) return partition;
    if (partition != nullptr) table_close(partition, RowExclusiveLock);
    oid = now;
  }
  return nullptr;
}

// Finds the table that stores the row and gives the row its layout. Nothing when there is none that takes plain rows.
Relation storage_of(Relation table, HeapTuple* row) {
  while (table->rd_rel->relkind == RELKIND_PARTITIONED_TABLE) {
    Relation partition = table->trigdesc != nullptr ? nullptr : open_partition(table, *row);
    if (partition != nullptr) {
      TupleConversionMap* map = convert_tuples_by_name(RelationGetDescr(table), RelationGetDescr(partition));
      if (map != nullptr) *row = execute_attr_map_tuple(*row, map);
    }
    table_close(table, NoLock);
    if (partition == nullptr) return nullptr;
    table = partition;
  }
  if (table->rd_rel->relkind == RELKIND_RELATION && table->trigdesc == nullptr) return table;
  table_close(table, NoLock);
  return nullptr;
}

void insert(Relation table, HeapTuple row) {
  EState* state = CreateExecutorState();
  ResultRelInfo* target = makeNode(ResultRelInfo);
  InitResultRelInfo(target, table, 0, nullptr, 0);
  ExecOpenIndices(target, false);
  TupleTableSlot* slot = table_slot_create(table, nullptr);
  ExecForceStoreHeapTuple(row, slot, false);
  table_tuple_insert(table, slot, GetCurrentCommandId(true), 0, nullptr);
  if (target->ri_NumIndices > 0) insert_index_entries(target, slot, state);
  ExecCloseIndices(target);
  ExecDropSingleTupleTableSlot(slot);
  FreeExecutorState(state);
}

}  // namespace

bool append(Oid table, std::span<const Value> values) {
  return call([table, values] {
    insist_on_read_only();
    PreventCommandIfReadOnly("INSERT");
    PreventCommandIfParallelMode("INSERT");
    Relation named = table_open(table, RowExclusiveLock);
    const TupleDesc descriptor = RelationGetDescr(named);
    if (descriptor->natts != static_cast<int>(values.size()) || descriptor->natts > max_columns)
      elog(ERROR, "relation %u has %d columns, not %zu", table, descriptor->natts, values.size());
    Datum datums[max_columns];
    bool nulls[max_columns];
    int column = 0;
    for (const Value& value : values) {
      nulls[column] = value.is_null();
      datums[column++] = value.build();
    }
    HeapTuple row = heap_form_tuple(descriptor, datums, nulls);
    Relation storage = storage_of(named, &row);
    if (storage == nullptr) return false;
    insert(storage, row);
    table_close(storage, NoLock);
    return true;
  });
}

}  // namespace factory::pg
