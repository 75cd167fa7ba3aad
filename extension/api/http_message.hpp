// One HTTP call and its answer, as the edge hands them over.
#pragma once

#include "core/problem.hpp"
#include "core/request_target.hpp"
#include "core/uuid.hpp"
#include "pg/postgres.hpp"

namespace factory::api {

struct HttpRequest {
  std::string method;
  std::string target_text;
  core::RequestTarget target;
  std::map<std::string, std::string, std::less<>> headers;  // lower-case names
  std::string body;
  std::optional<std::string> peer;

  const std::string* header(std::string_view name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? nullptr : &found->second;
  }
  bool reads() const { return method == "GET" || method == "HEAD"; }
};

struct HttpAnswer {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

// The RFC 9457 document of a problem.
HttpAnswer problem_answer(const core::Problem& problem, std::string_view instance, std::string_view request_id);

}  // namespace factory::api
