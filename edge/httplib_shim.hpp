#pragma once

// The one place that knows in what the releases of cpp-httplib differ (0.11 of Debian 12, 0.18 of Debian 13).

#include <httplib.h>

#include <functional>
#include <string>
#include <utility>

namespace factory::edge {

/// Runs each accepted socket at once in the accepting thread: the gate only registers it there.
class InlineQueue final : public httplib::TaskQueue {
 public:
  // void up to 0.14, bool since
  using Enqueued = decltype(std::declval<httplib::TaskQueue&>().enqueue(std::declval<std::function<void()>>()));

  Enqueued enqueue(std::function<void()> task) override {
    task();
    return static_cast<Enqueued>(true);
  }
  void shutdown() override {}
};

/// A server whose process_request takes the same arguments in every release.
class HttplibServer : public httplib::Server {
 protected:
  template <class Stream>
  bool process(Stream& stream, const std::string& peer, bool close_connection) {
    bool closed = false;
    if constexpr (requires { process_request(stream, peer, 0, peer, 0, close_connection, closed, nullptr); }) {
      return process_request(stream, peer, 0, peer, 0, close_connection, closed, nullptr);
    } else {
      return process_request(stream, close_connection, closed, nullptr);
    }
  }
};

}  // namespace factory::edge
