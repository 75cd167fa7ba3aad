#include "pg/datum.hpp"

namespace factory::pg {

Datum Value::build() const {
  switch (kind_) {
    case Kind::null:
      return Datum(0);
    case Kind::datum:
      return datum_;
    case Kind::varlena: {
      auto* result = static_cast<varlena*>(palloc(view_.size() + VARHDRSZ));
      SET_VARSIZE(result, view_.size() + VARHDRSZ);
      std::memcpy(VARDATA(result), view_.data(), view_.size());
      return PointerGetDatum(result);
    }
    case Kind::jsonb:
      return DirectFunctionCall1(jsonb_in, CStringGetDatum(pnstrdup(view_.data(), view_.size())));
    case Kind::uuid: {
      auto* result = static_cast<pg_uuid_t*>(palloc(sizeof(pg_uuid_t)));
      std::memcpy(result->data, uuid_.data(), UUID_LEN);
      return UUIDPGetDatum(result);
    }
    case Kind::input: {
      Oid function, io_parameter;
      getTypeInputInfo(type_, &function, &io_parameter);
      return OidInputFunctionCall(function, pnstrdup(view_.data(), view_.size()), io_parameter, -1);
    }
  }
  pg_unreachable();
}

namespace {

[[noreturn]] void missing(const char* name) {
  throw core::Problem("validation_failed", std::string("argument ") + name + " must not be null",
                      {{std::string("#/") + name, "required", "a value is required"}});
}

void require_value(FunctionCallInfo fcinfo, int index, const char* name) {
  if (index >= fcinfo->nargs || fcinfo->args[index].isnull) missing(name);
}

bool is_null(FunctionCallInfo fcinfo, int index) { return index >= fcinfo->nargs || fcinfo->args[index].isnull; }

}  // namespace

std::string to_text(Datum value) {
  struct View {
    const char* data;
    std::size_t size;
  };
  const View view = call([value] {
    text* packed = DatumGetTextPP(value);
    return View{VARDATA_ANY(packed), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(packed))};
  });
  return std::string(view.data, view.size);
}

core::Uuid to_uuid(Datum value) {
  core::Uuid result;
  std::memcpy(result.data(), DatumGetUUIDP(value)->data, UUID_LEN);
  return result;
}

std::string text_argument(FunctionCallInfo fcinfo, int index, const char* name) {
  require_value(fcinfo, index, name);
  return to_text(fcinfo->args[index].value);
}

std::optional<std::string> optional_text(FunctionCallInfo fcinfo, int index) {
  if (is_null(fcinfo, index)) return std::nullopt;
  return to_text(fcinfo->args[index].value);
}

core::Uuid uuid_argument(FunctionCallInfo fcinfo, int index, const char* name) {
  require_value(fcinfo, index, name);
  return to_uuid(fcinfo->args[index].value);
}

std::optional<core::Uuid> optional_uuid(FunctionCallInfo fcinfo, int index) {
  if (is_null(fcinfo, index)) return std::nullopt;
  return to_uuid(fcinfo->args[index].value);
}

bool boolean_argument(FunctionCallInfo fcinfo, int index, const char* name) {
  require_value(fcinfo, index, name);
  return DatumGetBool(fcinfo->args[index].value);
}

std::optional<std::int32_t> optional_integer(FunctionCallInfo fcinfo, int index) {
  if (is_null(fcinfo, index)) return std::nullopt;
  return DatumGetInt32(fcinfo->args[index].value);
}

std::optional<std::int64_t> optional_bigint(FunctionCallInfo fcinfo, int index) {
  if (is_null(fcinfo, index)) return std::nullopt;
  return DatumGetInt64(fcinfo->args[index].value);
}

Oid oid_argument(FunctionCallInfo fcinfo, int index, const char* name) {
  require_value(fcinfo, index, name);
  return DatumGetObjectId(fcinfo->args[index].value);
}

std::vector<std::string> text_array_argument(FunctionCallInfo fcinfo, int index) {
  std::vector<std::string> result;
  if (is_null(fcinfo, index)) return result;
  struct Elements {
    Datum* values;
    bool* nulls;
    int count;
  };
  const Datum argument = fcinfo->args[index].value;
  const Elements elements = call([argument] {
    Elements found{};
    deconstruct_array(DatumGetArrayTypeP(argument), TEXTOID, -1, false, TYPALIGN_INT, &found.values, &found.nulls,
                      &found.count);
    return found;
  });
  for (int i = 0; i < elements.count; ++i) {
    if (elements.nulls[i]) throw core::Problem("validation_failed", "a list must not hold null");
    result.push_back(to_text(elements.values[i]));
  }
  return result;
}

Datum text_result(std::string_view value) {
  return call([value] { return Value::text(value).build(); });
}

Datum uuid_result(const core::Uuid& value) {
  return call([&value] { return Value::uuid(value).build(); });
}

Datum jsonb_object(std::span<const std::pair<std::string, std::string>> members) {
  return call([members] {
    const auto text = [](const std::string& from) {
      JsonbValue value;
      value.type = jbvString;
      value.val.string.val = pnstrdup(from.data(), from.size());
      value.val.string.len = static_cast<int>(from.size());
      return value;
    };
    JsonbParseState* state = nullptr;
    pushJsonbValue(&state, WJB_BEGIN_OBJECT, nullptr);
    for (const auto& [name, content] : members) {
      JsonbValue key = text(name), value = text(content);
      pushJsonbValue(&state, WJB_KEY, &key);
      pushJsonbValue(&state, WJB_VALUE, &value);
    }
    return JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, nullptr)));
  });
}

Datum row_result(FunctionCallInfo fcinfo, std::initializer_list<Value> values) {
  return row_result(fcinfo, std::span(values));
}

Datum row_result(FunctionCallInfo fcinfo, std::span<const Value> values) {
  return call([&] {
    TupleDesc descriptor;
    if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE ||
        descriptor->natts != static_cast<int>(values.size()))
      elog(ERROR, "the declared result of function %u does not fit its body", fcinfo->flinfo->fn_oid);
    BlessTupleDesc(descriptor);
    Datum datums[MaxTupleAttributeNumber];
    bool nulls[MaxTupleAttributeNumber];
    int column = 0;
    for (const Value& value : values) {
      nulls[column] = value.is_null();
      datums[column] = value.build();
      ++column;
    }
    return HeapTupleGetDatum(heap_form_tuple(descriptor, datums, nulls));
  });
}

Datum rows_result(FunctionCallInfo fcinfo, const std::vector<std::vector<Value>>& rows) {
  call([&] {
    InitMaterializedSRF(fcinfo, 0);
    auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
    Datum datums[MaxTupleAttributeNumber];
    bool nulls[MaxTupleAttributeNumber];
    for (std::size_t row = 0; row < rows.size(); ++row) {
      if (static_cast<int>(rows[row].size()) != result->setDesc->natts)
        elog(ERROR, "the declared result of function %u does not fit its body", fcinfo->flinfo->fn_oid);
      for (std::size_t column = 0; column < rows[row].size(); ++column) {
        nulls[column] = rows[row][column].is_null();
        datums[column] = rows[row][column].build();
      }
      tuplestore_putvalues(result->setResult, result->setDesc, datums, nulls);
    }
  });
  return Datum(0);
}

std::string format_timestamp(TimestampTz value) {
  if (TIMESTAMP_NOT_FINITE(value)) return TIMESTAMP_IS_NOBEGIN(value) ? "-infinity" : "infinity";
  struct pg_tm tm;
  fsec_t fraction;
  if (timestamp2tm(value, nullptr, &tm, &fraction, nullptr, nullptr) != 0) return "invalid";
  char buffer[32];
  // pg_ultostr_zeropad is several times faster than printf, and a list has a time in every row.
  char* end = buffer;
  if (tm.tm_year < 0) *end++ = '-';
  end = pg_ultostr_zeropad(end, static_cast<uint32>(std::abs(tm.tm_year)), 4);
  const auto append = [&end](char separator, int number, int width) {
    *end++ = separator;
    end = pg_ultostr_zeropad(end, static_cast<uint32>(number), width);
  };
  append('-', tm.tm_mon, 2);
  append('-', tm.tm_mday, 2);
  append('T', tm.tm_hour, 2);
  append(':', tm.tm_min, 2);
  append(':', tm.tm_sec, 2);
  if (fraction != 0) append('.', fraction, 6);
  *end++ = 'Z';
  return std::string(buffer, static_cast<std::size_t>(end - buffer));
}

}  // namespace factory::pg
