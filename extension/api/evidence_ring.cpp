#include "api/evidence_ring.hpp"

#include "api/worker.hpp"
#include "pg/guard.hpp"
#include "pg/settings.hpp"
#include "pg/shared_memory.hpp"

extern "C" {
#include "access/xlog.h"
#include "commands/dbcommands.h"
#include "utils/wait_event.h"
}

namespace factory::api::evidence_ring {

namespace {

// Numbers only grow; a record's place is its number modulo the size. The lock guards all but `written`'s sleepers.
struct Ring {
  std::uint64_t head;  // records ever put in
  std::uint64_t tail;  // records ever taken out
  std::uint64_t refused;
  std::uint64_t refused_ever;
  ConditionVariable written;
  Record places[FLEXIBLE_ARRAY_MEMBER];
};

constexpr long longest_nap_ms = 100;  // the worker may be gone without a word

std::uint64_t size() { return static_cast<std::uint64_t>(pg::settings::evidence_records); }

const pg::shared_memory::Area<Ring> ring(
    "factory_evidence", [](Ring& made) { ConditionVariableInit(&made.written); }, 1,
    [] { return sizeof(Record) * static_cast<std::size_t>(pg::settings::evidence_records); });

// Holds the ring; nothing inside raises, allocates or waits.
template <typename Body>
auto locked(LWLockMode mode, const Body& body) {
  return pg::call([&] {
    LWLockAcquire(ring.lock(), mode);
    const auto result = body();
    LWLockRelease(ring.lock());
    return result;
  });
}

}  // namespace

bool is_served() {
  static Oid asked = InvalidOid;
  static bool same = false;
  if (asked != MyDatabaseId) {
    const char* name = pg::call([] { return get_database_name(MyDatabaseId); });
    same = name != nullptr && std::strcmp(name, pg::settings::database) == 0;
    asked = MyDatabaseId;
  }
  return same && !RecoveryInProgress();
}

std::optional<std::uint64_t> put(const Record& record) {
  const std::uint64_t number = locked(LW_EXCLUSIVE, [&]() -> std::uint64_t {
    if (ring->head - ring->tail >= size()) {
      ++ring->refused;
      ++ring->refused_ever;
      return 0;
    }
    ring->places[ring->head % size()] = record;
    return ++ring->head;
  });
  worker::wake();
  return number == 0 ? std::nullopt : std::optional(number);
}

bool await(std::uint64_t number, long milliseconds) {
  return pg::call([number, milliseconds] {
    const TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), milliseconds);
    const auto is_written = [number] {
      LWLockAcquire(ring.lock(), LW_SHARED);
      const bool written = ring->tail >= number;
      LWLockRelease(ring.lock());
      return written;
    };
    bool written;
    ConditionVariablePrepareToSleep(&ring->written);
    while (!(written = is_written()) && worker::runs()) {
      const long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
      if (left <= 0) break;
      ConditionVariableTimedSleep(&ring->written, std::min(left, longest_nap_ms), PG_WAIT_EXTENSION);
    }
    ConditionVariableCancelSleep();
    return written;
  });
}

std::uint64_t newest() {
  return locked(LW_SHARED, [] { return ring->head; });
}

std::vector<Record> oldest(std::size_t most) {
  std::vector<Record> records(most);
  const std::size_t count = locked(LW_SHARED, [&] {
    const std::size_t waiting = std::min(most, static_cast<std::size_t>(ring->head - ring->tail));
    for (std::size_t i = 0; i < waiting; ++i) records[i] = ring->places[(ring->tail + i) % size()];
    return waiting;
  });
  records.resize(count);
  return records;
}

void take(std::size_t count, std::span<const Record> again) {
  locked(LW_EXCLUSIVE, [&] {
    ring->tail += count;
    for (const Record& record : again) ring->places[--ring->tail % size()] = record;
    return 0;
  });
  pg::call([] { ConditionVariableBroadcast(&ring->written); });
}

std::uint64_t refused() {
  return locked(LW_SHARED, [] { return ring->refused; });
}

void forget_refused(std::uint64_t count) {
  locked(LW_EXCLUSIVE, [count] { return ring->refused -= count; });
}

Status status() {
  return locked(LW_SHARED, [] { return Status{size(), ring->head - ring->tail, ring->head, ring->refused_ever}; });
}

}  // namespace factory::api::evidence_ring
