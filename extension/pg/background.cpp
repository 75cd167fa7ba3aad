#include "pg/background.hpp"

extern "C" {
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "tcop/tcopprot.h"
#include "utils/fmgrprotos.h"
}

namespace factory::pg::background {

namespace {

constexpr int restart_seconds = 1;

void copy(char* to, std::size_t size, const char* text) {
  std::strncpy(to, text, size - 1);
  to[size - 1] = '\0';
}

}  // namespace

void install(const char* name, const char* entry_point) {
  BackgroundWorker worker;
  std::memset(&worker, 0, sizeof worker);
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker.bgw_restart_time = restart_seconds;
  copy(worker.bgw_library_name, sizeof worker.bgw_library_name, "platform_factory");
  copy(worker.bgw_function_name, sizeof worker.bgw_function_name, entry_point);
  copy(worker.bgw_name, sizeof worker.bgw_name, name);
  copy(worker.bgw_type, sizeof worker.bgw_type, name);
  RegisterBackgroundWorker(&worker);
}

void connect_to_none() {
  call([] {
    pqsignal(SIGTERM, die);
    BackgroundWorkerUnblockSignals();
    BackgroundWorkerInitializeConnection(nullptr, nullptr, 0);
  });
}

void connect(const char* database, const char* role) {
  call([=] {
    pqsignal(SIGTERM, die);
    BackgroundWorkerUnblockSignals();
    BackgroundWorkerInitializeConnection(database, role, 0);
  });
}

bool can_connect(const char* database, const char* role) {
  bool possible = false;
  in_transaction([&] {
    possible = call([=] {
      const Oid database_oid = get_database_oid(database, true);
      HeapTuple tuple = SearchSysCache1(AUTHNAME, CStringGetDatum(role));
      if (!HeapTupleIsValid(tuple)) return false;
      const auto* row = reinterpret_cast<Form_pg_authid>(GETSTRUCT(tuple));
      const Oid role_oid = row->oid;
      const bool may_log_in = row->rolcanlogin;
      ReleaseSysCache(tuple);
      return OidIsValid(database_oid) && may_log_in &&
             DatumGetBool(DirectFunctionCall3(has_database_privilege_id_id, ObjectIdGetDatum(role_oid),
                                              ObjectIdGetDatum(database_oid),
                                              PointerGetDatum(cstring_to_text("CONNECT"))));
    });
  });
  return possible;
}

bool is_running(const char* type) {
  return call([type] {
    for (std::uint32_t i = 0; i < ProcGlobal->allProcCount; ++i) {
      const int pid = ProcGlobal->allProcs[i].pid;
      const char* found = pid == 0 ? nullptr : GetBackgroundWorkerTypeByPid(pid);
      if (found != nullptr && std::strcmp(found, type) == 0) return true;
    }
    return false;
  });
}

void end_politely() {
  call([] {
    pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
    pqsignal(SIGHUP, SignalHandlerForConfigReload);
  });
}

bool must_end() { return ShutdownRequestPending; }

void wait(long milliseconds) {
  call([milliseconds] {
    WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, milliseconds, PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
    if (ConfigReloadPending) {
      ConfigReloadPending = false;
      ProcessConfigFile(PGC_SIGHUP);
    }
  });
}

void show_running(const char* what) {
  call([what] { pgstat_report_activity(STATE_RUNNING, what); });
}

void show_idle() {
  call([] {
    pgstat_report_stat(true);
    pgstat_report_activity(STATE_IDLE, nullptr);
  });
}

void end() {
  // Not 0: that would mean that the worker is never needed again.
  proc_exit(1);
}

void begin_transaction() {
  call([] {
    SetCurrentStatementStartTimestamp();
    StartTransactionCommand();
    PushActiveSnapshot(GetTransactionSnapshot());
  });
  // The call guard has put the caller's memory back, which outlives the transaction.
  MemoryContextSwitchTo(CurTransactionContext);
}

void commit_transaction() {
  MemoryContextSwitchTo(TopMemoryContext);
  call([] {
    PopActiveSnapshot();
    CommitTransactionCommand();
  });
}

void abort_transaction() {
  MemoryContextSwitchTo(TopMemoryContext);
  call([] { AbortCurrentTransaction(); });
  PostgresError::settle();
}

}  // namespace factory::pg::background
