#include "crypto/strict_json.hpp"

#include <algorithm>
#include <new>
#include <vector>

namespace factory::crypto {
namespace {

namespace dom = simdjson::dom;

std::optional<JsonFault> check_text(std::string_view text) {
  return text.find('\0') == std::string_view::npos ? std::nullopt : std::optional(JsonFault::nul_character);
}

std::optional<JsonFault> check_value(dom::element value, int levels);

std::optional<JsonFault> check_object(dom::object object, int levels) {
  std::vector<std::string_view> names;
  for (const auto [name, value] : object) {
    if (const auto fault = check_text(name)) return fault;
    if (const auto fault = check_value(value, levels)) return fault;
    names.push_back(name);
  }
  std::ranges::sort(names);
  if (std::ranges::adjacent_find(names) != names.end()) return JsonFault::duplicate_key;
  return std::nullopt;
}

std::optional<JsonFault> check_array(dom::array array, int levels) {
  for (const dom::element value : array) {
    if (const auto fault = check_value(value, levels)) return fault;
  }
  return std::nullopt;
}

std::optional<JsonFault> check_value(dom::element value, int levels) {
  switch (value.type()) {
    case dom::element_type::OBJECT:
      return levels == 0 ? JsonFault::too_deep : check_object(value, levels - 1);
    case dom::element_type::ARRAY:
      return levels == 0 ? JsonFault::too_deep : check_array(value, levels - 1);
    case dom::element_type::STRING:
      return check_text(value);
    default:
      return std::nullopt;
  }
}

// Later releases of simdjson have a code of its own for an integer beyond 64 bits.
template <typename Error>
bool is_big_integer(Error error) {
  if constexpr (requires { Error::BIGINT_ERROR; }) {
    return error == Error::BIGINT_ERROR;
  } else {
    return false;
  }
}

JsonFault fault_of(simdjson::error_code error) {
  if (is_big_integer(error)) return JsonFault::number_range;
  switch (error) {
    case simdjson::EMPTY:
      return JsonFault::empty;
    case simdjson::UTF8_ERROR:
      return JsonFault::bad_utf8;
    case simdjson::DEPTH_ERROR:
      return JsonFault::too_deep;
    case simdjson::NUMBER_ERROR:
      return JsonFault::number_range;
    default:
      return JsonFault::syntax;
  }
}

}  // namespace

const char* describe(JsonFault fault) {
  switch (fault) {
    case JsonFault::empty:
      return "is empty";
    case JsonFault::syntax:
      return "is not well-formed JSON";
    case JsonFault::number_range:
      return "holds a number that is malformed or out of range";
    case JsonFault::bad_utf8:
      return "is not valid UTF-8";
    case JsonFault::nul_character:
      return "holds U+0000 in a string";
    case JsonFault::duplicate_key:
      return "holds a key twice in one object";
    case JsonFault::too_deep:
      return "is nested too deeply";
  }
  return "is not acceptable";
}

StrictJson parse_strict_json(dom::parser& parser, std::string_view text, int max_depth) {
  if (text.empty()) return {{}, JsonFault::empty};
  // Some releases of simdjson skip a byte order mark, others refuse it.
  if (text.starts_with("\xEF\xBB\xBF")) return {{}, JsonFault::syntax};
  dom::element root;
  const auto error = parser.parse(text.data(), text.size()).get(root);
  if (error == simdjson::MEMALLOC) throw std::bad_alloc();
  if (error) return {{}, fault_of(error)};
  return {root, check_value(root, max_depth)};
}

}  // namespace factory::crypto
