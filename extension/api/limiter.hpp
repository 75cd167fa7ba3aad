// The limiter's memory: one number for each key, shared by all backends, of a fixed size (factory.limiter_entries). It survives
// ROLLBACK and ends with the server. Keys are kept as a hash under a key of this start, so nobody can aim at a place in it.
//
// A cell is given to another key only when its time is over, which loses nothing: a blocked key is never freed by others.
// Where all places of a key are taken, it shares one cell with the others that have the same rate and came too late.
#pragma once

#include "core/gcra.hpp"
#include "core/window_count.hpp"
#include "crypto/keyed_hash.hpp"
#include "pg/guard.hpp"

namespace factory::api::limiter {

// Apps and the platform have half of the memory each: neither can reach or crowd out the other.
enum class Space : std::uint8_t { platform, app };

using Key = crypto::KeyedHash::Digest;

// The key of some bytes, in this database.
Key key_of(std::string_view bytes);

// Microseconds of the clock that limits run on; it does not go back and goes on while the machine sleeps.
std::int64_t now();

// Counts a call of `cost` and says whether it may go on.
core::GcraDecision take(Space space, const Key& key, const core::Rate& rate, std::int64_t cost);

// Counters with a window, each kind with an overflow cell of its own.
enum class Counter : std::uint8_t { failures, block_hits, block_rows };
inline constexpr std::size_t counter_kinds = 3;

// Runs change(counter, now) on the counter of a key, alone; it must neither throw nor raise nor wait.
void count(Counter kind, const Key& key, const std::function<void(core::WindowCount&, std::int64_t)>& change);

// How many places hold a key that counts, and how many there are.
struct Fill {
  std::size_t used, size;
};
Fill fill();

}  // namespace factory::api::limiter
