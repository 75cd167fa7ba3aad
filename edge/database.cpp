#include "edge/database.hpp"

#include <arpa/inet.h>
#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "edge/log.hpp"

namespace factory::edge {
namespace {

using namespace std::chrono_literals;
using Kind = DatabaseFailure::Kind;

// The server ends a statement by itself; this much later nobody waits for it any more.
constexpr auto grace_for_server = 1s;

std::chrono::milliseconds jitter() {
  thread_local std::minstd_rand random{std::random_device{}()};
  return std::chrono::milliseconds(std::uniform_int_distribution<int>(50, 500)(random));
}

std::string_view field(const PGresult* result, int column) {
  return {PQgetvalue(result, 0, column), static_cast<std::size_t>(PQgetlength(result, 0, column))};
}

// A row that is not what the contract says is a defect of the database side, not of the caller.
[[noreturn]] void broken_contract() { throw DatabaseFailure(Kind::refused, "XX000"); }

std::vector<std::pair<std::string, std::string>> headers_of(std::string_view jsonb) {
  std::vector<std::pair<std::string, std::string>> headers;
  if (jsonb.empty()) return headers;
  // Binary jsonb is one version byte and the text.
  if (jsonb.front() != 1) broken_contract();
  jsonb.remove_prefix(1);
  thread_local simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(jsonb.data(), jsonb.size()).get(object)) broken_contract();
  for (const auto [name, value] : object) {
    std::string_view text;
    if (value.get(text)) broken_contract();
    headers.emplace_back(name, text);
  }
  return headers;
}

Answer answer_of(const PGresult* result) {
  if (PQntuples(result) != 1 || PQnfields(result) != 3 || PQgetlength(result, 0, 0) != 4) broken_contract();
  std::uint32_t status;
  std::memcpy(&status, PQgetvalue(result, 0, 0), sizeof status);
  return {static_cast<int>(ntohl(status)), headers_of(field(result, 1)), std::string(field(result, 2))};
}

bool is_worth_a_second_try(const DatabaseFailure& failure) {
  return failure.kind() == Kind::lost || failure.sqlstate() == "40001" || failure.sqlstate() == "40P01";
}

}  // namespace

/// Holds a connection for one call and gives it back on every way out.
class Database::Lease {
 public:
  Lease(Database& database, const Caller& caller, Clock::time_point deadline)
      : database_(database), link_(database.take(caller, deadline, generation_)) {}
  ~Lease() { database_.give_back(std::move(link_), generation_); }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  DatabaseLink* operator->() { return link_.get(); }

  /// Closes the connection; its end says nothing about the others.
  void close() { link_.reset(); }

 private:
  Database& database_;
  std::size_t generation_ = 0;
  std::unique_ptr<DatabaseLink> link_;
};

Database::Database(const Config& config, Metrics& metrics)
    : url_(config.database_url),
      call_timeout_(config.call_timeout),
      size_(static_cast<std::size_t>(config.pool_size)),
      // Half of the other threads may wait, so that some are left to answer health checks and to say 503.
      most_waiting_(static_cast<std::size_t>(config.threads - config.pool_size) / 2),
      metrics_(metrics) {}

Answer Database::call(Statement statement, const CallArguments& arguments, const Caller& caller) {
  if (caller.reads) {
    try {
      return answer_of(run(statement, arguments, caller).get());
    } catch (const DatabaseFailure& failure) {
      if (!is_worth_a_second_try(failure)) throw;
    }
  }
  return answer_of(run(statement, arguments, caller).get());
}

Readiness Database::readiness(const Caller& caller) {
  try {
    Readiness readiness = ask_readiness(caller);
    metrics_.platform_colour = readiness.colour == "green" ? 0 : readiness.colour == "amber" ? 1 : 2;
    metrics_.safe_mode = readiness.safe_mode ? 1 : 0;
    return readiness;
  } catch (const DatabaseFailure&) {
    metrics_.platform_colour = metrics_.safe_mode = -1;
    throw;
  }
}

Readiness Database::ask_readiness(const Caller& caller) {
  const auto deadline = Clock::now() + longest_silence;
  Lease link(*this, caller, deadline);
  ResultPtr result(nullptr, PQclear);
  try {
    result = link->run(Statement::readiness, {}, caller, deadline);
  } catch (const DatabaseFailure& failure) {
    if (Clock::now() < deadline && failure.sqlstate() != "57014") throw;
    link.close();
    throw DatabaseFailure(Kind::unreachable);
  }
  if (PQntuples(result.get()) != 1 || PQnfields(result.get()) != 6) broken_contract();
  const auto text = [&result](int column) { return std::string(field(result.get(), column)); };
  return {text(0) == "t", text(1), text(2), text(3), text(4), text(5) == "t"};
}

void Database::tick() { run(Statement::tick, {}, {}); }

ResultPtr Database::run(Statement statement, const CallArguments& arguments, const Caller& caller) {
  Lease link(*this, caller, Clock::now() + longest_silence);
  return link->run(statement, arguments, caller, Clock::now() + std::chrono::seconds(call_timeout_) + grace_for_server);
}

std::unique_ptr<DatabaseLink> Database::take(const Caller& caller, Clock::time_point deadline,
                                             std::size_t& generation) {
  bool waited = false;
  std::unique_lock lock(mutex_);
  for (;;) {
    if (!idle_.empty() && !idle_.back()->is_alive()) drop_all_idle();
    const bool may_connect = in_use_ < size_ && (healthy_ || (!probing_ && Clock::now() >= connect_after_));
    if (!idle_.empty() || may_connect) {
      ++in_use_;
      generation = generation_;
      std::unique_ptr<DatabaseLink> link;
      if (idle_.empty()) {
        if (caller.slot) caller.slot->give_up();
        link = connect(lock, deadline);
        generation = generation_;
      } else {
        link = std::move(idle_.back());
        idle_.pop_back();
      }
      show_sizes();
      return link;
    }
    if (refused_ && in_use_ < size_) throw DatabaseFailure(Kind::unreachable);
    if (waiting_ >= most_waiting_ || Clock::now() >= deadline) throw DatabaseFailure(Kind::overloaded);
    metrics_.pool_waits += waited ? 0 : 1;
    waited = true;
    ++waiting_;
    show_sizes();
    if (caller.slot) caller.slot->give_up();
    const bool may_probe_soon = in_use_ < size_ && !healthy_ && !probing_;
    changed_.wait_until(lock, may_probe_soon ? std::min(deadline, connect_after_) : deadline);
    --waiting_;
    show_sizes();
  }
}

std::unique_ptr<DatabaseLink> Database::connect(std::unique_lock<std::mutex>& lock, Clock::time_point deadline) {
  const bool probe = !healthy_;
  if (probe) probing_ = true;
  lock.unlock();
  std::unique_ptr<DatabaseLink> link;
  try {
    link = std::make_unique<DatabaseLink>(url_, call_timeout_, deadline);
  } catch (...) {
    lock.lock();
    --in_use_;
    if (probe) probing_ = false;
    healthy_ = false;
    refused_ = true;
    connect_after_ = Clock::now() + jitter();
    show_sizes();
    changed_.notify_all();
    throw;
  }
  lock.lock();
  ++metrics_.pool_connects;
  if (probe) {
    probing_ = false;
    healthy_ = true;
    refused_ = false;
    changed_.notify_all();
  }
  return link;
}

void Database::give_back(std::unique_ptr<DatabaseLink> link, std::size_t generation) {
  if (link && link->is_clean() && !link->is_settled()) link.reset();
  const bool clean = !link || link->is_clean();
  const std::lock_guard lock(mutex_);
  --in_use_;
  if (link && clean && generation == generation_) {
    idle_.push_back(std::move(link));
  } else if (!clean && generation == generation_) {
    drop_all_idle();
  }
  show_sizes();
  changed_.notify_one();
}

void Database::drop_all_idle() {
  LogLine(Level::warning, "database_connection_lost").add("idle_dropped", static_cast<std::int64_t>(idle_.size()));
  idle_.clear();
  ++generation_;
  ++metrics_.pool_losses;
  healthy_ = false;
  refused_ = false;
  connect_after_ = Clock::now() + jitter();
}

void Database::show_sizes() {
  metrics_.pool_in_use = static_cast<std::int64_t>(in_use_);
  metrics_.pool_idle = static_cast<std::int64_t>(idle_.size());
  metrics_.pool_waiting = static_cast<std::int64_t>(waiting_);
}

}  // namespace factory::edge
