#include "edge/config.hpp"

#include <libpq-fe.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>

#include "edge/request_head.hpp"
#include "edge/trimmed.hpp"

namespace factory::edge {
namespace {

/// One setting: its names, default and help, and how its text becomes part of the configuration.
/// `take` answers what is expected when it cannot use the text, else an empty string.
struct Setting {
  const char* flag;
  const char* variable;
  const char* text;
  const char* help;
  std::function<std::string(const std::string& text, Config& config)> take;
};

auto number(int Config::*member, int least, int most) {
  return [=](const std::string& text, Config& config) -> std::string {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most) {
      return "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
    }
    config.*member = value;
    return {};
  };
}

auto truth(bool Config::*member) {
  return [=](const std::string& text, Config& config) -> std::string {
    if (text != "true" && text != "false") return "true or false";
    config.*member = text == "true";
    return {};
  };
}

auto networks(std::vector<Network> Config::*member) {
  return [=](const std::string& text, Config& config) -> std::string {
    std::string_view rest = text;
    while (!rest.empty()) {
      const auto comma = std::min(rest.find(','), rest.size());
      const auto network = Network::parse(trimmed(rest.substr(0, comma)));
      if (!network) return "networks such as 10.0.0.0/8,2001:db8::/32, without host bits";
      (config.*member).push_back(*network);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return {};
  };
}

auto readable_file(std::string Config::*member) {
  return [=](const std::string& text, Config& config) -> std::string {
    if (!text.empty() && access(text.c_str(), R_OK) != 0) return "a PEM file that this user can read";
    config.*member = text;
    return {};
  };
}

// In MiB: one whole body has to fit.
constexpr int least_body_budget = (max_body_bytes + 1024 * 1024 - 1) / (1024 * 1024);

std::string listen_address(const std::string& text, Config& config) {
  const std::string expected = "an address and a port such as 127.0.0.1:8080 or [::1]:8080";
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return expected;
  std::string host = text.substr(0, colon);
  if (host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string::npos) {
    return expected;
  }
  const char* port = text.data() + colon + 1;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(port, end, config.listen_port);
  if (host.empty() || error != std::errc{} || stop != end || config.listen_port < 0 || config.listen_port > 65535) {
    return expected;
  }
  config.listen_host = host;
  return {};
}

std::vector<Setting> settings() {
  return {
      {"--listen", "FACTORY_LISTEN", "127.0.0.1:8080", "Address and port to serve; port 0 takes a free one",
       listen_address},
      {"--tls-cert", "FACTORY_TLS_CERT", "", "PEM file with the certificate chain; turns TLS on",
       readable_file(&Config::tls_certificate)},
      {"--tls-key", "FACTORY_TLS_KEY", "", "PEM file with the private key", readable_file(&Config::tls_key)},
      {"--pool-size", "FACTORY_POOL_SIZE", "16", "Connections to the database", number(&Config::pool_size, 1, 1000)},
      {"--threads", "FACTORY_THREADS", "128", "Requests served at once, waiting ones included",
       number(&Config::threads, 4, 4096)},
      {"--max-connections", "FACTORY_MAX_CONNECTIONS", "3072", "Client connections in all",
       number(&Config::max_connections, 1, 100000)},
      {"--max-connections-per-peer", "FACTORY_MAX_CONNECTIONS_PER_PEER", "32",
       "Client connections of one address (IPv6: of one /64)", number(&Config::max_connections_per_peer, 1, 100000)},
      {"--body-budget", "FACTORY_BODY_BUDGET", "64", "MiB of request bodies held at once; half of it for one client",
       number(&Config::body_budget, least_body_budget, 65536)},
      {"--call-timeout", "FACTORY_CALL_TIMEOUT", "15", "Seconds that one call may take in the database",
       number(&Config::call_timeout, 1, 600)},
      {"--jobs-enabled", "JOBS_ENABLED", "true",
       "Whether to have the database run the jobs that are due: true or false", truth(&Config::jobs_enabled)},
      {"--trusted-proxies", "FACTORY_TRUSTED_PROXIES", "", "Networks whose X-Forwarded-For is believed",
       networks(&Config::trusted_proxies)},
      {"--metrics-allow", "FACTORY_METRICS_ALLOW", "", "Networks that may read /metrics, besides loopback",
       networks(&Config::metrics_allow)},
      {"--relay-transfers", "FACTORY_RELAY_TRANSFERS", "16", "Calls out at once; 0 leaves them to other processes",
       number(&Config::relay_transfers, 0, 512)},
      {"--relay-ca", "FACTORY_RELAY_CA", "", "PEM file of authorities that receivers of calls out may have besides",
       readable_file(&Config::relay_authorities)},
  };
}

using ConninfoOptions = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

ConninfoOptions parse_conninfo(const std::string& url) {
  return {PQconninfoParse(url.c_str(), nullptr), PQconninfoFree};
}

std::string masked(const std::string& url) {
  std::string out;
  const auto options = parse_conninfo(url);
  for (const auto* option = options.get(); option && option->keyword; ++option) {
    if (!option->val) continue;
    if (!out.empty()) out += ' ';
    const bool secret = std::string_view(option->dispchar).starts_with('*');
    out.append(option->keyword).append("=").append(secret ? "********" : option->val);
  }
  return out;
}

// Scheme and host of a URL that may hold a password.
std::string without_user(const std::string& url) {
  const auto begin = url.find("://"), at = url.rfind('@');
  return begin == std::string::npos || at == std::string::npos ? url : url.substr(0, begin + 3) + url.substr(at + 1);
}

std::string joined(const std::vector<Network>& networks) {
  std::string out;
  for (const auto& network : networks) out += (out.empty() ? "" : ",") + network.text();
  return out;
}

void check_together(ConfigOutcome& outcome) {
  const Config& config = outcome.config;
  if (config.database_url.empty()) {
    outcome.problems.push_back("DATABASE_URL is not set: expected a URI such as postgresql://user@host/database");
  } else if (!parse_conninfo(config.database_url)) {
    // The value is not repeated: it may hold a password.
    outcome.problems.push_back("DATABASE_URL cannot be read: expected a URI such as postgresql://user@host/database");
  }
  if (config.tls_certificate.empty() != config.tls_key.empty()) {
    outcome.problems.push_back("FACTORY_TLS_CERT and FACTORY_TLS_KEY: expected both or none");
  }
  if (!config.smtp_url.empty() && !config.smtp_url.starts_with("smtp://") && !config.smtp_url.starts_with("smtps://")) {
    outcome.problems.push_back(
        "SMTP_URL cannot be read: expected a URL such as smtps://user:password@mail.example.com");
  }
  if (config.threads < config.pool_size + 2) {
    outcome.problems.push_back("FACTORY_THREADS is '" + std::to_string(config.threads) +
                               "': expected at least FACTORY_POOL_SIZE and two more");
  }
}

}  // namespace

std::vector<KnownSetting> known_settings() {
  std::vector<KnownSetting> known;
  for (const auto& setting : settings()) known.push_back({setting.variable, setting.text, setting.help});
  return known;
}

ConfigOutcome read_config(int argc, char** argv) {
  CLI::App app{
      "factory-edge: the HTTP server of the Digital Platform Factory.\n"
      "The connection to the database is read from DATABASE_URL, the mail server from SMTP_URL.",
      "factory-edge"};
  app.set_version_flag("--version", std::string("factory-edge ") + FACTORY_VERSION);
  bool check = false;
  const auto* relay = app.add_subcommand("relay", "Send what stands in the outbox, and serve nothing")->fallthrough();
  auto* env = app.add_subcommand("env", "Print a complete .env: what is set already, and fresh secrets for the rest");
  ConfigOutcome outcome;
  env->add_option("file", outcome.env_file, "An .env whose values are kept; the environment wins")
      ->check(CLI::ExistingFile);
  app.add_flag("--check-config", check, "Name every wrong setting, print the others and stop");
  const auto all = settings();
  std::vector<std::string> texts;
  for (const auto& setting : all) texts.emplace_back(setting.text);
  for (std::size_t index = 0; index < all.size(); ++index) {
    app.add_option(all[index].flag, texts[index], all[index].help)->envname(all[index].variable)->capture_default_str();
  }

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    outcome.next = ConfigOutcome::Next::exit;
    outcome.exit_code = app.exit(error) == 0 ? 0 : 2;
    return outcome;
  }
  if (relay->parsed()) outcome.next = ConfigOutcome::Next::relay;
  if (check) outcome.next = ConfigOutcome::Next::check;
  if (env->parsed()) {
    // What is wrong with a value is for --check-config to say.
    outcome.next = ConfigOutcome::Next::env;
    return outcome;
  }
  if (const char* url = std::getenv("DATABASE_URL")) outcome.config.database_url = url;
  if (const char* url = std::getenv("SMTP_URL")) outcome.config.smtp_url = url;
  for (std::size_t index = 0; index < all.size(); ++index) {
    const auto expected = all[index].take(texts[index], outcome.config);
    if (expected.empty()) continue;
    outcome.problems.push_back(std::string(all[index].variable) + " is '" + texts[index] + "': expected " + expected);
  }
  if (relay->parsed() && outcome.config.relay_transfers == 0) {
    outcome.problems.push_back("FACTORY_RELAY_TRANSFERS is '0': expected 1 or more for a relay");
  }
  if (outcome.problems.empty()) check_together(outcome);
  return outcome;
}

void print_config(std::ostream& out, const Config& config) {
  const bool v6 = config.listen_host.find(':') != std::string::npos;
  out << "DATABASE_URL=" << masked(config.database_url) << '\n'
      << "FACTORY_LISTEN=" << (v6 ? "[" + config.listen_host + "]" : config.listen_host) << ':' << config.listen_port
      << '\n'
      << "FACTORY_TLS_CERT=" << config.tls_certificate << '\n'
      << "FACTORY_TLS_KEY=" << config.tls_key << '\n'
      << "FACTORY_POOL_SIZE=" << config.pool_size << '\n'
      << "FACTORY_THREADS=" << config.threads << '\n'
      << "FACTORY_MAX_CONNECTIONS=" << config.max_connections << '\n'
      << "FACTORY_MAX_CONNECTIONS_PER_PEER=" << config.max_connections_per_peer << '\n'
      << "FACTORY_BODY_BUDGET=" << config.body_budget << '\n'
      << "FACTORY_CALL_TIMEOUT=" << config.call_timeout << '\n'
      << "JOBS_ENABLED=" << (config.jobs_enabled ? "true" : "false") << '\n'
      << "FACTORY_TRUSTED_PROXIES=" << joined(config.trusted_proxies) << '\n'
      << "FACTORY_METRICS_ALLOW=" << joined(config.metrics_allow) << '\n'
      << "FACTORY_RELAY_TRANSFERS=" << config.relay_transfers << '\n'
      << "FACTORY_RELAY_CA=" << config.relay_authorities << '\n'
      << "SMTP_URL=" << without_user(config.smtp_url) << '\n';
}

}  // namespace factory::edge
