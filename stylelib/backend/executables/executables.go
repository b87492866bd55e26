// Package executables keeps what XLA compiles in files, so that no process compiles what another has compiled on this
// machine: an evaluation of VGG19 compiles in 2 to 4 s and is read in 0.05.
//
// PJRT can serialize an executable, and go-xla has no functions for that. [Load] therefore gives go-xla a plugin's table of
// functions in which one is replaced, that which compiles. That is where a CPU's programs are given package fused's
// convolutions, too.
package executables

/*
#cgo LDFLAGS: -ldl
#include <stdlib.h>
#include "pjrt.h"
*/
import "C"

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"github.com/gomlx/go-xla/pjrt"

	"github.com/gouache-art/gouache/internal/diskcache"
	"github.com/gouache-art/gouache/stylelib/backend/fused"
)

// plugins are those whose compiling is hooked, by the slot of their hook.
var (
	mu      sync.Mutex
	loaded  = map[string]bool{} // by path: whether programs are rewritten
	plugins [C.slots]plugin
	used    int
)

type plugin struct {
	table *C.Table         // the library's own
	files *diskcache.Cache // or nil
	key   []byte
	fused bool // programs are rewritten
}

// Load loads a plugin's library and registers it with go-xla under its path, so that xla.New(path) opens it. Its
// executables are kept in files. The identity names everything beside the program and its options that an executable
// depends on: the plugin's build, the processor, and XLA's flags. Without files nothing is kept. A CPU's plugin has package
// fused's convolutions where both can, which the result says. A plugin that was loaded before stays as it was.
func Load(path, identity string, files *diskcache.Cache, cpu bool) (hasFused bool, err error) {
	mu.Lock()
	defer mu.Unlock()
	if has, ok := loaded[path]; ok {
		return has, nil
	}
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	var message *C.char
	table := C.pjrtLoad(name, &message)
	if table == nil {
		return false, errors.New(C.GoString(message))
	}
	hooked := C.pjrtHook(table, C.int(used))
	if hooked == nil { // an old plugin, which cannot serialize
		hooked = (*C.Table)(unsafe.Pointer(table))
	} else {
		hasFused = cpu && fused.Register(unsafe.Pointer(table))
		plugins[used] = plugin{table: table, files: files, key: []byte(identity), fused: hasFused}
		used++
	}
	if err := pjrt.RegisterPreloadedPlugin(path, uintptr(unsafe.Pointer(hooked))); err != nil {
		return false, fmt.Errorf("it does not begin: %w", err)
	}
	loaded[path] = hasFused
	return hasFused, nil
}

// pjrtCompileCached stands in for PJRT_Client_Compile in the table of a slot's plugin.
//
//export pjrtCompileCached
func pjrtCompileCached(slot C.int, args *C.CompileArgs) *C.Error {
	mu.Lock()
	p := plugins[slot]
	mu.Unlock()
	if p.fused {
		defer rewrite(args)()
	}
	if p.files == nil {
		return C.pjrtCompile(p.table, args)
	}
	key := p.keyOf(args)
	if data := p.files.Get(key); data != nil {
		if e := C.pjrtDeserialize(p.table, args.client, unsafe.Pointer(unsafe.SliceData(data)), C.size_t(len(data)), &args.executable); e == nil {
			return nil
		} else {
			C.pjrtDiscard(p.table, e)
			p.files.Remove(key) // from another build, for all that its name says
		}
	}
	if e := C.pjrtCompile(p.table, args); e != nil {
		return e
	}
	var out C.SerializeArgs
	if e := C.pjrtSerialize(p.table, args.executable, &out); e != nil {
		C.pjrtDiscard(p.table, e) // this one cannot be kept
		return nil
	}
	defer C.pjrtRelease(&out)
	p.files.Put(key, unsafe.Slice((*byte)(unsafe.Pointer(out.bytes)), int(out.bytes_size)))
	return nil
}

// rewrite replaces the program of the arguments by that with package fused's calls, until the function that it returns is
// called. C's memory holds it, since the arguments are C's.
func rewrite(args *C.CompileArgs) (restore func()) {
	code := fused.Rewrite(unsafe.Slice((*byte)(unsafe.Pointer(args.program.code)), int(args.program.code_size)))
	given, program := args.program, (*C.Program)(C.malloc(C.sizeof_Program))
	*program = *given
	program.code, program.code_size = (*C.char)(C.CBytes(code)), C.size_t(len(code))
	args.program = program
	return func() {
		args.program = given
		C.free(unsafe.Pointer(program.code))
		C.free(unsafe.Pointer(program))
	}
}

// keyOf returns the key of an executable: a hash of all that it depends on.
func (p *plugin) keyOf(args *C.CompileArgs) diskcache.Key {
	h := sha256.New()
	for _, part := range [][]byte{
		p.key,
		unsafe.Slice((*byte)(unsafe.Pointer(args.program.format)), int(args.program.format_size)),
		unsafe.Slice((*byte)(unsafe.Pointer(args.options)), int(args.options_size)),
		unsafe.Slice((*byte)(unsafe.Pointer(args.program.code)), int(args.program.code_size)),
	} {
		fmt.Fprintf(h, "%d\n", len(part))
		h.Write(part)
	}
	return diskcache.Key(h.Sum(nil))
}
