#include "calls.h"

#include <stdlib.h>
#include <string.h>

#include "share.h"
#include "way.h"

static int hasShape(const Buffer *b, int type, int rank) { return b->type == type && b->rank == rank; }
static int isFloat32(const Buffer *b, int rank) { return hasShape(b, typeFloat32, rank); }
static int sameShape(const Buffer *a, const Buffer *b) {
	return a->rank == b->rank && memcmp(a->dimensions, b->dimensions, a->rank * sizeof *a->dimensions) == 0;
}

// Items of each thread at most. More than one let threads that lose time to other programs have fewer; each transforms the
// kernels of its block, or packs a matrix.
enum { itemsOfThread = 4 };

// partsFor returns into how many parts n threads divide each block of some things: as many as atOnce fill, but enough that
// no thread is idle, and no more than items are good for.
static long partsFor(long things, long atOnce, long blocks, long n) {
	long parts = divideUp(things, atOnce), fewest = divideUp(n, blocks), most = n == 1 ? 1 : divideUp(itemsOfThread * n, blocks);
	parts = parts < fewest ? fewest : parts > most ? most : parts;
	return parts < things ? parts : things;
}

// convolve answers a call with x, a kernel and a bias, or, if turned, with y, a kernel, and perhaps a mask, and perhaps what
// is added after that. The kernel is there twice: as it is, and turned.
static Error *convolve(const Frame *frame, const Way *way, int turned) {
	const Buffers *in = &frame->arguments, *out = &frame->results;
	int factors = way->factorBytes == 2 ? typeBFloat16 : typeFloat32;
	if (in->count < (turned ? 2 : 3) || in->count > (turned ? 4 : 3) || out->count != 1 || !isFloat32(in->buffers[0], 4) || !hasShape(in->buffers[1], factors, 2) || !isFloat32(out->buffers[0], 4)) {
		return failed(frame, codeInvalidArgument, "a convolution takes a picture of float32 and a kernel of its factors' type");
	}
	const int64_t *x = in->buffers[0]->dimensions, *k = in->buffers[1]->dimensions, *y = out->buffers[0]->dimensions;
	Convolution c = {
		.x = in->buffers[0]->data, .kernel = (const char *)in->buffers[1]->data + turned * k[1] * way->factorBytes, .y = out->buffers[0]->data,
		.height = x[1], .width = x[2], .in = x[3], .out = y[3],
	};
	int64_t taps = way->factorBytes == 2 ? 36 : 9;
	if (x[0] != 1 || y[0] != 1 || y[1] != x[1] || y[2] != x[2] || k[0] != 2 || k[1] != taps * c.in * c.out || c.in % leastBlock != 0 || c.out % leastBlock != 0) {
		return failed(frame, codeInvalidArgument, "a convolution of this shape is none of these");
	}
	for (int64_t i = 2; i < in->count; i++) {
		const Buffer *b = in->buffers[i];
		if (turned ? !isFloat32(b, 4) || !sameShape(b, out->buffers[0]) : !isFloat32(b, 1) || b->dimensions[0] != c.out) {
			return failed(frame, codeInvalidArgument, "a convolution takes a bias, and its pullback a mask and a sum's other part");
		}
	}
	if (!turned) {
		c.bias = in->buffers[2]->data;
	} else {
		c.mask = in->count > 2 ? in->buffers[2]->data : NULL;
		c.plus = in->count > 3 ? in->buffers[3]->data : NULL;
	}
	// A tile's inputs are transformed once for each block. With factors of bfloat16, blocks of 256 took 0.92 of the time of 128 and
	// 64. In float32 a larger block's kernels do not stay near the processor: with 512 inputs it took 1.2 times as long, with 256
	// and less 0.88.
	long most = way->factorBytes == 2 ? 4 * leastBlock : c.in <= 256 ? 2 * leastBlock : leastBlock;
	c.block = leastBlock;
	while (2 * c.block <= most && c.out % (2 * c.block) == 0) {
		c.block *= 2;
	}
	long blocks = c.out / c.block;
	c.parts = partsFor(tilesOf(&c), way->tiles, blocks, threadsOf(frame));
	return share(frame, (Work){way->convolve, &c, blocks * c.parts, way->convolutionScratch(&c)});
}

// firstConvolution answers a call with a picture, a kernel and a bias, or with a gradient and a kernel if turned.
static Error *firstConvolution(const Frame *frame, const Way *way, int turned) {
	const Buffers *in = &frame->arguments, *out = &frame->results;
	if (in->count != (turned ? 2 : 3) || out->count != 1 || !isFloat32(in->buffers[0], 4) || !isFloat32(in->buffers[1], 2) || !isFloat32(out->buffers[0], 4)) {
		return failed(frame, codeInvalidArgument, "a first convolution takes a picture, a kernel and a bias of float32, its pullback a gradient and a kernel");
	}
	const int64_t *x = in->buffers[0]->dimensions, *k = in->buffers[1]->dimensions, *y = out->buffers[0]->dimensions;
	First f = {
		.x = in->buffers[0]->data, .kernel = (const float *)in->buffers[1]->data + turned * k[1], .y = out->buffers[0]->data,
		.height = x[1], .width = x[2], .channels = turned ? x[3] : y[3],
	};
	if (x[0] != 1 || y[0] != 1 || y[1] != x[1] || y[2] != x[2] || f.height < 1 || f.width < 1 || (turned ? y : x)[3] != 3 ||
		f.channels < 1 || f.channels % leastBlock != 0 || k[0] != 2 || k[1] != tapsRow * f.channels) {
		return failed(frame, codeInvalidArgument, "a first convolution of this shape is none of these");
	}
	if (!turned) {
		if (!isFloat32(in->buffers[2], 1) || in->buffers[2]->dimensions[0] != f.channels) {
			return failed(frame, codeInvalidArgument, "a first convolution takes a bias of its channels");
		}
		f.bias = in->buffers[2]->data;
	}
	f.parts = partsFor(f.height, 8, 1, threadsOf(frame));
	return share(frame, (Work){turned ? way->firstPullback : way->first, &f, f.parts, way->firstScratch(&f)});
}

// Parts of the positions in moments depend on neither processor nor threads, so that the sums do not. They have 128 positions
// at least, and their sums 8 MB at most.
static long partsOfMoments(long positions, long channels) {
	long parts = divideUp(positions, 128), most = (2L << 20) / (channels * channels);
	most = most < 1 ? 1 : most > 16 ? 16 : most;
	return parts < most ? parts : most;
}

// moments answers a call with features, and perhaps the same weighted.
static Error *moments(const Frame *frame, const Way *way) {
	const Buffers *in = &frame->arguments, *out = &frame->results;
	if (in->count < 1 || in->count > 2 || out->count != 1 || !isFloat32(in->buffers[0], 4) || !isFloat32(out->buffers[0], 2) ||
		!isFloat32(in->buffers[in->count - 1], 4) || !sameShape(in->buffers[0], in->buffers[in->count - 1])) {
		return failed(frame, codeInvalidArgument, "moments take features of float32, and the same weighted");
	}
	const int64_t *d = in->buffers[0]->dimensions, *y = out->buffers[0]->dimensions;
	long positions = d[0] * d[1] * d[2], channels = d[3];
	if (positions < 1 || channels < 1 || channels % leastBlock != 0 || y[0] != channels || y[1] != channels) {
		return failed(frame, codeInvalidArgument, "moments of this shape are none of these");
	}
	Moments m = {
		.x = in->buffers[0]->data, .w = in->buffers[in->count - 1]->data,
		.positions = positions, .channels = channels, .parts = partsOfMoments(positions, channels),
	};
	float *sums = malloc(m.parts * channels * channels * sizeof *sums), *result = out->buffers[0]->data;
	if (sums == NULL) {
		return failed(frame, codeResourceExhausted, "no memory for moments");
	}
	m.sums = sums;
	Error *error = share(frame, (Work){way->moments, &m, m.parts, way->momentsScratch(&m)});
	if (error == NULL) {
		for (long r = 0; r < channels; r++) {
			float *row = result + r * channels;
			memcpy(row + r, sums + r * channels + r, (channels - r) * sizeof *row);
			for (long p = 1; p < m.parts; p++) {
				for (long c = r; c < channels; c++) {
					row[c] += sums[(p * channels + r) * channels + c];
				}
			}
			for (long c = r; c < channels; c++) {
				result[c * channels + r] = row[c];
			}
		}
	}
	free(sums);
	return error;
}

// product answers a call with features and a matrix.
static Error *product(const Frame *frame, const Way *way) {
	const Buffers *in = &frame->arguments, *out = &frame->results;
	if (in->count != 2 || out->count != 1 || !isFloat32(in->buffers[0], 4) || !isFloat32(in->buffers[1], 2) ||
		!isFloat32(out->buffers[0], 4) || !sameShape(in->buffers[0], out->buffers[0])) {
		return failed(frame, codeInvalidArgument, "a product takes features and a matrix of float32");
	}
	const int64_t *d = in->buffers[0]->dimensions, *s = in->buffers[1]->dimensions;
	Product p = {.x = in->buffers[0]->data, .s = in->buffers[1]->data, .y = out->buffers[0]->data, .positions = d[0] * d[1] * d[2], .channels = d[3]};
	if (p.positions < 1 || p.channels < 1 || p.channels % leastBlock != 0 || s[0] != p.channels || s[1] != p.channels) {
		return failed(frame, codeInvalidArgument, "a product of this shape is none of these");
	}
	p.parts = partsFor(p.positions, 256, 1, threadsOf(frame));
	return share(frame, (Work){way->product, &p, p.parts, way->productScratch(&p)});
}

static Error *handle(const Frame *frame, int bfloat16, int call) {
	if (frame->extensions != NULL && frame->extensions->type == extensionMetadata) { // it asks what the handler was made for
		Metadata *metadata = ((MetadataExtension *)frame->extensions)->metadata;
		metadata->version.major = 0;
		metadata->version.minor = frame->api != NULL ? frame->api->version.minor : 3;
		metadata->traits = 0;
		return NULL;
	}
	if (frame->stage != stageExecute) {
		return NULL;
	}
	const Way *way = wayOf(bfloat16);
	if (way == NULL) {
		return failed(frame, codeInvalidArgument, "this processor has no call of this kind");
	}
	switch (call) {
	case callConvolution:
	case callTurned:
		return convolve(frame, way, call == callTurned);
	case callMoments:
		return moments(frame, way);
	case callProduct:
		return product(frame, way);
	}
	return firstConvolution(frame, way, call == callFirstTurned);
}

// A handler has no argument of its own, so that each call has a function.
#define HANDLERS(type, bfloat16) \
	static Error *type##Convolution(Frame *frame) { return handle(frame, bfloat16, callConvolution); } \
	static Error *type##Turned(Frame *frame) { return handle(frame, bfloat16, callTurned); } \
	static Error *type##Moments(Frame *frame) { return handle(frame, bfloat16, callMoments); } \
	static Error *type##Product(Frame *frame) { return handle(frame, bfloat16, callProduct); }
HANDLERS(float32, 0)
HANDLERS(bfloat16, 1)
static Error *first(Frame *frame) { return handle(frame, 0, callFirst); }
static Error *firstTurned(Frame *frame) { return handle(frame, 0, callFirstTurned); }

int fusedSupports(int bfloat16) { return wayOf(bfloat16) != NULL; }

int fusedRegister(const void *table, const char *name, int bfloat16, int call) {
	static Error *(*const handlers[2][calls])(Frame *) = {
		{float32Convolution, float32Turned, float32Moments, float32Product, first, firstTurned},
		{bfloat16Convolution, bfloat16Turned, bfloat16Moments, bfloat16Product, first, firstTurned},
	};
	const struct {
		size_t size;
		const Extension *extensions;
	} *plugin = table;
	for (const Extension *e = plugin->extensions; e != NULL; e = e->next) {
		if (e->type == extensionCalls && e->size >= sizeof(Calls)) {
			return ((const Calls *)e)->register_handler(&(RegisterArgs){
				.size = sizeof(RegisterArgs), .name = name, .name_size = strlen(name), .handler = handlers[bfloat16][call],
				.platform = "HOST", .platform_size = 4,
			}) == NULL;
		}
	}
	return 0;
}
