#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
#define LANES 8
#define ROWS 6
#define BFLOAT16 0
#include "first.h"
#include "moments.h"
#include "winograd.h"
const Way avx2 = {sizeof(Factor), mostTiles, convolutionScratch, momentsScratch, productScratch, firstScratch, convolve, secondMoments, times, first, firstPullback};
#ifdef __clang__
#pragma clang attribute pop
#endif
