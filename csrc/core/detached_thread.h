// A thread that nobody joins: it serves for as long as the process lives.
#pragma once

#include <pthread.h>
#include <signal.h>

#include <cstddef>

namespace fastload {

// Runs enter(argument) in a new thread; false if the system refuses one. Signals are for the threads that Python knows.
inline bool start_detached_thread(std::size_t stack_bytes, void* (*enter)(void*), void* argument) {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return false;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, stack_bytes);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  const int failed = pthread_create(&thread, &attributes, enter, argument);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  return failed == 0;
}

}  // namespace fastload
