#pragma once

#include <string>

namespace factory::edge {

/// A complete .env: every setting of edge and server, one NAME=value a line below what it is. A value that the environment
/// or the file (empty: none) has is kept as it stands, and so are the file's other lines; secrets that neither has are made
/// anew. Throws std::runtime_error when the file cannot be read or a line of it is no NAME=value.
std::string complete_env(const std::string& file);

}  // namespace factory::edge
