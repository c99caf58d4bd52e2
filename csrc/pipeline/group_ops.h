// Steps made of steps, of which some are drawn.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace fastload {

struct Step;

// How members are drawn, after the group itself has been, with its probability.
enum class Choice : std::uint8_t {
  kAll,      // one after the other
  kOne,      // one, by weight
  kShuffled, // all, in a random order
  kSome,     // as many as are drawn from [least, most], no member twice, in their order
  kSomeAgain,  // the same, members may be drawn several times, in the order in which they were
};

struct Group {
  Choice choice;
  double probability;
  std::vector<double> weights;  // of the members; empty: all alike
  int least, most;
  std::vector<std::vector<Step>> members;
};

struct GroupOp {
  std::shared_ptr<const Group> group;
};

// The numbers of the members that are drawn, in the order in which they run.
std::vector<int> drawn_members(const Group& group, std::uint64_t key, std::uint64_t stream);

// The stream of step `number` of a member, where that member is the `turn`-th to run.
std::uint64_t member_stream(std::uint64_t stream, int turn, int number) noexcept;

}  // namespace fastload
