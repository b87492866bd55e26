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
	padding = 64 / sizeof(Factor), // of rows and positions, as those of 2^n numbers meet in few sets of the cache
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

// transformTaps transforms nine taps of LANES outputs.
INLINE void transformTaps(const float *k, Vector u[positions]) {
	Vector rows[tile][3];
	UNROLL for (int j = 0; j < 3; j++) {
		Vector g[3] = {load(k + j * leastBlock), load(k + (3 + j) * leastBlock), load(k + (6 + j) * leastBlock)}, r[tile];
		transformKernel(g, r);
		UNROLL for (int i = 0; i < tile; i++) { rows[i][j] = r[i]; }
	}
	UNROLL for (int i = 0; i < tile; i++) { transformKernel(rows[i], u + tile * i); }
}

// storeKernel transforms the taps of an input, or of a pair of them, and LANES outputs. Positions lie step apart.
INLINE void storeKernel(const float *k, Factor *u, long step) {
	Vector t[positions];
	transformTaps(k, t);
#if BFLOAT16
	Vector odd[positions];
	transformTaps(k + 9 * leastBlock, odd);
	UNROLL for (int p = 0; p < positions; p++) {
		__m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)t[p]));
		__m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)odd[p]));
		_mm512_storeu_si512(u + p * step, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
	}
#else
	UNROLL for (int p = 0; p < positions; p++) { store(u + p * step, t[p]); }
#endif
}

// kernelStep is from one position of a transformed kernel of some inputs to the next.
static long kernelStep(const Convolution *c, long inputs) { return inputs * c->block + padding; }

// transformKernels fills u, [36][block/panel][inputs/pair][panel][pair], with the transformed kernel of a block and some
// inputs. It reads the kernel in its order, as that comes from memory: with taps far apart, as XLA has them, it took 22 % of
// a painting.
static void transformKernels(const Convolution *c, long block, long first, long inputs, Factor *u) {
	for (long out = 0; out < c->block; out += leastBlock) {
		const float *k = c->kernel + ((block * c->block + out) * c->in + first * leastBlock) * 9;
		for (long in = 0; in < inputs; in += pair) {
			for (long o = 0; o < leastBlock; o += LANES) {
				long at = (out + o) / panel * inputs * panel + in * panel + (out + o) % panel * pair;
				storeKernel(k + o, u + at, kernelStep(c, inputs));
			}
			k += 9 * leastBlock * pair;
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

// transformBack writes the outputs of a tile from its products m[36], step apart.
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

// multiply adds to m, [rows][panel] in rows of block, the product of v, [rows][inputs] in rows of stride, and a panel u. If
// it begins, m is what comes out, whatever it was.
INLINE void multiply(const int rows, const Factor *v, long stride, const Factor *u, long inputs, float *m, long block, int begins) {
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

#define CASE(n) case n: if (n <= ROWS) { multiply(n <= ROWS ? n : ROWS, v, stride, u, inputs, m, block, begins); } break;
static void multiplyRows(long rows, const Factor *v, long stride, const Factor *u, long inputs, float *m, long block, int begins) {
	switch (rows) {
		CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12) CASE(13) CASE(14)
	}
}

enum {
	// Tiles that are transformed at once. One to four times ROWS were as fast within the noise.
	mostTiles = 2 * ROWS,
	// Inputs whose transformed kernels are multiplied before those of others are transformed, where they are for mostTiles at
	// most: 36 × 64 channels × 128 bytes stay in the second cache. For more tiles all are transformed once.
	someInputs = 128 / sizeof(Factor),
};

// inputsAtOnce returns how many inputs' kernels are in scratch.
static long inputsAtOnce(const Convolution *c, long tiles) { return tiles <= mostTiles ? someInputs : c->in; }

static size_t round64(size_t n) { return (n + 63) & ~(size_t)63; }

static size_t kernelBytes(const Convolution *c, long tiles) {
	return round64(positions * kernelStep(c, inputsAtOnce(c, tiles)) * sizeof(Factor));
}

static size_t tilesBytes(const Convolution *c) { return round64(positions * mostTiles * (c->in + padding) * sizeof(Factor)); }

static size_t scratch(const Convolution *c, long tiles) {
	return kernelBytes(c, tiles) + tilesBytes(c) + round64(positions * mostTiles * c->block * sizeof(float)) +
		round64(c->in * sizeof(float));
}

static void work(const Convolution *c, long block, long first, long end, void *memory) {
	Factor *u = memory;
	Factor *v = (Factor *)((char *)u + kernelBytes(c, end - first));
	float *m = (float *)((char *)v + tilesBytes(c));
	float *zeros = m + positions * mostTiles * c->block;
	memset(zeros, 0, c->in * sizeof(float));
	long columns = (c->width + tileOutputs - 1) / tileOutputs, stride = c->in + padding;
	long inputs = inputsAtOnce(c, end - first), transformed = -1; // the first of those whose kernels are in u
	while (first < end) {
		long n = end - first < mostTiles ? end - first : mostTiles;
		for (long t = 0; t < n; t++) {
			transformTile(c, (first + t) / columns, (first + t) % columns, zeros, v + t * stride, mostTiles * stride);
		}
		for (long in = 0; in < c->in; in += inputs) {
			if (transformed != in) {
				transformKernels(c, block, in, inputs, u);
				transformed = in;
			}
			for (int p = 0; p < positions; p++) {
				for (long q = 0; q < c->block / panel; q++) {
					long parts = (n + ROWS - 1) / ROWS;
					for (long i = 0, t = 0; i < parts; i++) {
						long rows = (n - t) / (parts - i);
						multiplyRows(rows, v + (p * mostTiles + t) * stride + in, stride, u + p * kernelStep(c, inputs) + q * inputs * panel,
							inputs, m + (p * mostTiles + t) * c->block + q * panel, c->block, in == 0);
						t += rows;
					}
				}
			}
		}
		for (long t = 0; t < n; t++) {
			transformBack(c, block, (first + t) / columns, (first + t) % columns, m + t * c->block, mostTiles * c->block);
		}
		first += n;
	}
}

const Way WAY = {mostTiles, scratch, work};
