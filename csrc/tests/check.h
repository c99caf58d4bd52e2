// What a test needs: a check that ends the program with the place and the text of what did not hold.
#pragma once

#include <cstdio>
#include <cstdlib>

#define CHECK(condition)                                                        \
  do {                                                                          \
    if (!(condition)) {                                                         \
      std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);      \
      std::fflush(stderr);                                                      \
      std::_Exit(1);                                                            \
    }                                                                           \
  } while (false)

#define CHECK_THROWS(expression, Type) \
  do {                                 \
    bool thrown = false;               \
    try {                              \
      (void)(expression);              \
    } catch (const Type&) {            \
      thrown = true;                   \
    }                                  \
    CHECK(thrown);                     \
  } while (false)
