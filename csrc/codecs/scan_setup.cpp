#include "codecs/scan_setup.h"

#include <algorithm>

#include "codecs/dct_size.h"

namespace fastload {
namespace {

HuffmanCode code_of(const JHUFF_TBL& table) noexcept {
  HuffmanCode code;
  std::copy(std::begin(table.bits), std::end(table.bits), code.counts.begin());
  std::copy(std::begin(table.huffval), std::end(table.huffval), code.symbols.begin());
  code.counts[0] = 0;
  return code;
}

bool has_one_baseline_scan(const jpeg_decompress_struct& info) noexcept {
  if (info.progressive_mode || info.arith_code || info.comps_in_scan != info.num_components) return false;
  for (int c = 0; c < info.comps_in_scan; ++c) {
    const jpeg_component_info& component = *info.cur_comp_info[c];
    if (info.dc_huff_tbl_ptrs[component.dc_tbl_no] == nullptr) return false;
    if (info.ac_huff_tbl_ptrs[component.ac_tbl_no] == nullptr) return false;
  }
  return true;
}

// MCUs of a single component are single blocks, whatever its sampling factors are.
int mcu_width(const jpeg_decompress_struct& info) noexcept {
  return smallest_dct_size(info) * (info.comps_in_scan == 1 ? 1 : info.max_h_samp_factor);
}

}  // namespace

bool set_up(ScanDecoder& scan, const jpeg_decompress_struct& info, int crop_left) {
  if (!has_one_baseline_scan(info)) return false;
  const JOCTET* data = info.src->next_input_byte;
  scan.start(data, data + info.src->bytes_in_buffer, static_cast<int>(info.restart_interval),
             static_cast<int>(info.MCUs_per_row));
  for (int k = 0; k < info.blocks_in_MCU; ++k) {
    const int number = info.MCU_membership[k];
    const jpeg_component_info& component = *info.cur_comp_info[number];
    BlockKind kind;
    kind.component = number;
    kind.dc = &scan.dc_table(component.dc_tbl_no, code_of(*info.dc_huff_tbl_ptrs[component.dc_tbl_no]));
    kind.ac = &scan.ac_table(component.ac_tbl_no, code_of(*info.ac_huff_tbl_ptrs[component.ac_tbl_no]));
    kind.skip = &scan.skip_table(component.ac_tbl_no);
    kind.only_dc = !component.component_needed || dct_size(component) == 1;
    scan.add_block(kind);
  }
  const int width = mcu_width(info);
  scan.want_columns(crop_left / width, (crop_left + static_cast<int>(info.output_width) - 1) / width);
  return true;
}

}  // namespace fastload
