#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace factory::core {

enum class JsonKind { null_, boolean, integer, number, string, array, object };

/// "string", "integer", ... as people call it.
const char* to_string(JsonKind kind);

/// One member of a body. `text` is the unescaped string, the number as it was sent, true or false, "null", or the
/// array or object without white space but otherwise as it was sent.
struct JsonField {
  std::string name;
  JsonKind kind;
  std::string text;
};

/// The members of one JSON object in the order sent; names are unique.
class JsonObject {
 public:
  explicit JsonObject(std::vector<JsonField> fields) : fields_(std::move(fields)) {}

  const std::vector<JsonField>& fields() const { return fields_; }
  /// The member of that name, or nullptr.
  const JsonField* find(std::string_view name) const;

 private:
  std::vector<JsonField> fields_;
};

inline constexpr int kMaxJsonDepth = 64;

/// Reads an untrusted body. Throws Problem("malformed_json") when it is empty, not RFC 8259, not an object, deeper
/// than 64 levels, holds a key twice at any depth (after unescaping), bad UTF-8, U+0000, a lone surrogate, or a number
/// outside int64, uint64 and double.
JsonObject parse_object(std::string_view body);

/// The same rules for any JSON value, without reading it.
void validate_json(std::string_view text);

}  // namespace factory::core
