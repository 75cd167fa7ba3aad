#include "edge/request_head.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "edge/trimmed.hpp"

namespace factory::edge {
namespace {

constexpr std::array<std::string_view, 7> method_names{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

enum class Repeat : std::uint8_t { refused, joined };

struct FieldRule {
  std::string_view name;
  Repeat repeat;
  bool forwarded;
};

// In the order of Field. A field that is forwarded becomes JSON, so it has to be ASCII.
constexpr std::array<FieldRule, field_count> field_rules{{
    {"accept", Repeat::joined, true},
    {"accept-language", Repeat::joined, true},
    {"authorization", Repeat::refused, true},
    {"connection", Repeat::joined, false},
    {"content-encoding", Repeat::refused, false},
    {"content-length", Repeat::refused, false},
    {"content-type", Repeat::refused, true},
    {"cookie", Repeat::refused, false},
    {"expect", Repeat::refused, false},
    {"forwarded", Repeat::joined, false},
    {"host", Repeat::refused, false},
    {"idempotency-key", Repeat::refused, true},
    {"if-match", Repeat::refused, true},
    {"if-none-match", Repeat::joined, true},
    {"origin", Repeat::refused, true},
    {"prefer", Repeat::joined, true},
    {"range", Repeat::refused, false},
    {"transfer-encoding", Repeat::refused, false},
    {"user-agent", Repeat::refused, true},
    {"x-api-key", Repeat::refused, true},
    {"x-forwarded-for", Repeat::joined, false},
    {"x-request-id", Repeat::refused, false},
    {"x-tenant-id", Repeat::refused, false},
}};

// Names under which httplib keeps the addresses of a connection: a client may not speak in their place.
constexpr std::array<std::string_view, 4> reserved_names{"remote_addr", "remote_port", "local_addr", "local_port"};

constexpr GateError bad(std::string_view detail) { return {"bad_request", detail}; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool same_word(std::string_view text, std::string_view lower_case) {
  return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                    [](char a, char b) { return lower(a) == b; });
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alphanumeric(char c) { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z'); }

// token of RFC 9110 section 5.6.2
bool is_token_char(char c) { return is_alphanumeric(c) || (c != '\0' && std::strchr("!#$%&'*+-.^_`|~", c)); }

// pchar of RFC 3986 without the percent sign, with '/' and '?'
bool is_target_char(char c) { return is_alphanumeric(c) || (c != '\0' && std::strchr("-._~!$&'()*+,;=:@/?", c)); }

std::optional<unsigned> hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (lower(c) >= 'a' && lower(c) <= 'f') return lower(c) - 'a' + 10;
  return std::nullopt;
}

// The byte that "%XX" at `at` stands for.
std::optional<unsigned> percent_byte(std::string_view text, std::size_t at) {
  if (at + 2 >= text.size()) return std::nullopt;
  const auto high = hex_value(text[at + 1]), low = hex_value(text[at + 2]);
  if (!high || !low) return std::nullopt;
  return *high * 16 + *low;
}

constexpr bool is_control(unsigned byte) { return byte < 0x20 || byte == 0x7f; }

// All that a line may hold: what is printable in ASCII, the tab, and every byte beyond ASCII.
constexpr auto plain_bytes = [] {
  std::array<bool, 256> plain{};
  for (unsigned byte = 0; byte < plain.size(); ++byte) plain[byte] = byte == '\t' || !is_control(byte);
  return plain;
}();
bool is_plain(char c) { return plain_bytes[static_cast<unsigned char>(c)]; }

bool hides_control_byte(std::string_view text) {
  for (auto at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 1)) {
    const auto byte = percent_byte(text, at);
    if (byte && is_control(*byte)) return true;
  }
  return false;
}

bool is_valid_target(std::string_view target) {
  for (std::size_t at = 0; at < target.size(); ++at) {
    if (target[at] == '%') {
      const auto byte = percent_byte(target, at);
      if (!byte || is_control(*byte)) return false;
      at += 2;
    } else if (!is_target_char(target[at])) {
      return false;
    }
  }
  return true;
}

// uri-host [ ":" port ] of RFC 9110 section 7.2: a name, an IPv4 address or an IPv6 address in brackets, never empty.
bool is_valid_host(std::string_view host) {
  std::string_view rest;
  if (host.starts_with('[')) {
    const auto end = host.find(']');
    if (end == std::string_view::npos) return false;
    in6_addr address;
    if (inet_pton(AF_INET6, std::string(host.substr(1, end - 1)).c_str(), &address) != 1) return false;
    rest = host.substr(end + 1);
  } else {
    const auto end = std::min(host.find(':'), host.size());
    const auto name = host.substr(0, end);
    const auto is_name_char = [](char c) { return is_alphanumeric(c) || c == '-' || c == '.' || c == '_'; };
    if (name.empty() || name.size() > 253 || !std::all_of(name.begin(), name.end(), is_name_char)) return false;
    rest = host.substr(end);
  }
  if (rest.empty()) return true;
  const auto port = rest.substr(1);
  return rest.front() == ':' && port.size() <= 5 && std::all_of(port.begin(), port.end(), is_digit) &&
         (port.size() < 5 || port <= "65535");
}

bool list_has(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    if (same_word(trimmed(list.substr(0, comma)), word)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

std::optional<Field> known_field(std::string_view name) {
  const auto rule = std::find_if(field_rules.begin(), field_rules.end(),
                                 [&](const FieldRule& candidate) { return same_word(name, candidate.name); });
  if (rule == field_rules.end()) return std::nullopt;
  return static_cast<Field>(rule - field_rules.begin());
}

using Outcome = std::optional<GateError>;

class Parser {
 public:
  explicit Parser(std::string_view head) : rest_(head) {}

  std::variant<RequestHead, GateError> run() {
    if (auto error = request_line()) return *error;
    for (auto line = next_line(); !line.empty(); line = next_line()) {
      if (auto error = field_line(line)) return *error;
    }
    for (const auto check : {&Parser::host, &Parser::framing, &Parser::refused_features}) {
      if (auto error = (this->*check)()) return *error;
    }
    return std::move(head_);
  }

 private:
  std::string_view next_line() {
    const auto end = rest_.find("\r\n");
    const auto line = rest_.substr(0, end);
    rest_.remove_prefix(end + 2);
    return line;
  }

  Outcome request_line() {
    auto line = next_line();
    // RFC 9112 section 2.2: one empty line before the request line is forgiven.
    if (line.empty()) line = next_line();
    const auto first = line.find(' '), last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) return bad("The request line is not METHOD target HTTP/1.1.");
    const auto method = line.substr(0, first), target = line.substr(first + 1, last - first - 1);
    if (target.find(' ') != std::string_view::npos) return bad("The request line has more than two blanks.");
    if (auto error = version(line.substr(last + 1))) return error;
    if (method.empty() || !std::all_of(method.begin(), method.end(), is_token_char)) {
      return bad("The method is not a token.");
    }
    const auto known = std::find(method_names.begin(), method_names.end(), method);
    if (known == method_names.end()) return GateError{"not_implemented", "This server does not know the method."};
    head_.method = static_cast<Method>(known - method_names.begin());
    return request_target(target);
  }

  Outcome version(std::string_view text) {
    if (text.size() != 8 || !text.starts_with("HTTP/") || !is_digit(text[5]) || text[6] != '.' || !is_digit(text[7])) {
      return bad("The request line does not end in an HTTP version.");
    }
    if (text[5] != '1' || text[7] > '1') return GateError{"version_not_supported", "This server speaks HTTP/1.1."};
    head_.minor_version = text[7] - '0';
    return std::nullopt;
  }

  Outcome request_target(std::string_view target) {
    if (target == "*") {
      head_.target = target;
      return head_.method == Method::options ? Outcome{} : bad("Only OPTIONS may ask for *.");
    }
    for (const std::string_view scheme : {"http://", "https://"}) {
      if (!same_word(target.substr(0, scheme.size()), scheme)) continue;
      target.remove_prefix(scheme.size());
      const auto end = std::min(target.find_first_of("/?"), target.size());
      authority_ = target.substr(0, end);
      if (!is_valid_host(authority_)) return bad("The host in the request target is not valid.");
      target.remove_prefix(end);
      if (!target.starts_with('/')) head_.target = "/";
      break;
    }
    if (authority_.empty() && !target.starts_with('/')) return bad("The request target does not begin with /.");
    if (!is_valid_target(target)) return bad("The request target holds a character that has to be percent-encoded.");
    head_.target += target;
    return std::nullopt;
  }

  Outcome field_line(std::string_view line) {
    if (line.front() == ' ' || line.front() == '\t') return bad("Folded header fields are not accepted.");
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return bad("A header field has no colon.");
    const auto name = line.substr(0, colon);
    if (name.empty() || !std::all_of(name.begin(), name.end(), is_token_char)) {
      return bad("The name of a header field is not a token.");
    }
    if (std::any_of(reserved_names.begin(), reserved_names.end(),
                    [&](std::string_view reserved) { return same_word(name, reserved); })) {
      return bad("A header field has a reserved name.");
    }
    const auto field = known_field(name);
    // Browsers attach these two by themselves and nobody here reads them: what they hold cannot hurt.
    const bool ignored = field == Field::cookie || same_word(name, "referer");
    if (!ignored && hides_control_byte(line)) return bad("A header field holds a percent-encoded control character.");
    if (!field) return std::nullopt;
    const auto& rule = field_rules[static_cast<std::size_t>(*field)];
    if (rule.repeat == Repeat::refused && head_.find(*field)) return bad("A header field that stands once came twice.");
    const auto value = trimmed(line.substr(colon + 1));
    if (rule.forwarded && std::any_of(value.begin(), value.end(), [](char c) { return c & '\x80'; })) {
      return bad("A header field holds characters beyond ASCII.");
    }
    head_.add(*field, value);
    return std::nullopt;
  }

  Outcome host() {
    const auto* host = head_.find(Field::host);
    if (!host) return head_.minor_version == 0 ? Outcome{} : bad("The Host field is missing.");
    if (!is_valid_host(*host)) return bad("The Host field is not a host and an optional port.");
    const auto same = [](char a, char b) { return lower(a) == lower(b); };
    if (!authority_.empty() && !std::equal(host->begin(), host->end(), authority_.begin(), authority_.end(), same)) {
      return bad("The Host field and the request target name different hosts.");
    }
    return std::nullopt;
  }

  Outcome framing() {
    const auto* length = head_.find(Field::content_length);
    if (const auto* coding = head_.find(Field::transfer_encoding)) {
      if (length) return bad("Content-Length and Transfer-Encoding exclude each other.");
      if (head_.minor_version == 0 || !same_word(*coding, "chunked")) return bad("The transfer coding is not known.");
      return GateError{"length_required", "Bodies in chunks are not accepted."};
    }
    if (length) {
      if (length->empty() || !std::all_of(length->begin(), length->end(), is_digit) ||
          (length->size() > 1 && length->front() == '0')) {
        return bad("Content-Length is not a plain number.");
      }
      if (length->size() > 9) return GateError{"body_too_large", "Content-Length is above the limit."};
      head_.content_length = std::stoul(*length);
      if (head_.content_length > max_body_bytes)
        return GateError{"body_too_large", "Content-Length is above the limit."};
    }
    const bool takes_body =
        head_.method != Method::get && head_.method != Method::head && head_.method != Method::options;
    if (!takes_body && head_.content_length > 0) return bad("This method takes no body.");
    const auto* connection = head_.find(Field::connection);
    // What follows a body-less POST may have been meant as its body: it must never be read as the next request.
    head_.keep_alive =
        head_.minor_version == 1 && !(connection && list_has(*connection, "close")) && (length || !takes_body);
    return std::nullopt;
  }

  Outcome refused_features() {
    if (head_.find(Field::expect)) return GateError{"expectation_failed", "Expect is not supported."};
    const auto* coding = head_.find(Field::content_encoding);
    if (coding && !same_word(*coding, "identity")) {
      return GateError{"unsupported_media_type", "Bodies with a content coding are not accepted."};
    }
    const auto* range = head_.find(Field::range);
    if (range && range->find(',') != std::string::npos) {
      return GateError{"range_not_satisfiable", "Lists of ranges are not accepted."};
    }
    return std::nullopt;
  }

  std::string_view rest_;
  std::string_view authority_;
  RequestHead head_;
};

}  // namespace

std::string_view method_name(Method method) { return method_names[static_cast<std::size_t>(method)]; }

std::string_view field_name(Field field) { return field_rules[static_cast<std::size_t>(field)].name; }

bool is_forwarded(Field field) { return field_rules[static_cast<std::size_t>(field)].forwarded; }

const std::string* RequestHead::find(Field field) const {
  const auto index = static_cast<std::size_t>(field);
  return present_[index] ? &values_[index] : nullptr;
}

void RequestHead::add(Field field, std::string_view value) {
  const auto index = static_cast<std::size_t>(field);
  if (!values_[index].empty() && !value.empty()) values_[index] += ", ";
  values_[index] += value;
  present_.set(index);
}

std::string_view RequestHead::path() const { return std::string_view(target).substr(0, target.find('?')); }

std::optional<GateError> HeadScanner::scan(std::string_view bytes) {
  while (head_size_ == 0) {
    const bool after_cr = position_ > 0 && bytes[position_ - 1] == '\r';
    const auto limit = lines_ == 0 ? line_start_ + max_request_line_bytes : max_head_bytes;
    const auto stop = std::min(bytes.size(), limit);
    while (!after_cr && position_ < stop && is_plain(bytes[position_])) ++position_;
    if (position_ == bytes.size()) break;
    if (position_ == limit) {
      if (lines_ == 0) return GateError{"target_too_long", "The request line is longer than 8 KiB."};
      return GateError{"headers_too_large", "The head is larger than 32 KiB."};
    }
    const char byte = bytes[position_++];
    if (after_cr != (byte == '\n')) return bad("Lines end in CR and LF, which never stand alone.");
    if (byte == '\r') continue;
    if (byte != '\n') return bad("The head holds a control character.");
    if (auto error = end_line()) return error;
  }
  return std::nullopt;
}

std::optional<GateError> HeadScanner::end_line() {
  const bool empty = position_ - line_start_ == 2;
  const bool first = line_start_ == 0;
  line_start_ = position_;
  if (lines_ == 0 && empty) return first ? Outcome{} : bad("Empty lines stand before the request line.");
  if (empty) {
    head_size_ = position_;
  } else if (++lines_ > max_field_lines + 1) {
    return GateError{"headers_too_large", "There are more than 100 header fields."};
  }
  return std::nullopt;
}

std::variant<RequestHead, GateError> parse_request_head(std::string_view head) {
  HeadScanner scanner;
  if (auto error = scanner.scan(head)) return *error;
  if (head.empty() || scanner.head_size() != head.size()) return bad("The head is not complete.");
  return Parser(head).run();
}

}  // namespace factory::edge
