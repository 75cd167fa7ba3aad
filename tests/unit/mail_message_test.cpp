#include "core/mail_message.hpp"

#include <gtest/gtest.h>

namespace factory::core {
namespace {

MailMessage sample() {
  return {.from_name = "Platform",
          .from_address = "no-reply@example.com",
          .to = "ann@example.org",
          .subject = "Hello",
          .text = "one\ntwo",
          .html = "<p>one</p>",
          .id = "0192",
          .unix_seconds = 1795593600};
}

TEST(MailMessage, WritesDates) {
  EXPECT_EQ(mail_date(0), "Thu, 1 Jan 1970 00:00:00 +0000");
  EXPECT_EQ(mail_date(1795593600), "Wed, 25 Nov 2026 08:00:00 +0000");
}

TEST(MailMessage, LeavesPlainHeadersAndEncodesTheOthers) {
  EXPECT_EQ(mail_header_text("Hello, world"), "Hello, world");
  EXPECT_EQ(mail_header_text("Grüße"), "=?UTF-8?B?R3LDvMOfZQ==?=");
  EXPECT_EQ(mail_header_text("a =?UTF-8?B?eA==?="), "=?UTF-8?B?YSA9P1VURi04P0I/ZUE9PT89?=");
}

TEST(MailMessage, FoldsLongHeadersBetweenCharacters) {
  std::string value;
  for (int i = 0; i < 100; ++i) value += "ü";
  std::string folded = mail_header_text(value);
  std::size_t lines = 0;
  for (std::size_t at = 0; at < folded.size();) {
    const std::size_t end = std::min(folded.find("\r\n", at), folded.size());
    EXPECT_LE(end - at, 76u);
    EXPECT_EQ(folded.substr(at, end - at).find("=?UTF-8?B?w7"), at == 0 ? 0u : 1u);
    at = end + 2;
    ++lines;
  }
  EXPECT_EQ(lines, 5u);
}

TEST(MailMessage, NoValueEndsItsHeader) {
  MailMessage mail = sample();
  mail.subject = "Hi\r\nBcc: eve@example.com\r\n\r\nbody";
  mail.from_name = "Plat\nform \"x\\\"";
  const std::string text = build_mail(mail);
  EXPECT_EQ(text.find("\nBcc"), std::string::npos);
  EXPECT_NE(text.find("Subject: Hi  Bcc: eve@example.com    body\r\n"), std::string::npos);
  EXPECT_NE(text.find("From: \"Plat form \\\"x\\\\\\\"\" <no-reply@example.com>\r\n"), std::string::npos);
}

TEST(MailMessage, HasTwoPartsOrOne) {
  const std::string both = build_mail(sample());
  EXPECT_NE(both.find("Message-ID: <0192@example.com>\r\n"), std::string::npos);
  EXPECT_NE(both.find("multipart/alternative; boundary=\"part-0192\""), std::string::npos);
  EXPECT_NE(both.find("\r\n\r\nb25lDQp0d28=\r\n--part-0192\r\n"), std::string::npos);
  EXPECT_TRUE(both.ends_with("\r\n--part-0192--\r\n"));
  MailMessage plain = sample();
  plain.html.clear();
  EXPECT_EQ(build_mail(plain).find("multipart"), std::string::npos);
  for (std::size_t at = 0; (at = both.find('\n', at)) != std::string::npos; ++at) EXPECT_EQ(both[at - 1], '\r');
}

}  // namespace
}  // namespace factory::core
