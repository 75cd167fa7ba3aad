#include "api/password_hashing.hpp"

#include "core/problem.hpp"
#include "pg/guard.hpp"
#include "pg/settings.hpp"
#include "pg/shared_memory.hpp"

extern "C" {
#include "utils/wait_event.h"
}

namespace factory::api::passwords {

namespace {

// Places for scrypt runs: the whole server's, since each run takes tens of MiB.
struct Slots {
  pg_atomic_uint32 taken;
  ConditionVariable freed;
};

const pg::shared_memory::Area<Slots> slots("factory_password_hashes", [](Slots& made) {
  pg_atomic_init_u32(&made.taken, 0);
  ConditionVariableInit(&made.freed);
});

bool holding = false;

bool try_take() {
  std::uint32_t seen = pg_atomic_read_u32(&slots->taken);
  while (seen < static_cast<std::uint32_t>(pg::settings::password_hash_slots))
    if (pg_atomic_compare_exchange_u32(&slots->taken, &seen, seen + 1)) return true;
  return false;
}

void give_back() {
  if (!holding) return;
  holding = false;
  pg_atomic_fetch_sub_u32(&slots->taken, 1);
  ConditionVariableSignal(&slots->freed);
}

void give_back_at_exit(int, Datum) { give_back(); }

// One of the server's slots, given back on every exit, the end of the process too.
class Slot {
 public:
  Slot() {
    static bool registered = false;
    if (!registered) {
      pg::call([] { before_shmem_exit(give_back_at_exit, Datum(0)); });
      registered = true;
    }
    const bool taken = pg::call([] {
      ConditionVariable* finished = &slots->freed;
      const TimestampTz deadline =
          TimestampTzPlusMilliseconds(GetCurrentTimestamp(), pg::settings::password_hash_wait_seconds * 1000L);
      bool got = try_take();
      if (!got) {
        ConditionVariablePrepareToSleep(finished);
        while (!(got = try_take())) {
          const long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
          if (left <= 0) break;
          ConditionVariableTimedSleep(finished, left, PG_WAIT_EXTENSION);
        }
        ConditionVariableCancelSleep();
      }
      return got;
    });
    if (!taken) throw core::Problem("kdf_busy");
    holding = true;
  }
  ~Slot() { give_back(); }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
};

void check_interrupts() {
  pg::call([] { CHECK_FOR_INTERRUPTS(); });
}

}  // namespace

crypto::ScryptParams parameters() { return {pg::settings::scrypt_ln, pg::settings::scrypt_r, pg::settings::scrypt_p}; }

std::string hash(std::string_view password) {
  const Slot slot;
  check_interrupts();
  return crypto::scrypt_hash(password, parameters());
}

crypto::PasswordCheck verify(std::string_view password, const std::string& phc) {
  const Slot slot;
  check_interrupts();
  return crypto::scrypt_verify(password, phc);
}

void verify_nothing(std::string_view password) { hash(password); }

}  // namespace factory::api::passwords
