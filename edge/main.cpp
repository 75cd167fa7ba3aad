#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <thread>

#include "edge/config.hpp"
#include "edge/database.hpp"
#include "edge/env_file.hpp"
#include "edge/forwarder.hpp"
#include "edge/gate.hpp"
#include "edge/log.hpp"
#include "edge/metrics.hpp"
#include "edge/relay.hpp"
#include "edge/tls_context.hpp"

namespace {

using namespace factory::edge;

// A core file would hold the database password and what clients send.
void forbid_core_dumps() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
}

// Raises the limit of open files as far as it goes, and serves no more connections than that allows.
void fit_connections_to_open_files(Config& config) {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  constexpr rlim_t spare = 320;
  const rlim_t reserved = static_cast<rlim_t>(config.pool_size) + spare;
  const rlim_t room = files.rlim_cur > reserved ? files.rlim_cur - reserved : 16;
  if (static_cast<rlim_t>(config.max_connections) <= room) return;
  LogLine(Level::warning, "max_connections_lowered").add("to", static_cast<std::int64_t>(room));
  config.max_connections = static_cast<int>(room);
}

sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

// The second signal ends the process at once.
void stop_on_signal(const std::function<void()>& stop) {
  const sigset_t signals = stop_signals();
  int signal = 0;
  sigwait(&signals, &signal);
  LogLine(Level::info, "stopping");
  stop();
  sigwait(&signals, &signal);
  std::_Exit(128 + signal);
}

// Keeps what the metrics say of the platform fresh. Jobs are for servers without pg_cron; beside it this does no harm. A
// standby refuses, and so does a database whose schema is older.
void tick_forever(Database& database, bool jobs_enabled) {
  constexpr auto between_ticks = std::chrono::seconds(30);
  bool failed_before = false;
  for (;;) {
    std::this_thread::sleep_for(between_ticks);
    bool failed = false;
    try {
      database.readiness({});
      if (jobs_enabled) database.tick();
    } catch (const DatabaseFailure& failure) {
      failed = true;
      if (!failed_before)
        LogLine(Level::warning, jobs_enabled ? "jobs_not_run" : "readiness_unknown")
            .add("sqlstate", failure.sqlstate());
    }
    failed_before = failed;
  }
}

std::unique_ptr<Relay> make_relay(const Config& config, Metrics& metrics) {
  if (config.relay_transfers == 0) return nullptr;
  return std::make_unique<Relay>(Relay::Settings{.database_url = config.database_url,
                                                 .transfers = config.relay_transfers,
                                                 .outbound = {config.smtp_url, config.relay_authorities}},
                                 metrics);
}

int run_relay(const Config& config) {
  Metrics metrics;
  const auto relay = make_relay(config, metrics);
  std::thread(stop_on_signal, [&relay] { relay->stop(); }).detach();
  relay->run();
  // The thread that waits for signals still uses the objects of this frame.
  std::_Exit(0);
}

int run(const Config& config, TlsContext tls) {
  Metrics metrics;
  Database database(config, metrics);
  Forwarder forwarder(config, database, metrics);
  Gate gate(config, forwarder, metrics, std::move(tls));
  const int port = gate.bind();
  LogLine(Level::info, "listening")
      .add("address", config.listen_host)
      .add("port", port)
      .add("tls", config.tls_certificate.empty() ? "off" : "on")
      .add("version", FACTORY_VERSION);
  const auto relay = make_relay(config, metrics);
  std::thread relaying;
  if (relay) relaying = std::thread(&Relay::run, relay.get());
  std::thread(stop_on_signal, [&gate, &relay] {
    gate.stop_accepting();
    if (relay) relay->stop();
  }).detach();
  std::thread(tick_forever, std::ref(database), config.jobs_enabled).detach();
  const bool served = gate.serve();
  const auto left = gate.finish();
  if (relay) relay->stop(), relaying.join();
  LogLine(left == 0 ? Level::info : Level::warning, "stopped").add("connections_left", static_cast<std::int64_t>(left));
  // The threads of what is left, and the one that waits for signals, still use the objects of this frame.
  std::_Exit(served ? 0 : 1);
}

}  // namespace

int main(int argc, char** argv) {
  forbid_core_dumps();
  std::signal(SIGPIPE, SIG_IGN);
  const sigset_t signals = stop_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  try {
    ConfigOutcome outcome = read_config(argc, argv);
    if (outcome.next == ConfigOutcome::Next::exit) return outcome.exit_code;
    if (outcome.next == ConfigOutcome::Next::env) {
      std::cout << complete_env(outcome.env_file);
      return 0;
    }
    TlsContext tls(nullptr, SSL_CTX_free);
    if (outcome.problems.empty() && !outcome.config.tls_certificate.empty()) {
      try {
        tls = make_tls_context(outcome.config.tls_certificate, outcome.config.tls_key);
      } catch (const std::runtime_error& error) {
        outcome.problems.push_back(std::string("FACTORY_TLS_CERT and FACTORY_TLS_KEY: ") + error.what());
      }
    }
    for (const auto& problem : outcome.problems) std::cerr << "factory-edge: " << problem << '\n';
    if (outcome.next == ConfigOutcome::Next::check) print_config(std::cout, outcome.config);
    if (!outcome.problems.empty()) return 2;
    if (outcome.next == ConfigOutcome::Next::check) return 0;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (outcome.next == ConfigOutcome::Next::relay) return run_relay(outcome.config);
    fit_connections_to_open_files(outcome.config);
    return run(outcome.config, std::move(tls));
  } catch (const std::exception& error) {
    std::cerr << "factory-edge: " << error.what() << '\n';
    return 1;
  }
}
