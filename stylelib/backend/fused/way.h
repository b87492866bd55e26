#pragma once

#include <stddef.h>
#include <stdint.h>

// A Convolution is one call: 3×3, stride 1, with zeros around x. Its items, numbered from 0 to before items, are a part of the
// tiles in a block of channels each: part + parts × block.
typedef struct {
	const float *x;     // [height][width][in]
	const void *kernel; // as package fused prepares it for the Way
	float *y;           // [height][width][out]
	const float *bias;  // [out], or NULL. With a bias y is max(0, convolution + bias).
	const float *plus;  // [height][width][out], or NULL. It is added to the convolution.
	const float *mask;  // [height][width][out], or NULL. With a mask y is the sum where that is above zero, else zero.
	long height, width, in, out;
	long block; // channels of y that are computed together, which divide out: a multiple of leastBlock
	long parts;
} Convolution;

// Numbers of channels are multiples of leastBlock. Tiles are tileOutputs × tileOutputs positions of y.
enum { leastBlock = 64, tileOutputs = 4 };

// Rows of a first convolution's kernel: 27, and zeros.
enum { tapsRow = 32 };

static inline long divideUp(long a, long b) { return (a + b - 1) / b; }
static inline long tilesOf(const Convolution *c) { return divideUp(c->height, tileOutputs) * divideUp(c->width, tileOutputs); }

// Moments are the call for xᵀw, [channels][channels], where the rows of w are those of x, each times a number, so that the
// result is symmetric. An item is a part of the positions.
typedef struct {
	const float *x, *w; // [positions][channels]
	float *sums;        // [parts][channels][channels]: of each part, where the column's number is not below the row's
	long positions, channels, parts;
} Moments;

// A First is the call for a network's first convolution, or for its pullback, which is direct. An item is a part of the rows.
typedef struct {
	const float *x;      // [height][width][3], or [height][width][channels] in the pullback
	const float *kernel; // [tapsRow][channels], its 27 rows of taps with 3 inputs each followed by zeros, or the transpose of that
	float *y;            // [height][width][channels], or [height][width][3]
	const float *bias;   // [channels]: y is max(0, convolution + bias); not in the pullback
	long height, width, channels, parts;
} First;

// A Product is the call for y = xs. An item is a part of the positions.
typedef struct {
	const float *x; // [positions][channels]
	const float *s; // [channels][channels]
	float *y;       // [positions][channels]
	long positions, channels, parts;
} Product;

// A Way computes calls on one kind of processor. What it writes for an item depends on nothing else, not in its last bit. The
// sizes are of the scratch that an item needs, in bytes, which is aligned to 64. With factors of bfloat16 it has none for First.
typedef struct {
	int factorBytes; // 2 if factors are of bfloat16, 4 if of float32
	long tiles;      // that it computes at once
	size_t (*convolutionScratch)(const Convolution *c);
	size_t (*momentsScratch)(const Moments *m);
	size_t (*productScratch)(const Product *p);
	size_t (*firstScratch)(const First *f);
	void (*convolve)(const void *convolution, long item, void *scratch);
	void (*moments)(const void *moments, long item, void *scratch);
	void (*product)(const void *product, long item, void *scratch);
	void (*first)(const void *first, long item, void *scratch);
	void (*firstPullback)(const void *first, long item, void *scratch);
} Way;

extern const Way avx2, avx512, avx512bf16;

// wayOf returns the best way of this processor, with factors of bfloat16 or float32, or NULL if there is none.
const Way *wayOf(int bfloat16);
