#include "edge/relay_link.hpp"

#include <array>
#include <cstdlib>
#include <string_view>

namespace factory::edge {
namespace {

constexpr const char* report_sql =
    "SELECT factory.outbox_report($1::uuid, $2::uuid, $3::text, nullif($4::integer, 0), nullif($5::text, ''),"
    " nullif($6::integer, 0))";

std::string text(const PGresult* result, int row, int column) {
  return {PQgetvalue(result, row, column), static_cast<std::size_t>(PQgetlength(result, row, column))};
}

std::int64_t number(const PGresult* result, int row, int column) {
  return std::strtoll(PQgetvalue(result, row, column), nullptr, 10);
}

std::string unescaped_bytea(const PGresult* result, int row, int column) {
  std::size_t size = 0;
  const std::unique_ptr<unsigned char, decltype(&PQfreemem)> bytes(
      PQunescapeBytea(reinterpret_cast<const unsigned char*>(PQgetvalue(result, row, column)), &size), PQfreemem);
  return bytes ? std::string(reinterpret_cast<const char*>(bytes.get()), size) : std::string();
}

std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

}  // namespace

RelayLink::RelayLink(const std::string& url, std::string worker)
    : connection_(nullptr, PQfinish), worker_(std::move(worker)) {
  const std::array<const char*, 9> names{"dbname",          "connect_timeout",           "tcp_user_timeout",
                                         "keepalives_idle", "keepalives_interval",       "keepalives_count",
                                         "client_encoding", "fallback_application_name", nullptr};
  const std::array<const char*, 9> values{url.c_str(), "2", "5000", "30", "5", "3", "UTF8", "factory-relay", nullptr};
  connection_.reset(PQconnectdbParams(names.data(), values.data(), 1));
  if (PQstatus(connection_.get()) != CONNECTION_OK) fail(nullptr);
  PQsetNoticeReceiver(
      connection_.get(), [](void*, const PGresult*) {}, nullptr);
  run("LISTEN factory_outbox", {});
}

std::vector<OutboundMessage> RelayLink::claim(std::size_t most, bool mails, int lease_seconds) {
  const ResultPtr result =
      run("SELECT id, lease, kind, attempt, destination, sender, headers, body"
          " FROM factory.outbox_claim($1, $2::text[], $3::integer, $4::integer)",
          {worker_, mails ? "{http,smtp}" : "{http}", std::to_string(most), std::to_string(lease_seconds)});
  std::vector<OutboundMessage> messages;
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    const PGresult* rows = result.get();
    messages.push_back({text(rows, row, 0), text(rows, row, 1), text(rows, row, 2) == "smtp",
                        static_cast<int>(number(rows, row, 3)), text(rows, row, 4), text(rows, row, 5),
                        text(rows, row, 6), unescaped_bytea(rows, row, 7)});
  }
  return messages;
}

// A pipeline with one synchronization point is one transaction and one wait for the disk.
std::size_t RelayLink::report(const std::vector<OutboundResult>& results) {
  PGconn* connection = connection_.get();
  if (!PQenterPipelineMode(connection)) fail(nullptr);
  for (const auto& result : results) {
    const std::string status = std::to_string(result.status), retry_after = std::to_string(result.retry_after);
    const std::array<const char*, 6> values{result.id.c_str(), result.lease.c_str(),  result.outcome,
                                            status.c_str(),    result.detail.c_str(), retry_after.c_str()};
    if (!PQsendQueryParams(connection, report_sql, 6, nullptr, values.data(), nullptr, nullptr, 0)) fail(nullptr);
  }
  if (!PQpipelineSync(connection)) fail(nullptr);
  std::size_t taken = 0;
  std::string failure;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const ResultPtr result(PQgetResult(connection), PQclear);
    if (!result) fail(nullptr);
    if (PQresultStatus(result.get()) == PGRES_TUPLES_OK)
      taken += text(result.get(), 0, 0) == "t";
    else if (failure.empty())
      failure = first_line(PQresultErrorMessage(result.get()));
    const ResultPtr end(PQgetResult(connection), PQclear);
  }
  const ResultPtr sync(PQgetResult(connection), PQclear);
  if (!sync || PQresultStatus(sync.get()) != PGRES_PIPELINE_SYNC || !PQexitPipelineMode(connection)) fail(nullptr);
  if (!failure.empty()) throw Lost(failure);
  return taken;
}

OutboundPolicy RelayLink::policy() {
  const ResultPtr result = run("SELECT network, port FROM factory.outbound_networks()", {});
  std::vector<OutboundPolicy::Opening> openings;
  for (int row = 0; row < PQntuples(result.get()); ++row)
    if (const auto network = Network::parse(text(result.get(), row, 0)))
      openings.push_back({*network, static_cast<int>(number(result.get(), row, 1))});
  return OutboundPolicy(std::move(openings));
}

RelayLink::Backlog RelayLink::backlog() {
  const ResultPtr result = run("SELECT waiting, due, oldest_seconds FROM factory.outbox_backlog()", {});
  return {number(result.get(), 0, 0), number(result.get(), 0, 1), number(result.get(), 0, 2)};
}

void RelayLink::purge() { run("SELECT factory.outbox_purge()", {}); }

bool RelayLink::has_news() {
  if (!PQconsumeInput(connection_.get())) fail(nullptr);
  bool found = false;
  while (PGnotify* notice = PQnotifies(connection_.get())) {
    found = true;
    PQfreemem(notice);
  }
  return found;
}

RelayLink::ResultPtr RelayLink::run(const char* sql, const std::vector<std::string>& values) {
  std::vector<const char*> pointers;
  for (const auto& value : values) pointers.push_back(value.c_str());
  ResultPtr result(PQexecParams(connection_.get(), sql, static_cast<int>(pointers.size()), nullptr, pointers.data(),
                                nullptr, nullptr, 0),
                   PQclear);
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) fail(result.get());
  return result;
}

void RelayLink::fail(const PGresult* result) {
  const std::string_view message = result ? PQresultErrorMessage(result) : PQerrorMessage(connection_.get());
  throw Lost(std::string(first_line(message)));
}

}  // namespace factory::edge
