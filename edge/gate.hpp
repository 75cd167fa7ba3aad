#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "edge/body_budget.hpp"
#include "edge/config.hpp"
#include "edge/connection.hpp"
#include "edge/connection_table.hpp"
#include "edge/forwarder.hpp"
#include "edge/httplib_shim.hpp"
#include "edge/metrics.hpp"
#include "edge/tls_context.hpp"
#include "edge/work_slot.hpp"

namespace factory::edge {

/// The HTTP server. httplib listens, accepts and writes answers; what clients send is read here, byte by checked byte,
/// and a thread is spent on a connection only while it has something to do, so slow clients cost no thread.
class Gate final : public HttplibServer {
 public:
  Gate(const Config& config, Forwarder& forwarder, Metrics& metrics, TlsContext tls);
  ~Gate() override;

  /// Binds the configured address and gives the port. Throws std::runtime_error when it cannot.
  int bind();

  /// Serves until stop_accepting() is called from another thread; false when listening failed.
  bool serve();

  /// Ends serve(): no new connections, no request after the next one on an open connection.
  void stop_accepting();

  /// Waits for the requests in flight and closes everything; the number of connections left when time ran out.
  std::size_t finish();

 private:
  using Io = ConnectionStream::Io;
  using Phase = Connection::Phase;

  bool process_and_close_socket(socket_t socket) override;

  struct Pending;

  void admit(socket_t socket);
  void work();
  void watch_deadlines();
  void handle(Connection& connection, WorkSlot& slot);
  Io advance(Connection& connection);
  bool take_request(Connection& connection);
  void answer(Connection& connection);
  Address client_of(const Connection& connection, const RequestHead& head) const;
  void forget_request(Connection& connection, std::size_t size);
  void refuse(Connection& connection, const GateError& error);
  void write_answer(Connection& connection, Pending& pending);
  void put_reply(httplib::Response& response) const;
  void record(const Pending& pending, std::int64_t microseconds);
  Io after_answer(Connection& connection);
  bool expire(Connection& connection);
  void settle(Connection& connection, Io wanted, int operation);

  static thread_local Pending* pending_;

  const Config config_;
  Forwarder& forwarder_;
  Metrics& metrics_;
  TlsContext tls_;
  ConnectionTable table_;
  BodyBudget body_budget_;
  WorkSlots slots_;
  int epoll_;
  int bell_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> ended_{false};
  std::vector<std::thread> workers_;
  std::thread watcher_;
};

}  // namespace factory::edge
