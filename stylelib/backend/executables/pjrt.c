#include "pjrt.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "_cgo_export.h"

const Table *pjrtLoad(const char *path, const char **message) {
	// As go-xla loads it.
	void *library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
	if (library == NULL) {
		*message = dlerror();
		return NULL;
	}
	const Table *(*get)(void) = (const Table *(*)(void))dlsym(library, "GetPjrtApi");
	const Table *table = get == NULL ? NULL : get();
	if (table == NULL) {
		*message = "it has no function GetPjrtApi, or that returns nothing";
		dlclose(library);
	}
	return table;
}

// A function of the table has no argument that tells plugins apart, so that each plugin has its own.
#define COMPILE_IN(slot) \
	static Error *compileIn##slot(CompileArgs *args) { return pjrtCompileCached(slot, args); }
COMPILE_IN(0)
COMPILE_IN(1)
COMPILE_IN(2)
COMPILE_IN(3)

Table *pjrtHook(const Table *table, int slot) {
	static Error *(*const hooks[slots])(CompileArgs *) = {compileIn0, compileIn1, compileIn2, compileIn3};
	if (slot >= slots || table->size < offsetof(Table, functions) + (executableDeserializeAndLoad + 1) * sizeof(void *)) {
		return NULL;
	}
	Table *copy = malloc(table->size);
	if (copy != NULL) {
		memcpy(copy, table, table->size);
		copy->functions[clientCompile] = (void *)hooks[slot];
	}
	return copy;
}

Error *pjrtCompile(const Table *table, CompileArgs *args) {
	return ((Error * (*)(CompileArgs *)) table->functions[clientCompile])(args);
}

Error *pjrtSerialize(const Table *table, LoadedExecutable *loaded, SerializeArgs *args) {
	GetExecutableArgs get = {.size = sizeof get, .loaded = loaded};
	Error *error = ((Error * (*)(GetExecutableArgs *)) table->functions[loadedExecutableGetExecutable])(&get);
	if (error != NULL) {
		return error;
	}
	*args = (SerializeArgs){.size = sizeof *args, .executable = get.executable};
	error = ((Error * (*)(SerializeArgs *)) table->functions[executableSerialize])(args);
	DestroyArgs destroy = {.size = sizeof destroy, .executable = get.executable};
	Error *second = ((Error * (*)(DestroyArgs *)) table->functions[executableDestroy])(&destroy);
	if (second != NULL) {
		pjrtDiscard(table, second);
	}
	return error;
}

void pjrtRelease(SerializeArgs *args) {
	if (args->delete != NULL) {
		args->delete(args->serialized);
	}
}

Error *pjrtDeserialize(const Table *table, Client *client, const void *bytes, size_t size, LoadedExecutable **executable) {
	DeserializeArgs args = {.size = sizeof args, .client = client, .bytes = bytes, .bytes_size = size};
	Error *error = ((Error * (*)(DeserializeArgs *)) table->functions[executableDeserializeAndLoad])(&args);
	*executable = args.executable;
	return error;
}

void pjrtDiscard(const Table *table, Error *error) {
	ErrorArgs args = {.size = sizeof args, .error = error};
	((void (*)(ErrorArgs *))table->functions[errorDestroy])(&args);
}
