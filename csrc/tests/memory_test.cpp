#include <fcntl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "kernels/copy.h"
#include "kernels/parallel_copy.h"
#include "memory/available.h"
#include "memory/errors.h"
#include "memory/file_ranges.h"
#include "memory/remote_slots.h"
#include "memory/shared_file.h"
#include "memory/slots.h"
#include "tests/check.h"

using namespace fastload;

namespace {

using Numbers = std::vector<std::uint64_t>;
constexpr std::size_t kMiB = std::size_t{1} << 20;

void ranges_are_used_again_and_merge() {
  FileRanges ranges;
  CHECK(ranges.take(10) == 0 && ranges.take(20) == 10 && ranges.take(5) == 30);
  ranges.give(0, 10);
  CHECK(ranges.take(4) == 0 && ranges.take(6) == 4);
  ranges.give(4, 6);
  ranges.give(10, 20);
  ranges.give(0, 4);
  CHECK(ranges.take(30) == 0);
  ranges.give(30, 5);
  ranges.give(0, 30);
  CHECK(ranges.take(100) == 0);
}

void capacities_come_in_steps() {
  CHECK(slot_capacity(1) == 4096 && slot_capacity(4097) == 8192);
  CHECK(slot_capacity(kMiB) == kMiB && slot_capacity(kMiB + 1) == kMiB + kMiB / 8);
  for (std::size_t n = 1; n < (std::size_t{1} << 40); n = n * 3 / 2 + 1) {
    CHECK(slot_capacity(n) >= n && slot_capacity(n) % 4096 == 0);
    CHECK(slot_capacity(n) <= n + n / 8 + 4096);
  }
}

void leases_outlive_everything() {
  auto file = std::make_shared<SharedFile>();
  auto owner = std::make_unique<Slots>(file, 0);
  auto receiver = std::make_unique<RemoteSlots>(file);
  Lease mine = owner->acquire(kMiB);
  const auto place = owner->find(reinterpret_cast<std::uintptr_t>(mine.data()) + 5).value();
  CHECK(place.offset == 5);
  Lease theirs = receiver->lease(place.slot, place.file_offset, place.capacity, 0, kMiB);
  CHECK(owner->send(place.slot));
  std::memset(mine.data(), 7, kMiB);
  owner.reset();
  receiver.reset();
  file->close();
  file.reset();
  CHECK(theirs.data()[kMiB - 1] == std::byte{7});
  mine.data()[0] = std::byte{9};
  CHECK(theirs.data()[0] == std::byte{9});
}

template <class Body>
int status_of_child(Body body) {
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    alarm(60);
    body();
    std::_Exit(0);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  return status;
}

void a_file_size_limit_is_an_error() {
  CHECK(status_of_child([] {
          const rlimit limit{4 * kMiB, 4 * kMiB};
          CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
          Slots slots(std::make_shared<SharedFile>(), 256 * kMiB);
          for (int round = 0; round < 20; ++round) {
            Lease first = slots.acquire(kMiB);
            CHECK_THROWS(slots.acquire(8 * kMiB), OutOfMemory);  // SIGXFSZ would end the process
            Lease second = slots.acquire(2 * kMiB);
            std::memset(second.data(), 1, second.nbytes());
          }
        }) == 0);
}

#ifndef __SANITIZE_ADDRESS__
#ifndef __SANITIZE_THREAD__
void an_address_space_limit_is_an_error() {
  CHECK(status_of_child([] {
          const rlimit limit{512 * kMiB, 512 * kMiB};
          CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
          Slots shared(std::make_shared<SharedFile>(), 0);
          Slots own(nullptr, 0);
          CHECK_THROWS(shared.acquire(600 * kMiB), OutOfMemory);
          CHECK_THROWS(own.acquire(600 * kMiB), OutOfMemory);
          CHECK(shared.counts().bytes == 0);
          (void)shared.acquire(kMiB);
        }) == 0);
}
#endif
#endif

void threads_share_a_table() {
  Slots slots(std::make_shared<SharedFile>(), 8 * kMiB);
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t)
    threads.emplace_back([&slots, t] {
      std::minstd_rand random(t + 1);
      for (int round = 0; round < 500; ++round) {
        Lease lease = slots.acquire(1 + random() % (128 << 10));
        std::memset(lease.data(), static_cast<int>(t), lease.nbytes());
        std::this_thread::yield();
        CHECK(lease.data()[lease.nbytes() - 1] == static_cast<std::byte>(t));
        if (random() % 8 == 0 && slots.send(lease.slot())) slots.give_back(Numbers{lease.slot()});
        if (random() % 64 == 0) slots.trim();
      }
    });
  for (int i = 0; i < 10; ++i)
    CHECK(status_of_child([&] { (void)slots.acquire(kMiB); }) == 0);
  for (auto& thread : threads) thread.join();
  CHECK(slots.counts().leased == 0 && slots.counts().free_bytes == slots.counts().bytes);
}

void an_interval_timer_does_not_stop_growth() {
  struct sigaction ignore {};
  ignore.sa_handler = [](int) {};
  sigaction(SIGALRM, &ignore, nullptr);
  const itimerval fast{{0, 500}, {0, 500}};
  setitimer(ITIMER_REAL, &fast, nullptr);
  {
    Slots slots(std::make_shared<SharedFile>(), 0);
    Lease lease = slots.acquire(64 * kMiB);
    lease.data()[64 * kMiB - 1] = std::byte{1};
  }
  const itimerval off{};
  setitimer(ITIMER_REAL, &off, nullptr);
}

void copies_are_exact() {
  std::vector<std::uint8_t> from(9 * kMiB + 77);
  std::minstd_rand random(3);
  for (auto& value : from) value = static_cast<std::uint8_t>(random() >> 8);
  for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{63}, std::size_t{64}, std::size_t{1000},
                              std::size_t{70001}, 4 * kMiB + 3, 9 * kMiB + 11}) {
    for (const std::size_t shift : {0, 1, 31, 64}) {
      std::vector<std::uint8_t> to(n + shift + 64, 0xEE);
      const auto exact = [&] {
        for (std::size_t i = 0; i < shift; ++i) CHECK(to[i] == 0xEE);
        CHECK(n == 0 || std::memcmp(to.data() + shift, from.data() + 13, n) == 0);
        for (std::size_t i = shift + n; i < to.size(); ++i) CHECK(to[i] == 0xEE);
        std::fill(to.begin(), to.end(), 0xEE);
      };
      copy_bytes(to.data() + shift, from.data() + 13, n);
      exact();
      copy_bytes_streaming(to.data() + shift, from.data() + 13, n);
      exact();
      copy_many_bytes(to.data() + shift, from.data() + 13, n);
      exact();
    }
  }
  std::vector<std::uint8_t> moved(from);
  copy_many_bytes(moved.data() + 100, moved.data(), 8 * kMiB);  // ranges that overlap
  CHECK(std::memcmp(moved.data() + 100, from.data(), 8 * kMiB) == 0);
}

void the_system_knows_its_memory() { CHECK(available_bytes() > kMiB); }

}  // namespace

int main() {
  ranges_are_used_again_and_merge();
  capacities_come_in_steps();
  leases_outlive_everything();
  a_file_size_limit_is_an_error();
#ifndef __SANITIZE_ADDRESS__
#ifndef __SANITIZE_THREAD__
  an_address_space_limit_is_an_error();
#endif
#endif
  threads_share_a_table();
  an_interval_timer_does_not_stop_growth();
  copies_are_exact();
  the_system_knows_its_memory();
}
