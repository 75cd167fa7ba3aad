// The evidence ring: what must be known whatever becomes of the transaction that it happened in. Any backend of the
// platform's database puts records in; the background worker alone takes them out, once their events are committed.
// A crash of the server empties it.
#pragma once

#include "core/uuid.hpp"
#include "pg/postgres.hpp"

namespace factory::api::evidence_ring {

// Plain data of a fixed size; texts end with a zero byte. A blocked call is a row of the block log and no event: its policy,
// strategy and subject stand in `action`, `target_type` and `target_id`, its minute in `at`.
struct Record {
  core::Uuid id;  // of the event
  TimestampTz at;
  bool is_block, has_tenant, has_session, ends_session, locks_account, event_is_written;
  std::int64_t number;  // hits of a block, seconds of a lock
  std::int32_t lock_failures;
  char lock_subject[64];
  core::Uuid tenant, session, ending_session;
  char outcome[12], actor_type[12], action[64], actor_id[68], target_type[32], target_id[128], request_id[128],
      peer[64];
  char metadata[384];
};
static_assert(std::is_trivially_copyable_v<Record>);

// Whether this database's records are taken: it is factory.database, and the server is no standby.
bool is_served();

// Puts a record in and wakes the worker. Returns its number, or nothing when there is no room: that is counted.
std::optional<std::uint64_t> put(const Record& record);
// Waits until the events of all records up to the number are committed; false after so many milliseconds, or at once while
// there is no worker. Can be cancelled.
bool await(std::uint64_t number, long milliseconds);
// The number of the newest record.
std::uint64_t newest();

// For the worker: the oldest records, which stay where they are until `take` says that they are done with. Of those taken
// `again` go back, to be the oldest.
std::vector<Record> oldest(std::size_t most);
void take(std::size_t count, std::span<const Record> again);
// Records that found no room since the last call of forget_refused().
std::uint64_t refused();
void forget_refused(std::uint64_t count);

struct Status {
  std::uint64_t size, waiting, recorded, refused;
};
Status status();

}  // namespace factory::api::evidence_ring
