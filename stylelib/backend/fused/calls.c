#include "calls.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "convolution.h"
#include "xla.h"

// A Job is a convolution that threads share. Its items are a block of channels and a part of the tiles each.
typedef struct {
	Convolution c;
	const Way *way;
	size_t scratch;
	long tiles, parts, items;
	atomic_long next; // item that nobody has begun
	atomic_long left; // items that are not done
	sem_t done;
	atomic_int holders; // threads that know the job: one that begins late may find it done, and its caller gone
} Job;

static void release(Job *job) {
	if (atomic_fetch_sub(&job->holders, 1) == 1) {
		sem_destroy(&job->done);
		free(job);
	}
}

// Memory that no thread works in now is kept for the next convolution: to map 5 MB anew for each took 5 % of an evaluation.
typedef struct Scratch {
	struct Scratch *next;
	size_t bytes;
	void *memory;
} Scratch;

static pthread_mutex_t keeping = PTHREAD_MUTEX_INITIALIZER;
static Scratch *kept;

// take returns scratch of at least some bytes, or NULL if there is no memory.
static Scratch *take(size_t bytes) {
	pthread_mutex_lock(&keeping);
	Scratch *s = kept;
	if (s != NULL) {
		kept = s->next;
	}
	pthread_mutex_unlock(&keeping);
	if (s == NULL) {
		s = calloc(1, sizeof *s);
	}
	if (s != NULL && s->bytes < bytes) {
		free(s->memory);
		s->bytes = bytes;
		if (posix_memalign(&s->memory, 64, bytes) != 0) {
			free(s);
			return NULL;
		}
	}
	return s;
}

static void give(Scratch *s) {
	pthread_mutex_lock(&keeping);
	s->next = kept;
	kept = s;
	pthread_mutex_unlock(&keeping);
}

static void compute(Job *job, void *scratch) {
	for (long i; (i = atomic_fetch_add(&job->next, 1)) < job->items;) {
		long block = i / job->parts, part = i % job->parts;
		job->way->work(&job->c, block, job->tiles * part / job->parts, job->tiles * (part + 1) / job->parts, scratch);
		if (atomic_fetch_sub(&job->left, 1) == 1) {
			sem_post(&job->done);
		}
	}
}

// help is a task of XLA's threads. Without memory it leaves its share to the others.
static void help(void *data) {
	Job *job = data;
	Scratch *scratch = atomic_load(&job->next) < job->items ? take(job->scratch) : NULL;
	if (scratch != NULL) {
		compute(job, scratch->memory);
		give(scratch);
	}
	release(job);
}

// threads returns how many threads XLA has, 1 if it does not say.
static long threads(const Frame *frame) {
	if (frame->api->size < sizeof(Api)) { // an old plugin
		return 1;
	}
	int64_t n = 1;
	ThreadsArgs args = {.size = sizeof args, .context = frame->context, .threads = &n};
	Error *error = frame->api->threads(&args);
	if (error != NULL) {
		frame->api->error_destroy(&(ErrorDestroyArgs){.size = sizeof(ErrorDestroyArgs), .error = error});
		return 1;
	}
	return n;
}

static Error *failed(const Frame *frame, int code, const char *message) {
	return frame->api->error_create(&(ErrorArgs){.size = sizeof(ErrorArgs), .message = message, .code = code});
}

// Items of each thread at most. More than one let threads that lose time to other programs have fewer; each transforms the
// kernels of its block.
enum { itemsOfThread = 4 };

static long divideUp(long a, long b) { return (a + b - 1) / b; }

// partsFor returns into how many parts of the tiles n threads divide each block: as many as there are tiles at once, but
// enough that no thread is idle, and no more than items are good for.
static long partsFor(long tiles, long atOnce, long blocks, long n) {
	long parts = divideUp(tiles, atOnce), fewest = divideUp(n, blocks), most = n == 1 ? 1 : divideUp(itemsOfThread * n, blocks);
	parts = parts < fewest ? fewest : parts > most ? most : parts;
	return parts < tiles ? parts : tiles;
}

static Error *convolve(const Frame *frame, const Way *way, const Convolution *c) {
	Job *job = malloc(sizeof *job);
	long n = threads(frame), blocks = c->out / c->block;
	long tiles = divideUp(c->height, tileOutputs) * divideUp(c->width, tileOutputs), parts = partsFor(tiles, way->tiles, blocks, n);
	size_t most = way->scratch(c, divideUp(tiles, parts)), least = way->scratch(c, tiles / parts);
	size_t bytes = most > least ? most : least;
	Scratch *scratch = take(bytes);
	if (job == NULL || scratch == NULL) {
		free(job);
		if (scratch != NULL) {
			give(scratch);
		}
		return failed(frame, codeResourceExhausted, "no memory for a convolution");
	}
	*job = (Job){.c = *c, .way = way, .scratch = bytes, .tiles = tiles, .parts = parts, .items = blocks * parts};
	atomic_init(&job->next, 0);
	atomic_init(&job->left, job->items);
	atomic_init(&job->holders, 1);
	sem_init(&job->done, 0, 0);
	for (long i = 1; i < n && i < job->items; i++) {
		ScheduleArgs args = {.size = sizeof args, .context = frame->context, .task = help, .data = job};
		atomic_fetch_add(&job->holders, 1);
		Error *error = frame->api->schedule(&args);
		if (error != NULL) { // as many threads as there are do the work
			frame->api->error_destroy(&(ErrorDestroyArgs){.size = sizeof(ErrorDestroyArgs), .error = error});
			release(job);
			break;
		}
	}
	// This thread computes items, too, so that the work ends although all others are busy with what waits for this one.
	compute(job, scratch->memory);
	while (sem_wait(&job->done) != 0) { // a signal came
	}
	give(scratch);
	release(job);
	return NULL;
}

static int isFloat32(const Buffer *b, int rank) { return b->type == typeFloat32 && b->rank == rank; }

// handle answers a call with x and a kernel, and perhaps a bias and a mask.
static Error *handle(Frame *frame, int bfloat16, int turned) {
	if (frame->extensions != NULL && frame->extensions->type == extensionMetadata) {
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
		return failed(frame, codeInvalidArgument, "this processor has no convolution of this kind");
	}
	Buffers *in = &frame->arguments, *out = &frame->results;
	if (in->count < 2 || in->count > 4 || out->count != 1 || !isFloat32(in->buffers[0], 4) || !isFloat32(in->buffers[1], 2) || !isFloat32(out->buffers[0], 4)) {
		return failed(frame, codeInvalidArgument, "a convolution takes a picture and a kernel of float32");
	}
	const int64_t *x = in->buffers[0]->dimensions, *k = in->buffers[1]->dimensions, *y = out->buffers[0]->dimensions;
	Convolution c = {
		.x = in->buffers[0]->data, .kernel = (const float *)in->buffers[1]->data + turned * k[1], .y = out->buffers[0]->data,
		.height = x[1], .width = x[2], .in = x[3], .out = y[3],
	};
	if (x[0] != 1 || y[0] != 1 || y[1] != x[1] || y[2] != x[2] || k[0] != 2 || k[1] != 9 * c.in * c.out || c.in % leastBlock != 0 || c.out % leastBlock != 0) {
		return failed(frame, codeInvalidArgument, "a convolution of this shape is none of these");
	}
	// A tile's inputs are transformed once for each block. A larger block's kernels do not stay near the processor: with 512
	// channels it took 1.2 times as long in float32, with 256 and less 0.88.
	c.block = c.in <= 256 && c.out % (2 * leastBlock) == 0 ? 2 * leastBlock : leastBlock;
	for (int64_t i = 2; i < in->count; i++) {
		const Buffer *b = in->buffers[i];
		if (isFloat32(b, 1) && b->dimensions[0] == c.out) {
			c.bias = b->data;
		} else if (isFloat32(b, 4) && memcmp(b->dimensions, y, 4 * sizeof *y) == 0) {
			c.mask = b->data;
		} else {
			return failed(frame, codeInvalidArgument, "a convolution takes a bias, and a mask of its result's shape");
		}
	}
	return convolve(frame, way, &c);
}

// A handler has no argument of its own, so that each kind has a function.
static Error *float32Handler(Frame *frame) { return handle(frame, 0, 0); }
static Error *float32TurnedHandler(Frame *frame) { return handle(frame, 0, 1); }
static Error *bfloat16Handler(Frame *frame) { return handle(frame, 1, 0); }
static Error *bfloat16TurnedHandler(Frame *frame) { return handle(frame, 1, 1); }

int fusedSupports(int bfloat16) { return wayOf(bfloat16) != NULL; }

int fusedRegister(const void *table, const char *name, int bfloat16, int turned) {
	static Error *(*const handlers[2][2])(Frame *) = {{float32Handler, float32TurnedHandler}, {bfloat16Handler, bfloat16TurnedHandler}};
	const struct {
		size_t size;
		const Extension *extensions;
	} *plugin = table;
	for (const Extension *e = plugin->extensions; e != NULL; e = e->next) {
		if (e->type == extensionCalls && e->size >= sizeof(Calls)) {
			return ((const Calls *)e)->register_handler(&(RegisterArgs){
				.size = sizeof(RegisterArgs), .name = name, .name_size = strlen(name), .handler = handlers[bfloat16][turned],
				.platform = "HOST", .platform_size = 4,
			}) == NULL;
		}
	}
	return 0;
}
