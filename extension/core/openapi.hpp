#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace factory::core {

/// One value of a body, a reply or a parameter, in the words of JSON Schema.
struct ApiField {
  std::string name;
  /// "string", "integer", "number", "boolean", "object", "array", or "any" for no constraint.
  std::string type = "string";
  /// "uuid", "date-time", "email", ...; empty for none.
  std::string format;
  std::string description;
  bool nullable = false;
  /// Body: must be sent. Reply: always there. Path parameters are required whatever this says.
  bool required = true;
  /// Allowed values of a string; empty for all.
  std::vector<std::string> choices;
  /// Members of an object or of the objects in an array; an object without members is open.
  std::vector<ApiField> fields;
  /// Type of the items of an array that has no `fields`.
  std::string item_type = "string";
  /// A whole JSON Schema in place of all the above but name and `required`.
  std::string raw_schema;
};

struct ApiParameter {
  ApiField field;
  /// "path" or "query".
  std::string in;
};

enum class ApiScope { global, tenant };

enum class ApiReply {
  none,    // no content
  object,  // one object of `reply_fields`
  list,    // a page {data, next_cursor, has_more} of such objects; limit and cursor are added to the parameters
  array,   // {data} with all of them
};

/// One declared operation.
struct Operation {
  std::string operation_id;
  std::string method;
  std::string path;
  std::string summary;
  std::string description;
  std::string tag;
  ApiScope scope = ApiScope::global;
  /// "anyone", "user", "operator" or the name of a capability.
  std::string requires_ = "anyone";
  std::vector<ApiParameter> parameters;
  /// Members of the request object; nothing for a call without a body.
  std::optional<std::vector<ApiField>> body;
  int success_status = 200;
  ApiReply reply = ApiReply::object;
  std::vector<ApiField> reply_fields;
  /// The reply carries an ETag, and a writing call takes If-Match.
  bool etag = false;
  /// Codes of the catalogue beyond those that follow from the traits above.
  std::vector<std::string> problems;
};

struct ApiInfo {
  std::string title;
  std::string version;
  std::string description;
  /// Where the API lives, such as "/" or "https://api.example.com".
  std::string server_url = "/";
};

/// The OpenAPI 3.1.0 document of the operations as JSON. Every operation has its request, reply and problem schemas;
/// what follows from scope, capability, method and body (credentials, x-tenant-id, Idempotency-Key, If-Match, pages,
/// common problems) is added here. Throws std::logic_error for a problem code outside the catalogue, a path that is no
/// template, and a path parameter that is not in both the path and the parameters.
std::string build_openapi(const ApiInfo& info, std::span<const Operation> operations);

}  // namespace factory::core
