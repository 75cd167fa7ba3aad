#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace factory::edge {

/// What goes back to a client, before the fields that every answer has.
struct Reply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  /// The tenant that the call was sent for, or "global"; empty when the edge answered alone. For the log.
  std::string tenant;
  /// The problem that the edge itself answers with; empty otherwise. For log and metrics.
  std::string_view problem;
};

}  // namespace factory::edge
