// Values that go into and come out of Postgres, without raising outside the call guard.
#pragma once

#include "core/uuid.hpp"
#include "pg/guard.hpp"

namespace factory::pg {

// A parameter of a statement. Holds views: the text must outlive the call that it is passed to.
class Value {
 public:
  static Value null(Oid type) { return Value(type, Kind::null); }
  static Value text(std::string_view value) { return Value(TEXTOID, Kind::varlena, value); }
  static Value optional_text(const std::optional<std::string>& value) { return value ? text(*value) : null(TEXTOID); }
  static Value json(std::string_view value) { return Value(JSONOID, Kind::varlena, value); }
  static Value jsonb(std::string_view value) { return Value(JSONBOID, Kind::jsonb, value); }
  static Value bytea(std::string_view value) { return Value(BYTEAOID, Kind::varlena, value); }
  static Value bytea(std::span<const std::uint8_t> value) {
    return bytea(std::string_view(reinterpret_cast<const char*>(value.data()), value.size()));
  }
  static Value uuid(const core::Uuid& value) {
    Value result(UUIDOID, Kind::uuid);
    result.uuid_ = value;
    return result;
  }
  static Value optional_uuid(const std::optional<core::Uuid>& value) { return value ? uuid(*value) : null(UUIDOID); }
  static Value integer(std::int32_t value) { return Value(INT4OID, Int32GetDatum(value)); }
  static Value bigint(std::int64_t value) { return Value(INT8OID, Int64GetDatum(value)); }
  static Value boolean(bool value) { return Value(BOOLOID, BoolGetDatum(value)); }
  static Value timestamp(TimestampTz value) { return Value(TIMESTAMPTZOID, TimestampTzGetDatum(value)); }
  static Value oid(Oid value) { return Value(OIDOID, ObjectIdGetDatum(value)); }
  // The external text of any type, converted by the type's own input function as the current user.
  static Value input(Oid type, std::string_view value) { return Value(type, Kind::input, value); }
  // A datum that Postgres made and that stays valid for the call.
  static Value datum(Oid type, Datum value) { return Value(type, value); }

  Oid type() const { return type_; }
  bool is_null() const { return kind_ == Kind::null; }
  // Only inside the call guard: may raise.
  Datum build() const;

 private:
  enum class Kind : std::uint8_t { null, datum, varlena, jsonb, uuid, input };
  Value(Oid type, Kind kind, std::string_view view = {}) : type_(type), kind_(kind), view_(view) {}
  Value(Oid type, Datum value) : type_(type), kind_(Kind::datum), datum_(value) {}

  Oid type_;
  Kind kind_;
  Datum datum_ = 0;
  std::string_view view_;
  core::Uuid uuid_{};
};

// Arguments of an SQL-callable function. A null where none is allowed throws validation_failed naming the argument.
std::string text_argument(FunctionCallInfo fcinfo, int index, const char* name);
std::optional<std::string> optional_text(FunctionCallInfo fcinfo, int index);
core::Uuid uuid_argument(FunctionCallInfo fcinfo, int index, const char* name);
std::optional<core::Uuid> optional_uuid(FunctionCallInfo fcinfo, int index);
bool boolean_argument(FunctionCallInfo fcinfo, int index, const char* name);
std::optional<std::int32_t> optional_integer(FunctionCallInfo fcinfo, int index);
std::optional<std::int64_t> optional_bigint(FunctionCallInfo fcinfo, int index);
Oid oid_argument(FunctionCallInfo fcinfo, int index, const char* name);
std::vector<std::string> text_array_argument(FunctionCallInfo fcinfo, int index);

// {"name": "value", ...} as jsonb.
Datum jsonb_object(std::span<const std::pair<std::string, std::string>> members);

// Results.
Datum text_result(std::string_view value);
Datum uuid_result(const core::Uuid& value);
// One row of the function's declared composite result.
Datum row_result(FunctionCallInfo fcinfo, std::span<const Value> values);
Datum row_result(FunctionCallInfo fcinfo, std::initializer_list<Value> values);
// All rows of a set-returning function, through a tuplestore.
Datum rows_result(FunctionCallInfo fcinfo, const std::vector<std::vector<Value>>& rows);

core::Uuid to_uuid(Datum value);
std::string to_text(Datum value);

// Whole seconds since 1970, and back.
inline constexpr std::int64_t unix_epoch_seconds = std::int64_t{POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE} * SECS_PER_DAY;
inline std::int64_t unix_seconds(TimestampTz time) { return time / USECS_PER_SEC + unix_epoch_seconds; }
inline TimestampTz from_unix_seconds(std::int64_t seconds) { return (seconds - unix_epoch_seconds) * USECS_PER_SEC; }

// "2026-11-24T22:55:00.123456Z" (RFC 3339, UTC).
std::string format_timestamp(TimestampTz value);

}  // namespace factory::pg
