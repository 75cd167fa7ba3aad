#include "edge/relay.hpp"

#include <unistd.h>

#include <algorithm>
#include <new>
#include <thread>

#include "edge/log.hpp"

namespace factory::edge {
namespace {

using namespace std::chrono_literals;

// Longer than the longest call takes, so that only a relay that died loses a lease.
constexpr int lease_seconds = 60;
// Notices come at once; retries come due in silence.
constexpr auto poll_interval = 1s;
constexpr auto look_interval = 10s;
constexpr auto purge_interval = 10min;
constexpr auto pause_without_database = 1s;
constexpr auto grace_for_calls = 5s;

std::string worker_name() {
  char host[256] = "host";
  gethostname(host, sizeof host - 1);
  return std::string(host) + ":" + std::to_string(getpid());
}

}  // namespace

Relay::Relay(Settings settings, Metrics& metrics)
    : settings_(std::move(settings)),
      metrics_(metrics),
      worker_(worker_name()),
      multi_(curl_multi_init(), curl_multi_cleanup) {
  if (!multi_) throw std::bad_alloc();
}

Relay::~Relay() {
  for (const auto& [call, owned] : calls_) curl_multi_remove_handle(multi_.get(), call->handle());
}

void Relay::run() {
  LogLine(Level::info, "relay_started")
      .add("worker", worker_)
      .add("transfers", settings_.transfers)
      .add("mails", settings_.outbound.smtp_url.empty() ? "off" : "on");
  while (!stopping_) {
    try {
      if (!link_) link_ = std::make_unique<RelayLink>(settings_.database_url, worker_);
      work();
    } catch (const RelayLink::Lost& lost) {
      LogLine(Level::error, "relay_database_lost").add("message", lost.what());
      link_.reset();
      claim_at_ = {};
      for (auto end = Clock::now() + pause_without_database; Clock::now() < end && !stopping_;) wait();
    } catch (const std::exception& error) {
      // What was claimed and not begun comes due again by itself.
      LogLine(Level::error, "relay_failed").add("message", error.what());
      std::this_thread::sleep_for(pause_without_database);
    }
  }
  give_back();
  LogLine(Level::info, "relay_stopped")
      .add("delivered", static_cast<std::int64_t>(metrics_.outbox_delivered))
      .add("failed", static_cast<std::int64_t>(metrics_.outbox_failed));
}

void Relay::stop() {
  stopping_ = true;
  curl_multi_wakeup(multi_.get());
}

void Relay::work() {
  while (!stopping_) {
    report();
    if (link_->has_news()) claim_at_ = {};
    const auto now = Clock::now();
    if (now >= claim_at_) claim();
    look_after(now);
    wait();
  }
}

void Relay::claim() {
  const auto free = static_cast<std::size_t>(settings_.transfers) - calls_.size();
  claim_at_ = Clock::now() + poll_interval;
  if (free == 0) return;
  auto messages = link_->claim(free, !settings_.outbound.smtp_url.empty(), lease_seconds);
  if (messages.empty()) return;
  // Where there was something, there may be more.
  claim_at_ = {};
  metrics_.outbox_claimed += messages.size();
  policy_ = link_->policy();
  for (auto& message : messages) start(std::move(message));
}

void Relay::start(OutboundMessage message) {
  auto call = std::make_unique<OutboundCall>(std::move(message), policy_, settings_.outbound);
  if (curl_multi_add_handle(multi_.get(), call->handle()) != CURLM_OK) throw std::bad_alloc();
  calls_.emplace(call.get(), std::move(call));
  metrics_.outbox_in_flight = static_cast<std::int64_t>(calls_.size());
}

void Relay::collect() {
  int left = 0;
  while (const CURLMsg* ended = curl_multi_info_read(multi_.get(), &left)) {
    if (ended->msg != CURLMSG_DONE) continue;
    char* self = nullptr;
    curl_easy_getinfo(ended->easy_handle, CURLINFO_PRIVATE, &self);
    const auto* call = reinterpret_cast<const OutboundCall*>(self);
    OutboundResult result = call->result(ended->data.result);
    curl_off_t microseconds = 0;
    curl_easy_getinfo(ended->easy_handle, CURLINFO_TOTAL_TIME_T, &microseconds);
    const bool delivered = result.status >= 200 && result.status <= 299;
    ++(delivered ? metrics_.outbox_delivered : metrics_.outbox_failed);
    LogLine(delivered ? Level::info : Level::warning, delivered ? "outbox_delivered" : "outbox_failed")
        .add("id", result.id)
        .add("attempt", call->message().attempt)
        .add("outcome", result.outcome)
        .add("status", result.status)
        .add("detail", result.detail)
        .add_milliseconds("duration_ms", microseconds);
    unreported_.push_back(std::move(result));
    curl_multi_remove_handle(multi_.get(), call->handle());
    calls_.erase(call);
  }
  metrics_.outbox_in_flight = static_cast<std::int64_t>(calls_.size());
}

void Relay::report() {
  if (unreported_.empty()) return;
  std::size_t taken = 0;
  try {
    taken = link_->report(unreported_);
  } catch (const RelayLink::Lost&) {
    // Together they may have collided with another relay's. One that the database will not take alone either is left
    // to its lease: the others must not wait behind it.
    for (; !unreported_.empty(); unreported_.pop_back()) {
      try {
        link_->report({unreported_.back()});
      } catch (const RelayLink::Lost& lost) {
        if (!link_->is_connected()) throw;
        LogLine(Level::error, "outbox_report_failed").add("id", unreported_.back().id).add("message", lost.what());
      }
    }
    return;
  }
  if (taken < unreported_.size())
    LogLine(Level::warning, "outbox_lease_lost").add("messages", static_cast<std::int64_t>(unreported_.size() - taken));
  unreported_.clear();
  // Places have become free.
  claim_at_ = {};
}

void Relay::look_after(Clock::time_point now) {
  if (now >= look_at_) {
    look_at_ = now + look_interval;
    const RelayLink::Backlog backlog = link_->backlog();
    metrics_.outbox_waiting = backlog.waiting;
    metrics_.outbox_due = backlog.due;
    metrics_.outbox_oldest_seconds = backlog.oldest_seconds;
  }
  if (now >= purge_at_) {
    purge_at_ = now + purge_interval;
    link_->purge();
  }
}

// Until a call moves, news arrive, the next claim is due or somebody calls stop().
void Relay::wait() {
  int running = 0;
  curl_multi_perform(multi_.get(), &running);
  collect();
  if (!unreported_.empty() && link_) return;
  const auto until = std::min({claim_at_, look_at_, Clock::now() + poll_interval});
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
  curl_waitfd news{link_ ? link_->socket() : -1, CURL_WAIT_POLLIN, 0};
  const int timeout = link_ ? static_cast<int>(std::clamp<std::int64_t>(left, 0, 1000)) : 100;
  curl_multi_poll(multi_.get(), &news, link_ ? 1 : 0, timeout, nullptr);
  curl_multi_perform(multi_.get(), &running);
  collect();
}

void Relay::give_back() {
  for (const auto end = Clock::now() + grace_for_calls; !calls_.empty() && Clock::now() < end;) {
    int running = 0;
    curl_multi_perform(multi_.get(), &running);
    collect();
    if (!calls_.empty()) curl_multi_poll(multi_.get(), nullptr, 0, 100, nullptr);
  }
  for (const auto& [call, owned] : calls_) unreported_.push_back(call->returned());
  try {
    if (unreported_.empty()) return;
    if (!link_) link_ = std::make_unique<RelayLink>(settings_.database_url, worker_);
    link_->report(unreported_);
  } catch (const RelayLink::Lost& lost) {
    LogLine(Level::warning, "relay_database_lost").add("message", lost.what());
  }
}

}  // namespace factory::edge
