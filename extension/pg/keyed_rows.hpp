// Rows without a plan to start and to end: by their whole primary key, straight from the index, which every call does; and
// all rows of a small table, for what a backend keeps.
#pragma once

#include "pg/datum.hpp"

extern "C" {
#include "utils/snapmgr.h"
}

namespace factory::pg {

// A row that was found; a copy, valid as long as the memory context that was current then.
class KeyedRow {
 public:
  KeyedRow(HeapTuple tuple, TupleDesc descriptor) : tuple_(tuple), descriptor_(descriptor) {}
  // Whether the table has the column: a schema that is older than the library may not.
  bool has(const char* column) const { return number_of(column) > 0; }
  bool is_null(const char* column) const;
  // A null is an empty string, all zeros, 0; a column that is not there throws.
  std::string text(const char* column) const;
  core::Uuid uuid(const char* column) const;
  std::int16_t smallint(const char* column) const;
  std::int32_t integer(const char* column) const;
  std::int64_t bigint(const char* column) const;
  bool boolean(const char* column) const;
  Oid oid(const char* column) const;
  TimestampTz timestamp(const char* column) const { return bigint(column); }

 private:
  int number_of(const char* column) const;
  Datum datum(const char* column, bool* is_null) const;

  HeapTuple tuple_;
  TupleDesc descriptor_;
};

// One snapshot of what is committed at this moment and of what this transaction has done, even where the caller holds an
// older one. Row security and privileges are not asked: whoever looks names the tenant in the key.
class LatestRows {
 public:
  LatestRows();
  ~LatestRows();
  LatestRows(const LatestRows&) = delete;
  LatestRows& operator=(const LatestRows&) = delete;

  // The row of the plain table `table` whose primary key is `key`, in the key's order of columns.
  std::optional<KeyedRow> find(Oid table, std::initializer_list<Value> key) const;

 private:
  Snapshot snapshot_;
};

// All rows of a table: the newest committed ones and our own, whatever snapshot the transaction has. Starts no command, so a
// parallel worker may ask too. Row security and privileges are not asked.
std::vector<KeyedRow> all_rows(Oid table);

}  // namespace factory::pg
