#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace factory::core {

/// The address in lower case when it is a plain ASCII one that mail systems deliver to (RFC 5321 dot-string and host
/// name with at least two labels, 254 bytes in all, 64 before the @); nothing for quoted local parts, address
/// literals, white space or non-ASCII.
std::optional<std::string> normalize_email(std::string_view address);

}  // namespace factory::core
