#include "api/json_rows.hpp"

#include "core/json_writer.hpp"
#include "core/uuid.hpp"

namespace factory::api {

namespace {

std::string_view text_view(Datum value) {
  text* packed = DatumGetTextPP(value);
  return {VARDATA_ANY(packed), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(packed))};
}

void append_output(std::string& out, Datum value, Oid type, bool number) {
  Oid function;
  bool varlena;
  getTypeOutputInfo(type, &function, &varlena);
  const std::string_view text = OidOutputFunctionCall(function, value);
  // NaN and the infinities are no JSON numbers.
  if (number && !text.empty() && (text.back() >= '0' && text.back() <= '9'))
    out.append(text);
  else
    append_json_string(out, text);
}

// Inside the call guard; appending to a string that the caller owns leaves nothing behind when Postgres raises.
void append_raw(std::string& out, Datum value, Oid type) {
  switch (type) {
    case BOOLOID:
      out.append(DatumGetBool(value) ? "true" : "false");
      return;
    case INT2OID:
    case INT4OID:
    case INT8OID: {
      const std::int64_t number = type == INT2OID   ? DatumGetInt16(value)
                                  : type == INT4OID ? DatumGetInt32(value)
                                                    : DatumGetInt64(value);
      char digits[24];
      out.append(digits, static_cast<std::size_t>(
                             std::snprintf(digits, sizeof digits, "%lld", static_cast<long long>(number))));
      return;
    }
    case FLOAT4OID:
    case FLOAT8OID:
    case NUMERICOID:
      append_output(out, value, type, true);
      return;
    case JSONOID:
      out.append(text_view(value));
      return;
    case JSONBOID: {
      Jsonb* document = DatumGetJsonbP(value);
      out.append(JsonbToCString(nullptr, &document->root, VARSIZE(document)));
      return;
    }
    case TEXTOID:
    case VARCHAROID:
      append_json_string(out, text_view(value));
      return;
    case UUIDOID: {
      static constexpr char digits[] = "0123456789abcdef";
      const unsigned char* bytes = DatumGetUUIDP(value)->data;
      char text[38];
      char* at = text;
      *at++ = '"';
      for (int i = 0; i < UUID_LEN; ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *at++ = '-';
        *at++ = digits[bytes[i] >> 4];
        *at++ = digits[bytes[i] & 15];
      }
      *at = '"';
      out.append(text, sizeof text);
      return;
    }
    case TIMESTAMPTZOID:
      out.push_back('"');
      out.append(pg::format_timestamp(DatumGetTimestampTz(value)));
      out.push_back('"');
      return;
    default:
      break;
  }
  const Oid element = get_element_type(type);
  if (!OidIsValid(element)) return append_output(out, value, type, false);
  ArrayType* array = DatumGetArrayTypeP(value);
  int16 length;
  bool by_value;
  char alignment;
  get_typlenbyvalalign(element, &length, &by_value, &alignment);
  Datum* values;
  bool* nulls;
  int count;
  deconstruct_array(array, element, length, by_value, alignment, &values, &nulls, &count);
  out.push_back('[');
  for (int i = 0; i < count; ++i) {
    if (i > 0) out.push_back(',');
    if (nulls[i])
      out.append("null");
    else
      append_raw(out, values[i], element);
  }
  out.push_back(']');
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) { core::JsonWriter(out).value(text); }

void append_value(std::string& out, Datum value, bool is_null, Oid type) {
  if (is_null)
    out.append("null");
  else
    pg::call([&out, value, type] { append_raw(out, value, type); });
}

void append_row(std::string& out, const pg::Rows& rows, std::uint64_t row, std::string_view hidden) {
  const TupleDesc descriptor = rows.descriptor();
  pg::call([&, descriptor] {
    bool first = true;
    out.push_back('{');
    for (int column = 0; column < descriptor->natts; ++column) {
      const FormData_pg_attribute* attribute = TupleDescAttr(descriptor, column);
      const std::string_view name = NameStr(attribute->attname);
      if (attribute->attisdropped || (!hidden.empty() && name == hidden)) continue;
      if (!first) out.push_back(',');
      first = false;
      append_json_string(out, name);
      out.push_back(':');
      bool null;
      const Datum value = rows.datum(row, column + 1, &null);
      if (null)
        out.append("null");
      else
        append_raw(out, value, attribute->atttypid);
    }
    out.push_back('}');
  });
}

}  // namespace factory::api
