#include "convolution.h"

const Way *wayOf(int bfloat16) {
	int has512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
		__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("fma");
	if (bfloat16) {
		return has512 && __builtin_cpu_supports("avx512bf16") ? &avx512bf16 : NULL;
	}
	if (has512) {
		return &avx512;
	}
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &avx2 : NULL;
}
