#pragma once

#include "xla.h"

// Work is what XLA's threads share.
typedef struct {
	// compute computes an item, from 0 to before items, each once, in any order, in scratch of that many bytes, aligned to 64.
	void (*compute)(const void *of, long item, void *scratch);
	const void *of;
	long items;
	size_t scratch;
} Work;

// share computes work for a call, and returns an error if there is no memory for that.
Error *share(const Frame *frame, Work work);

// threadsOf returns how many threads XLA has, 1 if it does not say.
long threadsOf(const Frame *frame);

// failed returns an error for a call to return.
Error *failed(const Frame *frame, int code, const char *message);
