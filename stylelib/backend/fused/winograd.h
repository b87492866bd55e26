// A Way by Winograd's minimal filtering F(4×4, 3×3), as stylelib/vgg/conv/winograd.go has it in XLA's operations, with the
// same points. There each transform is a pass over the picture, and the transformed one is 2.25 times as large. Here some
// tiles at a time are transformed, multiplied and transformed back, in scratch that stays in the processor's cache.
//
// To be included with
//   WAY       the Way's name
//   LANES     floats of a vector
//   ROWS      most rows of a product, such that 2·ROWS+3 vectors are in registers
//   BFLOAT16  1 if factors are bfloat16, which are multiplied in pairs, else 0
#include "convolution.h"

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
	tile = 6,       // inputs of a tile in each direction
	positions = 36, // of a tile
	panel = 2 * LANES,
	padding = 64 / sizeof(Factor), // of rows, as rows of 2^n numbers meet in few sets of the cache
};

INLINE Vector load(const float *p) { return *(const Vector *)p; }
INLINE void store(float *p, Vector v) { *(Vector *)p = v; }

#define ROOT 1.41421356237309504880f

INLINE void transformInput(const Vector d[tile], Vector r[tile]) {
	Vector a = 0.5f * d[4] - 0.25f * d[2], b = (ROOT / 2) * d[3] - (ROOT / 4) * d[1];
	Vector c = 2 * d[2] - d[4], e = ROOT * d[1] - (ROOT / 2) * d[3];
	r[0] = d[0] - 2.5f * d[2] + d[4];
	r[1] = a + b;
	r[2] = a - b;
	r[3] = c + e;
	r[4] = c - e;
	r[5] = d[1] - 2.5f * d[3] + d[5];
}

INLINE void transformKernel(const Vector g[3], Vector u[tile]) {
	Vector a = (1.f / 3) * g[0] + (2.f / 3) * g[2], b = (2.f / 3) * g[0] + (1.f / 3) * g[2], c = (ROOT / 3) * g[1];
	u[0] = g[0];
	u[1] = a + c;
	u[2] = a - c;
	u[3] = b + c;
	u[4] = b - c;
	u[5] = g[2];
}

INLINE void transformOutput(const Vector m[tile], Vector y[tileOutputs]) {
	Vector a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], d = m[3] - m[4];
	y[0] = m[0] + a + c;
	y[1] = ROOT * b + (ROOT / 2) * d;
	y[2] = 2 * a + 0.5f * c;
	y[3] = 2 * ROOT * b + (ROOT / 4) * d + m[5];
}

// A turned kernel's taps of LANES outputs lie apart. Turned has LANES × LANES of each tap with their channels exchanged.
typedef float Turned[9][LANES][LANES];

// exchange transposes rows of LANES numbers, which lie stride apart. Vectors swap half of their lanes with a partner, then a
// quarter, and so on. (With Clang, which has no shuffles by a variable, number by number: a fifth of the speed.)
INLINE void exchange(const float *from, long stride, float to[LANES][LANES]) {
#ifdef __clang__
	for (int i = 0; i < LANES; i++) {
		for (int o = 0; o < LANES; o++) { to[i][o] = from[o * stride + i]; }
	}
#else
	Vector row[LANES];
	UNROLL for (int i = 0; i < LANES; i++) { row[i] = load(from + i * stride); }
	UNROLL for (int step = LANES / 2; step > 0; step /= 2) {
		Bits low, high;
		UNROLL for (int l = 0; l < LANES; l++) {
			low[l] = l & step ? LANES + l - step : l;
			high[l] = l & step ? LANES + l : l + step;
		}
		UNROLL for (int i = 0; i < LANES; i++) {
			if (!(i & step)) {
				Vector a = row[i], b = row[i + step];
				row[i] = __builtin_shuffle(a, b, low);
				row[i + step] = __builtin_shuffle(a, b, high);
			}
		}
	}
	UNROLL for (int i = 0; i < LANES; i++) { store(to[i], row[i]); }
#endif
}

static void turn(const Convolution *c, long in, long out, Turned turned) {
	for (int t = 0; t < 9; t++) {
		exchange(c->kernel + ((8 - t) * c->out + out) * c->in + in, c->in, turned[t]);
	}
}

// transformTaps transforms nine taps of LANES tileOutputs, which lie stride apart.
INLINE void transformTaps(const float *k, long stride, Vector u[positions]) {
	Vector rows[tile][3];
	UNROLL for (int j = 0; j < 3; j++) {
		Vector g[3] = {load(k + j * stride), load(k + (3 + j) * stride), load(k + (6 + j) * stride)}, r[tile];
		transformKernel(g, r);
		UNROLL for (int i = 0; i < tile; i++) { rows[i][j] = r[i]; }
	}
	UNROLL for (int i = 0; i < tile; i++) { transformKernel(rows[i], u + tile * i); }
}

INLINE void storeKernel(const Convolution *c, const float *k, long stride, long next, Factor *u) {
	long step = c->in * c->block;
	Vector t[positions];
	transformTaps(k, stride, t);
#if BFLOAT16
	Vector odd[positions];
	transformTaps(k + next, stride, odd);
	UNROLL for (int p = 0; p < positions; p++) {
		__m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)t[p]));
		__m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)odd[p]));
		_mm512_storeu_si512(u + p * step, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
	}
#else
	UNROLL for (int p = 0; p < positions; p++) { store(u + p * step, t[p]); }
#endif
}

// transformKernels fills u, [36][panels][in/pair][panel][pair], with the transformed kernel of a block.
static void transformKernels(const Convolution *c, long block, Factor *u) {
	for (long q = 0; q < c->block / panel; q++) {
		for (int half = 0; half < 2; half++) {
			long out = block * c->block + q * panel + half * LANES;
			for (long from = 0; from < c->in; from += LANES) {
				Factor *to = u + q * c->in * panel + half * LANES * pair + from * panel;
				if (c->turned) {
					Turned turned;
					turn(c, from, out, turned);
					for (int i = 0; i < LANES; i += pair) {
						storeKernel(c, turned[0][i], LANES * LANES, LANES, to + i * panel);
					}
				} else {
					const float *k = c->kernel + from * c->out + out;
					for (int i = 0; i < LANES; i += pair) {
						storeKernel(c, k + i * c->out, c->in * c->out, c->out, to + i * panel);
					}
				}
			}
		}
	}
}

// transformTile fills v[36], step apart, with a tile's transformed inputs.
static void transformTile(const Convolution *c, long row, long column, const float *zeros, Factor *v, long step) {
	const float *from[tile][tile];
	for (int i = 0; i < tile; i++) {
		for (int j = 0; j < tile; j++) {
			long y = tileOutputs * row + i - 1, x = tileOutputs * column + j - 1;
			from[i][j] = y < 0 || y >= c->height || x < 0 || x >= c->width ? zeros : c->x + (y * c->width + x) * c->in;
		}
	}
	for (long k = 0; k < c->in; k += LANES) {
		Vector rows[tile][tile];
		UNROLL for (int j = 0; j < tile; j++) {
			Vector d[tile], r[tile];
			UNROLL for (int i = 0; i < tile; i++) { d[i] = load(from[i][j] + k); }
			transformInput(d, r);
			UNROLL for (int i = 0; i < tile; i++) { rows[i][j] = r[i]; }
		}
		UNROLL for (int i = 0; i < tile; i++) {
			Vector r[tile];
			transformInput(rows[i], r);
			UNROLL for (int j = 0; j < tile; j++) {
#if BFLOAT16
				_mm256_storeu_si256((__m256i *)(v + (tile * i + j) * step + k), (__m256i)_mm512_cvtneps_pbh((__m512)r[j]));
#else
				store(v + (tile * i + j) * step + k, r[j]);
#endif
			}
		}
	}
}

INLINE void storeOutput(const Convolution *c, long at, long channel, Vector y) {
	if (c->bias != NULL) {
		y += load(c->bias + channel);
		y = (Vector)((Bits)y & ~(y <= 0)); // NaN stays
	}
	if (c->mask != NULL) {
		y = (Vector)((Bits)y & (load(c->mask + at) > 0));
	}
	store(c->y + at, y);
}

// transformBack writes the tileOutputs of a tile from its products m[36], step apart.
static void transformBack(const Convolution *c, long block, long row, long column, const float *m, long step) {
	long height = c->height - tileOutputs * row, width = c->width - tileOutputs * column;
	long first = (tileOutputs * row * c->width + tileOutputs * column) * c->out + block * c->block;
	for (int k = 0; k < c->block; k += LANES) {
		Vector rows[tileOutputs][tile];
		UNROLL for (int j = 0; j < tile; j++) {
			Vector d[tile], r[tileOutputs];
			UNROLL for (int i = 0; i < tile; i++) { d[i] = load(m + (tile * i + j) * step + k); }
			transformOutput(d, r);
			UNROLL for (int i = 0; i < tileOutputs; i++) { rows[i][j] = r[i]; }
		}
		UNROLL for (int i = 0; i < tileOutputs; i++) {
			Vector r[tileOutputs];
			transformOutput(rows[i], r);
			if (i < height) {
				UNROLL for (int j = 0; j < tileOutputs; j++) {
					if (j < width) { storeOutput(c, first + (i * c->width + j) * c->out + k, block * c->block + k, r[j]); }
				}
			}
		}
	}
}

// multiply sets m, [rows][panel] in rows of block, to the product of v, [rows][in] in rows of stride, and a panel u.
INLINE void multiply(const int rows, const Factor *v, long stride, const Factor *u, long in, float *m, long block) {
	Vector sum[ROWS][2];
	UNROLL for (int r = 0; r < rows; r++) { sum[r][0] = sum[r][1] = (Vector){0}; }
	for (long k = 0; k < in; k += pair) {
#if BFLOAT16
		__m512bh a = (__m512bh)_mm512_loadu_si512(u), b = (__m512bh)_mm512_loadu_si512(u + LANES * pair);
		UNROLL for (int r = 0; r < rows; r++) {
			int both;
			memcpy(&both, v + r * stride + k, sizeof both);
			__m512bh s = (__m512bh)_mm512_set1_epi32(both);
			sum[r][0] = (Vector)_mm512_dpbf16_ps((__m512)sum[r][0], s, a);
			sum[r][1] = (Vector)_mm512_dpbf16_ps((__m512)sum[r][1], s, b);
		}
#else
		Vector a = load(u), b = load(u + LANES);
		UNROLL for (int r = 0; r < rows; r++) {
			float s = v[r * stride + k];
			sum[r][0] += s * a;
			sum[r][1] += s * b;
		}
#endif
		u += panel * pair;
	}
	UNROLL for (int r = 0; r < rows; r++) {
		store(m + r * block, sum[r][0]);
		store(m + r * block + LANES, sum[r][1]);
	}
}

#define CASE(n) case n: if (n <= ROWS) { multiply(n <= ROWS ? n : ROWS, v, stride, u, in, m, block); } break;
static void multiplyRows(long rows, const Factor *v, long stride, const Factor *u, long in, float *m, long block) {
	switch (rows) {
		CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12) CASE(13) CASE(14)
	}
}

// Tiles that are transformed at once. One to four times ROWS were as fast within the noise.
enum { mostTiles = 2 * ROWS };

static size_t round64(size_t n) { return (n + 63) & ~(size_t)63; }

static size_t scratch(const Convolution *c) {
	return round64(positions * c->in * c->block * sizeof(Factor)) +
		round64(positions * mostTiles * (c->in + padding) * sizeof(Factor)) +
		round64(positions * mostTiles * c->block * sizeof(float)) + round64(c->in * sizeof(float));
}

static void work(const Convolution *c, long block, long first, long end, void *memory) {
	Factor *u = memory;
	Factor *v = (Factor *)((char *)u + round64(positions * c->in * c->block * sizeof(Factor)));
	float *m = (float *)((char *)v + round64(positions * mostTiles * (c->in + padding) * sizeof(Factor)));
	float *zeros = m + positions * mostTiles * c->block;
	memset(zeros, 0, c->in * sizeof(float));
	transformKernels(c, block, u);
	long columns = (c->width + tileOutputs - 1) / tileOutputs, stride = c->in + padding;
	while (first < end) {
		long n = end - first < mostTiles ? end - first : mostTiles;
		for (long t = 0; t < n; t++) {
			transformTile(c, (first + t) / columns, (first + t) % columns, zeros, v + t * stride, mostTiles * stride);
		}
		for (int p = 0; p < positions; p++) {
			for (long q = 0; q < c->block / panel; q++) {
				const Factor *up = u + (p * c->block / panel + q) * c->in * panel;
				long parts = (n + ROWS - 1) / ROWS;
				for (long i = 0, t = 0; i < parts; i++) {
					long rows = (n - t) / (parts - i);
					multiplyRows(rows, v + (p * mostTiles + t) * stride, stride, up, c->in, m + (p * mostTiles + t) * c->block + q * panel, c->block);
					t += rows;
				}
			}
		}
		for (long t = 0; t < n; t++) {
			transformBack(c, block, (first + t) / columns, (first + t) % columns, m + t * c->block, mostTiles * c->block);
		}
		first += n;
	}
}

const Way WAY = {scratch, work};
