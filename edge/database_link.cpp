#include "edge/database_link.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <vector>

#include "edge/log.hpp"

namespace factory::edge {
namespace {

using namespace std::chrono_literals;

struct StatementText {
  const char* name;
  const char* sql;
  bool binary;
};

constexpr std::array<StatementText, 4> statements{{
    {"serve",
     "SELECT status, headers, body FROM factory.serve($1::uuid, $2::text, $3::text, $4::jsonb, $5::bytea, $6::inet)",
     true},
    {"serve_global",
     "SELECT status, headers, body FROM factory.serve_global($1::text, $2::text, $3::jsonb, $4::bytea, $5::inet)",
     true},
    {"readiness", "SELECT ok, version, schema_version, detail, colour, safe_mode FROM factory.readiness()", false},
    {"tick", "SELECT factory.tick()", false},
}};

const StatementText& text_of(Statement statement) { return statements[static_cast<std::size_t>(statement)]; }

constexpr auto grace_for_gone_client = 1s;
// What is no long call yet, which keeps its thread's slot: one that reads is busy on a processor, one that writes
// waits for a disk.
constexpr auto short_read = 5ms;
constexpr auto short_write = 1ms;

int milliseconds_until(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

// True when the socket is ready; false at the deadline.
bool wait_for(int socket, short events, Clock::time_point deadline) {
  pollfd entry{socket, events, 0};
  for (;;) {
    const int ready = poll(&entry, 1, milliseconds_until(deadline));
    if (ready > 0) return true;
    if (ready == 0 && Clock::now() >= deadline) return false;
    if (ready < 0 && errno != EINTR) return false;
  }
}

// A server process that goes away says 57P01, 57P02 or 57P03, or nothing at all.
bool is_loss(std::string_view sqlstate) {
  return sqlstate.empty() || sqlstate.starts_with("08") || sqlstate.starts_with("57P");
}

std::string own_options(const std::string& url, int call_timeout) {
  std::string options = "-c statement_timeout=" + std::to_string(call_timeout) + "s";
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> given(PQconninfoParse(url.c_str(), nullptr),
                                                                           PQconninfoFree);
  for (const auto* option = given.get(); option && option->keyword; ++option) {
    if (std::string_view(option->keyword) == "options" && option->val) options.append(" ").append(option->val);
  }
  return options;
}

}  // namespace

DatabaseLink::DatabaseLink(const std::string& url, int call_timeout, Clock::time_point deadline)
    : connection_(nullptr, PQfinish) {
  const std::string options = own_options(url, call_timeout);
  const std::array<const char*, 11> names{"dbname",
                                          "connect_timeout",
                                          "tcp_user_timeout",
                                          "keepalives",
                                          "keepalives_idle",
                                          "keepalives_interval",
                                          "options",
                                          "fallback_application_name",
                                          "client_encoding",
                                          "keepalives_count",
                                          nullptr};
  const std::array<const char*, 11> values{url.c_str(),    "2",    "5000", "1",    "30", "5", options.c_str(),
                                           "factory-edge", "UTF8", "3",    nullptr};
  connection_.reset(PQconnectStartParams(names.data(), values.data(), 1));
  auto state = PGRES_POLLING_WRITING;
  while (connection_ && PQstatus(connection_.get()) != CONNECTION_BAD && state != PGRES_POLLING_OK &&
         state != PGRES_POLLING_FAILED) {
    const short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (!wait_for(PQsocket(connection_.get()), events, deadline)) break;
    state = PQconnectPoll(connection_.get());
  }
  if (state != PGRES_POLLING_OK) {
    LogLine line(Level::error, "database_connect_failed");
    const std::string_view message = connection_ ? PQerrorMessage(connection_.get()) : "out of memory";
    line.add("message", message.empty() ? "no answer in time" : message.substr(0, message.find_last_not_of('\n') + 1));
    throw DatabaseFailure(DatabaseFailure::Kind::unreachable);
  }
  PQsetnonblocking(connection_.get(), 1);
  // A notice may quote data, and standard error is for the log alone.
  PQsetNoticeReceiver(
      connection_.get(), [](void*, const PGresult*) {}, nullptr);
}

bool DatabaseLink::is_clean() const { return !broken_ && PQtransactionStatus(connection_.get()) == PQTRANS_IDLE; }

bool DatabaseLink::is_alive() {
  pollfd entry{PQsocket(connection_.get()), POLLIN, 0};
  // A last message may stand before the end of the stream, so one look is not enough.
  for (int look = 0; look < 4 && poll(&entry, 1, 0) != 0; ++look) {
    if (!PQconsumeInput(connection_.get()) || PQisBusy(connection_.get())) broken_ = true;
    if (broken_) return false;
  }
  return is_clean();
}

ResultPtr DatabaseLink::run(Statement statement, const CallArguments& arguments, const Caller& caller,
                            Clock::time_point deadline) {
  prepare(statement, caller, std::min(deadline, Clock::now() + longest_silence));
  send(statement, arguments);
  return receive(caller, deadline);
}

void DatabaseLink::prepare(Statement statement, const Caller& caller, Clock::time_point deadline) {
  const unsigned bit = 1u << static_cast<unsigned>(statement);
  if (prepared_ & bit) return;
  const auto& text = text_of(statement);
  if (!PQsendPrepare(connection_.get(), text.name, text.sql, 0, nullptr)) fail(DatabaseFailure::Kind::unreachable);
  try {
    receive({.slot = caller.slot}, deadline);
  } catch (const DatabaseFailure& failure) {
    // The call itself has not been sent yet.
    if (failure.kind() == DatabaseFailure::Kind::refused) throw;
    fail(DatabaseFailure::Kind::unreachable);
  }
  prepared_ |= bit;
}

void DatabaseLink::send(Statement statement, const CallArguments& arguments) {
  std::array<const char*, 6> values{arguments.tenant.c_str(),  arguments.method.c_str(), arguments.target.c_str(),
                                    arguments.headers.c_str(), arguments.body.data(),    arguments.peer.c_str()};
  const std::array<int, 6> lengths{0, 0, 0, 0, static_cast<int>(arguments.body.size()), 0};
  const std::array<int, 6> formats{0, 0, 0, 0, 1, 0};
  const int skipped = statement == Statement::serve ? 0 : statement == Statement::serve_global ? 1 : 6;
  const auto& text = text_of(statement);
  if (!PQsendQueryPrepared(connection_.get(), text.name, 6 - skipped, values.data() + skipped, lengths.data() + skipped,
                           formats.data() + skipped, text.binary)) {
    fail(DatabaseFailure::Kind::lost);
  }
}

ResultPtr DatabaseLink::receive(const Caller& caller, Clock::time_point deadline) {
  ResultPtr result = next_result(caller, deadline);
  if (!result) fail(DatabaseFailure::Kind::lost);
  const auto status = PQresultStatus(result.get());
  const bool good = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
  std::string sqlstate;
  if (!good) {
    const char* field = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
    sqlstate = field ? field : "";
    if (is_loss(sqlstate) || PQstatus(connection_.get()) == CONNECTION_BAD) fail(DatabaseFailure::Kind::lost);
  }
  if (next_result(caller, deadline)) fail(DatabaseFailure::Kind::lost);
  if (!good) throw DatabaseFailure(DatabaseFailure::Kind::refused, sqlstate);
  return result;
}

ResultPtr DatabaseLink::next_result(const Caller& caller, Clock::time_point deadline) {
  auto* connection = connection_.get();
  std::array<pollfd, 2> entries{{{PQsocket(connection), POLLIN, 0}, {-1, POLLRDHUP, 0}}};
  auto long_at = Clock::now() + (caller.reads ? short_read : short_write);
  auto cancel_at = Clock::time_point::max();
  for (int unsent = PQflush(connection); unsent != 0 || PQisBusy(connection); unsent = PQflush(connection)) {
    if (unsent < 0) fail(DatabaseFailure::Kind::lost);
    entries[0].events = unsent > 0 ? POLLIN | POLLOUT : POLLIN;
    const auto wake_at = std::min({deadline, cancel_at, long_at});
    const int ready = poll(entries.data(), entries.size(), milliseconds_until(wake_at));
    if (ready < 0 && errno != EINTR) fail(DatabaseFailure::Kind::lost);
    if (ready == 0 && Clock::now() >= long_at) {
      if (caller.slot) caller.slot->give_up();
      if (caller.reads) entries[1].fd = caller.socket;
      long_at = Clock::time_point::max();
    }
    if (Clock::now() >= deadline) fail(DatabaseFailure::Kind::late);
    if (Clock::now() >= cancel_at) {
      cancel_ = CancelRequest(connection);
      cancel_at = Clock::time_point::max();
    }
    if (entries[1].revents != 0) {
      entries[1] = {-1, 0, 0};
      cancel_at = Clock::now() + grace_for_gone_client;
    }
    if (entries[0].revents != 0 && !PQconsumeInput(connection)) fail(DatabaseFailure::Kind::lost);
  }
  return {PQgetResult(connection), PQclear};
}

void DatabaseLink::fail(DatabaseFailure::Kind kind) {
  broken_ = true;
  throw DatabaseFailure(kind);
}

}  // namespace factory::edge
