#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
#define WAY avx2
#define LANES 8
#define ROWS 6
#define BFLOAT16 0
#include "winograd.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
