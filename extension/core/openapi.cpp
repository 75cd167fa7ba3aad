#include "core/openapi.hpp"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <stdexcept>

#include "core/json_writer.hpp"
#include "core/path_template.hpp"
#include "core/problem.hpp"

namespace factory::core {
namespace {

using ProblemsByStatus = std::map<int, std::vector<const ProblemKind*>>;

// The parts that do not depend on the operations.
constexpr const char* kSecuritySchemes = R"json({
"bearerAuth":{"type":"http","scheme":"bearer","bearerFormat":"JWT","description":"An access token of a person."},
"apiKeyAuth":{"type":"apiKey","in":"header","name":"X-API-Key","description":"An API key of a workspace."}})json";

constexpr const char* kSharedParameters = R"json({
"TenantId":{"name":"x-tenant-id","in":"header","required":false,"schema":{"type":"string","format":"uuid"},
"description":"The workspace that the call is about. May be left out by members of one workspace and with an API key."},
"IdempotencyKey":{"name":"Idempotency-Key","in":"header","required":false,
"schema":{"type":"string","minLength":1,"maxLength":255},
"description":"Makes a repeated call answer like the first one, for 24 hours."},
"IfMatch":{"name":"If-Match","in":"header","required":false,"schema":{"type":"string"},
"description":"The ETag that was read; the change is refused when it is stale."},
"Limit":{"name":"limit","in":"query","required":false,
"schema":{"type":"integer","minimum":1,"maximum":100,"default":25},"description":"How many rows a page holds."},
"Cursor":{"name":"cursor","in":"query","required":false,"schema":{"type":"string"},
"description":"Where to go on: next_cursor of the page before."}})json";

constexpr const char* kSharedHeaders = R"json({
"RequestId":{"schema":{"type":"string"},"description":"The id of this call in logs and audit."},
"ETag":{"schema":{"type":"string"},"description":"The version of what is shown, for If-Match."},
"RateLimit":{"schema":{"type":"string"},
"description":"For each policy that counted this call: r calls are left, and in t seconds all of them (429: one) are back."},
"RateLimitPolicy":{"schema":{"type":"string"},
"description":"The policies that counted this call: q calls at once, which come back in w seconds."},
"RetryAfter":{"schema":{"type":"integer"},"description":"Seconds until the same call can pass."}})json";

constexpr const char* kProblemSchema = R"json({"type":"object","description":"What went wrong, after RFC 9457.",
"required":["type","title","status","code"],"properties":{
"type":{"type":"string","format":"uri-reference"},"title":{"type":"string"},
"status":{"type":"integer","minimum":400,"maximum":599},"detail":{"type":"string"},
"instance":{"type":"string","format":"uri-reference"},
"code":{"type":"string","description":"Stable; the catalogue is GET /v1/errors."},
"hint":{"type":"string","description":"What to do next."},"request_id":{"type":"string"},
"errors":{"type":"array","items":{"type":"object","required":["pointer","code"],"properties":{
"pointer":{"type":"string","description":"Where in the body, such as #/email."},
"code":{"type":"string"},"detail":{"type":"string"}}}}}})json";

bool needs_capability(const Operation& operation) {
  return operation.requires_ != "anyone" && operation.requires_ != "user" && operation.requires_ != "operator";
}

bool takes_idempotency_key(const Operation& operation) {
  return operation.method == "POST" && !operation.path.starts_with("/v1/auth/");
}

bool takes_if_match(const Operation& operation) { return operation.etag && operation.method != "GET"; }

bool has_parameter_in(const Operation& operation, std::string_view in) {
  return std::ranges::any_of(operation.parameters, [in](const ApiParameter& parameter) { return parameter.in == in; });
}

bool declares(const Operation& operation, std::string_view query_parameter) {
  return std::ranges::any_of(operation.parameters, [=](const ApiParameter& parameter) {
    return parameter.in == "query" && parameter.field.name == query_parameter;
  });
}

void check_path(const Operation& operation) {
  std::vector<std::string> in_path, declared;
  const auto path = PathTemplate::parse(operation.path);
  if (!path) throw std::logic_error(operation.operation_id + ": the path is not a template: " + operation.path);
  for (const auto& segment : path->segments()) {
    if (segment.capture) in_path.push_back(segment.text);
  }
  for (const auto& parameter : operation.parameters) {
    if (parameter.in == "path") declared.push_back(parameter.field.name);
  }
  if (!std::ranges::is_permutation(in_path, declared)) {
    throw std::logic_error(operation.operation_id + ": the path and its declared parameters differ");
  }
}

ProblemsByStatus problems_of(const Operation& operation) {
  std::vector<std::string> codes = operation.problems;
  codes.push_back("rate_limited");
  const auto add = [&codes](std::initializer_list<const char*> more) {
    codes.insert(codes.end(), more.begin(), more.end());
  };
  if (operation.requires_ != "anyone") add({"unauthenticated", "invalid_token", "token_expired", "session_ended"});
  if (needs_capability(operation) || operation.requires_ == "operator") add({"forbidden"});
  if (operation.scope == ApiScope::tenant) {
    add({"tenant_required", "invalid_tenant_id", "tenant_mismatch", "tenant_not_found", "tenant_deleted"});
  }
  if (operation.body) add({"malformed_json", "body_too_large", "unsupported_media_type", "validation_failed"});
  if (!operation.parameters.empty()) add({"bad_request"});
  if (has_parameter_in(operation, "path")) add({"not_found"});
  if (operation.reply == ApiReply::list) add({"bad_request", "invalid_cursor"});
  if (takes_if_match(operation)) add({"precondition_failed"});
  if (takes_idempotency_key(operation)) add({"idempotency_in_progress", "idempotency_mismatch"});

  std::ranges::sort(codes);
  codes.erase(std::unique(codes.begin(), codes.end()), codes.end());
  ProblemsByStatus problems;
  for (const auto& code : codes) {
    const ProblemKind* kind = find_problem(code);
    if (kind == nullptr) throw std::logic_error(operation.operation_id + ": the catalogue has no problem " + code);
    problems[kind->status].push_back(kind);
  }
  return problems;
}

const char* success_description(int status) {
  switch (status) {
    case 201:
      return "Created.";
    case 202:
      return "Accepted.";
    case 204:
      return "Done, nothing to show.";
    default:
      return "Success.";
  }
}

// Writes the whole document; one function for each kind of object in it.
class DocumentWriter {
 public:
  explicit DocumentWriter(std::string& out) : json_(out) {}

  void document(const ApiInfo& info, std::span<const Operation> operations) {
    json_.begin_object().member("openapi", "3.1.0").key("info").begin_object();
    json_.member("title", info.title).member("version", info.version).member("description", info.description);
    json_.end_object().key("servers").begin_array().begin_object().member("url", info.server_url);
    json_.end_object().end_array();
    tags(operations);
    paths(operations);
    json_.key("components").begin_object();
    json_.key("schemas").begin_object().raw_member("Problem", kProblemSchema).end_object();
    json_.raw_member("parameters", kSharedParameters).raw_member("headers", kSharedHeaders);
    json_.raw_member("securitySchemes", kSecuritySchemes).end_object().end_object();
  }

 private:
  void tags(std::span<const Operation> operations) {
    std::vector<std::string> names;
    for (const auto& operation : operations) {
      if (!operation.tag.empty() && std::ranges::find(names, operation.tag) == names.end())
        names.push_back(operation.tag);
    }
    json_.key("tags").begin_array();
    for (const auto& name : names) json_.begin_object().member("name", name).end_object();
    json_.end_array();
  }

  void paths(std::span<const Operation> operations) {
    std::map<std::string, std::vector<const Operation*>> by_path;
    for (const auto& operation : operations) by_path[operation.path].push_back(&operation);
    json_.key("paths").begin_object();
    for (const auto& [path, methods] : by_path) {
      json_.key(path).begin_object();
      for (const Operation* method : methods) operation(*method);
      json_.end_object();
    }
    json_.end_object();
  }

  void operation(const Operation& operation) {
    check_path(operation);
    std::string method = operation.method;
    for (char& c : method) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    json_.key(method).begin_object();
    json_.member("operationId", operation.operation_id).member("summary", operation.summary);
    if (!operation.description.empty()) json_.member("description", operation.description);
    if (!operation.tag.empty()) json_.key("tags").begin_array().value(operation.tag).end_array();
    json_.member("x-requires", operation.requires_);
    security(operation);
    parameters(operation);
    if (operation.body) request_body(*operation.body);
    responses(operation);
    json_.end_object();
  }

  void security(const Operation& operation) {
    json_.key("security").begin_array();
    if (operation.requires_ != "anyone") scheme("bearerAuth");
    if (needs_capability(operation)) scheme("apiKeyAuth");
    json_.end_array();
  }

  void scheme(const char* name) { json_.begin_object().key(name).begin_array().end_array().end_object(); }

  void parameters(const Operation& operation) {
    json_.key("parameters").begin_array();
    for (const auto& parameter : operation.parameters) {
      const ApiField& field = parameter.field;
      json_.begin_object().member("name", field.name).member("in", parameter.in);
      json_.member("required", parameter.in == "path" || field.required);
      if (!field.description.empty()) json_.member("description", field.description);
      json_.key("schema");
      schema(field, false);
      json_.end_object();
    }
    if (operation.reply == ApiReply::list && !declares(operation, "limit")) shared_parameter("Limit");
    if (operation.reply == ApiReply::list && !declares(operation, "cursor")) shared_parameter("Cursor");
    if (operation.scope == ApiScope::tenant) shared_parameter("TenantId");
    if (takes_idempotency_key(operation)) shared_parameter("IdempotencyKey");
    if (takes_if_match(operation)) shared_parameter("IfMatch");
    json_.end_array();
  }

  void shared_parameter(const std::string& name) {
    json_.begin_object().member("$ref", "#/components/parameters/" + name).end_object();
  }

  void request_body(const std::vector<ApiField>& fields) {
    json_.key("requestBody").begin_object().member("required", std::ranges::any_of(fields, &ApiField::required));
    json_.key("content").begin_object().key("application/json").begin_object().key("schema").begin_object();
    json_.member("type", "object");
    members(fields);
    json_.member("additionalProperties", false);
    json_.end_object().end_object().end_object().end_object();
  }

  void responses(const Operation& operation) {
    json_.key("responses").begin_object();
    json_.key(std::to_string(operation.success_status)).begin_object();
    json_.member("description", success_description(operation.success_status));
    headers(operation.etag);
    if (operation.reply != ApiReply::none) {
      json_.key("content").begin_object().key("application/json").begin_object().key("schema");
      reply(operation);
      json_.end_object().end_object();
    }
    json_.end_object();
    for (const auto& [status, kinds] : problems_of(operation)) problem_response(status, kinds);
    json_.key("default").begin_object().member("description", "Any other problem.");
    problem_content();
    json_.end_object().end_object();
  }

  void headers(bool etag, bool retry_after = false) {
    json_.key("headers").begin_object();
    shared_header("X-Request-Id", "RequestId");
    shared_header("RateLimit", "RateLimit");
    shared_header("RateLimit-Policy", "RateLimitPolicy");
    if (etag) shared_header("ETag", "ETag");
    if (retry_after) shared_header("Retry-After", "RetryAfter");
    json_.end_object();
  }

  void shared_header(const char* name, const std::string& component) {
    json_.key(name).begin_object().member("$ref", "#/components/headers/" + component).end_object();
  }

  void problem_response(int status, const std::vector<const ProblemKind*>& kinds) {
    std::string description;
    for (const auto* kind : kinds) {
      description.append(description.empty() ? "" : "; ").append(kind->code).append(": ").append(kind->title);
    }
    json_.key(std::to_string(status)).begin_object().member("description", description + ".");
    json_.key("x-problem-codes").begin_array();
    for (const auto* kind : kinds) json_.value(kind->code);
    json_.end_array();
    problem_content(status == 429 || status == 503);
    json_.end_object();
  }

  void problem_content(bool retry_after = false) {
    headers(false, retry_after);
    json_.key("content").begin_object().key("application/problem+json").begin_object().key("schema").begin_object();
    json_.member("$ref", "#/components/schemas/Problem").end_object().end_object().end_object();
  }

  void reply(const Operation& operation) {
    if (operation.reply == ApiReply::object) return object(operation.reply_fields);
    json_.begin_object().member("type", "object");
    json_.key("properties").begin_object();
    json_.key("data").begin_object().member("type", "array").key("items");
    object(operation.reply_fields);
    json_.end_object();
    if (operation.reply == ApiReply::list) {
      json_.raw_member("next_cursor", R"({"type":["string","null"]})").raw_member("has_more", R"({"type":"boolean"})");
    }
    json_.end_object();
    json_.raw_member("required",
                     operation.reply == ApiReply::list ? R"(["data","next_cursor","has_more"])" : R"(["data"])");
    json_.end_object();
  }

  void object(const std::vector<ApiField>& fields) {
    json_.begin_object().member("type", "object");
    members(fields);
    json_.end_object();
  }

  // The properties of an object; one without any stays open.
  void members(const std::vector<ApiField>& fields) {
    if (fields.empty()) return;
    json_.key("properties").begin_object();
    for (const auto& field : fields) {
      json_.key(field.name);
      schema(field, true);
    }
    json_.end_object();
    if (std::ranges::none_of(fields, &ApiField::required)) return;
    json_.key("required").begin_array();
    for (const auto& field : fields) {
      if (field.required) json_.value(field.name);
    }
    json_.end_array();
  }

  void schema(const ApiField& field, bool with_description) {
    if (!field.raw_schema.empty()) {
      json_.raw(field.raw_schema);
      return;
    }
    json_.begin_object();
    if (field.type != "any") type(field.type, field.nullable);
    if (!field.format.empty()) json_.member("format", field.format);
    if (with_description && !field.description.empty()) json_.member("description", field.description);
    if (!field.choices.empty()) choices(field);
    if (field.type == "object") members(field.fields);
    if (field.type == "array") items(field);
    json_.end_object();
  }

  void type(const std::string& name, bool nullable) {
    json_.key("type");
    if (nullable) {
      json_.begin_array().value(name).value("null").end_array();
    } else {
      json_.value(name);
    }
  }

  void choices(const ApiField& field) {
    json_.key("enum").begin_array();
    for (const auto& choice : field.choices) json_.value(choice);
    if (field.nullable) json_.null();
    json_.end_array();
  }

  void items(const ApiField& field) {
    json_.key("items");
    if (!field.fields.empty()) return object(field.fields);
    json_.begin_object();
    if (field.item_type != "any") type(field.item_type, false);
    json_.end_object();
  }

  JsonWriter json_;
};

}  // namespace

std::string build_openapi(const ApiInfo& info, std::span<const Operation> operations) {
  std::string out;
  DocumentWriter(out).document(info, operations);
  return out;
}

}  // namespace factory::core
