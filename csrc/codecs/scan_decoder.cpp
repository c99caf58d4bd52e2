#include "codecs/scan_decoder.h"

#include "core/cpu.h"

namespace fastload {
namespace {

constexpr int kMostDcBits = 11, kMostAcBits = 10;  // of a value, with 8 bits a sample (T.81, F.1.2)
constexpr std::uint8_t kFirstRestart = 0xD0;

}  // namespace

const HuffmanTable& ScanDecoder::dc_table(int number, const HuffmanCode& code) {
  Cached& cached = dc_[static_cast<std::size_t>(number)];
  if (!cached.made || cached.table.code() != code) cached.table.make(code, kMostDcBits);
  cached.made = true;
  return cached.table;
}

const HuffmanTable& ScanDecoder::ac_table(int number, const HuffmanCode& code) {
  Cached& cached = ac_[static_cast<std::size_t>(number)];
  if (!cached.made || cached.table.code() != code) {
    cached.table.make(code, kMostAcBits);
    cached.skip_made = false;
  }
  cached.made = true;
  return cached.table;
}

const SkipTable& ScanDecoder::skip_table(int number) {
  Cached& cached = ac_[static_cast<std::size_t>(number)];
  if (!cached.skip_made) cached.skip.make(cached.table);
  cached.skip_made = true;
  return cached.skip;
}

void ScanDecoder::start(const std::uint8_t* data, const std::uint8_t* end, int restart_interval,
                        int mcus_per_row) noexcept {
  state_ = {};
  state_.bits.next = data;
  state_.bits.end = end;
  column_ = 0;
  mcus_per_row_ = mcus_per_row;
  want_columns(0, mcus_per_row - 1);
  restart_interval_ = until_restart_ = restart_interval;
  next_restart_ = 0;
}

void ScanDecoder::add_block(const BlockKind& kind) noexcept {
  state_.blocks[static_cast<std::size_t>(state_.block_count++)] = kind;
}

void ScanDecoder::want_columns(int first, int last) noexcept {
  first_wanted_ = first;
  last_wanted_ = last;
}

// Between two MCUs: less than a byte is left before the marker, whose number is the next one.
bool ScanDecoder::restart() noexcept {
  BitReader& bits = state_.bits;
  bits.fill();
  const bool is_there = bits.count >= 0 && bits.count < 8 && bits.is_at_marker() &&
                        bits.next[1] == kFirstRestart + next_restart_;
  if (!is_there) return false;
  bits.next += 2;
  bits.window = 0;
  bits.count = 0;
  state_.last_dc = {};
  next_restart_ = (next_restart_ + 1) & 7;
  until_restart_ = restart_interval_;
  return true;
}

bool ScanDecoder::next_mcu(Block* const* blocks) noexcept {
  if (restart_interval_ != 0) {
    if (until_restart_ == 0 && !restart()) return false;
    --until_restart_;
  }
  const bool is_wanted = column_ >= first_wanted_ && column_ <= last_wanted_;
  column_ = column_ + 1 == mcus_per_row_ ? 0 : column_ + 1;
#if defined(__x86_64__)
  if (simd() >= Simd::kAvx2) return decode_mcu_bmi2(state_, is_wanted ? blocks : nullptr);
#endif
  return decode_mcu_plain(state_, is_wanted ? blocks : nullptr);
}

}  // namespace fastload
