#include "core/mail_message.hpp"

#include <algorithm>
#include <ctime>

#include "crypto/base64url.hpp"

namespace factory::core {
namespace {

constexpr std::size_t longest_plain_value = 60;
constexpr std::size_t encoded_chunk = 42;  // bytes of one encoded word; with its frame it stays under 75 characters
constexpr std::size_t body_line = 57;      // bytes of one base64 line of 76 characters

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

std::string base64_lines(std::string_view content) {
  // Mail has CRLF line ends within text as well.
  std::string text;
  for (std::size_t i = 0; i < content.size(); ++i) {
    if (content[i] == '\n' && (i == 0 || content[i - 1] != '\r')) text += '\r';
    text += content[i];
  }
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += body_line)
    out.append(crypto::padded_base64(crypto::as_bytes(std::string_view(text).substr(at, body_line)))).append("\r\n");
  return out;
}

void append_part(std::string& out, std::string_view type, std::string_view content) {
  append_header(out, "Content-Type", std::string(type) + "; charset=utf-8");
  append_header(out, "Content-Transfer-Encoding", "base64");
  out.append("\r\n").append(base64_lines(content));
}

}  // namespace

std::string mail_header_text(std::string_view value) {
  std::string clean(value);
  std::ranges::replace_if(
      clean, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  const bool plain = clean.size() <= longest_plain_value &&
                     std::ranges::all_of(clean, [](char c) { return static_cast<unsigned char>(c) < 0x80; }) &&
                     clean.find("=?") == std::string::npos;
  if (plain) return clean;
  std::string out;
  for (std::size_t at = 0; at < clean.size();) {
    std::size_t end = std::min(at + encoded_chunk, clean.size());
    while (end < clean.size() && is_continuation(clean[end])) --end;
    if (at > 0) out += "\r\n ";
    out.append("=?UTF-8?B?")
        .append(crypto::padded_base64(crypto::as_bytes(std::string_view(clean).substr(at, end - at))))
        .append("?=");
    at = end;
  }
  return out;
}

std::string mail_date(std::int64_t unix_seconds) {
  static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = unix_seconds;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char rest[40];
  std::strftime(rest, sizeof rest, " %Y %H:%M:%S +0000", &utc);
  return std::string(days[utc.tm_wday]) + ", " + std::to_string(utc.tm_mday) + " " + months[utc.tm_mon] + rest;
}

std::string build_mail(const MailMessage& mail) {
  const std::string domain = mail.from_address.substr(mail.from_address.find('@') + 1);
  std::string name = mail_header_text(mail.from_name);
  if (!name.starts_with("=?")) {
    std::string quoted = "\"";
    for (const char c : name) {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
    name = quoted + '"';
  }
  std::string out;
  append_header(out, "From", name + " <" + mail.from_address + ">");
  append_header(out, "To", mail.to);
  append_header(out, "Subject", mail_header_text(mail.subject));
  append_header(out, "Date", mail_date(mail.unix_seconds));
  append_header(out, "Message-ID", "<" + mail.id + "@" + domain + ">");
  append_header(out, "Auto-Submitted", "auto-generated");
  append_header(out, "MIME-Version", "1.0");
  if (mail.html.empty()) {
    append_part(out, "text/plain", mail.text);
    return out;
  }
  // No line of base64 begins with two hyphens.
  const std::string boundary = "part-" + mail.id;
  append_header(out, "Content-Type", "multipart/alternative; boundary=\"" + boundary + "\"");
  out.append("\r\n--").append(boundary).append("\r\n");
  append_part(out, "text/plain", mail.text);
  out.append("--").append(boundary).append("\r\n");
  append_part(out, "text/html", mail.html);
  out.append("--").append(boundary).append("--\r\n");
  return out;
}

}  // namespace factory::core
