#pragma once

#include <simdjson.h>

#include <optional>
#include <string_view>

namespace factory::crypto {

/// Why a text is not JSON that two readers are sure to understand alike.
enum class JsonFault { empty, syntax, number_range, bad_utf8, nul_character, duplicate_key, too_deep };

/// What is wrong, as the end of a sentence for people ("holds a key twice").
const char* describe(JsonFault fault);

/// The outcome of parse_strict_json(): a root, valid until the parser is used again, or a fault.
struct StrictJson {
  simdjson::dom::element root;
  std::optional<JsonFault> fault;
};

/// RFC 8259 and more: no byte order mark, no key twice in one object after unescaping, no U+0000, no lone surrogate,
/// at most `max_depth` levels, numbers within int64, uint64 or double.
StrictJson parse_strict_json(simdjson::dom::parser& parser, std::string_view text, int max_depth);

}  // namespace factory::crypto
