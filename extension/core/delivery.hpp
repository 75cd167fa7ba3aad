#pragma once

#include <chrono>
#include <optional>

namespace factory::core {

/// What a message travels by; each has its own rules of what counts as delivered and when to try again.
enum class Channel { webhook, http, smtp };

/// What became of one attempt, as the relay saw it.
enum class Outcome {
  answered,     ///< the receiver answered with a status of its protocol
  unreachable,  ///< no answer: no name, no connection, no trust in its certificate, too slow
  refused,      ///< the address may not be called
  returned,     ///< it was not tried, because the relay stops
};

enum class Verdict {
  delivered,
  retry,
  dead,
  gone,  ///< dead, and the receiver wants no more
};

struct Decision {
  Verdict verdict;
  /// Until the next attempt; only with retry.
  std::chrono::milliseconds delay{};
};

/// Attempts after which a message is dead.
int most_attempts(Channel channel);

/// Decides after attempt number `attempts` (the first is 1). `retry_after` is what the receiver asked for, in seconds;
/// `jitter`, from 0 to below 1, spreads messages that failed together.
Decision decide(Channel channel, Outcome outcome, int status, int attempts, std::optional<int> retry_after,
                double jitter);

}  // namespace factory::core
