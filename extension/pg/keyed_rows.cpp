#include "pg/keyed_rows.hpp"

extern "C" {
#include "access/genam.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "utils/lsyscache.h"
}

namespace factory::pg {

namespace {

constexpr int max_key_columns = 4;

// The comparison with one value of a btree's column.
void compare_equal(ScanKey key, Relation index, int column, const Value& value) {
  const Oid equal = get_opfamily_member(index->rd_opfamily[column], index->rd_opcintype[column],
                                        index->rd_opcintype[column], BTEqualStrategyNumber);
  if (value.type() != index->rd_opcintype[column] || value.is_null() || !OidIsValid(equal))
    elog(ERROR, "column %d of index %u does not take this value", column + 1, RelationGetRelid(index));
  ScanKeyEntryInitialize(key, 0, static_cast<AttrNumber>(column + 1), BTEqualStrategyNumber, InvalidOid,
                         index->rd_indcollation[column], get_opcode(equal), value.build());
}

HeapTuple copy_of_row(Relation table, Relation index, std::span<const Value> key, Snapshot snapshot) {
  const int columns = static_cast<int>(key.size());
  if (columns > max_key_columns || columns != IndexRelationGetNumberOfKeyAttributes(index))
    elog(ERROR, "the primary key of relation %u has other columns", RelationGetRelid(table));
  ScanKeyData keys[max_key_columns];
  for (int column = 0; column < columns; ++column)
    compare_equal(&keys[column], index, column, key[static_cast<std::size_t>(column)]);
  IndexScanDesc scan = index_beginscan(table, index, snapshot, columns, 0);
  index_rescan(scan, keys, columns, nullptr, 0);
  TupleTableSlot* slot = table_slot_create(table, nullptr);
  HeapTuple tuple = index_getnext_slot(scan, ForwardScanDirection, slot) ? ExecCopySlotHeapTuple(slot) : nullptr;
  ExecDropSingleTupleTableSlot(slot);
  index_endscan(scan);
  return tuple;
}

}  // namespace

int KeyedRow::number_of(const char* column) const {
  for (int number = 1; number <= descriptor_->natts; ++number)
    if (std::strcmp(NameStr(TupleDescAttr(descriptor_, number - 1)->attname), column) == 0) return number;
  return 0;
}

Datum KeyedRow::datum(const char* column, bool* is_null) const {
  const int number = number_of(column);
  if (number == 0) throw std::logic_error(std::string("there is no column ") + column);
  return heap_getattr(tuple_, number, descriptor_, is_null);
}

bool KeyedRow::is_null(const char* column) const {
  bool null;
  datum(column, &null);
  return null;
}

std::string KeyedRow::text(const char* column) const {
  bool null;
  const Datum value = datum(column, &null);
  if (null) return {};
  const bool is_name = TupleDescAttr(descriptor_, number_of(column) - 1)->atttypid == NAMEOID;
  return is_name ? std::string(NameStr(*DatumGetName(value))) : to_text(value);
}

core::Uuid KeyedRow::uuid(const char* column) const {
  bool null;
  const Datum value = datum(column, &null);
  return null ? core::Uuid{} : to_uuid(value);
}

std::int16_t KeyedRow::smallint(const char* column) const {
  bool null;
  const Datum value = datum(column, &null);
  return null ? std::int16_t{0} : DatumGetInt16(value);
}

std::int32_t KeyedRow::integer(const char* column) const {
  bool null;
  const Datum value = datum(column, &null);
  return null ? 0 : DatumGetInt32(value);
}

std::int64_t KeyedRow::bigint(const char* column) const {
  bool null;
  const Datum value = datum(column, &null);
  return null ? 0 : DatumGetInt64(value);
}

bool KeyedRow::boolean(const char* column) const {
  bool null;
  const Datum value = datum(column, &null);
  return !null && DatumGetBool(value);
}

Oid KeyedRow::oid(const char* column) const {
  bool null;
  const Datum value = datum(column, &null);
  return null ? InvalidOid : DatumGetObjectId(value);
}

LatestRows::LatestRows() {
  snapshot_ = call([] {
    CommandCounterIncrement();
    return RegisterSnapshot(GetLatestSnapshot());
  });
}

// After a Postgres error the abort that must follow gives the snapshot back.
LatestRows::~LatestRows() {
  if (!PostgresError::in_flight()) UnregisterSnapshot(snapshot_);
}

std::optional<KeyedRow> LatestRows::find(Oid table, std::initializer_list<Value> key) const {
  const Snapshot snapshot = snapshot_;
  TupleDesc descriptor = nullptr;
  HeapTuple tuple = call([&descriptor, table, &key, snapshot] {
    Relation relation = table_open(table, AccessShareLock);
    Relation index = index_open(RelationGetPrimaryKeyIndex(relation), AccessShareLock);
    HeapTuple found = copy_of_row(relation, index, std::span(key.begin(), key.size()), snapshot);
    if (found != nullptr) descriptor = CreateTupleDescCopy(RelationGetDescr(relation));
    index_close(index, AccessShareLock);
    table_close(relation, AccessShareLock);
    return found;
  });
  if (tuple == nullptr) return std::nullopt;
  return KeyedRow(tuple, descriptor);
}

std::vector<KeyedRow> all_rows(Oid table) {
  std::vector<KeyedRow> rows;
  call([table, &rows] {
    Relation relation = table_open(table, AccessShareLock);
    const TupleDesc descriptor = CreateTupleDescCopy(RelationGetDescr(relation));
    SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, nullptr, 0, nullptr);
    while (HeapTuple tuple = systable_getnext(scan)) rows.emplace_back(heap_copytuple(tuple), descriptor);
    systable_endscan(scan);
    table_close(relation, AccessShareLock);
  });
  return rows;
}

}  // namespace factory::pg
