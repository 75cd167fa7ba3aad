#include "pg/error.hpp"

#include "core/json_writer.hpp"

namespace factory::pg {

namespace {

// Carried errors live here: it outlives the SPI and subtransaction contexts that an unwinding C++ frame closes.
MemoryContext carrier = nullptr;

const char* keep(std::string_view text) {
  char* copy = static_cast<char*>(MemoryContextAllocExtended(CurrentMemoryContext, text.size() + 1, MCXT_ALLOC_NO_OOM));
  if (copy == nullptr) return "out of memory";
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  return copy;
}

}  // namespace

int PostgresError::alive_ = 0;
bool PostgresError::in_flight_ = false;

PostgresError::PostgresError(ErrorData* data) : data_(data) { ++alive_; }
PostgresError::PostgresError(const PostgresError& other) noexcept : std::exception(other), data_(other.data_) {
  ++alive_;
}
PostgresError::~PostgresError() { --alive_; }

PostgresError PostgresError::take() {
  // Allocations here may only fail by exhausting memory inside error recovery, which the server turns into PANIC anyway.
  if (carrier == nullptr)
    carrier = AllocSetContextCreate(TopMemoryContext, "factory carried errors", ALLOCSET_SMALL_SIZES);
  if (alive_ == 0) MemoryContextReset(carrier);
  const MemoryContext before = MemoryContextSwitchTo(carrier);
  ErrorData* data = CopyErrorData();
  MemoryContextSwitchTo(before);
  FlushErrorState();
  in_flight_ = true;
  return PostgresError(data);
}

std::string_view PostgresError::sqlstate() const { return unpack_sql_state(data_->sqlerrcode); }

int pack_sqlstate(std::string_view sqlstate) {
  return MAKE_SQLSTATE(sqlstate[0], sqlstate[1], sqlstate[2], sqlstate[3], sqlstate[4]);
}

std::string problem_detail(const core::Problem& problem) {
  std::string text;
  core::JsonWriter json(text);
  json.begin_object().member("code", problem.kind().code);
  if (!problem.detail().empty()) json.member("detail", problem.detail());
  if (!problem.errors().empty()) {
    json.key("errors").begin_array();
    for (const core::FieldError& error : problem.errors())
      json.begin_object()
          .member("pointer", error.pointer)
          .member("code", error.code)
          .member("detail", error.detail)
          .end_object();
    json.end_array();
  }
  for (const auto& [name, raw] : problem.members()) json.raw_member(name, raw);
  json.end_object();
  return text;
}

void Failure::describe(const core::Problem& problem) {
  try {
    sqlstate = pack_sqlstate(problem.kind().sqlstate);
    detail = keep(problem_detail(problem));
    message = problem.kind().title;
    hint = problem.kind().hint;
  } catch (const std::exception&) {
    out_of_memory();
  }
}

void Failure::out_of_memory() {
  sqlstate = ERRCODE_OUT_OF_MEMORY;
  message = "out of memory";
  detail = nullptr;
  hint = "Ask for less at once, or give the server more memory.";
}

void Failure::unexpected(const char* what) {
  sqlstate = ERRCODE_INTERNAL_ERROR;
  message = keep(std::string_view(what));
  hint = "This is a defect of platform_factory: please report it with the server log around this time.";
}

void Failure::raise() const {
  PostgresError::settle();  // the abort that follows cleans up
  if (carried != nullptr) ReThrowError(carried);
  // A refused sign-in or login may carry its secret in the statement's text: the server's log does without that.
  ereport(ERROR, (errcode(sqlstate), errmsg_internal("%s", message), detail ? errdetail_internal("%s", detail),
                  errhidestmt(true) : 0, hint ? errhint("%s", hint) : 0));
  pg_unreachable();
}

}  // namespace factory::pg
