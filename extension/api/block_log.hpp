// Refused calls as rows that a flood cannot fill: one a minute for each policy and subject, and so many of these at most.
#pragma once

#include "core/uuid.hpp"
#include "pg/spi.hpp"

namespace factory::api::block_log {

struct Block {
  std::optional<core::Uuid> tenant;  // nothing: the platform's own log
  std::string policy, strategy, subject;
  std::optional<std::string> peer;
};

// What a row of the log says.
struct Entry {
  Block block;
  TimestampTz minute;
  std::int64_t hits;
};

// Counts one refusal, in shared memory. A row is due for the first one of its minute and each time their number has doubled,
// so `hits` is rounded down to a power of two and a flood costs next to nothing. Where a minute has too many subjects, the
// rest share the subject "others".
std::optional<Entry> count(Block block);

// Writes the row in this transaction.
void write(const Entry& entry);

}  // namespace factory::api::block_log
