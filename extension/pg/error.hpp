// What crosses the boundary: a Postgres error carried as a C++ exception, and a C++ failure on its way to ereport.
#pragma once

#include "core/problem.hpp"
#include "pg/postgres.hpp"

namespace factory::pg {

// A Postgres error caught by the call guard, with SQLSTATE, message, detail, hint and position kept. It is only
// carried: to the entry guard, which raises it again, or to the subtransaction that the failed call ran in.
class PostgresError : public std::exception {
 public:
  // Takes the current error off Postgres' error stack.
  static PostgresError take();

  PostgresError(const PostgresError& other) noexcept;
  PostgresError& operator=(const PostgresError&) = delete;
  ~PostgresError() override;

  ErrorData* data() const { return data_; }
  const char* what() const noexcept override { return data_->message ? data_->message : "error"; }
  std::string_view sqlstate() const;

  // True between the catching of an error and the abort that it calls for: until then the executor is half open.
  static bool in_flight() { return in_flight_; }
  // The (sub)transaction that the error happened in has been rolled back.
  static void settle() { in_flight_ = false; }

 private:
  explicit PostgresError(ErrorData* data);
  ErrorData* data_;
  static int alive_;
  static bool in_flight_;
};

// A failure that has left its catch block: plain data, allocated without a chance to raise.
struct Failure {
  ErrorData* carried = nullptr;
  int sqlstate = ERRCODE_INTERNAL_ERROR;
  const char* message = "out of memory";
  const char* detail = nullptr;
  const char* hint = nullptr;

  void carry(const PostgresError& error) { carried = error.data(); }
  void describe(const core::Problem& problem);
  void out_of_memory();
  void unexpected(const char* what);
  [[noreturn]] void raise() const;
};

// DETAIL of our errors: {"code":...,"detail":...,"errors":[...]}; the code is what programs act on.
std::string problem_detail(const core::Problem& problem);

// Packs a five-character SQLSTATE as elog does.
int pack_sqlstate(std::string_view sqlstate);

}  // namespace factory::pg
