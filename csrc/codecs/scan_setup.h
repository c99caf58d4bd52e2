// From what libjpeg knows of a file to a ScanDecoder for its only scan.
#pragma once

#include <span>

#include <cstdio>

#include <jpeglib.h>

#include "codecs/scan_decoder.h"

namespace fastload {

// Makes `scan` ready to decode, after jpeg_start_decompress() and jpeg_crop_scanline(). crop_left: the first column of
// pixels that is wanted. False: libjpeg itself has to, as the file is progressive or has a scan for each component.
bool set_up(ScanDecoder& scan, const jpeg_decompress_struct& info, int crop_left);

}  // namespace fastload
