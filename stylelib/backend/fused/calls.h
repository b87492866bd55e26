#pragma once

// fusedRegister registers a plugin's calls of this package under a name. It returns whether it could.
int fusedRegister(const void *table, const char *name, int bfloat16, int turned);

// fusedSupports reports whether the processor has a way for factors of bfloat16, or of float32.
int fusedSupports(int bfloat16);
