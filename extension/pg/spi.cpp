#include "pg/spi.hpp"

namespace factory::pg {

namespace {

constexpr int max_parameters = 64;

[[noreturn]] void failed(const char* step, int code) {
  ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("%s failed: %s", step, SPI_result_code_string(code))));
  pg_unreachable();
}

// The values as SPI takes them; plain data, built inside the call guard.
struct Parameters {
  Oid types[max_parameters];
  Datum datums[max_parameters];
  char nulls[max_parameters];

  explicit Parameters(std::span<const Value> values) {
    int count = 0;
    for (const Value& value : values) {
      types[count] = value.type();
      nulls[count] = value.is_null() ? 'n' : ' ';
      datums[count++] = value.build();
    }
  }
};

}  // namespace

Connection::Connection() {
  call([] {
    if (const int code = SPI_connect(); code != SPI_OK_CONNECT) failed("SPI_connect", code);
  });
}

// After a Postgres error the executor is half open: the abort that must follow closes this level by itself.
Connection::~Connection() {
  if (!PostgresError::in_flight()) SPI_finish();
}

void Statement::prepare(std::span<const Value> values) {
  call([&] {
    Oid types[max_parameters];
    int count = 0;
    for (const Value& value : values) types[count++] = value.type();
    SPIPlanPtr plan = SPI_prepare_cursor(sql_.c_str(), count, types, CURSOR_OPT_GENERIC_PLAN);
    if (plan == nullptr) failed("SPI_prepare", SPI_result);
    if (const int code = SPI_keepplan(plan); code != 0) failed("SPI_keepplan", code);
    plan_ = plan;
  });
}

Rows Statement::run(std::initializer_list<Value> values, Reads reads, std::uint64_t limit) {
  return run(std::span<const Value>(values.begin(), values.size()), reads, limit);
}

Rows Statement::run(std::span<const Value> values, Reads reads, std::uint64_t limit) {
  if (plan_ == nullptr) prepare(values);
  call([&] {
    Parameters parameters(values);
    const int code = SPI_execute_plan(plan_, parameters.datums, parameters.nulls, reads == Reads::snapshot,
                                      static_cast<long>(limit));
    if (code < 0) failed("SPI_execute_plan", code);
  });
  return Rows(SPI_tuptable, SPI_processed);
}

Rows Statement::run_latest(std::initializer_list<Value> list) {
  const std::span<const Value> values(list.begin(), list.size());
  if (plan_ == nullptr) prepare(values);
  call([&] {
    Parameters parameters(values);
    CommandCounterIncrement();
    const int code = SPI_execute_snapshot(plan_, parameters.datums, parameters.nulls, GetLatestSnapshot(),
                                          InvalidSnapshot, false, false, 0);
    if (code < 0) failed("SPI_execute_snapshot", code);
  });
  return Rows(SPI_tuptable, SPI_processed);
}

Rows run_once(const std::string& sql, std::initializer_list<Value> list) {
  const std::span<const Value> values(list.begin(), list.size());
  call([&] {
    Parameters parameters(values);
    const int code = SPI_execute_with_args(sql.c_str(), static_cast<int>(values.size()), parameters.types,
                                           parameters.datums, parameters.nulls, false, 0);
    if (code < 0) failed("SPI_execute_with_args", code);
  });
  return Rows(SPI_tuptable, SPI_processed);
}

void Statement::forget() {
  if (plan_ != nullptr) {
    SPIPlanPtr plan = plan_;
    plan_ = nullptr;
    call([plan] { SPI_freeplan(plan); });
  }
}

bool Rows::is_null(std::uint64_t row, int column) const {
  bool null;
  datum(row, column, &null);
  return null;
}

std::string Rows::text(std::uint64_t row, int column) const {
  bool null;
  const Datum value = datum(row, column, &null);
  return null ? std::string() : to_text(value);
}

std::optional<std::string> Rows::optional_text(std::uint64_t row, int column) const {
  bool null;
  const Datum value = datum(row, column, &null);
  if (null) return std::nullopt;
  return to_text(value);
}

core::Uuid Rows::uuid(std::uint64_t row, int column) const {
  bool null;
  const Datum value = datum(row, column, &null);
  return null ? core::Uuid{} : to_uuid(value);
}

std::optional<core::Uuid> Rows::optional_uuid(std::uint64_t row, int column) const {
  bool null;
  const Datum value = datum(row, column, &null);
  if (null) return std::nullopt;
  return to_uuid(value);
}

std::int32_t Rows::integer(std::uint64_t row, int column) const {
  bool null;
  const Datum value = datum(row, column, &null);
  return null ? 0 : DatumGetInt32(value);
}

std::int64_t Rows::bigint(std::uint64_t row, int column) const {
  bool null;
  const Datum value = datum(row, column, &null);
  return null ? 0 : DatumGetInt64(value);
}

bool Rows::boolean(std::uint64_t row, int column) const {
  bool null;
  const Datum value = datum(row, column, &null);
  return !null && DatumGetBool(value);
}

}  // namespace factory::pg
