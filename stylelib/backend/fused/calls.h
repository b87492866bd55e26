#pragma once

// What is called.
enum { callConvolution, callTurned, callMoments, callProduct, callFirst, callFirstTurned, calls };

// fusedRegister registers a plugin's call, with factors of bfloat16 or float32, under a name. It returns whether it could.
int fusedRegister(const void *table, const char *name, int bfloat16, int call);

// fusedSupports reports whether the processor has a way for factors of bfloat16, or of float32.
int fusedSupports(int bfloat16);
