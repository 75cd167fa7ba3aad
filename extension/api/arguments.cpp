#include "api/arguments.hpp"

#include "core/cursor.hpp"
#include "core/etag.hpp"
#include "core/json_document.hpp"
#include "core/json_writer.hpp"
#include "core/utf8.hpp"

#include <charconv>

namespace factory::api {

using core::JsonKind;
using core::Problem;
using pg::Value;

namespace {

constexpr int default_page = 25;
constexpr int largest_page = 100;
constexpr int from_text = -1;  // the value came from path or query, not from JSON

bool is_integer_type(Oid type) { return type == INT2OID || type == INT4OID || type == INT8OID; }
bool is_number_type(Oid type) { return type == FLOAT4OID || type == FLOAT8OID || type == NUMERICOID; }
bool is_json_type(Oid type) { return type == JSONOID || type == JSONBOID; }

bool fits_integer(const std::string& text, Oid type) {
  std::int64_t value;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  if (type == INT2OID) return value >= INT16_MIN && value <= INT16_MAX;
  if (type == INT4OID) return value >= INT32_MIN && value <= INT32_MAX;
  return true;
}

// RFC 3339 by shape; the calendar is checked by the type's own input.
bool looks_like_timestamp(std::string_view text) {
  static constexpr std::string_view shape = "dddd-dd-ddTdd:dd:dd";
  if (text.size() < shape.size() + 1) return false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (shape[i] == 'd' ? !digit : text[i] != shape[i]) return false;
  }
  std::string_view rest = text.substr(shape.size());
  if (rest.front() == '.') {
    rest.remove_prefix(1);
    std::size_t digits = 0;
    while (digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9') ++digits;
    if (digits == 0 || digits > 9) return false;
    rest.remove_prefix(digits);
  }
  if (rest == "Z") return true;
  return rest.size() == 6 && (rest[0] == '+' || rest[0] == '-') && rest[3] == ':';
}

const char* expected(Oid type) {
  if (is_integer_type(type)) return "an integer";
  if (is_number_type(type)) return "a number";
  if (type == BOOLOID) return "true or false";
  if (type == UUIDOID) return "a UUID";
  if (type == TIMESTAMPTZOID) return "a time as 2026-11-24T22:55:00Z";
  return "a string";
}

// Whether the text is what the type takes; user types are left to their own input functions.
bool acceptable(const std::string& text, Oid type) {
  if (is_integer_type(type)) return fits_integer(text, type);
  if (type == BOOLOID) return text == "true" || text == "false";
  if (type == UUIDOID) return core::parse_uuid(text).has_value();
  if (type == TIMESTAMPTZOID) return looks_like_timestamp(text);
  return true;
}

bool kind_fits(JsonKind kind, Oid type, bool array) {
  if (is_json_type(type)) return true;
  if (array) return kind == JsonKind::array;
  if (is_integer_type(type)) return kind == JsonKind::integer;
  if (is_number_type(type)) return kind == JsonKind::integer || kind == JsonKind::number;
  if (type == BOOLOID) return kind == JsonKind::boolean;
  return kind == JsonKind::string;
}

bool is_array_type(Oid type) {
  return OidIsValid(pg::call([type] { return get_element_type(type); }));
}

}  // namespace

bool is_reserved_argument(const Declaration& declaration, std::string_view name) {
  if (name == "expected_version") return true;
  if (declaration.reply != Reply::list) return false;
  return name == "limit" || name == "after" || name == "before" || name == "before_id";
}

Arguments::Arguments(const Declaration& declaration, const HttpRequest& request, const core::Captures& captures) {
  for (const auto& [name, text] : captures) take(declaration, name, Source::path, text, false, from_text);
  if (declaration.reply == Reply::list) take_page(declaration, request);
  for (const auto& [name, text] : request.target.query) {
    if (declaration.reply == Reply::list && (name == "limit" || name == "cursor")) continue;
    if (request.reads() || request.method == "DELETE")
      take(declaration, name, Source::query, text, false, from_text);
    else
      complain(name, "unknown_parameter", "this call takes no query parameters");
  }
  take_body(declaration, request);
  if (const std::string* header = request.header("if-match"); header != nullptr) {
    const std::optional<core::IfMatch> condition = core::parse_if_match(*header);
    if (!condition) throw Problem("bad_request", "If-Match is not a list of strong entity tags");
    const Argument* argument = declaration.find_argument("expected_version");
    if (argument != nullptr && !condition->any) {
      // One tag is what a reader has; none of ours can match a list of foreign ones.
      const std::int64_t version = condition->versions.size() == 1 ? condition->versions.front() : -1;
      given_.push_back({argument, std::to_string(version), false, false});
    }
  }
  check_complete(declaration);
  if (!errors_.empty()) throw Problem("validation_failed", "see errors for each field", errors_);
}

void Arguments::complain(std::string_view name, std::string code, std::string detail) {
  errors_.push_back({"#/" + core::clipped(name), std::move(code), std::move(detail)});
}

void Arguments::take(const Declaration& declaration, std::string_view name, Source source, const std::string& text,
                     bool is_null, int json_kind) {
  const Argument* argument = declaration.find_argument(name);
  if (argument == nullptr || (source != Source::path && is_reserved_argument(declaration, name)))
    return complain(name, source == Source::body ? "unknown_field" : "unknown_parameter", "this call does not take it");
  for (const Given& given : given_)
    if (given.argument == argument) return complain(name, "unknown_field", "it is part of the path");
  if (is_null) {
    if (!argument->has_default) return complain(name, "required", "it must not be null");
    given_.push_back({argument, {}, true, false});
    return;
  }
  const bool array = is_array_type(argument->type);
  if (json_kind != from_text && !kind_fits(static_cast<JsonKind>(json_kind), argument->type, array))
    return complain(name, "invalid_type", std::string("it must be ") + (array ? "an array" : expected(argument->type)));
  if (!array && !acceptable(text, argument->type)) {
    // An id that no row can have is an id of nothing.
    if (source == Source::path) throw Problem("not_found");
    return complain(name, "invalid_value", std::string("it must be ") + expected(argument->type));
  }
  if (text.find('\0') != std::string::npos) return complain(name, "invalid_value", "it must not contain U+0000");
  std::string value = text;
  if (is_json_type(argument->type) && json_kind == static_cast<int>(JsonKind::string)) value = core::json_string(text);
  given_.push_back({argument, std::move(value), false, array && json_kind != from_text});
}

void Arguments::take_page(const Declaration& declaration, const HttpRequest& request) {
  page_size_ = default_page;
  if (const std::string* text = request.target.find("limit"); text != nullptr) {
    if (!fits_integer(*text, INT4OID) || std::stoi(*text) < 1 || std::stoi(*text) > largest_page)
      complain("limit", "invalid_value", "it must be an integer from 1 to 100");
    else
      page_size_ = std::stoi(*text);
  }
  // One row more than the page tells whether there is another page.
  given_.push_back({declaration.find_argument("limit"), std::to_string(page_size_ + 1), false, false});
  if (const std::string* text = request.target.find("cursor"); text != nullptr) {
    const std::optional<core::Uuid> id = core::decode_cursor(declaration.path, *text);
    if (!id) throw Problem("invalid_cursor");
    for (const char* name : {"after", "before", "before_id"})
      if (const Argument* argument = declaration.find_argument(name); argument != nullptr)
        given_.push_back({argument, core::format_uuid(*id), false, false});
  }
}

void Arguments::take_body(const Declaration& declaration, const HttpRequest& request) {
  if (request.reads()) {
    if (!request.body.empty()) throw Problem("bad_request", "a reading call has no body");
    return;
  }
  if (request.body.empty()) return;
  if (const std::string* type = request.header("content-type"); type != nullptr) {
    std::string_view name = *type;
    name = name.substr(0, name.find(';'));
    while (!name.empty() && name.back() == ' ') name.remove_suffix(1);
    if (pg_strcasecmp(std::string(name).c_str(), "application/json") != 0) throw Problem("unsupported_media_type");
  }
  const core::JsonObject object = core::parse_object(request.body);
  for (const core::JsonField& field : object.fields())
    take(declaration, field.name, Source::body, field.text, field.kind == JsonKind::null_,
         static_cast<int>(field.kind));
}

void Arguments::check_complete(const Declaration& declaration) {
  for (const Argument& argument : declaration.arguments) {
    if (argument.has_default) continue;
    const bool is_given = std::any_of(given_.begin(), given_.end(),
                                      [&argument](const Given& given) { return given.argument == &argument; });
    const bool complained = std::any_of(errors_.begin(), errors_.end(), [&argument](const core::FieldError& error) {
      return error.pointer == "#/" + argument.name;
    });
    if (!is_given && !complained) complain(argument.name, "required", "a value is required");
  }
}

pg::Rows Arguments::run(const Declaration& declaration, pg::Reads reads) const {
  std::uint64_t mask = 0;
  for (const Given& given : given_) mask |= std::uint64_t{1} << (given.argument - declaration.arguments.data());
  std::vector<Value> values;
  values.reserve(given_.size());
  // Parameters in the order of the arguments, so that one set of arguments is one plan.
  std::vector<const Given*> ordered(given_.size());
  std::transform(given_.begin(), given_.end(), ordered.begin(), [](const Given& given) { return &given; });
  std::sort(ordered.begin(), ordered.end(), [](const Given* a, const Given* b) { return a->argument < b->argument; });
  for (const Given* given : ordered) {
    const Oid type = given->as_json_array ? JSONBOID : given->argument->type;
    values.push_back(given->is_null ? Value::null(type) : Value::input(type, given->text));
  }
  // Whether an array came as JSON is part of the plan's text, and so of its key.
  for (std::size_t i = 0; i < ordered.size(); ++i)
    if (ordered[i]->as_json_array) mask ^= std::uint64_t{1} << (63 - i);
  std::unique_ptr<pg::Statement>& statement = declaration.statements[mask];
  if (!statement) {
    std::string sql = "SELECT * FROM " + declaration.name + "(";
    for (std::size_t i = 0; i < ordered.size(); ++i) {
      const Given& given = *ordered[i];
      const std::string parameter = "$" + std::to_string(i + 1);
      if (i > 0) sql += ", ";
      sql += pg::call([&given] { return quote_identifier(given.argument->name.c_str()); });
      sql += " => ";
      if (given.as_json_array)
        sql += "ARRAY(SELECT pg_catalog.jsonb_array_elements_text(" + parameter +
               "))::" + pg::call([&given] { return format_type_be_qualified(given.argument->type); });
      else
        sql += parameter;
    }
    sql += ")";
    statement = std::make_unique<pg::Statement>(std::move(sql));
  }
  // Each value alone, so that a refusal can name its field. The caller's subtransaction cleans up after it.
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    if (values[i].is_null()) continue;
    try {
      values[i] = Value::datum(values[i].type(), pg::call([&values, i] { return values[i].build(); }));
    } catch (const pg::PostgresError& error) {
      if (!error.sqlstate().starts_with("22") && !error.sqlstate().starts_with("23")) throw;
      throw Problem("validation_failed", "see errors for each field",
                    {{"#/" + ordered[i]->argument->name, "invalid_value",
                      std::string("it must be ") + expected(ordered[i]->argument->type)}});
    }
  }
  return statement->run(values, reads);
}

}  // namespace factory::api
