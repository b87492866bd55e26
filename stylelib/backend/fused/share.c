#include "share.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

// A Job is work that threads share. The work itself is its caller's, who waits until all items are done.
typedef struct {
	Work work;
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

// Memory that no thread works in now is kept for the next work: to map 5 MB anew for each took 5 % of an evaluation.
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
	for (long i; (i = atomic_fetch_add(&job->next, 1)) < job->work.items;) {
		job->work.compute(job->work.of, i, scratch);
		if (atomic_fetch_sub(&job->left, 1) == 1) {
			sem_post(&job->done);
		}
	}
}

// help is a task of XLA's threads. Without memory it leaves its share to the others.
static void help(void *data) {
	Job *job = data;
	Scratch *scratch = atomic_load(&job->next) < job->work.items ? take(job->work.scratch) : NULL;
	if (scratch != NULL) {
		compute(job, scratch->memory);
		give(scratch);
	}
	release(job);
}

long threadsOf(const Frame *frame) {
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

Error *failed(const Frame *frame, int code, const char *message) {
	return frame->api->error_create(&(ErrorArgs){.size = sizeof(ErrorArgs), .message = message, .code = code});
}

Error *share(const Frame *frame, Work work) {
	Job *job = malloc(sizeof *job);
	Scratch *scratch = take(work.scratch);
	if (job == NULL || scratch == NULL) {
		free(job);
		if (scratch != NULL) {
			give(scratch);
		}
		return failed(frame, codeResourceExhausted, "no memory for what a call computes in");
	}
	job->work = work;
	atomic_init(&job->next, 0);
	atomic_init(&job->left, work.items);
	atomic_init(&job->holders, 1);
	sem_init(&job->done, 0, 0);
	long n = threadsOf(frame);
	for (long i = 1; i < n && i < work.items; i++) {
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
