#pragma once

#include <libpq-fe.h>

#include <atomic>
#include <memory>

namespace factory::edge {

/// Asks the server to end what a connection runs. libpq waits for the server's answer without any limit, so it is
/// asked from a thread of its own, and the caller goes on.
class CancelRequest {
 public:
  /// Nothing has been asked.
  CancelRequest() = default;

  /// Asks. When too many requests have had no answer yet, or no thread can be had, it does not: the statement then
  /// ends when it is done or by its own timeout.
  explicit CancelRequest(PGconn* connection);

  /// Whether the server may still act on it, and end a later statement of the same connection.
  bool is_under_way() const { return answered_ && !answered_->load(); }

 private:
  std::shared_ptr<std::atomic<bool>> answered_;
};

}  // namespace factory::edge
