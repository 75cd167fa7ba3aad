#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace factory::edge {

inline constexpr std::size_t max_head_bytes = 32 * 1024;
inline constexpr std::size_t max_request_line_bytes = 8 * 1024;
inline constexpr std::size_t max_field_lines = 100;
inline constexpr std::uint64_t max_body_bytes = 1024 * 1024;

/// Why a request is refused before anybody but the gate has seen it: a code of control/problems.tsv and one sentence.
struct GateError {
  std::string_view code;
  std::string_view detail;

  bool operator==(const GateError&) const = default;
};

enum class Method : std::uint8_t { get, head, post, put, patch, remove, options };

/// The name of a method as it stands in a request line.
std::string_view method_name(Method method);

/// The header fields that the edge knows; every other field is checked and dropped.
enum class Field : std::uint8_t {
  accept,
  accept_language,
  authorization,
  connection,
  content_encoding,
  content_length,
  content_type,
  cookie,
  expect,
  forwarded,
  host,
  idempotency_key,
  if_match,
  if_none_match,
  origin,
  prefer,
  range,
  transfer_encoding,
  user_agent,
  x_api_key,
  x_forwarded_for,
  x_request_id,
  x_tenant_id,
};
inline constexpr std::size_t field_count = static_cast<std::size_t>(Field::x_tenant_id) + 1;

/// The lower-case name of a known field.
std::string_view field_name(Field field);

/// Whether the database is told this field.
bool is_forwarded(Field field);

/// One request head that has passed every check.
class RequestHead {
 public:
  Method method = Method::get;
  /// Path and query as the client sent them, beginning with '/'; or "*", which only OPTIONS may ask for.
  std::string target;
  int minor_version = 1;
  std::uint64_t content_length = 0;
  /// Whether another request may follow on the connection.
  bool keep_alive = true;

  /// The value of a field, nullptr when it was not sent.
  const std::string* find(Field field) const;

  /// Stores a value; a second one of the same list-valued field is joined with a comma.
  void add(Field field, std::string_view value);

  /// The target without its query.
  std::string_view path() const;

 private:
  std::array<std::string, field_count> values_;
  std::bitset<field_count> present_;
};

/// Finds the end of a request head while its bytes arrive, and refuses bytes and sizes that no head may have.
/// Looks at every byte once, however the head is split.
class HeadScanner {
 public:
  /// `bytes` is all that has arrived since the head began and only grows from call to call.
  std::optional<GateError> scan(std::string_view bytes);

  /// Bytes up to and including the empty line; 0 until that has arrived.
  std::size_t head_size() const { return head_size_; }

 private:
  std::optional<GateError> end_line();

  std::size_t position_ = 0;
  std::size_t line_start_ = 0;
  std::size_t lines_ = 0;
  std::size_t head_size_ = 0;
};

/// Parses one whole head (RFC 9112 and RFC 9110, strictly), from its first byte to its empty line.
/// Whatever could be understood in two ways is refused: better no answer than two.
std::variant<RequestHead, GateError> parse_request_head(std::string_view head);

}  // namespace factory::edge
