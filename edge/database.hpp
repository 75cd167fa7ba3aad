#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "edge/config.hpp"
#include "edge/database_link.hpp"
#include "edge/metrics.hpp"

namespace factory::edge {

/// What serve and serve_global answer.
struct Answer {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

/// What factory.readiness() answers.
struct Readiness {
  bool ok = false;
  std::string version;
  std::string schema_version;
  std::string detail;
  /// green, amber or red: the worst that was found last.
  std::string colour;
  bool safe_mode = false;
};

/// The database behind a pool of connections. It is found again after an outage by whoever asks first.
class Database {
 public:
  Database(const Config& config, Metrics& metrics);

  /// Calls serve or serve_global. A call that only reads is tried a second time when the first was lost or collided.
  /// Throws DatabaseFailure.
  Answer call(Statement statement, const CallArguments& arguments, const Caller& caller);

  /// Asks whether the platform can serve, shows the answer in the metrics, and waits no longer than `longest_silence` in all, whatever a call may take. A database that is
  /// silent is left as it is for the calls of others. Throws DatabaseFailure.
  Readiness readiness(const Caller& caller);

  /// Has the database run the jobs that are due. Throws DatabaseFailure.
  void tick();

 private:
  class Lease;

  Readiness ask_readiness(const Caller& caller);
  std::unique_ptr<DatabaseLink> take(const Caller& caller, Clock::time_point deadline, std::size_t& generation);
  std::unique_ptr<DatabaseLink> connect(std::unique_lock<std::mutex>& lock, Clock::time_point deadline);
  void give_back(std::unique_ptr<DatabaseLink> link, std::size_t generation);
  void drop_all_idle();
  void show_sizes();
  ResultPtr run(Statement statement, const CallArguments& arguments, const Caller& caller);

  const std::string url_;
  const int call_timeout_;
  const std::size_t size_;
  const std::size_t most_waiting_;
  Metrics& metrics_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<DatabaseLink>> idle_;
  std::size_t in_use_ = 0;
  std::size_t waiting_ = 0;
  /// Counts outages: a connection made before the last one says nothing about those made since.
  std::size_t generation_ = 0;
  /// After an outage one connection is tried before all others, and not before `connect_after_`.
  bool healthy_ = true;
  bool probing_ = false;
  bool refused_ = false;
  Clock::time_point connect_after_{};
};

}  // namespace factory::edge
