#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "edge/httplib_shim.hpp"

namespace factory::edge {

/// Two faces of one client connection. The gate sees a non-blocking socket, plain or TLS, with a buffer each way.
/// httplib sees a stream that holds one checked request head and takes the answer; it never touches the socket.
class ConnectionStream final : public httplib::Stream {
 public:
  enum class Io { done, wants_read, wants_write, closed };

  /// Owns the socket. `tls` may be nullptr.
  ConnectionStream(int socket, SSL_CTX* tls);
  ~ConnectionStream() override;
  ConnectionStream(const ConnectionStream&) = delete;
  ConnectionStream& operator=(const ConnectionStream&) = delete;

  /// The TLS handshake, if there is one.
  Io handshake();

  /// Reads what has arrived into input().
  Io fill();

  /// Reads what has arrived and forgets it.
  Io discard();

  /// Sends what has been written; done when nothing is left.
  Io flush();

  /// Tells the client that nothing more will come.
  void finish_sending();

  /// Whether TLS holds bytes that have left the socket already, so that no event will tell of them.
  bool has_unread() const;

  std::string_view input() const { return input_; }
  void consume_input(std::size_t size);

  /// What httplib is to read next.
  void feed(std::string head);

  int client_socket() const { return socket_; }

  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }
  ssize_t read(char* out, std::size_t size) override;
  ssize_t write(const char* bytes, std::size_t size) override;
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  /// No socket: httplib would look at it, and 0.11 refuses those above FD_SETSIZE.
  socket_t socket() const override { return INVALID_SOCKET; }

 private:
  Io receive(std::string_view& bytes);
  Io tls_state(int result) const;

  int socket_;
  std::unique_ptr<SSL, decltype(&SSL_free)> tls_;
  std::string input_;
  std::string output_;
  std::size_t sent_ = 0;
  std::string fed_;
  std::size_t fed_read_ = 0;
};

}  // namespace factory::edge
