// A value that several threads share behind a mutex. The only way to the value is a lock, so
// that what is shared shows it in its type:
//
//   Guarded<std::vector<Entry>> entries_;
//   entries_.With([&](auto& list) { list.push_back(entry); });
//
// clang's thread-safety analysis checks direct use of the mutex below.
#pragma once

#include <mutex>
#include <utility>

#if defined(__clang__)
#define BW_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define BW_THREAD_ATTRIBUTE(x)
#endif
#define BW_CAPABILITY(name) BW_THREAD_ATTRIBUTE(capability(name))
#define BW_SCOPED_CAPABILITY BW_THREAD_ATTRIBUTE(scoped_lockable)
#define BW_GUARDED_BY(mutex) BW_THREAD_ATTRIBUTE(guarded_by(mutex))
#define BW_REQUIRES(...) BW_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define BW_ACQUIRE(...) BW_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define BW_RELEASE(...) BW_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define BW_TRY_ACQUIRE(...) BW_THREAD_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))

namespace breakwater {

// std::mutex with the annotations that clang's analysis needs.
class BW_CAPABILITY("mutex") Mutex {
 public:
  void lock() BW_ACQUIRE() { mutex_.lock(); }
  void unlock() BW_RELEASE() { mutex_.unlock(); }
  bool try_lock() BW_TRY_ACQUIRE(true) { return mutex_.try_lock(); }

 private:
  std::mutex mutex_;
};

class BW_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) BW_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() BW_RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

template <typename T>
class Guarded {
 public:
  template <typename... Args>
  explicit Guarded(Args&&... args) : value_(std::forward<Args>(args)...) {}

  // Calls `f(value)` under the lock and returns what it returns. `f` must not keep a reference.
  template <typename F>
  auto With(F&& f) {
    MutexLock lock(mutex_);
    return std::forward<F>(f)(value_);
  }
  template <typename F>
  auto With(F&& f) const {
    MutexLock lock(mutex_);
    return std::forward<F>(f)(static_cast<const T&>(value_));
  }
  T Copy() const {
    MutexLock lock(mutex_);
    return value_;
  }

 private:
  mutable Mutex mutex_;
  T value_ BW_GUARDED_BY(mutex_);
};

}  // namespace breakwater
