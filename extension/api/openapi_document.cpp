// GET /v1/openapi.json, from the declarations and the functions' own signatures.
#include "api/arguments.hpp"
#include "api/declarations.hpp"
#include "core/json_document.hpp"
#include "core/openapi.hpp"
#include "core/path_template.hpp"

extern "C" {
#include "commands/comment.h"
}

namespace factory::api {

namespace {

core::ApiField field_of(const std::string& name, Oid type) {
  core::ApiField field;
  field.name = name;
  const Oid element = pg::call([type] { return get_element_type(type); });
  if (OidIsValid(element)) {
    field.type = "array";
    return field;
  }
  switch (type) {
    case INT2OID:
    case INT4OID:
    case INT8OID:
      field.type = "integer";
      break;
    case FLOAT4OID:
    case FLOAT8OID:
    case NUMERICOID:
      field.type = "number";
      break;
    case BOOLOID:
      field.type = "boolean";
      break;
    case JSONOID:
    case JSONBOID:
      field.type = "any";
      break;
    case UUIDOID:
      field.format = "uuid";
      break;
    case TIMESTAMPTZOID:
      field.format = "date-time";
      break;
    default:
      break;
  }
  if (name == "email") field.format = "email";
  return field;
}

std::string comment_on(Oid function) {
  const char* text = pg::call([function] { return GetComment(function, ProcedureRelationId, 0); });
  return text == nullptr ? std::string() : std::string(text);
}

// "list_members" of "factory.list_members": stable, unique, and what a client generator names its method after.
std::string operation_id(const Declaration& declaration) {
  const std::size_t dot = declaration.name.rfind('.');
  std::string name = declaration.name.substr(dot + 1);
  return declaration.shipped ? name : "app_" + declaration.name.substr(0, dot) + "_" + name;
}

core::ApiReply reply_of(const Declaration& declaration) {
  switch (declaration.reply) {
    case Reply::none:
      return core::ApiReply::none;
    case Reply::list:
      return core::ApiReply::list;
    case Reply::array:
      return core::ApiReply::array;
    default:
      return core::ApiReply::object;
  }
}

// An app may have redefined its function since it declared it.
bool takes_its_path(const Declaration& declaration) {
  const core::PathTemplate path = *core::PathTemplate::parse(declaration.path);
  return std::ranges::all_of(path.segments(), [&declaration](const auto& segment) {
    return !segment.capture || declaration.find_argument(segment.text) != nullptr;
  });
}

core::Operation operation_of(const Declaration& declaration) {
  core::Operation operation;
  operation.operation_id = operation_id(declaration);
  operation.method = declaration.method;
  operation.path = declaration.path;
  operation.summary = declaration.summary;
  operation.description = comment_on(declaration.function);
  const core::PathTemplate path = *core::PathTemplate::parse(declaration.path);
  operation.tag = path.segments().size() > 1 ? path.segments()[1].text : "platform";
  operation.scope = declaration.global() ? core::ApiScope::global : core::ApiScope::tenant;
  operation.requires_ = declaration.requires_text;
  operation.success_status = declaration.status;
  operation.reply = reply_of(declaration);
  operation.etag = declaration.etag;
  operation.problems = declaration.problems;
  const bool in_query = declaration.method == "GET" || declaration.method == "DELETE";
  std::vector<core::ApiField> body;
  for (const Argument& argument : declaration.arguments) {
    if (is_reserved_argument(declaration, argument.name)) continue;
    core::ApiField field = field_of(argument.name, argument.type);
    field.required = !argument.has_default;
    field.nullable = argument.has_default;
    const bool in_path = std::any_of(path.segments().begin(), path.segments().end(), [&argument](const auto& segment) {
      return segment.capture && segment.text == argument.name;
    });
    if (in_path || in_query) {
      field.nullable = false;
      operation.parameters.push_back({field, in_path ? "path" : "query"});
    } else {
      body.push_back(field);
    }
  }
  if (!in_query) operation.body = body;
  const core::JsonObject schemas = core::parse_object(declaration.schemas);
  for (const Column& column : declaration.columns) {
    if (column.name.empty() || (declaration.etag && column.name == "version")) continue;
    core::ApiField field = field_of(column.name, column.type);
    // Of an app's function nothing is known but its types.
    field.nullable =
        !declaration.shipped || std::ranges::find(declaration.nullable, column.name) != declaration.nullable.end();
    if (const core::JsonField* schema = schemas.find(column.name)) field.raw_schema = schema->text;
    operation.reply_fields.push_back(field);
  }
  return operation;
}

}  // namespace

FACTORY_FUNCTION(factory_openapi) {
  (void)fcinfo;
  std::vector<core::Operation> operations;
  std::map<std::string, int> names;
  for (const Declaration* declaration : declarations::all()) {
    if (declaration->method.empty() || !takes_its_path(*declaration)) continue;
    core::Operation operation = operation_of(*declaration);
    if (const int others = names[operation.operation_id]++; others > 0)
      operation.operation_id += "_" + std::to_string(others + 1);
    operations.push_back(std::move(operation));
  }
  core::ApiInfo info;
  info.title = "Digital Platform Factory";
  info.version = FACTORY_VERSION;
  info.description = "Workspaces, people, roles and audit of a multi-tenant platform that lives in PostgreSQL.";
  return pg::text_result(core::build_openapi(info, operations));
}

}  // namespace factory::api
