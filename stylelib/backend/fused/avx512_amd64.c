#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,fma")
#endif
#define WAY avx512
#define LANES 16
#define ROWS 14
#define BFLOAT16 0
#include "winograd.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
