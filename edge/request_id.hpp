#pragma once

#include <string>
#include <string_view>

namespace factory::edge {

/// A fresh request id: a UUIDv7 (RFC 9562), so that ids sort by time.
std::string new_request_id();

/// Whether a client's X-Request-Id may be kept: 1 to 128 characters of [A-Za-z0-9._:-].
bool is_valid_request_id(std::string_view text);

}  // namespace factory::edge
