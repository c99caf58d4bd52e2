#include "pipeline/executor.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <exception>
#include <functional>
#include <optional>

#include "codecs/orient.h"
#include "core/file.h"
#include "core/ticks.h"
#include "kernels/channels.h"
#include "kernels/warp.h"
#include "pipeline/direct.h"

namespace fastload {
namespace {

constexpr int kWhole = 8;  // eighths of the full size
constexpr std::size_t kMostScratchBytes = std::size_t{16} << 20;

const LevelMap& plain_levels(int channels) {
  static const LevelMap one(OutType::kUint8, 1, nullptr), three(OutType::kUint8, 3, nullptr),
      four(OutType::kUint8, 4, nullptr);
  return channels == 1 ? one : channels == 3 ? three : four;
}

Placement placement_of(const Stage& stage) {
  Placement placement{stage.rows.runs(), stage.columns.runs()};
  std::copy(stage.fill.begin(), stage.fill.end(), placement.fill);
  return placement;
}

// The least part of its size at which an image still covers what `stage` makes of it.
int fitting_eighths(const Stage& stage) {
  for (const int eighths : {1, 2, 4}) {
    if (std::int64_t{stage.window.width} * eighths >= std::int64_t{stage.full.width} * kWhole &&
        std::int64_t{stage.window.height} * eighths >= std::int64_t{stage.full.height} * kWhole) {
      return eighths;
    }
  }
  return kWhole;
}

// One axis of a window that is read at eighths / 8 of its size: whole pixels, and where the window lies in them. The
// image begins at `origin` of those pixels.
struct ScaledSpan {
  int begin, size;
  double from, to;
  ScaledSpan(int start, int length, int eighths, double origin) {
    const double exact_from = origin + start * eighths / 8.0;
    const double exact_to = origin + (start + length) * eighths / 8.0;
    begin = static_cast<int>(std::floor(exact_from));
    size = static_cast<int>(std::ceil(exact_to)) - begin;
    from = exact_from - begin;
    to = exact_to - begin;
  }
};

// The stage, of which only channels are still to be changed.
Stage placed_already(const Stage& stage) {
  Stage left = stage;
  left.rows.reset(stage.out.height);
  left.columns.reset(stage.out.width);
  return left;
}

// Whether a stage leaves its rows as the resize makes them.
bool is_only_resized(const Stage& stage) {
  const auto is_as_it_was = [](const AxisMap& axis) { return axis.is_range() && !axis.is_reversed(); };
  return stage.resized && !stage.warped && stage.colours.empty() && !stage.to_grey && !stage.to_colour &&
         is_as_it_was(stage.rows) && is_as_it_was(stage.columns);
}

// How the result is written.
struct Written {
  int channels;
  const LevelMap& levels;
  bool planar;
  Written(const ImageProgram& program, const Plan& plan)
      : channels(program.output() ? program.output()->channels : plan.channels()),
        levels(program.output() ? program.output()->levels : plain_levels(channels)),
        planar(program.output() && program.output()->planar) {}
};

}  // namespace

// Adds the time since it was last asked to one of the sums.
class Executor::Clock {
 public:
  // Does one of many small parts, of which only some are timed.
  template <class Work>
  void time_some(Work work) {
    if (parts_++ % kTimed != 0) return work();
    const std::int64_t before = ticks();
    work();
    ticks_ += ticks() - before;
    ++timed_;
  }
  // About how long they all took.
  std::int64_t of_parts() const noexcept { return timed_ == 0 ? 0 : ticks_ * parts_ / timed_; }

  void add_to(std::int64_t* sum) noexcept {
    const std::int64_t now = ticks();
    *sum += now - last_;
    last_ = now;
  }

 private:
  static constexpr int kTimed = 8;
  std::int64_t last_ = ticks(), ticks_ = 0;
  int parts_ = 0, timed_ = 0;
};

Status Executor::run_file(const char* path, const FileOptions& options, const ImageProgram& program,
                          std::uint64_t key, Destination& out, Targets* targets) noexcept {
  try {
    Clock clock;
    Status status = read_file(path, file_);
    clock.add_to(&times_.read);
    if (status.ok()) status = decoder_.open(file_, options.max_pixels);
    clock.add_to(&times_.decode);
    if (!status.ok()) return status;
    const JpegHeader& header = decoder_.header();
    const int channels = options.grey ? 1 : 3;
    const bool turned = options.apply_orientation && header.orientation != 1;
    if (!turned) {
      JpegSource source(decoder_, options.grey, options.scaled);
      status = program.plan({header.height, header.width}, channels, key, targets, &plan_);
      if (status.ok()) status = run(source, channels, program, out);
    } else {
      TurnedJpegSource source(decoder_, options.grey, options.scaled, stored_, rows_);
      const Size stored{header.height, header.width};
      const Size turned_size = swaps_axes(header.orientation) ? Size{stored.width, stored.height} : stored;
      status = program.plan(turned_size, channels, key, targets, &plan_);
      if (status.ok()) status = run(source, channels, program, out);
    }
    trim();
    return status;
  } catch (const std::exception&) {  // bad_alloc, and length_error of a vector
    return Status::of(Fault::kNoMemory, "no memory");
  }
}

Status Executor::run_pixels(ImageView image, const ImageProgram& program, std::uint64_t key,
                            Destination& out, Targets* targets) noexcept {
  try {
    Status status = program.plan({image.height, image.width}, image.channels, key, targets, &plan_);
    if (status.ok() && is_part(plan_, image.channels, program) && out.may_stay(plan_.stage(0).window)) return {};
    if (status.ok() && is_direct(plan_, image.channels, program)) return run_direct(image, out);
    ViewSource source(image, rows_);
    if (status.ok()) status = run(source, image.channels, program, out);
    trim();
    return status;
  } catch (const std::exception&) {  // bad_alloc, and length_error of a vector
    return Status::of(Fault::kNoMemory, "no memory");
  }
}

Status Executor::run_direct(ImageView image, Destination& out) {
  void* destination = nullptr;
  Status status = out.place(plan_.size(), 3, 1, &destination);
  if (!status.ok()) return status;
  Clock clock;
  status = run_directly(plan_.stage(0), image, colours_, read_[0], static_cast<std::uint8_t*>(destination));
  clock.add_to(&times_.finish);
  return status;
}

// The sample that has been planned.
Status Executor::run(RowSource& source, int channels, const ImageProgram& program, Destination& out) {
  Status status;
  ImageView image;
  bool placed = false;  // whether the image is already as the last stage leaves it
  int bytes = channels == 1 ? 1 : 4;
  std::optional<ScratchSource> made;   // what the stage before has made,
  std::optional<WarpedSource> warped;  // or makes row by row
  RowSource* before = &source;
  for (int number = 0; number < plan_.stages(); ++number) {
    const Stage& stage = plan_.stage(number);
    const bool is_last = number + 1 == plan_.stages();
    reading_ = number == 0 ? &times_.decode : &times_.resample;
    read_in_ ^= 1;  // what the stage before has read may still be read
    if (is_last && is_only_resized(stage)) return finish_resized(stage, *before, bytes, program, out);
    status = read_stage(stage, *before, bytes, &image);
    if (!status.ok()) return status;
    if (WarpedSource::suits(stage)) {
      before = &warped.emplace(stage, image, colours_, placed_[placed_in_ ^= 1]);
      if (is_last) return finish_warped(stage, *warped, program, out);
      continue;
    }
    if (stage.warped) status = warp_stage(stage, &image);
    placed = false;
    if (status.ok() && !stage.colours.empty()) status = colour_stage(stage, &image, &placed);
    if (!status.ok()) return status;
    // The last pass of all does the placing of the last stage, too, unless that takes the colour out and it is wanted
    // as three channels again.
    if (is_last && !(stage.to_grey && plan_.channels() == 3) && !stage.to_colour) break;
    status = place_stage(placed ? placed_already(stage) : stage, image, &image);
    placed = true;
    if (!status.ok()) return status;
    bytes = image.channels;
    before = &made.emplace(image);
  }
  return finish(image, placed, program, out);
}

// What `stage` reads, resized if it says so; RGB only if the stage is made row by row.
Status Executor::read_stage(const Stage& stage, RowSource& source, int channels, ImageView* image) {
  if (stage.resized) return resize_stage(stage, source, channels, image);
  if (WarpedSource::suits(stage)) {
    *image = source.rgb_in_place(stage.window);
    if (image->data != nullptr && warp_takes_rgb(*image, stage.to_read, stage.sampling, stage.out.width)) return {};
  }
  return copy_stage(stage, source, channels, image);
}

Status Executor::resize_stage(const Stage& stage, RowSource& source, int channels, ImageView* image,
                              const RowsMade& rows_made) {
  Clock clock;
  const std::int64_t resampled_before = times_.resample;
  // What takes single pixels is to take those of the whole image.
  const bool antialiased = stage.filter != Filter::kNearest && stage.filter != Filter::kLinear;
  const int eighths = source.has_eighths() && antialiased ? fitting_eighths(stage) : kWhole;
  const Origin origin = source.origin(eighths);
  const ScaledSpan columns(stage.window.x, stage.window.width, eighths, origin.x);
  const ScaledSpan rows(stage.window.y, stage.window.height, eighths, origin.y);
  horizontal_.make(stage.filter, columns.size, columns.from, columns.to, stage.full.width,
                   stage.wanted_columns.begin, stage.wanted_columns.end);
  vertical_.make(stage.filter, rows.size, rows.from, rows.to, stage.full.height, stage.wanted_rows.begin,
                 stage.wanted_rows.end);
  const Region needed{columns.begin + horizontal_.first_input(), rows.begin + vertical_.first_input(),
                      horizontal_.end_input() - horizontal_.first_input(),
                      vertical_.end_input() - vertical_.first_input()};
  horizontal_.rebase();
  vertical_.rebase();
  ImageView made;
  const int rows_kept = rows_made ? std::min(RowResizer::kRowsAtOnce, vertical_.outputs()) : vertical_.outputs();
  Status status = scratch_image(read_[read_in_], rows_kept, horizontal_.outputs(), channels, &made);
  if (!status.ok()) return status;
  const bool height_first = height_goes_first(rows.size, columns.size, stage.full.height, stage.full.width);
  const bool rgb = channels == 4 && RowResizer::takes_rgb(horizontal_, height_first) && source.give_rgb();
  resizer_.start(horizontal_, vertical_, rgb ? 3 : channels, height_first, made);
  clock.add_to(&times_.resample);
  status = source.begin(needed, eighths);
  for (int left = needed.height; status.ok() && left > 0;) {
    RowSource::Rows group;
    status = source.next(&group);
    clock.add_to(reading_);
    if (!status.ok()) break;
    for (int done = 0; done < group.count; done += RowResizer::kRowsAtOnce) {
      resizer_.take(group.data + done * group.row_bytes, group.row_bytes,
                    std::min(RowResizer::kRowsAtOnce, group.count - done));
      for (ImageView part = resizer_.make(); part.height > 0; part = resizer_.make()) {
        if (rows_made) clock.time_some([&] { rows_made(part); });
      }
      clock.add_to(&times_.resample);
    }
    left -= group.count;
  }
  const std::int64_t finishing = std::min(clock.of_parts(), times_.resample - resampled_before);
  times_.resample -= finishing;
  times_.finish += finishing;
  *image = made;
  return status;
}

Status Executor::copy_stage(const Stage& stage, RowSource& source, int channels, ImageView* image) {
  Clock clock;
  ImageView made;
  Status status = scratch_image(read_[read_in_], stage.window.height, stage.window.width, channels, &made);
  if (status.ok()) status = source.read(stage.window, made);
  clock.add_to(reading_);
  *image = made;
  return status;
}

// The colours are changed where the pixels are, unless they are to have a border, or it counts which way round they are.
Status Executor::colour_stage(const Stage& stage, ImageView* image, bool* placed) {
  const bool bordered = !stage.rows.is_range() || !stage.columns.is_range();
  const bool reversed = stage.rows.is_reversed() || stage.columns.is_reversed();
  if (bordered || (reversed && !std::all_of(stage.colours.begin(), stage.colours.end(), is_pointwise))) {
    Stage as_it_is = stage;
    as_it_is.to_grey = as_it_is.to_colour = false;
    const Status status = place_stage(as_it_is, *image, image);
    if (!status.ok()) return status;
    *placed = true;
  }
  Clock clock;
  const Status status = colours_.run(stage.colours, image);
  clock.add_to(&times_.finish);
  return status;
}

// What has been read, seen through the stage's map.
Status Executor::warp_stage(const Stage& stage, ImageView* image) {
  Clock clock;
  ImageView made;
  const Status status =
      scratch_image(placed_[placed_in_ ^= 1], stage.out.height, stage.out.width, image->channels, &made);
  if (!status.ok()) return status;
  if (stage.mesh != nullptr) {
    remap_image(*image, stage.mesh->places(), stage.sampling, stage.fill.data(), made);
  } else {
    warp_image(*image, stage.to_read, stage.canvases, stage.sampling, stage.fill.data(), made);
  }
  clock.add_to(&times_.resample);
  *image = made;
  return {};
}

// The result of a stage as an image of its own, for the next one.
Status Executor::place_stage(const Stage& stage, ImageView in, ImageView* out) {
  Clock clock;
  const int channels = stage.to_grey ? 1 : in.channels;
  Scratch& scratch = placed_[placed_in_ ^= 1];
  ImageView made;
  Status status = scratch_image(scratch, stage.out.height, stage.out.width, channels, &made);
  if (!status.ok()) return status;
  finish_image(in, placement_of(stage), plain_levels(channels), made.height, made.width, false, made.data);
  if (stage.to_colour) {
    ImageView colour;
    status = scratch_image(placed_[placed_in_ ^= 1], made.height, made.width, 4, &colour);
    if (!status.ok()) return status;
    grey_to_rgbx(made.data, made.height * made.width, colour.data);
    made = colour;
  }
  clock.add_to(&times_.finish);
  *out = made;
  return {};
}

// The last pass: the image is what the last stage has read, or what that was placed as.
Status Executor::finish(ImageView image, bool placed, const ImageProgram& program, Destination& out) {
  const Stage& last = plan_.stage(plan_.stages() - 1);
  const Written written(program, plan_);
  void* destination = nullptr;
  Status status = out.place(plan_.size(), written.channels, out_bytes(written.levels.type()), &destination);
  if (!status.ok()) return status;
  Clock clock;
  finish_image(image, placed ? Placement{} : placement_of(last), written.levels, plan_.size().height,
               plan_.size().width, written.planar, destination);
  clock.add_to(&times_.finish);
  return {};
}

// The last stage and the last pass, some rows at a time: of a stage whose rows come out as they are resized.
Status Executor::finish_resized(const Stage& stage, RowSource& source, int channels, const ImageProgram& program,
                                Destination& out) {
  const Written written(program, plan_);
  void* destination = nullptr;
  Status status = out.place(stage.out, written.channels, out_bytes(written.levels.type()), &destination);
  if (!status.ok()) return status;
  int done = 0;
  const auto finish = [&](ImageView rows) {
    finish_rows(rows, written.levels, done, stage.out.height, written.planar, destination);
    done += rows.height;
  };
  ImageView image;
  status = resize_stage(stage, source, channels, &image, std::ref(finish));
  end_rows();
  return status;
}

// The same of a warped stage.
Status Executor::finish_warped(const Stage& stage, WarpedSource& source, const ImageProgram& program,
                               Destination& out) {
  const Written written(program, plan_);
  void* destination = nullptr;
  Status status = out.place(stage.out, written.channels, out_bytes(written.levels.type()), &destination);
  if (status.ok()) status = source.begin({0, 0, stage.out.width, stage.out.height}, kWhole);
  Clock clock;
  for (int done = 0; status.ok() && done < stage.out.height;) {
    ImageView rows;
    status = source.next(&rows);
    clock.add_to(&times_.resample);
    if (status.ok()) finish_rows(rows, written.levels, done, stage.out.height, written.planar, destination);
    clock.add_to(&times_.finish);
    done += rows.height;
  }
  end_rows();
  return status;
}

void Executor::trim() noexcept {
  for (Scratch* scratch : {&rows_, &stored_, &read_[0], &read_[1], &placed_[0], &placed_[1]}) scratch->trim(kMostScratchBytes);
  colours_.trim(kMostScratchBytes);
  if (file_.capacity() > kMostScratchBytes) std::vector<std::uint8_t>().swap(file_);
}

}  // namespace fastload
