#include "pipeline/axis_map.h"

#include <algorithm>
#include <climits>

namespace fastload {
namespace {

using Runs = std::vector<Run>;

// Borders side by side are one.
void append(const Run& run, Runs* runs) {
  if (!runs->empty() && runs->back().is_border() && run.is_border()) {
    runs->back().count += run.count;
    return;
  }
  const int begin = runs->empty() ? 0 : runs->back().begin + runs->back().count;
  runs->push_back({begin, run.count, run.first, run.reversed});
}

void append(const Runs& more, Runs* runs) {
  for (const Run& run : more) append(run, runs);
}

// What shows the outputs [start, start + count).
Runs part(const Runs& runs, int start, int count) {
  Runs part;
  for (Run run : runs) {
    const int from = std::max(start - run.begin, 0), to = std::min(start + count - run.begin, run.count);
    if (from >= to) continue;
    if (!run.is_border()) run.first += run.reversed ? run.count - to : from;
    run.count = to - from;
    append(run, &part);
  }
  return part;
}

Runs turned(const Runs& runs) {
  Runs turned;
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
    append({0, run->count, run->first, !run->is_border() && !run->reversed}, &turned);
  }
  return turned;
}

// `count` outputs beside `runs` of `size`: before the first, or behind the last.
Runs border(const Runs& runs, int size, int count, bool before, PadMode mode) {
  if (mode == PadMode::kConstant) return {{0, count, Run::kBorder, false}};
  if (mode == PadMode::kEdge) {
    const Runs edge = part(runs, before ? 0 : size - 1, 1);
    Runs border;
    for (int i = 0; i < count; ++i) append(edge, &border);
    return border;
  }
  const int skipped = mode == PadMode::kReflect ? 1 : 0;
  return turned(part(runs, before ? skipped : size - skipped - count, count));
}

}  // namespace

void AxisMap::reset(int size) { runs_.assign(1, {0, size, 0, false}); }

void AxisMap::crop(int start, int count) { runs_ = part(runs_, start, count); }

void AxisMap::flip() { runs_ = turned(runs_); }

void AxisMap::pad(int before, int after, PadMode mode) {
  Runs padded;
  if (before > 0) append(border(runs_, size(), before, true, mode), &padded);
  append(runs_, &padded);
  if (after > 0) append(border(runs_, size(), after, false, mode), &padded);
  runs_.swap(padded);
}

AxisMap::Span AxisMap::rebase() {
  Span span{INT_MAX, 0};
  for (const Run& run : runs_) {
    if (run.is_border()) continue;
    span.begin = std::min(span.begin, run.first);
    span.end = std::max(span.end, run.first + run.count);
  }
  if (span.end == 0) return {0, 1};  // nothing but border
  for (Run& run : runs_) {
    if (!run.is_border()) run.first -= span.begin;
  }
  return span;
}

}  // namespace fastload
