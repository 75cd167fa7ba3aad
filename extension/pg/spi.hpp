// Statements of our own, prepared once per backend as generic plans, and what they return.
#pragma once

#include "pg/datum.hpp"

namespace factory::pg {

// A connection to SPI for the life of the object.
class Connection {
 public:
  Connection();
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
};

// The rows of one statement; valid while the Connection lives.
class Rows {
 public:
  Rows(SPITupleTable* table, std::uint64_t count) : table_(table), count_(count) {}
  std::uint64_t count() const { return count_; }
  bool empty() const { return count_ == 0; }
  TupleDesc descriptor() const { return table_->tupdesc; }
  // Columns count from 1, as in SPI.
  Datum datum(std::uint64_t row, int column, bool* is_null) const {
    return SPI_getbinval(table_->vals[row], table_->tupdesc, column, is_null);
  }
  bool is_null(std::uint64_t row, int column) const;
  std::string text(std::uint64_t row, int column) const;
  std::optional<std::string> optional_text(std::uint64_t row, int column) const;
  core::Uuid uuid(std::uint64_t row, int column) const;
  std::optional<core::Uuid> optional_uuid(std::uint64_t row, int column) const;
  std::int32_t integer(std::uint64_t row, int column) const;
  std::int64_t bigint(std::uint64_t row, int column) const;
  bool boolean(std::uint64_t row, int column) const;
  TimestampTz timestamp(std::uint64_t row, int column) const { return bigint(row, column); }

 private:
  SPITupleTable* table_;
  std::uint64_t count_;
};

enum class Reads : bool {
  fresh,     // takes a new snapshot and sees what this transaction has done: for writes, and after any wait
  snapshot,  // uses the caller's snapshot and refuses to write
};

// A statement with typed parameters, prepared at first use and kept for the backend's life. Make it static.
class Statement {
 public:
  explicit Statement(std::string sql) : sql_(std::move(sql)) {}
  ~Statement() = default;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Rows run(std::initializer_list<Value> values, Reads reads = Reads::fresh, std::uint64_t limit = 0);
  Rows run(std::span<const Value> values, Reads reads = Reads::fresh, std::uint64_t limit = 0);
  // Sees every committed row even under REPEATABLE READ: for invariants that a stale snapshot must not satisfy.
  Rows run_latest(std::initializer_list<Value> values);

  const std::string& sql() const { return sql_; }
  void forget();

 private:
  void prepare(std::span<const Value> values);
  std::string sql_;
  SPIPlanPtr plan_ = nullptr;
};

// Runs a statement of which no plan is kept: for what is said once, or in words of the moment.
Rows run_once(const std::string& sql, std::initializer_list<Value> values = {});

}  // namespace factory::pg
