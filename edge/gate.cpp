#include "edge/gate.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "edge/log.hpp"
#include "edge/problem_document.hpp"
#include "edge/request_id.hpp"

namespace factory::edge {
namespace {

using namespace std::chrono_literals;

constexpr auto head_time = 5s;
constexpr auto body_time = 30s;
constexpr auto send_time = 30s;
constexpr auto idle_time = 30s;
constexpr auto drain_time = 2s;
constexpr auto stop_time = 10s;
// A client may have sent its next request just before it could know that the server stops.
constexpr auto idle_time_when_stopping = 500ms;
constexpr auto watch_interval = 100ms;
constexpr int backlog = 1024;
constexpr unsigned most_requests_per_connection = 10'000;

std::size_t most_busy_threads() { return std::max(4u, 3 * std::thread::hardware_concurrency()); }

// IMF-fixdate of RFC 9110 section 5.6.7, made once a second.
const std::string& http_date() {
  thread_local std::time_t made_at = 0;
  thread_local std::string text;
  const std::time_t now = std::time(nullptr);
  if (now != made_at) {
    std::tm utc{};
    gmtime_r(&now, &utc);
    char buffer[64];
    const auto size = std::strftime(buffer, sizeof buffer, "%a, %d %b %Y %H:%M:%S GMT", &utc);
    text.assign(buffer, size);
    made_at = now;
  }
  return text;
}

std::string request_id_of(const RequestHead& head) {
  const auto* given = head.find(Field::x_request_id);
  return given && is_valid_request_id(*given) ? *given : new_request_id();
}

std::string message_of(std::exception_ptr error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& exception) {
    return exception.what();
  } catch (...) {
    return "unknown";
  }
}

}  // namespace

/// One answer in the making, from the gate to the handlers that httplib calls, and back.
struct Gate::Pending {
  /// Null when the gate refuses, and `reply` is there from the start.
  const Exchange* exchange;
  std::string_view method;
  std::string_view path;
  std::string_view request_id;
  Address client;
  /// Whether the connection ends with it.
  bool closes;
  Reply reply;
};

thread_local Gate::Pending* Gate::pending_ = nullptr;

Gate::Gate(const Config& config, Forwarder& forwarder, Metrics& metrics, TlsContext tls)
    : config_(config),
      forwarder_(forwarder),
      metrics_(metrics),
      tls_(std::move(tls)),
      table_(config),
      body_budget_(config, metrics),
      slots_(most_busy_threads()),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      bell_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  if (epoll_ < 0 || bell_ < 0 || epoll_ctl(epoll_, EPOLL_CTL_ADD, bell_, &event) != 0) {
    throw std::system_error(errno, std::generic_category(), "epoll");
  }
  new_task_queue = [] { return new InlineQueue; };
  set_tcp_nodelay(true);
  // httplib would set SO_REUSEPORT, with which a second server quietly takes half of the clients.
  set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  set_pre_routing_handler([this](const httplib::Request&, httplib::Response& response) {
    if (pending_->exchange) pending_->reply = forwarder_.answer(*pending_->exchange);
    put_reply(response);
    return httplib::Server::HandlerResponse::Handled;
  });
  set_exception_handler([this](const httplib::Request&, httplib::Response& response, std::exception_ptr error) {
    LogLine(Level::error, "request_failed").add("request_id", pending_->request_id).add("message", message_of(error));
    pending_->reply = problem_reply("internal", {}, pending_->path, pending_->request_id);
    put_reply(response);
  });
  set_post_routing_handler([](const httplib::Request&, httplib::Response& response) {
    // httplib adds these: two that are not true here, one that RFC 9110 section 8.6 forbids.
    if (!pending_->closes) response.headers.erase("Connection");
    response.headers.erase("Accept-Ranges");
    if (response.status == 204 || response.status == 304) response.headers.erase("Content-Length");
  });
}

Gate::~Gate() {
  ::close(bell_);
  ::close(epoll_);
}

int Gate::bind() {
  const bool any = config_.listen_port == 0;
  const int port = any                                                      ? bind_to_any_port(config_.listen_host)
                   : bind_to_port(config_.listen_host, config_.listen_port) ? config_.listen_port
                                                                            : -1;
  // httplib's own backlog of five loses connections when many come at once.
  if (port <= 0 || ::listen(svr_sock_, backlog) != 0) {
    throw std::runtime_error("cannot listen on " + config_.listen_host + ":" + std::to_string(config_.listen_port) +
                             ": the port is taken or the address is not this machine's");
  }
  return port;
}

bool Gate::serve() {
  for (int count = 0; count < config_.threads; ++count) workers_.emplace_back([this] { work(); });
  watcher_ = std::thread([this] { watch_deadlines(); });
  return listen_after_bind() || stopping_;
}

void Gate::stop_accepting() {
  stopping_ = true;
  // stop() does nothing before the accepting loop has begun.
  while (!is_running() && !ended_) std::this_thread::sleep_for(10ms);
  stop();
}

std::size_t Gate::finish() {
  stopping_ = true;
  const auto deadline = Clock::now() + stop_time;
  while (table_.size() > 0 && Clock::now() < deadline) {
    table_.hurry_idle(Clock::now() + idle_time_when_stopping);
    std::this_thread::sleep_for(20ms);
  }
  const std::size_t left = table_.size();
  if (left > 0) return left;
  ended_ = true;
  eventfd_write(bell_, 1);
  for (auto& worker : workers_) worker.join();
  watcher_.join();
  return 0;
}

// Called by httplib in its accepting thread, which must outlive every failure.
bool Gate::process_and_close_socket(socket_t socket) {
  try {
    admit(socket);
    return true;
  } catch (const std::exception& error) {
    LogLine(Level::error, "connection_failed").add("message", error.what());
    return false;
  }
}

// Nothing here waits for the client.
void Gate::admit(socket_t socket) {
  const auto peer = Address::of_peer(socket);
  if (!peer || fcntl(socket, F_SETFL, O_NONBLOCK) != 0) {
    ::close(socket);
    return;
  }
  auto owned = std::make_unique<Connection>(socket, tls_.get(), *peer);
  owned->deadline = Clock::now() + head_time;
  const auto admission = table_.enter(*owned);
  if (admission != ConnectionTable::Admission::admitted) ++metrics_.connections_refused;
  if (admission == ConnectionTable::Admission::flooded) return;
  Connection& connection = *owned.release();
  ++metrics_.connections_accepted;
  ++metrics_.connections;
  Io wanted = Io::wants_read;
  if (admission == ConnectionTable::Admission::refused) {
    refuse(connection, {"overloaded", "There are too many connections."});
    // Over TLS nothing can be said before a handshake, which would be the very work that the cap saves.
    wanted = tls_ ? Io::closed : advance(connection);
  }
  settle(connection, wanted, EPOLL_CTL_ADD);
}

void Gate::work() {
  WorkSlot slot(slots_);
  for (;;) {
    slot.hold();
    epoll_event event{};
    const int ready = epoll_wait(epoll_, &event, 1, -1);
    if (ready <= 0) continue;
    if (!event.data.ptr) return;
    handle(*static_cast<Connection*>(event.data.ptr), slot);
  }
}

void Gate::watch_deadlines() {
  while (!ended_) {
    std::this_thread::sleep_for(watch_interval);
    table_.wake_expired(Clock::now());
  }
}

void Gate::handle(Connection& connection, WorkSlot& slot) {
  Io wanted = Io::closed;
  connection.handed_over.load(std::memory_order_acquire);
  connection.slot = &slot;
  try {
    wanted = advance(connection);
  } catch (const std::exception& error) {
    LogLine(Level::error, "connection_failed").add("message", error.what());
  }
  settle(connection, wanted, EPOLL_CTL_MOD);
}

// Goes as far as it can without waiting; says what to wait for.
Gate::Io Gate::advance(Connection& connection) {
  for (;;) {
    if (connection.is_expired(Clock::now()) && !expire(connection)) return Io::closed;
    Io state = Io::done;
    switch (connection.phase.load()) {
      case Phase::handshake:
        state = connection.stream.handshake();
        if (state == Io::done) connection.phase = Phase::receiving;
        break;
      case Phase::idle:
      case Phase::receiving:
      case Phase::answering:
        if (!take_request(connection)) state = connection.stream.fill();
        break;
      case Phase::sending:
        state = connection.stream.flush();
        if (state == Io::done) state = after_answer(connection);
        break;
      case Phase::draining:
        state = connection.stream.discard();
        break;
    }
    if (state != Io::done) return state;
  }
}

// Turns what has arrived into an answer; false when the request is not complete yet.
bool Gate::take_request(Connection& connection) {
  const auto input = connection.stream.input();
  if (input.empty()) return false;
  if (connection.phase == Phase::idle) {
    connection.phase = Phase::receiving;
    connection.deadline = Clock::now() + head_time;
  }
  if (!connection.head) {
    if (const auto error = connection.scanner.scan(input)) {
      refuse(connection, *error);
      return true;
    }
    const auto size = connection.scanner.head_size();
    if (size == 0) return false;
    auto parsed = parse_request_head(input.substr(0, size));
    if (const auto* error = std::get_if<GateError>(&parsed)) {
      refuse(connection, *error);
      return true;
    }
    connection.head = std::move(std::get<RequestHead>(parsed));
    connection.deadline = Clock::now() + body_time;
    auto share = body_budget_.take(client_of(connection, *connection.head), connection.head->content_length);
    if (!share) {
      refuse(connection, {"overloaded", "Too many large bodies are on their way; nothing was done."});
      return true;
    }
    connection.body_share = std::move(*share);
  }
  if (input.size() - connection.scanner.head_size() < connection.head->content_length) return false;
  connection.phase = Phase::answering;
  connection.deadline = Clock::time_point::max();
  answer(connection);
  return true;
}

void Gate::answer(Connection& connection) {
  const RequestHead head = std::move(*connection.head);
  const auto head_size = connection.scanner.head_size();
  const Exchange exchange{.head = head,
                          .body = connection.stream.input().substr(head_size, head.content_length),
                          .client = client_of(connection, head),
                          .request_id = request_id_of(head),
                          .socket = connection.stream.client_socket(),
                          .slot = connection.slot};
  connection.close_after_answer = !head.keep_alive || stopping_ || ++connection.served >= most_requests_per_connection;
  Pending pending{&exchange,       method_name(head.method),      head.path(), exchange.request_id,
                  exchange.client, connection.close_after_answer, {}};
  write_answer(connection, pending);
  forget_request(connection, head_size + head.content_length);
}

Address Gate::client_of(const Connection& connection, const RequestHead& head) const {
  const auto* forwarded_for = head.find(Field::x_forwarded_for);
  return client_address(connection.peer, forwarded_for ? *forwarded_for : "", config_.trusted_proxies);
}

// From here on the client can only be slow in reading its answer, and that costs no memory for its body.
void Gate::forget_request(Connection& connection, std::size_t size) {
  connection.stream.consume_input(size);
  connection.head.reset();
  connection.scanner = {};
  connection.body_share = {};
}

// Where bytes cannot be trusted, or are too many, nothing after them is read: the connection ends with this answer.
void Gate::refuse(Connection& connection, const GateError& error) {
  connection.close_after_answer = true;
  RequestHead unknown;
  if (connection.stream.input().starts_with("HEAD ")) unknown.method = Method::head;
  const RequestHead head = connection.head ? std::move(*connection.head) : std::move(unknown);
  const std::string request_id = request_id_of(head);
  Pending pending{nullptr,
                  method_name(head.method),
                  head.path(),
                  request_id,
                  client_of(connection, head),
                  true,
                  problem_reply(error.code, error.detail, head.path(), request_id)};
  write_answer(connection, pending);
  forget_request(connection, connection.stream.input().size());
}

void Gate::write_answer(Connection& connection, Pending& pending) {
  const auto start = Clock::now();
  pending_ = &pending;
  std::string head(pending.method);
  head.append(" ").append(pending.path.empty() ? "/" : pending.path).append(" HTTP/1.1\r\n\r\n");
  connection.stream.feed(std::move(head));
  // httplib always hears that this is the last answer: else it would promise limits of its own in a Keep-Alive field.
  process(connection.stream, {}, true);
  pending_ = nullptr;
  connection.phase = Phase::sending;
  connection.deadline = Clock::now() + send_time;
  record(pending, std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count());
}

// Called by httplib's handlers: the answer, and the fields that every answer has.
void Gate::put_reply(httplib::Response& response) const {
  const Reply& reply = pending_->reply;
  response.status = reply.status;
  response.headers = {reply.headers.begin(), reply.headers.end()};
  response.headers.emplace("X-Request-Id", pending_->request_id);
  response.headers.emplace("X-Content-Type-Options", "nosniff");
  response.headers.emplace("Date", http_date());
  if (!response.has_header("Cache-Control")) response.headers.emplace("Cache-Control", "no-store");
  if (tls_) response.headers.emplace("Strict-Transport-Security", "max-age=31536000");
  if (reply.status != 204 && reply.status != 304) response.body = reply.body;
}

void Gate::record(const Pending& pending, std::int64_t microseconds) {
  const Reply& reply = pending.reply;
  const bool reads = pending.method == "GET" || pending.method == "HEAD" || pending.method == "OPTIONS";
  metrics_.count_request(reads, reply.status, microseconds);
  if (!reply.problem.empty()) metrics_.count_refusal(reply.problem);
  LogLine line(reply.status >= 500 ? Level::error : Level::info, "request");
  line.add("request_id", pending.request_id);
  if (!pending.path.empty()) line.add("method", pending.method).add("path", pending.path);
  line.add("status", reply.status).add_milliseconds("duration_ms", microseconds).add("peer", pending.client.text());
  if (!reply.tenant.empty()) line.add("tenant", reply.tenant);
  if (!reply.problem.empty()) line.add("code", reply.problem);
}

// After each answer it is another connection's turn, whatever this one has sent already: waiting until it can be
// written to, which is at once, puts it behind the others.
Gate::Io Gate::after_answer(Connection& connection) {
  const auto now = Clock::now();
  if (connection.close_after_answer) {
    connection.stream.finish_sending();
    connection.phase = Phase::draining;
    connection.deadline = now + drain_time;
    return Io::done;
  }
  const bool begun = !connection.stream.input().empty();
  connection.phase = begun ? Phase::receiving : Phase::idle;
  connection.deadline = now + (begun ? head_time : idle_time);
  return begun || connection.stream.has_unread() ? Io::wants_write : Io::wants_read;
}

// The deadline has passed. A client that has begun a request is told so; false when there is nobody to tell.
bool Gate::expire(Connection& connection) {
  if (connection.phase != Phase::receiving || connection.stream.input().empty()) return false;
  refuse(connection, {"request_timeout", {}});
  return true;
}

// Waits for what the connection wants next, or ends it.
void Gate::settle(Connection& connection, Io wanted, int operation) {
  if (wanted != Io::closed) {
    const int socket = connection.stream.client_socket();
    epoll_event event{};
    event.events = (wanted == Io::wants_write ? EPOLLOUT : EPOLLIN) | EPOLLONESHOT;
    event.data.ptr = &connection;
    // Once the wait is set up, the connection may be in the hands of another thread already.
    connection.handed_over.store(true, std::memory_order_release);
    if (epoll_ctl(epoll_, operation, socket, &event) == 0) return;
  }
  table_.leave(connection);
  --metrics_.connections;
  delete &connection;
}

}  // namespace factory::edge
