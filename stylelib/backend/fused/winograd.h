#pragma once

// Convolutions by Winograd's minimal filtering F(4×4, 3×3), as stylelib/vgg/conv/winograd.go has it in XLA's operations, with
// the same points. There each transform is a pass over the picture, and the transformed one is 2.25 times as large. Here some
// tiles at a time are transformed, multiplied and transformed back, in scratch that stays in the processor's cache.
#include "product.h"
#include "way.h"

enum {
	tile = 6,       // inputs of a tile in each direction
	positions = 36, // of a tile
};

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

enum { mostTiles = 2 * ROWS }; // that are transformed at once. One to four times ROWS were as fast within the noise.

// Of a block's transformed kernel, [positions][block/panel][inputs/pair][panel][pair], inputsAtOnce are multiplied before
// those of other inputs. Positions lie kernelStep apart. kernelBytes are the scratch for it. transformed returns it for some
// inputs, perhaps in that scratch.
#if BFLOAT16
// Kernels come transformed, [positions][out/panel][in/pair][panel][pair]: to transform them here took 14 % of a painting.
static long inputsAtOnce(const Convolution *c, long tiles) { return c->in; }
static long kernelStep(const Convolution *c, long inputs) { return c->in * c->out; }
static size_t kernelBytes(const Convolution *c, long tiles) { return 0; }
static const Factor *transformed(const Convolution *c, long block, long first, long inputs, Factor *u) {
	return (const Factor *)c->kernel + block * c->block * c->in;
}
#else
// Kernels come as [out/leastBlock][in][9][leastBlock], their nine taps in rows. Transformed, they would take four times the
// memory, and as long to read as to transform. They are read in their order: with taps far apart, as XLA has them, it took
// 22 % of a painting. For few tiles, 36 × 32 inputs × 128 floats stay in the second cache; for more all are transformed once.
static long inputsAtOnce(const Convolution *c, long tiles) { return tiles <= mostTiles ? 32 : c->in; }
static long kernelStep(const Convolution *c, long inputs) { return inputs * c->block + padding; }
static size_t kernelBytes(const Convolution *c, long tiles) { return round64(positions * kernelStep(c, inputsAtOnce(c, tiles)) * sizeof(Factor)); }

// transformTaps transforms nine taps of LANES outputs and stores them step apart.
INLINE void transformTaps(const float *k, float *u, long step) {
	Vector rows[tile][3];
	UNROLL for (int j = 0; j < 3; j++) {
		Vector g[3] = {load(k + j * leastBlock), load(k + (3 + j) * leastBlock), load(k + (6 + j) * leastBlock)}, r[tile];
		transformKernel(g, r);
		UNROLL for (int i = 0; i < tile; i++) { rows[i][j] = r[i]; }
	}
	UNROLL for (int i = 0; i < tile; i++) {
		Vector r[tile];
		transformKernel(rows[i], r);
		UNROLL for (int j = 0; j < tile; j++) { store(u + (tile * i + j) * step, r[j]); }
	}
}

static const Factor *transformed(const Convolution *c, long block, long first, long inputs, Factor *u) {
	for (long out = 0; out < c->block; out += leastBlock) {
		const float *k = (const float *)c->kernel + ((block * c->block + out) * c->in + first * leastBlock) * 9;
		for (long in = 0; in < inputs; in++) {
			for (long o = 0; o < leastBlock; o += LANES) {
				transformTaps(k + o, u + (out + o) / panel * inputs * panel + in * panel + (out + o) % panel, kernelStep(c, inputs));
			}
			k += 9 * leastBlock;
		}
	}
	return u;
}
#endif

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
		y = rectified(y + load(c->bias + channel));
	}
	if (c->plus != NULL) {
		y += load(c->plus + at);
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

static size_t tilesBytes(const Convolution *c) { return round64(positions * mostTiles * (c->in + padding) * sizeof(Factor)); }

static size_t convolutionScratch(const Convolution *c) {
	long least = tilesOf(c) / c->parts, most = divideUp(tilesOf(c), c->parts); // tiles of an item
	size_t a = kernelBytes(c, least), b = kernelBytes(c, most);
	return (a > b ? a : b) + tilesBytes(c) + round64(positions * mostTiles * c->block * sizeof(float)) + round64(c->in * sizeof(float));
}

static void convolve(const void *convolution, long item, void *scratch) {
	const Convolution *c = convolution;
	long block = item / c->parts, part = item % c->parts;
	long first = tilesOf(c) * part / c->parts, end = tilesOf(c) * (part + 1) / c->parts;
	Factor *u = scratch;
	Factor *v = (Factor *)((char *)u + kernelBytes(c, end - first));
	float *m = (float *)((char *)v + tilesBytes(c));
	float *zeros = m + positions * mostTiles * c->block;
	memset(zeros, 0, c->in * sizeof(float));
	long columns = divideUp(c->width, tileOutputs), stride = c->in + padding, inputs = inputsAtOnce(c, end - first);
	const Factor *kernel = NULL;
	long of = -1; // the first of the kernel's inputs
	for (; first < end; first += mostTiles) {
		long n = end - first < mostTiles ? end - first : mostTiles;
		for (long t = 0; t < n; t++) {
			transformTile(c, (first + t) / columns, (first + t) % columns, zeros, v + t * stride, mostTiles * stride);
		}
		for (long in = 0; in < c->in; in += inputs) {
			if (of != in) {
				kernel = transformed(c, block, in, inputs, u);
				of = in;
			}
			for (int p = 0; p < positions; p++) {
				for (long q = 0; q < c->block / panel; q++) {
					multiplyRows(n, v + p * mostTiles * stride + in, stride, pair, kernel + p * kernelStep(c, inputs) + q * inputs * panel,
						inputs, m + p * mostTiles * c->block + q * panel, c->block, in == 0);
				}
			}
		}
		for (long t = 0; t < n; t++) {
			transformBack(c, block, (first + t) / columns, (first + t) % columns, m + t * c->block, mostTiles * c->block);
		}
	}
}
