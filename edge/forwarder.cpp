#include "edge/forwarder.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "edge/json_text.hpp"
#include "edge/log.hpp"
#include "edge/problem_document.hpp"

namespace factory::edge {
namespace {

constexpr std::string_view destination_header = "x-factory-tenant";

// What frames and routes an answer, and what every answer has, is for the edge to say: the database's is dropped.
constexpr std::array<std::string_view, 11> own_headers{"connection",
                                                       "content-length",
                                                       "date",
                                                       "keep-alive",
                                                       "transfer-encoding",
                                                       "upgrade",
                                                       "trailer",
                                                       "x-request-id",
                                                       destination_header,
                                                       "x-content-type-options",
                                                       "strict-transport-security"};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool same_name(std::string_view name, std::string_view lower_case) {
  return std::equal(name.begin(), name.end(), lower_case.begin(), lower_case.end(),
                    [](char a, char b) { return lower(a) == b; });
}

bool may_be_sent(std::string_view name, std::string_view value) {
  const auto is_name_char = [](char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  return !name.empty() && std::all_of(name.begin(), name.end(), is_name_char) &&
         std::none_of(value.begin(), value.end(), is_control) &&
         std::none_of(own_headers.begin(), own_headers.end(), [&](auto own) { return same_name(name, own); });
}

std::string headers_json(const Exchange& exchange) {
  std::string json;
  json.reserve(512);
  json += '{';
  for (std::size_t index = 0; index < field_count; ++index) {
    const auto field = static_cast<Field>(index);
    const auto* value = is_forwarded(field) ? exchange.head.find(field) : nullptr;
    if (value) append_member(json, field_name(field), *value);
  }
  append_member(json, "x-request-id", exchange.request_id);
  json += '}';
  return json;
}

std::optional<Destination> named_destination(const Answer& answer) {
  if (answer.status != 421) return std::nullopt;
  for (const auto& [name, value] : answer.headers) {
    if (same_name(name, destination_header)) return parse_destination(value);
  }
  return std::nullopt;
}

bool only_reads(Method method) { return method == Method::get || method == Method::head; }

Caller caller_of(const Exchange& exchange) {
  return {exchange.socket, only_reads(exchange.head.method), exchange.slot};
}

Reply problem(const Exchange& exchange, std::string_view code, std::string_view detail = {}) {
  return problem_reply(code, detail, exchange.head.path(), exchange.request_id);
}

Reply method_not_allowed(const Exchange& exchange) {
  Reply reply = problem(exchange, "method_not_allowed");
  reply.headers.emplace_back("Allow", "GET, HEAD");
  return reply;
}

}  // namespace

Forwarder::Forwarder(const Config& config, Database& database, Metrics& metrics)
    : database_(database),
      metrics_(metrics),
      metrics_allow_(config.metrics_allow),
      trusted_proxies_(config.trusted_proxies) {}

Reply Forwarder::answer(const Exchange& exchange) {
  using Page = Reply (Forwarder::*)(const Exchange&);
  static constexpr std::array<std::pair<std::string_view, Page>, 3> own_pages{
      {{"/healthz", &Forwarder::healthz}, {"/readyz", &Forwarder::readyz}, {"/metrics", &Forwarder::metrics_page}}};
  const auto path = exchange.head.path();
  if (path == "*") return {204, {{"Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"}}, {}, {}, {}};
  const auto page = std::find_if(own_pages.begin(), own_pages.end(), [&](auto& own) { return own.first == path; });
  try {
    if (page == own_pages.end()) return forward(exchange);
    if (!only_reads(exchange.head.method)) return method_not_allowed(exchange);
    return (this->*page->second)(exchange);
  } catch (const DatabaseFailure& failure) {
    return failure_reply(exchange, failure);
  }
}

Reply Forwarder::healthz(const Exchange&) {
  return {200, {{"Content-Type", "application/json"}}, R"({"status":"ok"})", {}, {}};
}

Reply Forwarder::readyz(const Exchange& exchange) {
  const Readiness readiness = database_.readiness(caller_of(exchange));
  if (!readiness.ok) return problem(exchange, "safe_mode", readiness.detail);
  Reply reply{200, {{"Content-Type", "application/json"}}, {}, {}, {}};
  reply.body += '{';
  append_member(reply.body, "status", "ok");
  append_member(reply.body, "database", "ok");
  append_member(reply.body, "version", readiness.version);
  append_member(reply.body, "schema_version", readiness.schema_version);
  append_member(reply.body, "edge_version", FACTORY_VERSION);
  append_member(reply.body, "health", readiness.colour);
  append_member(reply.body, "safe_mode", readiness.safe_mode ? "on" : "off");
  reply.body += '}';
  return reply;
}

Reply Forwarder::metrics_page(const Exchange& exchange) {
  // A proxy on this machine makes everybody look local, unless it is a trusted one.
  const bool through_proxy = exchange.head.find(Field::x_forwarded_for) || exchange.head.find(Field::forwarded);
  const bool local = exchange.client.is_loopback() && !(through_proxy && trusted_proxies_.empty());
  if (!local && !any_contains(metrics_allow_, exchange.client)) return problem(exchange, "not_found");
  return {200, {{"Content-Type", "text/plain; version=0.0.4"}}, metrics_.prometheus_text(), {}, {}};
}

Reply Forwarder::forward(const Exchange& exchange) {
  const auto choice = choose_destination(exchange.head);
  if (const auto* error = std::get_if<GateError>(&choice)) return problem(exchange, error->code, error->detail);
  auto destination = std::get<Destination>(choice);
  CallArguments arguments{.tenant = {},
                          .method = std::string(method_name(exchange.head.method)),
                          .target = exchange.head.target,
                          .headers = headers_json(exchange),
                          .body = std::string(exchange.body),
                          .peer = exchange.client.text()};
  Answer answer = ask(exchange, destination, arguments);
  const auto named = named_destination(answer);
  if (named && *named != destination) {
    destination = *named;
    answer = ask(exchange, destination, arguments);
  }

  Reply reply{answer.status, {}, std::move(answer.body), destination.tenant.value_or("global"), {}};
  if (reply.status < 200 || reply.status > 599) {
    LogLine(Level::error, "status_not_valid").add("request_id", exchange.request_id).add("status", reply.status);
    return problem(exchange, "internal");
  }
  for (auto& header : answer.headers) {
    if (may_be_sent(header.first, header.second)) reply.headers.push_back(std::move(header));
  }
  return reply;
}

Answer Forwarder::ask(const Exchange& exchange, const Destination& destination, CallArguments& arguments) {
  arguments.tenant = destination.tenant.value_or("");
  const auto statement = destination.tenant ? Statement::serve : Statement::serve_global;
  return database_.call(statement, arguments, caller_of(exchange));
}

Reply Forwarder::failure_reply(const Exchange& exchange, const DatabaseFailure& failure) {
  using Kind = DatabaseFailure::Kind;
  const std::string& state = failure.sqlstate();
  switch (failure.kind()) {
    case Kind::overloaded:
      return problem(exchange, "overloaded");
    case Kind::unreachable:
      return problem(exchange, "database_unavailable");
    case Kind::lost:
    case Kind::late:
      if (only_reads(exchange.head.method)) {
        return problem(exchange, failure.kind() == Kind::late ? "timeout" : "database_unavailable");
      }
      return problem(exchange, "database_unavailable",
                     "The answer got lost: the change may have been made or not. Send it again with the same "
                     "Idempotency-Key, or look before you repeat it.");
    case Kind::refused:
      break;
  }
  if (state == "57014") return problem(exchange, "timeout");
  if (state == "53300") return problem(exchange, "database_unavailable");
  if (state == "40001" || state == "40P01") return problem(exchange, "serialization");
  LogLine(Level::error, "database_call_failed").add("request_id", exchange.request_id).add("sqlstate", state);
  return problem(exchange, "internal");
}

}  // namespace factory::edge
