#include "api/worker.hpp"

#include "api/context.hpp"
#include "api/evidence.hpp"
#include "pg/background.hpp"
#include "pg/settings.hpp"
#include "pg/shared_memory.hpp"

extern "C" {
#include "commands/extension.h"
#include "port/atomics.h"
}

namespace factory::api::worker {

namespace {

constexpr const char* worker_name = "platform_factory worker";
constexpr const char* role = "factory_jobs";
constexpr long longest_sleep_ms = 10000;
constexpr long poll_ms = 1000;
constexpr long retry_ms = 1000;
constexpr long reconnect_ms = 15000;
constexpr int most_duties = 64;
constexpr int quiet_seconds = 60;

// Outlives the worker's process, not a crash of the server.
struct State {
  pg_atomic_uint64 asked;  // one bit for each duty
  Latch* volatile latch;   // of the connected worker; in shared memory as well
  volatile int pid;
  bool connection_failed;  // set while the worker tries: a try that fails ends the process
};

const pg::shared_memory::Area<State> state("factory_worker", [](State& made) { pg_atomic_init_u64(&made.asked, 0); });

const Every* duties = nullptr;  // constant-initialized, so it is there before the first duty's constructor runs

std::array<TimestampTz, most_duties> due{};
Oid extension = InvalidOid;

void leave(int, Datum) {
  state->latch = nullptr;
  state->pid = 0;
}

// Finds the extension, inside a transaction. One that was made anew has other functions and tables than those that this
// process remembers: a fresh process serves it.
bool extension_is_there() {
  const Oid now = pg::call([] { return get_extension_oid("platform_factory", true); });
  if (OidIsValid(extension) && now != extension) {
    pg::background::abort_transaction();
    pg::background::end();
  }
  extension = now;
  return OidIsValid(now) && OidIsValid(platform_relation("platform_events"));
}

// The same trouble again and again is said once a minute.
void complain(const char* what, const std::exception& trouble) {
  static std::string last;
  static TimestampTz said = 0;
  const std::string text = std::string(what) + ": " + trouble.what();
  const TimestampTz now = GetCurrentTimestamp();
  if (text == last && !TimestampDifferenceExceeds(said, now, quiet_seconds * 1000)) return;
  last = text;
  said = now;
  pg::call([&text] { ereport(LOG, (errmsg("platform_factory worker: %s", text.c_str()))); });
}

// Runs in a transaction, where the extension is there. False when it failed.
bool attempt(const char* what, const std::function<void()>& body) {
  try {
    pg::background::show_running(what);
    pg::background::in_transaction([&body] {
      if (extension_is_there()) body();
    });
    return true;
  } catch (const std::exception& trouble) {
    complain(what, trouble);
    return false;
  }
}

bool write_evidence() {
  if (!evidence::is_waiting()) return true;
  bool written = false;
  try {
    pg::background::show_running("write evidence");
    written = evidence::drain(extension_is_there);
  } catch (const std::exception& trouble) {
    complain("write evidence", trouble);
  }
  return written;
}

void run_duties(bool all) {
  const std::uint64_t asked = pg_atomic_exchange_u64(&state->asked, 0);
  for (const Every* duty = duties; duty != nullptr; duty = duty->next) {
    const TimestampTz now = GetCurrentTimestamp();
    TimestampTz& at = due[static_cast<std::size_t>(duty->number)];
    if (!all && at > now && (asked >> duty->number & 1) == 0) continue;
    at = TimestampTzPlusMilliseconds(now, duty->seconds * 1000L);
    attempt(duty->name, duty->run);
  }
}

long until_next_duty() {
  const TimestampTz now = GetCurrentTimestamp();
  long sleep = longest_sleep_ms;
  for (const Every* duty = duties; duty != nullptr; duty = duty->next)
    sleep = std::min(sleep, TimestampDifferenceMilliseconds(now, due[static_cast<std::size_t>(duty->number)]));
  return sleep;
}

// There was no database to serve, or its role could not enter: looks for them without a word in the log.
[[noreturn]] void look_for_database() {
  pg::background::connect_to_none();
  // What stands in the way may be something else than is looked for here: then not too often.
  const auto can_connect = [] { return pg::background::can_connect(pg::settings::database, role); };
  if (can_connect()) pg::background::wait(reconnect_ms);
  while (!can_connect()) pg::background::wait(poll_ms);
  state->connection_failed = false;
  pg::background::end();  // a process connects once
}

void serve_database() {
  state->connection_failed = true;
  pg::background::connect(pg::settings::database, role);
  state->connection_failed = false;
  pg::background::end_politely();
  pg::call([] {
    // A lock that somebody sits on must not stop the evidence of everybody else for long.
    SetConfigOption("lock_timeout", "2s", PGC_SUSET, PGC_S_OVERRIDE);
    SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_SUSET, PGC_S_OVERRIDE);
    before_shmem_exit(leave, Datum(0));
  });
  state->latch = MyLatch;
  state->pid = MyProcPid;
  while (!pg::background::must_end()) {
    const bool written = write_evidence();
    run_duties(false);
    pg::background::show_idle();
    pg::background::wait(written ? until_next_duty() : retry_ms);
  }
  write_evidence();
  run_duties(true);
}

}  // namespace

Every::Every(const char* duty, int every, void (*body)())
    : name(duty), seconds(every), run(body), number(duties == nullptr ? 0 : duties->number + 1), next(duties) {
  duties = this;
}

void Every::soon() const {
  const std::uint64_t bit = std::uint64_t{1} << number;
  if ((pg_atomic_fetch_or_u64(&state->asked, bit) & bit) == 0) wake();
}

void install() {
  if (*pg::settings::database == '\0') return;
  if (duties != nullptr && duties->number >= most_duties) throw std::length_error("too many duties of the worker");
  pg::background::install(worker_name, "factory_worker_main");
}

void wake() {
  Latch* latch = state->latch;
  if (latch != nullptr) SetLatch(latch);
}

bool runs() { return state->latch != nullptr; }

int process_id() { return state->pid; }

}  // namespace factory::api::worker

extern "C" {
FACTORY_EXPORT void factory_worker_main(Datum);

void factory_worker_main(Datum) {
  using namespace factory::api::worker;
  factory::pg::entry([] {
    if (state->connection_failed) look_for_database();
    serve_database();
  });
  factory::pg::background::end();
}
}
