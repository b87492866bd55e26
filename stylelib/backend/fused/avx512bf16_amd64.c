#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")
#endif
#define LANES 16
#define ROWS 14
#define BFLOAT16 1
#include "moments.h"
#include "winograd.h"
const Way avx512bf16 = {sizeof(Factor), mostTiles, convolutionScratch, momentsScratch, productScratch, NULL, convolve, secondMoments, times, NULL, NULL};
#ifdef __clang__
#pragma clang attribute pop
#endif
