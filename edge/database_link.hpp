#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>

#include "edge/cancel_request.hpp"
#include "edge/work_slot.hpp"

namespace factory::edge {

using Clock = std::chrono::steady_clock;

/// How long a server may say nothing while no call has been sent to it yet: the wait for a connection, and whatever a
/// connection needs before its first call. With it the answer is there within two seconds.
inline constexpr auto longest_silence = std::chrono::milliseconds(1800);

/// The statements of the edge. They are prepared on a connection when it first needs them.
enum class Statement : std::uint8_t { serve, serve_global, readiness, tick };

/// The arguments of serve and serve_global.
struct CallArguments {
  /// A UUID; only serve has it.
  std::string tenant;
  std::string method;
  std::string target;
  /// A JSON object of lower-case names and values.
  std::string headers;
  std::string body;
  std::string peer;
};

/// For whom a call is made.
struct Caller {
  /// The client's socket: a call that only reads is cancelled when its client has gone.
  int socket = -1;
  bool reads = false;
  /// Given up when the call takes long; may be null.
  WorkSlot* slot = nullptr;
};

/// Why a call has no result.
class DatabaseFailure : public std::exception {
 public:
  enum class Kind {
    overloaded,   ///< no connection was free in time; nothing was sent
    unreachable,  ///< no connection could be made; nothing was sent
    lost,         ///< the connection broke after the call was sent: nobody knows whether it had an effect
    late,         ///< no answer within the deadline: the same
    refused,      ///< the server answered with an error, and nothing was changed
  };

  explicit DatabaseFailure(Kind kind, std::string sqlstate = {}) : kind_(kind), sqlstate_(std::move(sqlstate)) {}

  Kind kind() const { return kind_; }
  const std::string& sqlstate() const { return sqlstate_; }
  const char* what() const noexcept override { return "database call failed"; }

 private:
  Kind kind_;
  std::string sqlstate_;
};

using ResultPtr = std::unique_ptr<PGresult, decltype(&PQclear)>;

/// One connection to the database; every wait on it has a deadline.
class DatabaseLink {
 public:
  /// Connects, or throws DatabaseFailure (unreachable). `url` is a libpq connection string; the server itself ends
  /// a statement after `call_timeout` seconds.
  DatabaseLink(const std::string& url, int call_timeout, Clock::time_point deadline);

  /// Runs a statement and gives its one result: rows in binary form, for readiness and tick in text form.
  ResultPtr run(Statement statement, const CallArguments& arguments, const Caller& caller, Clock::time_point deadline);

  /// Whether the last call left it as it was: no failure, no open transaction.
  bool is_clean() const;

  /// Whether the next statement cannot be hit by what was meant for an earlier one.
  bool is_settled() const { return !cancel_.is_under_way(); }

  /// Whether the server has not closed it meanwhile. Reads what the server may have said unasked.
  bool is_alive();

 private:
  void prepare(Statement statement, const Caller& caller, Clock::time_point deadline);
  void send(Statement statement, const CallArguments& arguments);
  ResultPtr receive(const Caller& caller, Clock::time_point deadline);
  ResultPtr next_result(const Caller& caller, Clock::time_point deadline);
  [[noreturn]] void fail(DatabaseFailure::Kind kind);

  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
  CancelRequest cancel_;
  unsigned prepared_ = 0;
  bool broken_ = false;
};

}  // namespace factory::edge
