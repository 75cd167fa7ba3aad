#include "edge/connection_stream.hpp"

#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>

namespace factory::edge {
namespace {

// A buffer that had to grow beyond this is given back: a thousand idle connections shall cost nothing.
constexpr std::size_t kept_capacity = 16 * 1024;

// A client that goes on sending shall not keep a thread for itself.
constexpr int most_discards = 64;

void empty(std::string& buffer) {
  buffer.clear();
  if (buffer.capacity() > kept_capacity) std::string().swap(buffer);
}

}  // namespace

ConnectionStream::ConnectionStream(int socket, SSL_CTX* tls) : socket_(socket), tls_(nullptr, SSL_free) {
  if (!tls) return;
  tls_.reset(SSL_new(tls));
  if (!tls_ || SSL_set_fd(tls_.get(), socket) != 1) {
    ::close(socket);
    throw std::bad_alloc();
  }
  SSL_set_accept_state(tls_.get());
}

ConnectionStream::~ConnectionStream() { ::close(socket_); }

ConnectionStream::Io ConnectionStream::tls_state(int result) const {
  switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_NONE:
      return Io::done;
    case SSL_ERROR_WANT_READ:
      return Io::wants_read;
    case SSL_ERROR_WANT_WRITE:
      return Io::wants_write;
    default:
      return Io::closed;
  }
}

ConnectionStream::Io ConnectionStream::handshake() {
  if (!tls_) return Io::done;
  ERR_clear_error();
  return tls_state(SSL_do_handshake(tls_.get()));
}

ConnectionStream::Io ConnectionStream::receive(std::string_view& bytes) {
  thread_local std::array<char, 16 * 1024> buffer;
  if (tls_) {
    ERR_clear_error();
    const int size = SSL_read(tls_.get(), buffer.data(), static_cast<int>(buffer.size()));
    if (size <= 0) return tls_state(size);
    bytes = {buffer.data(), static_cast<std::size_t>(size)};
    return Io::done;
  }
  const ssize_t size = ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (size < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? Io::wants_read : Io::closed;
  if (size == 0) return Io::closed;
  bytes = {buffer.data(), static_cast<std::size_t>(size)};
  return Io::done;
}

ConnectionStream::Io ConnectionStream::fill() {
  std::string_view bytes;
  const Io state = receive(bytes);
  input_ += bytes;
  return state;
}

ConnectionStream::Io ConnectionStream::discard() {
  std::string_view bytes;
  for (int count = 0; count < most_discards; ++count) {
    if (const Io state = receive(bytes); state != Io::done) return state;
  }
  return Io::wants_read;
}

ConnectionStream::Io ConnectionStream::flush() {
  while (sent_ < output_.size()) {
    const char* bytes = output_.data() + sent_;
    const std::size_t size = std::min<std::size_t>(output_.size() - sent_, 1 << 20);
    ssize_t written;
    if (tls_) {
      ERR_clear_error();
      written = SSL_write(tls_.get(), bytes, static_cast<int>(size));
      if (written <= 0) return tls_state(static_cast<int>(written));
    } else {
      written = ::send(socket_, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (written < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? Io::wants_write : Io::closed;
    }
    sent_ += static_cast<std::size_t>(written);
  }
  empty(output_);
  sent_ = 0;
  return Io::done;
}

void ConnectionStream::finish_sending() {
  if (tls_) {
    ERR_clear_error();
    SSL_shutdown(tls_.get());
  }
  ::shutdown(socket_, SHUT_WR);
}

bool ConnectionStream::has_unread() const { return tls_ && SSL_has_pending(tls_.get()); }

void ConnectionStream::consume_input(std::size_t size) {
  if (size >= input_.size()) {
    empty(input_);
  } else {
    input_.erase(0, size);
  }
}

void ConnectionStream::feed(std::string head) {
  fed_ = std::move(head);
  fed_read_ = 0;
}

ssize_t ConnectionStream::read(char* out, std::size_t size) {
  const auto copied = fed_.copy(out, size, fed_read_);
  fed_read_ += copied;
  return static_cast<ssize_t>(copied);
}

ssize_t ConnectionStream::write(const char* bytes, std::size_t size) {
  output_.append(bytes, size);
  return static_cast<ssize_t>(size);
}

}  // namespace factory::edge
