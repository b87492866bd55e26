#pragma once

// What this package needs of XLA's interface for calls, and of PJRT's for registering them:
// https://github.com/openxla/xla/blob/main/xla/ffi/api/c_api.h and
// https://github.com/openxla/xla/blob/main/xla/pjrt/c/pjrt_c_api_ffi_extension.h. Structs grow at their ends only.
#include <stddef.h>
#include <stdint.h>

typedef struct Error Error;
typedef struct Context Context;

typedef struct Extension {
	size_t size;
	int type;
	struct Extension *next;
} Extension;

// In a plugin's table of functions.
enum { extensionCalls = 5 };

typedef struct {
	size_t size;
	const char *name;
	size_t name_size;
	void *handler;
	const char *platform;
	size_t platform_size;
	int traits;
} RegisterArgs;

typedef struct {
	Extension base;
	void *type_register, *user_data_add;
	void *(*register_handler)(RegisterArgs *args); // returns PJRT's error, or NULL
} Calls;

typedef struct {
	size_t size;
	Extension *extensions;
	int major, minor;
} Version;

// In a call that asks what a handler was made for.
enum { extensionMetadata = 1 };

typedef struct {
	size_t size;
	Version version;
	uint32_t traits;
} Metadata;

typedef struct {
	Extension base;
	Metadata *metadata; // out
} MetadataExtension;

enum { codeInvalidArgument = 3, codeResourceExhausted = 8 };

typedef struct {
	size_t size;
	Extension *extensions;
	const char *message;
	int code;
} ErrorArgs;

typedef struct {
	size_t size;
	Extension *extensions;
	Error *error;
} ErrorDestroyArgs;

typedef struct {
	size_t size;
	Extension *extensions;
	Context *context;
	void (*task)(void *data);
	void *data;
} ScheduleArgs;

typedef struct {
	size_t size;
	Extension *extensions;
	Context *context;
	int64_t *threads; // out
} ThreadsArgs;

typedef struct {
	size_t size;
	Extension *extensions;
	Version version;
	const void *internal;
	Error *(*error_create)(ErrorArgs *args);
	void *error_get_message;
	void (*error_destroy)(ErrorDestroyArgs *args);
	void *between[8];
	Error *(*schedule)(ScheduleArgs *args);
	Error *(*threads)(ThreadsArgs *args);
} Api;

enum { typeFloat32 = 11, typeBFloat16 = 16 };

typedef struct {
	size_t size;
	Extension *extensions;
	int type;
	void *data;
	int64_t rank;
	int64_t *dimensions;
} Buffer;

typedef struct {
	size_t size;
	Extension *extensions;
	int64_t count;
	int *types;
	Buffer **buffers;
} Buffers;

enum { stageExecute = 3 };

typedef struct {
	size_t size;
	Extension *extensions;
	const Api *api;
	Context *context;
	int stage;
	Buffers arguments, results;
} Frame;
