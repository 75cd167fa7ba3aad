#pragma once

#include <string>
#include <string_view>

namespace factory::core {

inline constexpr std::size_t kMinSlugSize = 3;
inline constexpr std::size_t kMaxSlugSize = 48;

/// 3 to 48 of a-z, 0-9 and '-', beginning and ending with a letter or digit.
bool valid_slug(std::string_view slug);

/// Whether the slug is kept for the platform's own addresses ("www", "api", ...).
bool reserved_slug(std::string_view slug);

/// A valid, unreserved slug made from a name in UTF-8: Latin letters lose their marks, the rest becomes '-';
/// "workspace" where nothing is left.
std::string derive_slug(std::string_view name);

/// The n-th alternative, "acme-2", shortened to fit.
std::string numbered_slug(std::string_view base, int n);

}  // namespace factory::core
