#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace factory::core {

inline constexpr std::size_t kMinPasswordSize = 8;
inline constexpr std::size_t kMaxPasswordSize = 128;

enum class PasswordVerdict { ok, too_short, too_long, common, same_as_address };

/// Judges a new password; sizes are bytes. `common` is a case-insensitive match with the shipped list, or fewer than
/// three different bytes. `email` (may be empty) is the account's address: neither it nor its local part will do.
PasswordVerdict check_password(std::string_view password, std::string_view email = {});

/// What to tell the person, a sentence; empty for `ok`.
const char* describe(PasswordVerdict verdict);

/// The shipped list, sorted, lower-case.
std::span<const std::string_view> common_passwords();

}  // namespace factory::core
