#include "core/delivery.hpp"

#include <algorithm>
#include <array>

namespace factory::core {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

// Standard Webhooks: the waits between ten attempts over three days.
constexpr std::array<std::chrono::seconds, 9> webhook_waits{5s, 5min, 30min, 2h, 5h, 10h, 14h, 20h, 24h};
constexpr int other_attempts = 12;
constexpr milliseconds first_wait = 10s;
constexpr milliseconds longest_wait = 6h;
constexpr milliseconds longest_asked_wait = 24h;

Verdict judge(Channel channel, Outcome outcome, int status) {
  if (outcome == Outcome::refused) return Verdict::dead;
  if (outcome != Outcome::answered) return Verdict::retry;
  if (status >= 200 && status <= 299) return Verdict::delivered;
  switch (channel) {
    case Channel::webhook:
      return status == 410 ? Verdict::gone : Verdict::retry;
    case Channel::http:
      return status >= 500 || status == 408 || status == 425 || status == 429 ? Verdict::retry : Verdict::dead;
    case Channel::smtp:
      return status >= 500 ? Verdict::dead : Verdict::retry;
  }
  return Verdict::dead;
}

milliseconds wait_after(Channel channel, int attempts, double jitter) {
  const auto spread = [jitter](milliseconds wait, double least) {
    return milliseconds(static_cast<std::int64_t>(static_cast<double>(wait.count()) * (least + (1 - least) * jitter)));
  };
  if (channel == Channel::webhook)
    return spread(webhook_waits[static_cast<std::size_t>(std::clamp(attempts - 1, 0, 8))], 0.9);
  const int doublings = std::clamp(attempts - 1, 0, 12);
  return spread(std::min(first_wait * (std::int64_t{1} << doublings), longest_wait), 0.5);
}

}  // namespace

int most_attempts(Channel channel) {
  return channel == Channel::webhook ? static_cast<int>(webhook_waits.size()) + 1 : other_attempts;
}

Decision decide(Channel channel, Outcome outcome, int status, int attempts, std::optional<int> retry_after,
                double jitter) {
  if (outcome == Outcome::returned) return {Verdict::retry, 0ms};
  const Verdict verdict = judge(channel, outcome, status);
  if (verdict != Verdict::retry) return {verdict};
  if (attempts >= most_attempts(channel)) return {Verdict::dead};
  milliseconds delay = wait_after(channel, attempts, jitter);
  if (retry_after && *retry_after > 0)
    delay = std::max(delay, std::min<milliseconds>(std::chrono::seconds(*retry_after), longest_asked_wait));
  return {Verdict::retry, delay};
}

}  // namespace factory::core
