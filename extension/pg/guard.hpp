// The two guards between C++ (unwinding) and Postgres (longjmp). Nobody else writes PG_TRY, sigsetjmp or catch (...).
//
//   entry guard  wraps every function and hook that Postgres calls: whatever C++ throws becomes a Postgres error,
//                raised after the catch block was left, so that no exception object outlives it.
//   call guard   wraps a call, or a batch of calls, into Postgres: an error becomes a PostgresError that carries the
//                whole ErrorData. It must sit deeper than any object with a destructor, and its body must hold none.
#pragma once

#include "pg/error.hpp"

namespace factory::pg {

// Runs `body`, which may raise a Postgres error and holds no object with a destructor; the error is thrown as
// PostgresError. sigsetjmp(buf, 0): saving the signal mask would cost fifty times more. The memory context is the caller's
// again afterwards: SPI leaves its own current, and a result made there would die with the connection.
template <typename Body>
auto call(Body&& body) -> std::invoke_result_t<Body> {
  struct State {
    sigjmp_buf* const exception_stack = PG_exception_stack;
    ErrorContextCallback* const context_stack = error_context_stack;
    const MemoryContext memory = CurrentMemoryContext;
    ~State() {
      PG_exception_stack = exception_stack;
      error_context_stack = context_stack;
      CurrentMemoryContext = memory;
    }
  };
  const State state;
  sigjmp_buf jump;
  if (sigsetjmp(jump, 0) == 0) {
    PG_exception_stack = &jump;
    return body();
  }
  PG_exception_stack = state.exception_stack;
  error_context_stack = state.context_stack;
  CurrentMemoryContext = state.memory;
  throw PostgresError::take();
}

// Told of each problem that leaves an entry, before it is raised, with the function that Postgres called where it is known;
// set once at load. It may throw, and that is raised instead.
inline void (*refusal_observer)(const core::Problem& problem, Oid function) = nullptr;

// Runs `body` at a boundary that Postgres called. Returns its value, or raises what it threw as a Postgres error.
template <typename Body>
auto entry(Body&& body, Oid function = InvalidOid) -> std::invoke_result_t<Body> {
  sigjmp_buf* const exception_stack = PG_exception_stack;
  ErrorContextCallback* const context_stack = error_context_stack;
  Failure failure;
  try {
    try {
      return body();
    } catch (const core::Problem& problem) {
      if (refusal_observer != nullptr) refusal_observer(problem, function);
      throw;
    }
  } catch (const PostgresError& error) {
    failure.carry(error);
  } catch (const core::Problem& problem) {
    failure.describe(problem);
  } catch (const std::bad_alloc&) {
    failure.out_of_memory();
  } catch (const std::length_error&) {
    failure.out_of_memory();
  } catch (const std::exception& exception) {
    failure.unexpected(exception.what());
  } catch (...) {
    failure.unexpected("unknown exception");
  }
  PG_exception_stack = exception_stack;
  error_context_stack = context_stack;
  failure.raise();
}

}  // namespace factory::pg

#define FACTORY_EXPORT __attribute__((visibility("default")))

// Exports a function and says that it follows the version 1 calling convention; its body follows.
#define FACTORY_EXPORTED(name)                                 \
  FACTORY_EXPORT Datum name(PG_FUNCTION_ARGS);                 \
  FACTORY_EXPORT const Pg_finfo_record* pg_finfo_##name(void); \
  const Pg_finfo_record* pg_finfo_##name(void) {               \
    static const Pg_finfo_record record = {1};                 \
    return &record;                                            \
  }                                                            \
  Datum name(PG_FUNCTION_ARGS)

// Declares an SQL-callable function behind the entry guard: FACTORY_FUNCTION(factory_x) { return ...; } with fcinfo in scope.
#define FACTORY_FUNCTION(name)                                                                    \
  static Datum name##_body(FunctionCallInfo fcinfo);                                              \
  extern "C" {                                                                                    \
  FACTORY_EXPORTED(name) {                                                                        \
    return ::factory::pg::entry([fcinfo]() -> Datum { return name##_body(fcinfo); },              \
                                fcinfo->flinfo != nullptr ? fcinfo->flinfo->fn_oid : InvalidOid); \
  }                                                                                               \
  }                                                                                               \
  static Datum name##_body([[maybe_unused]] FunctionCallInfo fcinfo)
