#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "edge/outbound_call.hpp"

namespace factory::edge {

/// The relay's own connection to the database: it listens, claims and reports. Every failure is a RelayLink::Lost.
class RelayLink {
 public:
  struct Lost : std::exception {
    explicit Lost(std::string text) : text_(std::move(text)) {}
    const char* what() const noexcept override { return text_.c_str(); }

   private:
    std::string text_;
  };

  struct Backlog {
    std::int64_t waiting = 0;
    std::int64_t due = 0;
    std::int64_t oldest_seconds = 0;
  };

  /// Connects and listens. `worker` is what the queue shows as the holder of a lease.
  RelayLink(const std::string& url, std::string worker);

  /// False once the connection has broken; a statement that failed does not break it.
  bool is_connected() const { return PQstatus(connection_.get()) == CONNECTION_OK; }

  /// Takes up to `most` messages.
  std::vector<OutboundMessage> claim(std::size_t most, bool mails, int lease_seconds);

  /// Reports all results in one transaction; returns how many of them had a lease that still stood.
  std::size_t report(const std::vector<OutboundResult>& results);

  OutboundPolicy policy();
  Backlog backlog();
  void purge();

  /// The socket that becomes readable when there is news, and whether somebody has queued a message since.
  int socket() const { return PQsocket(connection_.get()); }
  bool has_news();

 private:
  using ResultPtr = std::unique_ptr<PGresult, decltype(&PQclear)>;

  ResultPtr run(const char* sql, const std::vector<std::string>& values);
  [[noreturn]] void fail(const PGresult* result);

  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
  const std::string worker_;
};

}  // namespace factory::edge
