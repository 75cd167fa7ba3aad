#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace factory::core {

/// What a mail is made of. Addresses are plain ones (normalize_email); everything is UTF-8.
struct MailMessage {
  std::string from_name, from_address, to, subject, text, html;
  /// The local part of the Message-ID; the domain is the sender's.
  std::string id;
  std::int64_t unix_seconds = 0;
};

/// A header value as RFC 2047 wants it: as it is when it is short printable ASCII, else as encoded words, folded. Control
/// characters become spaces, so a value never ends its header.
std::string mail_header_text(std::string_view value);

/// "Wed, 25 Nov 2026 08:00:00 +0000" (RFC 5322).
std::string mail_date(std::int64_t unix_seconds);

/// The whole mail with CRLF line ends: multipart/alternative of text and HTML, or text alone where there is no HTML.
std::string build_mail(const MailMessage& mail);

}  // namespace factory::core
