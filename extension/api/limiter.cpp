#include "api/limiter.hpp"

#include "pg/settings.hpp"
#include "pg/shared_memory.hpp"

#include <ctime>

namespace factory::api::limiter {

namespace {

constexpr std::size_t spaces = 2;
constexpr std::size_t ways = 16;           // cells that a key may live in
constexpr std::size_t locks = 64;          // of each space
constexpr std::size_t shared_rates = 256;  // overflow cells of each space
constexpr int overflow_lock = spaces * locks;

struct Cell {
  Key key;
  std::int64_t kept;  // free when in the past
};

struct Memory {
  crypto::KeyedHash::Key boot_key;
  std::int64_t shared_by_rate[spaces][shared_rates];
  std::int64_t shared_counters[counter_kinds];
};

std::size_t sets() { return static_cast<std::size_t>(pg::settings::limiter_entries) / spaces / ways; }
std::size_t cells_size() { return spaces * sets() * ways * sizeof(Cell); }

const pg::shared_memory::Area<Memory> memory(
    "factory_limiter",
    [](Memory& made) {
      if (!pg_strong_random(made.boot_key.data(), made.boot_key.size()))
        ereport(FATAL, (errmsg("platform_factory: no random key for the limiter")));
    },
    overflow_lock + 1, cells_size);

Cell* set_of(Space space, std::size_t set) {
  auto* cells = reinterpret_cast<Cell*>(&*memory + 1);
  return cells + (static_cast<std::size_t>(space) * sets() + set) * ways;
}

// The cell of the key or a free one made its own; nullptr where others hold all of them.
Cell* find_cell(Cell* set, const Key& key, std::int64_t now) {
  Cell* free = nullptr;
  for (Cell* cell = set; cell < set + ways; ++cell) {
    if (cell->key == key) return cell;
    if (free == nullptr && cell->kept <= now) free = cell;
  }
  if (free != nullptr) *free = {key, 0};
  return free;
}

// Runs `change` on what is kept for a key while nobody else can see it.
template <typename Change>
void with_kept(Space space, const Key& key, std::int64_t now, std::int64_t& overflow, const Change& change) {
  pg::call([&] {
    const std::size_t set = key.high % sets();
    LWLock* lock = memory.lock(static_cast<std::size_t>(space) * locks + set % locks);
    LWLockAcquire(lock, LW_EXCLUSIVE);
    Cell* cell = find_cell(set_of(space, set), key, now);
    if (cell == nullptr) {
      LWLockRelease(lock);
      lock = memory.lock(overflow_lock);
      LWLockAcquire(lock, LW_EXCLUSIVE);
    }
    change(cell == nullptr ? overflow : cell->kept);
    LWLockRelease(lock);
  });
}

}  // namespace

Key key_of(std::string_view bytes) {
  // Never destroyed: at process exit the crypto library is gone before static destructors would run.
  static auto* hash = new crypto::KeyedHash(memory->boot_key);
  std::string whole(reinterpret_cast<const char*>(&MyDatabaseId), sizeof MyDatabaseId);
  whole += bytes;
  return (*hash)(crypto::as_bytes(whole));
}

std::int64_t now() {
  timespec time;
  clock_gettime(CLOCK_BOOTTIME, &time);
  return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1'000;
}

core::GcraDecision take(Space space, const Key& key, const core::Rate& rate, std::int64_t cost) {
  const std::int64_t time = now();
  const std::uint64_t mixed =
      (static_cast<std::uint64_t>(rate.interval()) * 31 + static_cast<std::uint64_t>(rate.burst())) *
      0x9e3779b97f4a7c15;
  std::int64_t& overflow = memory->shared_by_rate[static_cast<std::size_t>(space)][(mixed >> 32) % shared_rates];
  core::GcraDecision decision{};
  with_kept(space, key, time, overflow, [&](std::int64_t& kept) {
    decision = core::gcra(kept, time, rate, cost);
    kept = decision.tat;
  });
  return decision;
}

void count(Counter kind, const Key& key, const std::function<void(core::WindowCount&, std::int64_t)>& change) {
  const std::int64_t time = now();
  with_kept(Space::platform, key, time, memory->shared_counters[static_cast<std::size_t>(kind)],
            [&](std::int64_t& kept) {
              core::WindowCount counter(kept, time);
              change(counter, time);
              kept = counter.kept();
            });
}

Fill fill() {
  // Without the locks: a number of this size is read whole, and a moment later all may be otherwise anyway.
  const std::int64_t time = now();
  const std::size_t size = spaces * sets() * ways;
  const auto* cells = reinterpret_cast<const volatile Cell*>(&*memory + 1);
  std::size_t used = 0;
  for (std::size_t i = 0; i < size; ++i) used += cells[i].kept > time ? 1 : 0;
  return {used, size};
}

}  // namespace factory::api::limiter
