#pragma once

// Products of matrices for the Ways of one kind of processor. To be included with
//   LANES     floats of a vector
//   ROWS      most rows of a product, such that 2·ROWS+3 vectors are in registers
//   BFLOAT16  1 if factors are bfloat16, which are multiplied in pairs, else 0
#include <stdint.h>
#include <string.h>
#if BFLOAT16
#include <immintrin.h>
#endif

#define UNROLL _Pragma("GCC unroll 16")
#define INLINE static inline __attribute__((always_inline))

typedef float Vector __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t Bits __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
#if BFLOAT16
typedef uint16_t Factor;
enum { pair = 2 }; // inputs that one instruction multiplies
#else
typedef float Factor;
enum { pair = 1 };
#endif

enum {
	panel = 2 * LANES,             // columns of a product
	padding = 64 / sizeof(Factor), // of rows and matrices, as those of 2^n numbers meet in few sets of the cache
};

INLINE Vector load(const float *p) { return *(const Vector *)p; }
INLINE void store(float *p, Vector v) { *(Vector *)p = v; }
INLINE Vector rectified(Vector v) { return (Vector)((Bits)v & ~(v <= 0)); } // NaN stays

// multiply adds to m, [rows][panel] in rows of block, the product of v, [rows][inputs], and u, [inputs/pair][panel][pair]. The
// rows of v lie stride apart, and its pairs of inputs step. If it begins, m is what comes out, whatever it was.
INLINE void multiply(const int rows, const Factor *v, long stride, long step, const Factor *u, long inputs, float *m, long block, int begins) {
	Vector sum[ROWS][2];
	UNROLL for (int r = 0; r < rows; r++) {
		sum[r][0] = begins ? (Vector){0} : load(m + r * block);
		sum[r][1] = begins ? (Vector){0} : load(m + r * block + LANES);
	}
	for (long k = 0; k < inputs; k += pair) {
#if BFLOAT16
		__m512bh a = (__m512bh)_mm512_loadu_si512(u), b = (__m512bh)_mm512_loadu_si512(u + LANES * pair);
		UNROLL for (int r = 0; r < rows; r++) {
			int both;
			memcpy(&both, v + r * stride, sizeof both);
			__m512bh s = (__m512bh)_mm512_set1_epi32(both);
			sum[r][0] = (Vector)_mm512_dpbf16_ps((__m512)sum[r][0], s, a);
			sum[r][1] = (Vector)_mm512_dpbf16_ps((__m512)sum[r][1], s, b);
		}
#else
		Vector a = load(u), b = load(u + LANES);
		UNROLL for (int r = 0; r < rows; r++) {
			float s = v[r * stride];
			sum[r][0] += s * a;
			sum[r][1] += s * b;
		}
#endif
		u += panel * pair;
		v += step;
	}
	UNROLL for (int r = 0; r < rows; r++) {
		store(m + r * block, sum[r][0]);
		store(m + r * block + LANES, sum[r][1]);
	}
}

#define CASE(n) case n: if (n <= ROWS) { multiply(n <= ROWS ? n : ROWS, v, stride, step, u, inputs, m, block, begins); } break;
// multiplyRows is multiply for any number of rows.
static void multiplyRows(long rows, const Factor *v, long stride, long step, const Factor *u, long inputs, float *m, long block, int begins) {
	for (long parts = (rows + ROWS - 1) / ROWS; parts > 0; parts--) {
		long some = rows / parts;
		switch (some) {
			CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12) CASE(13) CASE(14)
		}
		v += some * stride;
		m += some * block;
		rows -= some;
	}
}

static size_t round64(size_t n) { return (n + 63) & ~(size_t)63; }
