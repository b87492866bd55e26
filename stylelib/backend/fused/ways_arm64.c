#include "convolution.h"

const Way *wayOf(int bfloat16) { return NULL; }
