// Functions that torch is linked with and does not call here. Each ends the process.
#pragma once

#include "work.h"

#define ABSENT(name) \
  extern "C" void name() { emulated::fault(#name " was called, which is not pretended"); }
