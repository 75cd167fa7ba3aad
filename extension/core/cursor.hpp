#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/uuid.hpp"

namespace factory::core {

/// The opaque place in a list after the row `id`: 28 characters that only the same list accepts. The check finds
/// mistakes; it is no secret and grants nothing.
std::string encode_cursor(std::string_view list_name, const Uuid& id);

/// The id in a cursor of that list, or nothing.
std::optional<Uuid> decode_cursor(std::string_view list_name, std::string_view text);

}  // namespace factory::core
