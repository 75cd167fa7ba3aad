#include "api/http_message.hpp"

#include "core/json_writer.hpp"

namespace factory::api {

HttpAnswer problem_answer(const core::Problem& problem, std::string_view instance, std::string_view request_id) {
  const core::ProblemKind& kind = problem.kind();
  HttpAnswer answer;
  answer.status = kind.status;
  answer.headers.emplace_back("content-type", "application/problem+json");
  if (kind.status == 401) {
    static const std::set<std::string_view> about_the_token = {"invalid_token", "token_expired", "session_ended"};
    answer.headers.emplace_back("www-authenticate",
                                about_the_token.contains(kind.code) ? "Bearer error=\"invalid_token\"" : "Bearer");
  }
  if (kind.status == 503) answer.headers.emplace_back("retry-after", "1");
  core::JsonWriter json(answer.body);
  json.begin_object();
  json.member("type", std::string("/v1/errors#") + kind.code);
  json.member("title", kind.title).member("status", kind.status);
  json.member("detail", problem.detail().empty() ? std::string(kind.title) : problem.detail());
  json.member("instance", instance).member("code", kind.code).member("hint", kind.hint);
  if (!request_id.empty()) json.member("request_id", request_id);
  if (!problem.errors().empty()) {
    json.key("errors").begin_array();
    for (const core::FieldError& error : problem.errors()) {
      json.begin_object();
      json.member("pointer", error.pointer).member("code", error.code).member("detail", error.detail);
      json.end_object();
    }
    json.end_array();
  }
  for (const auto& [name, raw] : problem.members()) {
    json.raw_member(name, raw);
    if (name == "retry_after") answer.headers.emplace_back("retry-after", raw);
  }
  json.end_object();
  return answer;
}

}  // namespace factory::api
