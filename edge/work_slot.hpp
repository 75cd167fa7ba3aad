#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace factory::edge {

/// How many threads may be busy at once. More threads than the processors can run only push each other and the
/// database's processes out of the caches; a thread that waits long gives its slot up, so that no request waits for it.
class WorkSlots {
 public:
  explicit WorkSlots(std::size_t count) : free_(count) {}

 private:
  friend class WorkSlot;

  void take() {
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [this] { return free_ > 0; });
    --free_;
  }

  void give() {
    const std::lock_guard lock(mutex_);
    ++free_;
    freed_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable freed_;
  std::size_t free_;
};

/// The slot of one thread, held or not.
class WorkSlot {
 public:
  explicit WorkSlot(WorkSlots& slots) : slots_(slots) {}
  ~WorkSlot() { give_up(); }
  WorkSlot(const WorkSlot&) = delete;
  WorkSlot& operator=(const WorkSlot&) = delete;

  /// Waits for a slot unless this thread has one.
  void hold() {
    if (!held_) slots_.take();
    held_ = true;
  }

  /// Lets another thread have it, before a wait that may be long.
  void give_up() {
    if (held_) slots_.give();
    held_ = false;
  }

 private:
  WorkSlots& slots_;
  bool held_ = false;
};

}  // namespace factory::edge
