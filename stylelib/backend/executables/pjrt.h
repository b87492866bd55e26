#pragma once

// What this package needs of PJRT's C interface: https://github.com/openxla/xla/blob/main/xla/pjrt/c/pjrt_c_api.h. The
// interface is binary compatible between versions: structs and the table of functions only grow at their ends.
#include <stddef.h>

typedef struct Error Error;
typedef struct Client Client;
typedef struct Executable Executable;
typedef struct LoadedExecutable LoadedExecutable;

typedef struct {
	size_t size;
	void *extensions;
	struct {
		size_t size;
		void *extensions;
		int major, minor;
	} version;
	void *functions[];
} Table;

// The places of functions in the table.
enum {
	errorDestroy = 0,
	clientCompile = 20,
	executableDestroy = 40,
	executableSerialize = 49,
	loadedExecutableGetExecutable = 51,
	executableDeserializeAndLoad = 56,
};

typedef struct {
	size_t size;
	void *extensions;
	Error *error;
} ErrorArgs;

typedef struct {
	size_t size;
	void *extensions;
	char *code;
	size_t code_size;
	const char *format;
	size_t format_size;
} Program;

typedef struct {
	size_t size;
	void *extensions;
	Client *client;
	const Program *program;
	const char *options;
	size_t options_size;
	LoadedExecutable *executable; // out
} CompileArgs;

typedef struct {
	size_t size;
	void *extensions;
	LoadedExecutable *loaded;
	Executable *executable; // out
} GetExecutableArgs;

typedef struct {
	size_t size;
	void *extensions;
	Executable *executable;
} DestroyArgs;

typedef struct {
	size_t size;
	void *extensions;
	const Executable *executable;
	const char *bytes; // out
	size_t bytes_size; // out
	void *serialized;  // out
	void (*delete)(void *serialized); // out
} SerializeArgs;

typedef struct {
	size_t size;
	void *extensions;
	Client *client;
	const char *bytes;
	size_t bytes_size;
	LoadedExecutable *executable; // out
	const char *options;
	size_t options_size;
} DeserializeArgs;

// pjrtLoad opens a plugin's library and returns its table of functions, or NULL and a message, which dlerror owns.
const Table *pjrtLoad(const char *path, const char **message);

// pjrtHook returns a copy of a table that compiles through the cache of a slot, 0 to slots-1.
enum { slots = 4 };
Table *pjrtHook(const Table *table, int slot);

Error *pjrtCompile(const Table *table, CompileArgs *args);

// pjrtSerialize fills in the arguments from a loaded executable. pjrtRelease frees what they hold.
Error *pjrtSerialize(const Table *table, LoadedExecutable *loaded, SerializeArgs *args);
void pjrtRelease(SerializeArgs *args);

Error *pjrtDeserialize(const Table *table, Client *client, const void *bytes, size_t size, LoadedExecutable **executable);

// pjrtDiscard frees an error.
void pjrtDiscard(const Table *table, Error *error);
