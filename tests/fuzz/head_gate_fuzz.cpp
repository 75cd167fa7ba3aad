// Fuzzes the head gate. Whatever is accepted must be harmless and must mean the same when it is written again.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

#include "edge/request_head.hpp"

namespace {

using namespace factory::edge;

void require(bool holds, const char* what) {
  if (holds) return;
  std::cerr << "broken: " << what << '\n';
  std::abort();
}

bool has_control_byte(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return true;
  }
  return false;
}

std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  return out;
}

std::string written_again(const RequestHead& head) {
  std::string text(method_name(head.method));
  text.append(" ").append(head.target).append(" HTTP/1.").append(1, static_cast<char>('0' + head.minor_version));
  text += "\r\n";
  for (std::size_t index = 0; index < field_count; ++index) {
    const auto field = static_cast<Field>(index);
    if (const auto* value = head.find(field)) text.append(field_name(field)).append(": ").append(*value).append("\r\n");
  }
  return text + "\r\n";
}

bool same(const RequestHead& a, const RequestHead& b) {
  for (std::size_t index = 0; index < field_count; ++index) {
    const auto *one = a.find(static_cast<Field>(index)), *other = b.find(static_cast<Field>(index));
    if (!one != !other || (one && *one != *other)) return false;
  }
  return a.method == b.method && a.target == b.target && a.minor_version == b.minor_version &&
         a.content_length == b.content_length && a.keep_alive == b.keep_alive;
}

void check_accepted(std::string_view bytes, const RequestHead& head) {
  require(!head.target.empty() && (head.target.front() == '/' || head.target == "*"), "target in origin form");
  require(!has_control_byte(head.target) && head.target.find(' ') == std::string::npos, "no control byte in target");
  require(head.content_length <= max_body_bytes, "body within its limit");
  const std::string text = lower_case(bytes);
  require(count_of(text, "\r\ncontent-length:") <= 1, "one Content-Length at most");
  require(count_of(text, "\r\nhost:") <= 1, "one Host at most");
  require(count_of(text, "\r\nx-tenant-id:") <= 1, "one tenant at most");
  require(count_of(text, "\r\nauthorization:") <= 1, "one credential at most");
  for (const std::string_view refused :
       {"\r\ntransfer-encoding:", "\r\nexpect:", "\r\n ", "\r\n\t", "\r\nremote_addr:"}) {
    require(text.find(refused) == std::string::npos, "nothing that frames or folds");
  }
  for (std::size_t index = 0; index < field_count; ++index) {
    const auto field = static_cast<Field>(index);
    const auto* value = head.find(field);
    if (!value) continue;
    for (const char c : *value) {
      const auto byte = static_cast<unsigned char>(c);
      require(byte == '\t' || (byte >= 0x20 && byte != 0x7f), "no control byte in a value");
      require(!is_forwarded(field) || byte < 0x80, "only ASCII is forwarded");
    }
    if (field == Field::cookie) continue;
    const std::string lowered = lower_case(*value);
    for (const std::string_view coded : {"%00", "%0a", "%0d", "%1f", "%7f"}) {
      require(lowered.find(coded) == std::string::npos, "no percent-encoded control byte in a value");
    }
  }
}

// The scanner must say the same however the bytes are split.
void check_splits(std::string_view bytes) {
  HeadScanner whole;
  const auto expected = whole.scan(bytes);
  HeadScanner byte_by_byte;
  for (std::size_t size = 1; size <= bytes.size(); ++size) {
    const auto error = byte_by_byte.scan(bytes.substr(0, size));
    if (error || byte_by_byte.head_size() != 0) {
      require(error == expected && byte_by_byte.head_size() == whole.head_size(), "splits change nothing");
      return;
    }
  }
  require(!expected && whole.head_size() == 0, "splits change nothing");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_splits(bytes);
  HeadScanner scanner;
  const bool complete = !scanner.scan(bytes) && scanner.head_size() != 0;
  const auto head_bytes = complete ? bytes.substr(0, scanner.head_size()) : bytes;
  const auto parsed = parse_request_head(head_bytes);
  const auto* head = std::get_if<RequestHead>(&parsed);
  if (!head) return 0;
  require(complete, "only whole heads are accepted");
  check_accepted(head_bytes, *head);
  const auto again = parse_request_head(written_again(*head));
  require(std::holds_alternative<RequestHead>(again) && same(*head, std::get<RequestHead>(again)),
          "an accepted head means the same when written again");
  return 0;
}
