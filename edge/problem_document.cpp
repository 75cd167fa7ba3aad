#include "edge/problem_document.hpp"

#include <algorithm>
#include <stdexcept>

#include "edge/json_text.hpp"

namespace factory::edge {
namespace {

constexpr ProblemRow catalogue[] = {
#define PROBLEM(code, status, sqlstate, title, hint) {code, status, sqlstate, title, hint},
#include "problems.inc"
#undef PROBLEM
};

}  // namespace

std::span<const ProblemRow> problem_rows() { return catalogue; }

std::size_t problem_index(std::string_view code) {
  const auto row = std::find_if(std::begin(catalogue), std::end(catalogue),
                                [&](const ProblemRow& candidate) { return candidate.code == code; });
  if (row == std::end(catalogue)) throw std::logic_error("no such problem code");
  return static_cast<std::size_t>(row - std::begin(catalogue));
}

Reply problem_reply(std::string_view code, std::string_view detail, std::string_view instance,
                    std::string_view request_id) {
  const ProblemRow& row = catalogue[problem_index(code)];
  Reply reply;
  reply.status = row.status;
  reply.problem = row.code;
  reply.headers.emplace_back("Content-Type", "application/problem+json");
  if (row.status == 503) reply.headers.emplace_back("Retry-After", "1");
  std::string& body = reply.body;
  body += '{';
  append_member(body, "type", std::string("/v1/errors#").append(row.code));
  append_member(body, "title", row.title);
  append_raw_member(body, "status", std::to_string(row.status));
  if (!detail.empty()) append_member(body, "detail", detail);
  if (!instance.empty()) append_member(body, "instance", instance);
  append_member(body, "code", row.code);
  append_member(body, "hint", row.hint);
  append_member(body, "request_id", request_id);
  body += '}';
  return reply;
}

}  // namespace factory::edge
