// Rows of a statement as JSON, rendered straight from the tuples.
#pragma once

#include "pg/spi.hpp"

namespace factory::api {

// Appends one row as a JSON object; `hidden` names a column that is left out. Booleans, numbers and JSON keep their kind,
// times become RFC 3339 UTC, arrays become arrays, everything else the text of its output function: no cast or operator of
// a user type is ever applied.
void append_row(std::string& out, const pg::Rows& rows, std::uint64_t row, std::string_view hidden = {});

// Appends one value of any type.
void append_value(std::string& out, Datum value, bool is_null, Oid type);

// Appends `text` as a JSON string.
void append_json_string(std::string& out, std::string_view text);

}  // namespace factory::api
