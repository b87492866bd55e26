#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,fma")
#endif
#define LANES 16
#define ROWS 14
#define BFLOAT16 0
#include "first.h"
#include "moments.h"
#include "winograd.h"
const Way avx512 = {sizeof(Factor), mostTiles, convolutionScratch, momentsScratch, productScratch, firstScratch, convolve, secondMoments, times, first, firstPullback};
#ifdef __clang__
#pragma clang attribute pop
#endif
