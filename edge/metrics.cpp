#include "edge/metrics.hpp"

#include <algorithm>
#include <cstdio>

#include "edge/problem_document.hpp"

namespace factory::edge {
namespace {

constexpr std::string_view class_names[] = {"write", "read"};

void append_head(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out.append("# HELP ").append(name).append(" ").append(help).append("\n");
  out.append("# TYPE ").append(name).append(" ").append(type).append("\n");
}

void append_value(std::string& out, std::string_view name_and_labels, std::uint64_t value) {
  out.append(name_and_labels).append(" ").append(std::to_string(value)).append("\n");
}

std::string decimal(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

}  // namespace

Metrics::Metrics() : refusals_(problem_rows().size()) {}

void Metrics::count_request(bool reads, int status, std::int64_t microseconds) {
  constexpr auto relaxed = std::memory_order_relaxed;
  requests_[reads][static_cast<std::size_t>(std::clamp(status, 0, 599))].fetch_add(1, relaxed);
  const double seconds = static_cast<double>(microseconds) / 1e6;
  const auto bucket = std::lower_bound(bounds.begin(), bounds.end(), seconds) - bounds.begin();
  latency_[static_cast<std::size_t>(bucket)].fetch_add(1, relaxed);
  latency_microseconds_.fetch_add(static_cast<std::uint64_t>(microseconds), relaxed);
}

void Metrics::count_refusal(std::string_view code) { ++refusals_[problem_index(code)]; }

std::string Metrics::prometheus_text() const {
  std::string out;
  out.reserve(4096);
  append_head(out, "factory_edge_build_info", "gauge", "The version that runs.");
  append_value(out, "factory_edge_build_info{version=\"" FACTORY_VERSION "\"}", 1);

  append_head(out, "factory_edge_requests_total", "counter", "Requests answered, by class of method and status.");
  for (std::size_t reads = 0; reads < requests_.size(); ++reads) {
    for (std::size_t status = 0; status < requests_[reads].size(); ++status) {
      const auto count = requests_[reads][status].load();
      if (count == 0) continue;
      const std::string labels =
          std::string("{class=\"").append(class_names[reads]) + "\",status=\"" + std::to_string(status) + "\"}";
      append_value(out, "factory_edge_requests_total" + labels, count);
    }
  }

  append_head(out, "factory_edge_request_duration_seconds", "histogram", "From the last byte in to the answer.");
  std::uint64_t below = 0;
  for (std::size_t bucket = 0; bucket < latency_.size(); ++bucket) {
    below += latency_[bucket].load();
    const std::string bound = bucket < bounds.size() ? decimal(bounds[bucket]) : "+Inf";
    append_value(out, "factory_edge_request_duration_seconds_bucket{le=\"" + bound + "\"}", below);
  }
  const auto sum = std::to_string(static_cast<double>(latency_microseconds_.load()) / 1e6);
  out.append("factory_edge_request_duration_seconds_sum ").append(sum).append("\n");
  append_value(out, "factory_edge_request_duration_seconds_count", below);

  append_head(out, "factory_edge_refusals_total", "counter", "Problems that the edge answered itself, by code.");
  for (std::size_t index = 0; index < refusals_.size(); ++index) {
    const auto count = refusals_[index].load();
    if (count == 0) continue;
    const std::string code(problem_rows()[index].code);
    append_value(out, "factory_edge_refusals_total{code=\"" + code + "\"}", count);
  }

  const auto plain = [&out](std::string_view name, std::string_view type, std::string_view help, auto value) {
    append_head(out, name, type, help);
    append_value(out, name, static_cast<std::uint64_t>(value));
  };
  plain("factory_edge_connections", "gauge", "Client connections that are open.", connections.load());
  plain("factory_edge_connections_accepted_total", "counter", "Client connections.", connections_accepted.load());
  plain("factory_edge_connections_refused_total", "counter", "Connections over a cap.", connections_refused.load());
  plain("factory_edge_body_bytes", "gauge", "Bytes of the body budget that are taken.", body_bytes.load());
  plain("factory_edge_bodies_refused_total", "counter", "Bodies over the budget.", bodies_refused.load());
  plain("factory_edge_pool_in_use", "gauge", "Database connections that serve a request.", pool_in_use.load());
  plain("factory_edge_pool_idle", "gauge", "Database connections that are free.", pool_idle.load());
  plain("factory_edge_pool_waiting", "gauge", "Requests that wait for a database connection.", pool_waiting.load());
  plain("factory_edge_pool_waits_total", "counter", "Requests that had to wait for one.", pool_waits.load());
  plain("factory_edge_pool_connects_total", "counter", "Database connections made.", pool_connects.load());
  plain("factory_edge_pool_losses_total", "counter", "Database connections found broken.", pool_losses.load());
  plain("factory_edge_outbox_claimed_total", "counter", "Messages that the relay took.", outbox_claimed.load());
  plain("factory_edge_outbox_delivered_total", "counter", "Calls out that were answered well.",
        outbox_delivered.load());
  plain("factory_edge_outbox_failed_total", "counter", "Calls out that were not.", outbox_failed.load());
  plain("factory_edge_outbox_in_flight", "gauge", "Calls out on their way.", outbox_in_flight.load());
  plain("factory_edge_outbox_waiting", "gauge", "Messages not finished, of all relays.", outbox_waiting.load());
  plain("factory_edge_outbox_due", "gauge", "Those of them that are due.", outbox_due.load());
  plain("factory_edge_outbox_oldest_seconds", "gauge", "How long the oldest has been due.",
        outbox_oldest_seconds.load());
  const auto of_platform = [&plain](std::string_view name, std::string_view help, int value) {
    if (value >= 0) plain(name, "gauge", help, value);
  };
  of_platform("factory_health", "Worst colour of the platform's parts: 0 green, 1 amber, 2 red.",
              platform_colour.load());
  of_platform("factory_safe_mode", "1 while the platform is in safe mode.", safe_mode.load());
  return out;
}

}  // namespace factory::edge
