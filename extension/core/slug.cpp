#include "core/slug.hpp"

#include <algorithm>
#include <iterator>

#include "core/utf8.hpp"

namespace factory::core {
namespace {

constexpr std::string_view kFallback = "workspace";

// Sorted: names that addresses of the platform itself use or are likely to.
constexpr std::string_view kReserved[] = {
    "about",      "account",  "admin",   "api",      "app",     "apps",      "assets",  "audit",    "auth",
    "autoconfig", "billing",  "blog",    "cdn",      "console", "dashboard", "dev",     "docs",     "email",
    "errors",     "factory",  "files",   "ftp",      "healthz", "help",      "imap",    "internal", "invite",
    "localhost",  "login",    "logout",  "mail",     "me",      "metrics",   "mobile",  "new",      "null",
    "operator",   "platform", "pop3",    "postgres", "preview", "public",    "readyz",  "register", "root",
    "security",   "settings", "signup",  "smtp",     "static",  "status",    "support", "system",   "test",
    "undefined",  "webhooks", "webmail", "www"};
static_assert(std::ranges::is_sorted(kReserved));

struct Transliteration {
  char32_t first;
  char32_t last;
  std::string_view ascii;
};

// Latin-1, Latin Extended-A, the Romanian comma letters and Vietnamese; sorted by code point, both cases alike.
constexpr Transliteration kTransliterations[] = {
    {0x00C0, 0x00C5, "a"},  {0x00C6, 0x00C6, "ae"}, {0x00C7, 0x00C7, "c"},  {0x00C8, 0x00CB, "e"},
    {0x00CC, 0x00CF, "i"},  {0x00D0, 0x00D0, "d"},  {0x00D1, 0x00D1, "n"},  {0x00D2, 0x00D6, "o"},
    {0x00D8, 0x00D8, "o"},  {0x00D9, 0x00DC, "u"},  {0x00DD, 0x00DD, "y"},  {0x00DE, 0x00DE, "th"},
    {0x00DF, 0x00DF, "ss"}, {0x00E0, 0x00E5, "a"},  {0x00E6, 0x00E6, "ae"}, {0x00E7, 0x00E7, "c"},
    {0x00E8, 0x00EB, "e"},  {0x00EC, 0x00EF, "i"},  {0x00F0, 0x00F0, "d"},  {0x00F1, 0x00F1, "n"},
    {0x00F2, 0x00F6, "o"},  {0x00F8, 0x00F8, "o"},  {0x00F9, 0x00FC, "u"},  {0x00FD, 0x00FD, "y"},
    {0x00FE, 0x00FE, "th"}, {0x00FF, 0x00FF, "y"},  {0x0100, 0x0105, "a"},  {0x0106, 0x010D, "c"},
    {0x010E, 0x0111, "d"},  {0x0112, 0x011B, "e"},  {0x011C, 0x0123, "g"},  {0x0124, 0x0127, "h"},
    {0x0128, 0x0131, "i"},  {0x0132, 0x0133, "ij"}, {0x0134, 0x0135, "j"},  {0x0136, 0x0138, "k"},
    {0x0139, 0x0142, "l"},  {0x0143, 0x014B, "n"},  {0x014C, 0x0151, "o"},  {0x0152, 0x0153, "oe"},
    {0x0154, 0x0159, "r"},  {0x015A, 0x0161, "s"},  {0x0162, 0x0167, "t"},  {0x0168, 0x0173, "u"},
    {0x0174, 0x0175, "w"},  {0x0176, 0x0178, "y"},  {0x0179, 0x017E, "z"},  {0x017F, 0x017F, "s"},
    {0x0218, 0x0219, "s"},  {0x021A, 0x021B, "t"},  {0x0300, 0x036F, ""},   {0x1E9E, 0x1E9E, "ss"},
    {0x1EA0, 0x1EB7, "a"},  {0x1EB8, 0x1EC7, "e"},  {0x1EC8, 0x1ECB, "i"},  {0x1ECC, 0x1EE3, "o"},
    {0x1EE4, 0x1EF1, "u"},  {0x1EF2, 0x1EF9, "y"},  {0x2019, 0x2019, ""}};
static_assert(std::ranges::is_sorted(kTransliterations, {}, &Transliteration::first));

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

const Transliteration* find_transliteration(char32_t value) {
  const auto found = std::ranges::lower_bound(kTransliterations, value, {}, &Transliteration::last);
  return found != std::end(kTransliterations) && found->first <= value ? &*found : nullptr;
}

void append_hyphen(std::string& slug) {
  if (!slug.empty() && slug.back() != '-') slug.push_back('-');
}

void append_letter(std::string& slug, char32_t value) {
  if (value >= 'A' && value <= 'Z') value += 'a' - 'A';
  if (value < 0x80 && is_letter_or_digit(static_cast<char>(value))) {
    slug.push_back(static_cast<char>(value));
  } else if (const auto* letters = find_transliteration(value)) {
    slug.append(letters->ascii);
  } else if (value != '\'') {
    append_hyphen(slug);
  }
}

// Cuts to a size without leaving a hyphen at the end.
void shorten(std::string& slug, std::size_t size) {
  if (slug.size() > size) slug.resize(size);
  while (slug.ends_with('-')) slug.pop_back();
}

}  // namespace

bool valid_slug(std::string_view slug) {
  return slug.size() >= kMinSlugSize && slug.size() <= kMaxSlugSize && is_letter_or_digit(slug.front()) &&
         is_letter_or_digit(slug.back()) &&
         std::ranges::all_of(slug, [](char c) { return c == '-' || is_letter_or_digit(c); });
}

bool reserved_slug(std::string_view slug) { return std::ranges::binary_search(kReserved, slug); }

std::string derive_slug(std::string_view name) {
  std::string slug;
  while (!name.empty() && slug.size() < kMaxSlugSize) {
    const auto [value, size] = first_code_point(name);
    append_letter(slug, value);
    name.remove_prefix(std::max<std::size_t>(size, 1));
  }
  shorten(slug, kMaxSlugSize);
  if (slug.empty()) return std::string(kFallback);
  if (slug.size() < kMinSlugSize || reserved_slug(slug)) slug.append("-").append(kFallback);
  return slug;
}

std::string numbered_slug(std::string_view base, int n) {
  const std::string suffix = "-" + std::to_string(n);
  std::string slug(base);
  shorten(slug, kMaxSlugSize - suffix.size());
  return slug + suffix;
}

}  // namespace factory::core
