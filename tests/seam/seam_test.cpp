// A server library for regress/seam.sql: throws and raises through the guards of extension/pg, and counts what is left behind.
#include "pg/scope.hpp"
#include "pg/spi.hpp"

#include <fstream>
#include <unistd.h>

extern "C" {
PG_MODULE_MAGIC;
}

namespace {

using factory::core::Problem;
using factory::pg::Access;
using factory::pg::Connection;
using factory::pg::PostgresError;
using factory::pg::Rows;

int alive = 0;
int variable = 0;

// Stands for every object whose destructor has to run.
struct Counted {
  Counted() { ++alive; }
  ~Counted() { --alive; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
};

[[noreturn]] void throw_kind(const std::string& kind) {
  const Counted object;
  if (kind == "problem")
    throw Problem("validation_failed", "thrown", {{"#/field", "invalid_value", "of a field"}}).with("fix", "[1]");
  if (kind == "bad_alloc") throw std::bad_alloc();
  if (kind == "length_error") throw std::length_error("never shown");
  if (kind == "exception") throw std::runtime_error("a runtime error");
  if (kind == "nested") {
    try {
      throw_kind("exception");
    } catch (...) {
      std::throw_with_nested(std::logic_error("around another"));
    }
  }
  throw 42;
}

void raise_error() {
  ereport(
      ERROR,
      (errcode(ERRCODE_EXCLUSION_VIOLATION), errmsg("a raised error"), errdetail("Its detail."), errhint("Its hint."),
       err_generic_string(PG_DIAG_SCHEMA_NAME, "the schema"), err_generic_string(PG_DIAG_TABLE_NAME, "the table"),
       err_generic_string(PG_DIAG_COLUMN_NAME, "the column"), err_generic_string(PG_DIAG_DATATYPE_NAME, "the type"),
       err_generic_string(PG_DIAG_CONSTRAINT_NAME, "the constraint")));
}

// First column of the first row, as text.
std::string run(const std::string& sql) {
  const Counted object;
  const Connection connection;
  const Rows rows = factory::pg::run_once(sql);
  const std::string text = rows.empty() || rows.is_null(0, 1) ? "nothing" : factory::pg::call([&rows] {
    bool null;
    Oid output;
    bool varlena;
    getTypeOutputInfo(SPI_gettypeid(rows.descriptor(), 1), &output, &varlena);
    return OidOutputFunctionCall(output, rows.datum(0, 1, &null));
  });
  return text;
}

std::string describe(const std::exception& error) {
  const auto* raised = dynamic_cast<const PostgresError*>(&error);
  return (raised == nullptr ? "thrown" : std::string(raised->sqlstate())) + ": " + error.what();
}

std::string current_role() {
  return factory::pg::call([] { return GetUserNameFromId(GetUserId(), false); });
}

// What a scope must have put back.
std::string state() {
  return current_role() + ", work_mem " + factory::pg::call([] { return GetConfigOption("work_mem", false, false); }) +
         ", variable " + std::to_string(variable) + ", alive " + std::to_string(alive);
}

// Every scope at once, and an error inside.
void inside_scopes(const std::string& how) {
  const Counted object;
  const Oid role = factory::pg::call([] { return get_role_oid("pg_monitor", false); });
  const factory::pg::RunAs other(role, SECURITY_LOCAL_USERID_CHANGE);
  const factory::pg::SettingsScope settings;
  const factory::pg::Restored<int> restored(variable, 7);
  factory::pg::call([] { SetConfigOption("work_mem", "77MB", PGC_USERSET, PGC_S_SESSION); });
  const std::string now = state();
  factory::pg::call([&now] { ereport(NOTICE, (errmsg("inside: %s", now.c_str()))); });
  if (how == "raise") factory::pg::call(raise_error);
  if (how != "return") throw_kind(how);
}

}  // namespace

// seam_alive() integer: objects whose destructor has not run.
FACTORY_FUNCTION(seam_alive) { return Int32GetDatum(alive); }

// seam_private_memory() bigint: bytes of this process that it shares with no other.
FACTORY_FUNCTION(seam_private_memory) {
  std::int64_t size = 0, resident = 0, shared = 0;
  std::ifstream("/proc/self/statm") >> size >> resident >> shared;
  return Int64GetDatum((resident - shared) * sysconf(_SC_PAGESIZE));
}

// seam_throw(kind): a C++ exception to the entry guard.
FACTORY_FUNCTION(seam_throw) {
  const Counted object;
  throw_kind(factory::pg::text_argument(fcinfo, 0, "kind"));
}

// seam_raise(): a Postgres error through the call guard to the entry guard.
FACTORY_FUNCTION(seam_raise) {
  const Counted object;
  factory::pg::call(raise_error);
  return Datum(0);
}

// seam_run(sql) text: through both guards, into SPI.
FACTORY_FUNCTION(seam_run) {
  const Counted object;
  return factory::pg::text_result(run(factory::pg::text_argument(fcinfo, 0, "sql")));
}

// seam_result(size) (text text, id uuid): a row made while a connection is open, which ends before the row is read.
FACTORY_FUNCTION(seam_result) {
  const Connection connection;
  factory::pg::run_once("SELECT 1");
  const std::string text(static_cast<std::size_t>(factory::pg::optional_integer(fcinfo, 0).value_or(0)), 'x');
  return factory::pg::row_result(fcinfo,
                                 {factory::pg::Value::text(text), factory::pg::Value::uuid(factory::core::Uuid{})});
}

// seam_catch(first, then) text: `first` in a subtransaction, which may fail, and `then` after it.
FACTORY_FUNCTION(seam_catch) {
  const Counted object;
  const std::string first = factory::pg::text_argument(fcinfo, 0, "first"),
                    then = factory::pg::text_argument(fcinfo, 1, "then");
  std::string outcome;
  try {
    factory::pg::in_subtransaction(Access::read_write, [&] { outcome = run(first); });
  } catch (const std::exception& error) {
    outcome = describe(error);
  }
  return factory::pg::text_result(outcome + "; " + run(then));
}

// seam_catch_throw(sql, kind) text: an effect and a C++ exception in a subtransaction.
FACTORY_FUNCTION(seam_catch_throw) {
  const std::string sql = factory::pg::text_argument(fcinfo, 0, "sql"),
                    kind = factory::pg::text_argument(fcinfo, 1, "kind");
  std::string outcome;
  try {
    factory::pg::in_subtransaction(Access::read_write, [&] {
      const Connection connection;
      run(sql);
      throw_kind(kind);
    });
  } catch (const std::exception& error) {
    outcome = describe(error);
  }
  return factory::pg::text_result(outcome);
}

// seam_read(sql) text: in a read-only subtransaction.
FACTORY_FUNCTION(seam_read) {
  const std::string sql = factory::pg::text_argument(fcinfo, 0, "sql");
  std::string outcome;
  try {
    factory::pg::in_subtransaction(Access::read_only, [&] { outcome = run(sql); });
  } catch (const std::exception& error) {
    outcome = describe(error);
  }
  return factory::pg::text_result(outcome + (XactReadOnly ? "; still read only" : "; writing again"));
}

// seam_scopes(how) text: what the scopes have put back after `how`: return, raise, or a kind of exception.
FACTORY_FUNCTION(seam_scopes) {
  const std::string how = factory::pg::text_argument(fcinfo, 0, "how");
  const std::string before = state();
  if (how == "raise") {
    try {
      factory::pg::in_subtransaction(Access::read_write, [&] { inside_scopes(how); });
    } catch (const PostgresError&) {
    }
  } else {
    try {
      inside_scopes(how);
    } catch (...) {
    }
  }
  const std::string after = state();
  return factory::pg::text_result(before == after ? "as before" : before + " became " + after);
}

// seam_stacks() text: whether the call guard leaves the server's error stacks and memory context as they were.
FACTORY_FUNCTION(seam_stacks) {
  sigjmp_buf* const exceptions = PG_exception_stack;
  ErrorContextCallback* const contexts = error_context_stack;
  const MemoryContext memory = CurrentMemoryContext;
  const auto same = [&] {
    return PG_exception_stack == exceptions && error_context_stack == contexts && CurrentMemoryContext == memory;
  };
  std::string text = "after a return: ";
  factory::pg::call([] {});
  text += same() ? "same" : "changed";
  try {
    factory::pg::in_subtransaction(Access::read_write, [&] {
      const MemoryContext inner = CurrentMemoryContext;
      try {
        factory::pg::call([] {
          ErrorContextCallback callback{error_context_stack, [](void*) {}, nullptr};
          error_context_stack = &callback;
          MemoryContextSwitchTo(TopMemoryContext);
          raise_error();
        });
      } catch (const PostgresError&) {
        text += CurrentMemoryContext == inner && PG_exception_stack == exceptions && error_context_stack == contexts
                    ? ", after an error: same"
                    : ", after an error: changed";
        throw;
      }
    });
  } catch (const PostgresError&) {
  }
  text += same() ? ", after the subtransaction: same" : ", after the subtransaction: changed";
  return factory::pg::text_result(text);
}
