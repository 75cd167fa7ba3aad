#include "core/json_document.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "core/problem.hpp"
#include "crypto/strict_json.hpp"

namespace factory::core {
namespace {

namespace dom = simdjson::dom;

// A parser keeps buffers of the largest text it has seen, so only small ones share the long-lived one.
constexpr std::size_t kSharedParserLimit = 64 * 1024;

template <typename Use>
void with_root(std::string_view text, Use use) {
  thread_local dom::parser shared;
  dom::parser own;
  dom::parser& parser = text.size() <= kSharedParserLimit ? shared : own;
  const auto [root, fault] = crypto::parse_strict_json(parser, text, kMaxJsonDepth);
  if (fault) throw Problem("malformed_json", std::string("the body ") + crypto::describe(*fault));
  use(root);
}

// Walks a text that is known to be well-formed, to give values back as they were sent: the parser's own numbers have
// lost digits by then.
class SourceReader {
 public:
  explicit SourceReader(std::string_view text) : text_(text) {}

  // Passes one punctuation mark, or a whole string.
  void skip_token() {
    skip_space();
    if (text_[position_] == '"') {
      skip_string();
    } else {
      ++position_;
    }
  }

  // Takes one value without the white space in it.
  std::string take_value() {
    std::string value;
    int depth = 0;
    do {
      skip_space();
      const std::size_t begin = position_;
      const char first = text_[position_];
      if (first == '"') {
        skip_string();
      } else if (is_mark(first)) {
        ++position_;
        if (first == '{' || first == '[') ++depth;
        if (first == '}' || first == ']') --depth;
      } else {
        while (position_ < text_.size() && !is_mark(text_[position_]) && !is_space(text_[position_])) ++position_;
      }
      value.append(text_.substr(begin, position_ - begin));
    } while (depth > 0);
    return value;
  }

 private:
  static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
  static bool is_mark(char c) { return std::string_view("{}[],:").find(c) != std::string_view::npos; }

  void skip_space() {
    while (is_space(text_[position_])) ++position_;
  }

  void skip_string() {
    for (++position_; text_[position_] != '"'; ++position_) {
      if (text_[position_] == '\\') ++position_;
    }
    ++position_;
  }

  std::string_view text_;
  std::size_t position_ = 0;
};

JsonKind kind_of(dom::element value) {
  switch (value.type()) {
    case dom::element_type::NULL_VALUE:
      return JsonKind::null_;
    case dom::element_type::BOOL:
      return JsonKind::boolean;
    case dom::element_type::INT64:
    case dom::element_type::UINT64:
      return JsonKind::integer;
    case dom::element_type::DOUBLE:
      return JsonKind::number;
    case dom::element_type::STRING:
      return JsonKind::string;
    case dom::element_type::ARRAY:
      return JsonKind::array;
    case dom::element_type::OBJECT:
      return JsonKind::object;
  }
  throw std::logic_error("an unknown kind of JSON value");
}

}  // namespace

const char* to_string(JsonKind kind) {
  switch (kind) {
    case JsonKind::null_:
      return "null";
    case JsonKind::boolean:
      return "boolean";
    case JsonKind::integer:
      return "integer";
    case JsonKind::number:
      return "number";
    case JsonKind::string:
      return "string";
    case JsonKind::array:
      return "array";
    case JsonKind::object:
      return "object";
  }
  return "unknown";
}

const JsonField* JsonObject::find(std::string_view name) const {
  const auto found = std::ranges::find(fields_, name, &JsonField::name);
  return found == fields_.end() ? nullptr : &*found;
}

JsonObject parse_object(std::string_view body) {
  std::vector<JsonField> fields;
  with_root(body, [&](dom::element root) {
    dom::object object;
    if (root.get(object)) throw Problem("malformed_json", "the body is not a JSON object");
    SourceReader source(body);
    for (const auto [name, value] : object) {
      source.skip_token();  // the opening brace or the comma
      source.skip_token();  // the name
      source.skip_token();  // the colon
      std::string text = source.take_value();
      const JsonKind kind = kind_of(value);
      if (kind == JsonKind::string) text = std::string_view(value);
      fields.push_back({std::string(name), kind, std::move(text)});
    }
  });
  return JsonObject(std::move(fields));
}

void validate_json(std::string_view text) {
  with_root(text, [](dom::element) {});
}

}  // namespace factory::core
