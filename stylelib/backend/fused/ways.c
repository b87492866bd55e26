#include "way.h"

const Way *wayOf(int bfloat16) {
#ifdef __x86_64__
	int has512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
		__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("fma");
	if (bfloat16) {
		return has512 && __builtin_cpu_supports("avx512bf16") ? &avx512bf16 : NULL;
	}
	if (has512) {
		return &avx512;
	}
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
		return &avx2;
	}
#endif
	return NULL; // XLA's own convolutions remain
}
