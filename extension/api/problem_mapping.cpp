#include "api/problem_mapping.hpp"

#include "api/request_info.hpp"
#include "core/json_document.hpp"
#include "core/json_writer.hpp"
#include "pg/guard.hpp"

namespace factory::api {

using core::Problem;

namespace {

// A member's value as it stood in the document.
std::string as_json(const core::JsonField& field) {
  return field.kind == core::JsonKind::string ? core::json_string(field.text) : field.text;
}

std::optional<Problem> ours(const ErrorData* error) {
  if (error->detail == nullptr || std::strncmp(error->detail, "{\"code\":", 8) != 0) return std::nullopt;
  try {
    const core::JsonObject detail = core::parse_object(error->detail);
    const core::JsonField* code = detail.find("code");
    if (code == nullptr || core::find_problem(code->text) == nullptr) return std::nullopt;
    const core::JsonField* text = detail.find("detail");
    Problem problem(code->text, text == nullptr ? std::string() : text->text);
    for (const core::JsonField& field : detail.fields())
      if (field.name != "code" && field.name != "detail") problem.with(field.name, as_json(field));
    return problem;
  } catch (const Problem&) {
    return std::nullopt;
  }
}

const char* code_of_status(int status) {
  switch (status) {
    case 400:
      return "bad_request";
    case 401:
      return "unauthenticated";
    case 403:
      return "forbidden";
    case 404:
      return "not_found";
    case 409:
      return "conflict";
    case 410:
      return "gone";
    case 412:
      return "precondition_failed";
    case 422:
      return "validation_failed";
    case 423:
      return "tenant_deleted";
    case 429:
      return "rate_limited";
    case 503:
      return "overloaded";
    default:
      return "internal";
  }
}

const char* code_of_sqlstate(std::string_view sqlstate) {
  if (sqlstate == "23505") return "duplicate";
  if (sqlstate == "23503") return "reference_violation";
  if (sqlstate.starts_with("22") || sqlstate.starts_with("23")) return "validation_failed";
  if (sqlstate == "42501") return "forbidden";
  if (sqlstate == "28000") return "unauthenticated";
  if (sqlstate == "25006") return "read_only";
  if (sqlstate == "40001" || sqlstate == "40P01") return "serialization";
  if (sqlstate == "57014") return "timeout";
  if (sqlstate.starts_with("53")) return "overloaded";
  return "internal";
}

void log_internal(const ErrorData* error) {
  const char* id = request_info().request_id.c_str();
  pg::call([error, id] {
    ereport(LOG, (errcode(error->sqlerrcode), errmsg("call %s failed: %s", id, error->message),
                  error->context ? errdetail_log("%s", error->context) : 0));
  });
}

}  // namespace

Problem problem_of(const pg::PostgresError& error, bool shipped) {
  const ErrorData* data = error.data();
  if (std::optional<Problem> problem = ours(data)) return *problem;
  const std::string_view sqlstate = error.sqlstate();
  if (!shipped && sqlstate.starts_with("PT"))
    return Problem(code_of_status(std::atoi(std::string(sqlstate.substr(2)).c_str())), data->message);
  if (!shipped && sqlstate == "P0001") return Problem("bad_request", data->message);
  const std::string code = code_of_sqlstate(sqlstate);
  if (code == "internal") log_internal(data);
  return Problem(code);
}

}  // namespace factory::api
