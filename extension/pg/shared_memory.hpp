// Shared memory of the extension: plain structures only, one area for each file that needs one.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/lwlock.h"
}

namespace factory::pg::shared_memory {

// An area's type-free half: what the server's start-up needs. Areas are namespace-scope objects and never end.
class AreaBase {
 public:
  AreaBase(const AreaBase&) = delete;
  AreaBase& operator=(const AreaBase&) = delete;

  // The area's own locks, as many as it asked for; their tranche bears its name.
  LWLock* lock(std::size_t index = 0) const { return &locks_[index].lock; }

 protected:
  AreaBase(const char* name, int lock_count);
  ~AreaBase() = default;

  void* place_ = nullptr;

 private:
  friend void request();
  friend void start_up();
  virtual std::size_t size() const = 0;
  virtual void make() = 0;

  const char* const name_;
  const int lock_count_;
  AreaBase* const next_;
  LWLockPadded* locks_ = nullptr;
};

// A `T` in shared memory, zeroed and then given to `make` once, when the server starts (settings are read by then).
// `extra_size` says how many bytes follow the T, for arrays whose length is a setting.
template <typename T>
class Area final : public AreaBase {
  static_assert(std::is_trivially_destructible_v<T>);

 public:
  explicit Area(const char* name, void (*make)(T&) = nullptr, int lock_count = 0, std::size_t (*extra_size)() = nullptr)
      : AreaBase(name, lock_count), make_(make), extra_size_(extra_size) {}

  T* operator->() const { return static_cast<T*>(place_); }
  T& operator*() const { return *static_cast<T*>(place_); }

 private:
  std::size_t size() const override { return sizeof(T) + (extra_size_ ? extra_size_() : 0); }
  void make() override {
    if (make_) make_(**this);
  }

  void (*const make_)(T&);
  std::size_t (*const extra_size_)();
};

// Installs the request and start-up hooks; only while shared_preload_libraries are loaded.
void install();

}  // namespace factory::pg::shared_memory
