#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "edge/request_head.hpp"

namespace factory::edge {

/// Where a call goes: to the node of a tenant (a lower-case UUID), or to the global one when there is none.
struct Destination {
  std::optional<std::string> tenant;

  bool operator==(const Destination&) const = default;
};

/// Reads the tenant from x-tenant-id, else from the text of an API key, else there is none. It only routes: what the
/// credential is worth is for the database to say. A malformed x-tenant-id and two different credentials are refused.
std::variant<Destination, GateError> choose_destination(const RequestHead& head);

/// "global" or a UUID, as x-factory-tenant names it; nothing for all else.
std::optional<Destination> parse_destination(std::string_view text);

}  // namespace factory::edge
