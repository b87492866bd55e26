#pragma once

// Products over all positions of a picture's features, for Gram matrices and their gradients.
#include "product.h"
#include "way.h"

// pack brings rows of a matrix, [rows][columns], into the order in which products read them: [columns/panel][rows/pair][panel]
// [pair], where panels lie step apart. With factors in pairs an odd last row is followed by zeros.
static void pack(const float *from, long rows, long columns, Factor *u, long step) {
	for (long r = 0; r < rows; r += pair) {
		for (long c = 0; c < columns; c += LANES) {
			const float *x = from + r * columns + c;
			Factor *to = u + c / panel * step + r * panel + c % panel * pair;
#if BFLOAT16
			__m512i even = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)load(x)));
			__m512i odd = r + 1 < rows ? _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)load(x + columns))) : _mm512_setzero_si512();
			_mm512_storeu_si512(to, _mm512_or_si512(even, _mm512_slli_epi32(odd, 16)));
#else
			store(to, load(x));
#endif
		}
	}
}

static long padded(long rows) { return divideUp(rows, pair) * pair; }

// chunk returns how many positions are packed at once: those that stay in the second cache.
static long chunk(long channels) { return (1L << 19) / sizeof(Factor) / channels; }

static long packedStep(long rows) { return padded(rows) * panel + padding; }

static size_t packedBytes(long rows, long columns) { return round64(columns / panel * packedStep(rows) * sizeof(Factor)); }

static size_t momentsScratch(const Moments *m) {
	size_t one = packedBytes(chunk(m->channels), m->channels);
	return m->w == m->x ? one : 2 * one;
}

static void secondMoments(const void *moments, long item, void *scratch) {
	const Moments *m = moments;
	long c = m->channels, most = chunk(c), step = packedStep(most);
	long begin = m->positions * item / m->parts, end = m->positions * (item + 1) / m->parts;
	float *sums = m->sums + item * c * c;
	Factor *x = scratch, *w = m->w == m->x ? x : (Factor *)((char *)scratch + packedBytes(most, c));
	for (long first = begin; first < end; first += most) {
		long n = end - first < most ? end - first : most;
		pack(m->x + first * c, n, c, x, step);
		if (w != x) {
			pack(m->w + first * c, n, c, w, step);
		}
		for (long q = 0; q < c / panel; q++) {
			for (long r = 0; r <= q; r++) {
				multiplyRows(panel, x + r * step, pair, pair * panel, w + q * step, padded(n), sums + r * panel * c + q * panel, c, first == begin);
			}
		}
	}
}

enum { mostRows = 4 * ROWS }; // of a product that read a panel while it is near

static size_t rowsBytes(const Product *p) { return BFLOAT16 ? round64(mostRows * (p->channels + padding) * sizeof(Factor)) : 0; }

static size_t productScratch(const Product *p) { return packedBytes(p->channels, p->channels) + rowsBytes(p); }

// rounded returns rows of x as factors, which lie *stride apart, perhaps in v.
static const Factor *rounded(const Product *p, long first, long rows, Factor *v, long *stride) {
#if BFLOAT16
	*stride = p->channels + padding;
	for (long r = 0; r < rows; r++) {
		for (long c = 0; c < p->channels; c += LANES) {
			_mm256_storeu_si256((__m256i *)(v + r * *stride + c), (__m256i)_mm512_cvtneps_pbh((__m512)load(p->x + (first + r) * p->channels + c)));
		}
	}
	return v;
#else
	*stride = p->channels;
	return p->x + first * p->channels;
#endif
}

static void times(const void *product, long item, void *scratch) {
	const Product *p = product;
	long c = p->channels, end = p->positions * (item + 1) / p->parts, step = packedStep(c);
	Factor *s = scratch, *v = (Factor *)((char *)scratch + packedBytes(c, c));
	pack(p->s, c, c, s, step);
	for (long first = p->positions * item / p->parts; first < end; first += mostRows) {
		long rows = end - first < mostRows ? end - first : mostRows, stride;
		const Factor *x = rounded(p, first, rows, v, &stride);
		for (long q = 0; q < c / panel; q++) {
			multiplyRows(rows, x, stride, pair, s + q * step, c, p->y + first * c + q * panel, c, 1);
		}
	}
}
