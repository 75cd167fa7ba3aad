// From the path, the query and the body of a call to the named arguments of the declared function.
#pragma once

#include "api/declarations.hpp"
#include "api/http_message.hpp"
#include "core/path_template.hpp"

namespace factory::api {

// The arguments of one call. Owns the texts that the values refer to.
class Arguments {
 public:
  // Checks names and kinds of everything the caller sent against the declaration. Throws validation_failed with a pointer
  // for each unknown, missing or mistyped field, malformed_json, unsupported_media_type, invalid_cursor or bad_request.
  Arguments(const Declaration& declaration, const HttpRequest& request, const core::Captures& captures);

  // Runs the function with them.
  pg::Rows run(const Declaration& declaration, pg::Reads reads) const;

  // Rows asked for by a list call.
  int page_size() const { return page_size_; }

 private:
  enum class Source : std::uint8_t { path, query, body };
  struct Given {
    const Argument* argument;
    std::string text;
    bool is_null;
    bool as_json_array;
  };
  void take(const Declaration& declaration, std::string_view name, Source source, const std::string& text, bool is_null,
            int json_kind);
  void take_page(const Declaration& declaration, const HttpRequest& request);
  void take_body(const Declaration& declaration, const HttpRequest& request);
  void check_complete(const Declaration& declaration);
  void complain(std::string_view name, std::string code, std::string detail);

  std::vector<Given> given_;
  std::vector<core::FieldError> errors_;
  int page_size_ = 0;
};

// Arguments that a caller sets by other means than query and body: pages and preconditions.
bool is_reserved_argument(const Declaration& declaration, std::string_view name);

}  // namespace factory::api
