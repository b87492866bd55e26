#pragma once

// The first convolution of a network, from 3 channels, as products of the 27 numbers around each position, and its pullback.
// Factors are of float32.
#include "moments.h"

enum {
	taps = 27, // of an output: 3 rows of 3 positions of 3 channels
	mostPositions = 8 * ROWS, // that are multiplied at once
};

// firstRow is a row of a picture with zeros beside it, or zeros above and below the picture.
static void firstRow(const First *f, long y, float *to) {
	memset(to, 0, 3 * (f->width + 2) * sizeof *to);
	if (y >= 0 && y < f->height) {
		memcpy(to + 3, f->x + y * f->width * 3, 3 * f->width * sizeof *to);
	}
}

static size_t firstScratch(const First *f) {
	size_t forward = 3 * round64(3 * (f->width + 2) * sizeof(float)) + round64(mostPositions * taps * sizeof(float));
	size_t back = 3 * round64((f->width + 2) * tapsRow * sizeof(float));
	return packedBytes(f->channels, f->channels) + (forward > back ? forward : back);
}

static void first(const void *call, long item, void *scratch) {
	const First *f = call;
	long c = f->channels, step = packedStep(taps), rowBytes = round64(3 * (f->width + 2) * sizeof(float));
	float *kernel = scratch, *around = (float *)((char *)scratch + packedBytes(c, c));
	char *rows = (char *)around + round64(mostPositions * taps * sizeof(float));
	pack(f->kernel, taps, c, kernel, step);
	for (long y = f->height * item / f->parts; y < f->height * (item + 1) / f->parts; y++) {
		for (int i = 0; i < 3; i++) {
			firstRow(f, y + i - 1, (float *)(rows + i * rowBytes));
		}
		for (long x = 0; x < f->width; x += mostPositions) {
			long n = f->width - x < mostPositions ? f->width - x : mostPositions;
			for (long p = 0; p < n; p++) {
				for (int i = 0; i < 3; i++) {
					memcpy(around + p * taps + i * 9, rows + i * rowBytes + 3 * (x + p) * sizeof(float), 9 * sizeof(float));
				}
			}
			float *out = f->y + (y * f->width + x) * c;
			for (long q = 0; q < c / panel; q++) {
				multiplyRows(n, around, taps, pair, kernel + q * step, taps, out + q * panel, c, 1);
			}
			for (long at = 0; at < n * c; at += c) {
				for (long k = 0; k < c; k += LANES) {
					store(out + at + k, rectified(load(out + at + k) + load(f->bias + k)));
				}
			}
		}
	}
}

typedef float Four __attribute__((vector_size(16), aligned(4), may_alias));

// given computes what a row of the gradient gives to the rows above, at and below it: [width + 2][tapsRow], with zeros beside it.
static void given(const First *f, const float *kernel, long y, float *to) {
	memset(to, 0, tapsRow * sizeof *to);
	memset(to + (f->width + 1) * tapsRow, 0, tapsRow * sizeof *to);
	if (y < 0 || y >= f->height) {
		memset(to, 0, (f->width + 2) * tapsRow * sizeof *to);
		return;
	}
	for (long x = 0; x < f->width; x += mostPositions) {
		long n = f->width - x < mostPositions ? f->width - x : mostPositions;
		for (long q = 0; q < tapsRow / panel; q++) {
			multiplyRows(n, f->x + (y * f->width + x) * f->channels, f->channels, pair, kernel + q * packedStep(f->channels), f->channels,
				to + (x + 1) * tapsRow + q * panel, tapsRow, 1);
		}
	}
}

static void firstPullback(const void *call, long item, void *scratch) {
	const First *f = call;
	long rowFloats = round64((f->width + 2) * tapsRow * sizeof(float)) / sizeof(float);
	float *kernel = scratch, *rows = (float *)((char *)scratch + packedBytes(f->channels, f->channels));
	pack(f->kernel, f->channels, tapsRow, kernel, packedStep(f->channels));
	long begin = f->height * item / f->parts, end = f->height * (item + 1) / f->parts;
	for (long y = begin - 1; y <= end; y++) {
		given(f, kernel, y, rows + (y + 3) % 3 * rowFloats);
		long at = y - 1; // whose sums are complete
		if (at < begin) {
			continue;
		}
		for (long x = 0; x < f->width; x++) {
			Four sum = {0};
			UNROLL for (int i = 0; i < 3; i++) {
				// An output's tap in row i is the position in row i-1 from it, so that this position is in row 1-i from the output.
				const float *row = rows + (at + 1 - i + 3) % 3 * rowFloats + (x + 1) * tapsRow;
				UNROLL for (int j = 0; j < 3; j++) { sum += *(const Four *)(row + (1 - j) * tapsRow + 9 * i + 3 * j); }
			}
			memcpy(f->y + (at * f->width + x) * 3, &sum, 3 * sizeof(float));
		}
	}
}
