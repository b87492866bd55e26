#pragma once

#include <stddef.h>
#include <stdint.h>

// A Convolution is one call: 3×3, stride 1, with zeros around x. The kernel is shaped [out/leastBlock][in][9][leastBlock],
// its nine taps in rows.
typedef struct {
	const float *x, *kernel; // x is [height][width][in]
	float *y;                // [height][width][out]
	const float *bias;       // [out], or NULL. With a bias y is max(0, convolution + bias).
	const float *mask;       // [height][width][out], or NULL. With a mask y is the convolution where it is above zero, else zero.
	long height, width, in, out;
	long block; // channels of y that are computed together, which divide out: a multiple of leastBlock
} Convolution;

// Numbers of channels are multiples of leastBlock. Tiles are tileOutputs × tileOutputs positions of y.
enum { leastBlock = 64, tileOutputs = 4 };

// A Way computes convolutions on one kind of processor.
typedef struct {
	long tiles; // that it computes at once
	// scratch returns the bytes that work needs for a number of tiles.
	size_t (*scratch)(const Convolution *c, long tiles);
	// work computes tiles, in rows from left to right, from first to before end, in the channels of the block of that number.
	// A tile's outputs depend on nothing else, not in their last bit. The scratch is aligned to 64 bytes.
	void (*work)(const Convolution *c, long block, long first, long end, void *scratch);
} Way;

extern const Way avx2, avx512, avx512bf16;

// wayOf returns the best way of this processor, with factors of bfloat16 or float32, or NULL if there is none.
const Way *wayOf(int bfloat16);
