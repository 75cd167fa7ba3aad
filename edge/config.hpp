#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "edge/peer.hpp"

namespace factory::edge {

/// How this process runs. The environment says it; a flag of the command line wins over the environment.
struct Config {
  /// libpq connection string or URI. Comes from the environment alone: a process list shows flags.
  std::string database_url;
  std::string listen_host;
  int listen_port = 0;
  /// PEM files; both or none.
  std::string tls_certificate;
  std::string tls_key;
  int pool_size = 0;
  int threads = 0;
  int max_connections = 0;
  int max_connections_per_peer = 0;
  /// Of request bodies that are held at once, in MiB.
  int body_budget = 0;
  /// In seconds.
  int call_timeout = 0;
  /// Whether this process has the database run the jobs that are due.
  bool jobs_enabled = false;
  std::vector<Network> trusted_proxies;
  /// Besides loopback.
  std::vector<Network> metrics_allow;
  /// Calls out at once; 0: this process relays nothing.
  int relay_transfers = 0;
  /// PEM file of authorities that receivers of calls out may be certified by, besides the system's.
  std::string relay_authorities;
  /// smtp:// or smtps:// URL of the mail server, or empty. Comes from the environment alone, as it may hold a password.
  std::string smtp_url;
};

/// What the command line and the environment came to.
struct ConfigOutcome {
  enum class Next { serve, relay, check, env, exit };

  Next next = Next::serve;
  /// With Next::exit: after --help, --version or a wrong flag.
  int exit_code = 0;
  /// With Next::env: the file whose values are kept, or empty.
  std::string env_file;
  Config config;
  /// One sentence for each wrong value: the name, the value, what is expected.
  std::vector<std::string> problems;
};

/// A setting as the environment gives it.
struct KnownSetting {
  std::string name;
  std::string text;  ///< its default
  std::string help;
};

/// All settings that have a flag.
std::vector<KnownSetting> known_settings();

/// Reads flags and environment. --help, --version and complaints about flags are printed here.
ConfigOutcome read_config(int argc, char** argv);

/// Writes the configuration as NAME=value lines, passwords masked.
void print_config(std::ostream& out, const Config& config);

}  // namespace factory::edge
