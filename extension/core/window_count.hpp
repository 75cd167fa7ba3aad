#pragma once

#include <algorithm>
#include <cstdint>

namespace factory::core {

/// A counter that begins anew when its window is over, in one number that lives where a TAT can: the end of the window in
/// microseconds, of which the lowest 20 bits hold the count instead. So it is in the past exactly when the window is, give
/// or take a second.
class WindowCount {
 public:
  static constexpr std::int64_t most = (1 << 20) - 1;

  /// What was kept, at `now`: an ended window counts nothing.
  WindowCount(std::int64_t kept, std::int64_t now) : end_(kept & ~most), count_(kept & most) {
    if (end_ <= now) end_ = count_ = 0;
  }

  std::int64_t count() const { return count_; }
  std::int64_t left(std::int64_t now) const { return std::max<std::int64_t>(end_ - now, 0); }

  /// Counts one more; the first opens a window of `length`.
  void add(std::int64_t now, std::int64_t length) {
    if (count_ == 0) restart(now, length);
    count_ = std::min(count_ + 1, most);
  }

  /// Takes one back.
  void take_back() { count_ = std::max<std::int64_t>(count_ - 1, 0); }

  /// Lets the window last `length` from now, whatever was counted.
  void restart(std::int64_t now, std::int64_t length) { end_ = std::max(now + length, now + most + 1) & ~most; }

  std::int64_t kept() const { return count_ == 0 ? 0 : end_ | count_; }

 private:
  std::int64_t end_;
  std::int64_t count_;
};

}  // namespace factory::core
