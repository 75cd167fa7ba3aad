#include "api/fields.hpp"

namespace factory::api {

namespace {

constexpr std::size_t longest_name = 200;

std::size_t characters(std::string_view utf8) {
  std::size_t count = 0;
  for (const char c : utf8) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return count;
}

}  // namespace

void Fields::complain(std::string_view field, std::string code, std::string detail) {
  errors_.push_back({"#/" + std::string(field), std::move(code), std::move(detail)});
}

std::string Fields::name(std::string_view field, const std::string& text) {
  std::string_view trimmed = text;
  while (!trimmed.empty() && trimmed.front() == ' ') trimmed.remove_prefix(1);
  while (!trimmed.empty() && trimmed.back() == ' ') trimmed.remove_suffix(1);
  bool control = false;
  for (const char c : trimmed) control = control || static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  if (trimmed.empty())
    complain(field, "required", "it must not be empty");
  else if (characters(trimmed) > longest_name)
    complain(field, "too_long", "it must have at most 200 characters");
  else if (control)
    complain(field, "invalid_value", "it must not contain control characters");
  return std::string(trimmed);
}

void Fields::check() const {
  if (!errors_.empty()) throw core::Problem("validation_failed", "see errors for each field", errors_);
}

}  // namespace factory::api
