#pragma once

#include <string>
#include <string_view>

namespace factory::core {

/// What is wrong with the URL of a receiver, or empty. Accepted is http or https, a host of plain characters or an IPv6
/// literal, an optional port, path and query, at most 2048 bytes of printable ASCII. User names, fragments and
/// backslashes are not. `secure_only` refuses http. Which address the host leads to is for the relay to check.
std::string outbound_url_fault(std::string_view url, bool secure_only);

/// The host of an accepted URL, with its port if it names one.
std::string_view outbound_url_authority(std::string_view url);

}  // namespace factory::core
