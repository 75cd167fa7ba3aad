#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "edge/reply.hpp"

namespace factory::edge {

/// One row of control/problems.tsv.
struct ProblemRow {
  std::string_view code;
  int status;
  std::string_view sqlstate;
  std::string_view title;
  std::string_view hint;
};

/// The whole catalogue.
std::span<const ProblemRow> problem_rows();

/// The place of a code in the catalogue. A code that is not there is a mistake of the caller: std::logic_error.
std::size_t problem_index(std::string_view code);

/// An RFC 9457 problem. `instance` is the path that was asked for, without its query; empty when it is not known.
Reply problem_reply(std::string_view code, std::string_view detail, std::string_view instance,
                    std::string_view request_id);

}  // namespace factory::edge
