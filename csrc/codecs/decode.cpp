#include "codecs/decode.h"

#include <cstring>
#include <new>
#include <utility>

#include "codecs/orient.h"

namespace fastload {
namespace {

// The pixels of the image at eighths / 8 of its size that `region` touches.
Region scaled_region(Region region, int eighths) noexcept {
  const auto right = static_cast<std::int64_t>(region.x) + region.width;
  const auto bottom = static_cast<std::int64_t>(region.y) + region.height;
  const int x = static_cast<int>(static_cast<std::int64_t>(region.x) * eighths / 8);
  const int y = static_cast<int>(static_cast<std::int64_t>(region.y) * eighths / 8);
  return {x, y, static_cast<int>((right * eighths + 7) / 8) - x, static_cast<int>((bottom * eighths + 7) / 8) - y};
}

// The smallest scale at which `region` keeps at least the wanted size; 8 if there is none. The region is that of the
// stored image, whose pixels at that scale are those that are turned: mirrored, it may touch one pixel more or less.
int scale_for(Region region, int min_width, int min_height) noexcept {
  if (min_width <= 0 && min_height <= 0) return 8;
  for (const int eighths : {1, 2, 4}) {
    const Region scaled = scaled_region(region, eighths);
    if (scaled.width >= min_width && scaled.height >= min_height) return eighths;
  }
  return 8;
}

bool is_inside(Region region, int width, int height) noexcept {
  return region.x >= 0 && region.y >= 0 && region.width > 0 && region.height > 0 && region.width <= width - region.x &&
         region.height <= height - region.y;
}

Status make_image(int width, int height, int channels, DecodedImage* image) noexcept {
  const std::size_t bytes = static_cast<std::size_t>(width) * static_cast<std::size_t>(height) *
                            static_cast<std::size_t>(channels);
  image->pixels.reset(new (std::nothrow) std::uint8_t[bytes]);
  image->width = width;
  image->height = height;
  image->channels = channels;
  return image->pixels ? Status() : Status::of(Fault::kNoMemory, "no memory for an image of %zu bytes", bytes);
}

ImageView view(const DecodedImage& image) noexcept {
  return {image.pixels.get(), image.height, image.width, image.channels,
          static_cast<std::ptrdiff_t>(image.width) * image.channels};
}

Status copy_rows(JpegDecoder& decoder, ImageView into) noexcept {
  for (int y = 0; y < into.height;) {
    JpegDecoder::Rows rows;
    if (Status status = decoder.next(&rows); !status.ok()) return status;
    for (int k = 0; k < rows.count; ++k, ++y) {
      std::memcpy(into.row(y), rows.data + k * rows.row_bytes, static_cast<std::size_t>(into.row_bytes));
    }
  }
  return {};
}

}  // namespace

Status decode(JpegDecoder& decoder, std::span<const std::uint8_t> file, const DecodeRequest& request,
              DecodedImage* image) noexcept {
  if (Status status = decoder.open(file, request.max_pixels); !status.ok()) return status;
  const JpegHeader& header = decoder.header();
  const int orientation = request.orient ? header.orientation : 1;
  const bool swaps = swaps_axes(orientation);
  const int width = swaps ? header.height : header.width, height = swaps ? header.width : header.height;
  const Region whole{0, 0, width, height};
  const Region region = request.region.value_or(whole);
  if (!is_inside(region, width, height)) {
    return Status::of(Fault::kBadArgument,
                      "region (top %d, left %d, height %d, width %d) is not inside the image of height %d, width %d",
                      region.y, region.x, region.height, region.width, height, width);
  }
  const Region full = stored_region(region, orientation, header.width, header.height);
  const int eighths = swaps ? scale_for(full, request.min_height, request.min_width)
                            : scale_for(full, request.min_width, request.min_height);
  const Region stored = scaled_region(full, eighths);
  const int channels = request.channels != 0 ? request.channels : header.components == 1 ? 1 : 3;
  const PixelFormat format = channels == 1 ? PixelFormat::kGrey : PixelFormat::kRgb;
  if (Status status = decoder.start(stored, eighths, format); !status.ok()) return status;
  if (Status status = make_image(stored.width, stored.height, channels, image); !status.ok()) return status;
  if (Status status = copy_rows(decoder, view(*image)); !status.ok()) return status;
  if (orientation == 1) return {};
  DecodedImage turned;
  const int turned_width = swaps ? stored.height : stored.width, turned_height = swaps ? stored.width : stored.height;
  if (Status status = make_image(turned_width, turned_height, channels, &turned); !status.ok()) return status;
  orient(view(*image), orientation, view(turned));
  *image = std::move(turned);
  return {};
}

}  // namespace fastload
