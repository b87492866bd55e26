package imagefile

import (
	"bytes"
	"compress/gzip"
	"context"
	_ "embed"
	"errors"
	"io"
	"runtime"
	"strings"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// Decoders in C that are compiled to WebAssembly, and cannot reach beyond their own memory: see wasm/README.md.
var (
	//go:embed wasm/heif.wasm.gz
	heifWasm []byte
	//go:embed wasm/avif.wasm.gz
	avifWasm []byte

	heifModule = wasmModule{packed: heifWasm}
	avifModule = wasmModule{packed: avifWasm}
)

// wasmMemory is what a decoder takes beside its pixels.
const wasmMemory = 64 << 20

// wasmModule is a decoder. It is compiled when it is first used.
type wasmModule struct {
	packed  []byte
	compile sync.Once
	cache   wazero.CompilationCache
	code    []byte
	err     error
}

// wasmDecoder is a decoder that is ready for files.
type wasmDecoder struct {
	ctx      context.Context
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
}

// wasmCall is a file in the memory of a decoder of its own.
type wasmCall struct {
	ctx        context.Context
	module     api.Module
	closes     func(context.Context) error
	data, size uint64
}

// open starts a decoder that ends with its context, and that has so much memory at most, and puts a file into it.
func (w *wasmModule) open(ctx context.Context, file []byte, memory int64) (*wasmCall, error) {
	d, err := w.start(ctx, memory+2*int64(len(file)), true)
	if err != nil {
		return nil, err
	}
	c, err := d.open(ctx, file)
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	c.closes = d.runtime.Close
	return c, nil
}

// start readies a decoder whose files have so much memory each at most. Only one that stops ends with its context in the
// middle of a file. It asks in every loop whether to, and takes three times as long.
func (w *wasmModule) start(ctx context.Context, memory int64, stops bool) (*wasmDecoder, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	w.compile.Do(func() {
		w.cache = wazero.NewCompilationCache()
		var r *gzip.Reader
		if r, w.err = gzip.NewReader(bytes.NewReader(w.packed)); w.err == nil {
			w.code, w.err = io.ReadAll(r)
		}
	})
	if w.err != nil {
		return nil, w.err
	}
	const page = 64 << 10
	pages := min(memory/page+1, 1<<16)
	config := wazero.NewRuntimeConfig().WithCloseOnContextDone(stops).WithMemoryLimitPages(uint32(pages)).WithCompilationCache(w.cache)
	d := &wasmDecoder{ctx: ctx, runtime: wazero.NewRuntimeWithConfig(ctx, config)}
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, d.runtime); err != nil {
		return nil, errors.Join(err, d.close())
	}
	// The code stays compiled in the cache, since nothing closes it.
	var err error
	if d.compiled, err = d.runtime.CompileModule(experimental.WithCompilationWorkers(ctx, runtime.GOMAXPROCS(0)), w.code); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

func (d *wasmDecoder) close() error { return d.runtime.Close(context.WithoutCancel(d.ctx)) }

// open puts a file into a new memory. Several goroutines may call it at once.
func (d *wasmDecoder) open(ctx context.Context, file []byte) (*wasmCall, error) {
	// Without a file system, arguments, an environment or a clock; what it prints is lost.
	module, err := d.runtime.InstantiateModule(ctx, d.compiled, wazero.NewModuleConfig().WithName(""))
	if err != nil {
		return nil, err
	}
	c := &wasmCall{ctx: ctx, module: module, closes: module.Close, size: uint64(len(file))}
	if c.data, err = c.alloc(len(file)); err != nil {
		return nil, errors.Join(err, c.close())
	}
	c.module.Memory().Write(uint32(c.data), file)
	return c, nil
}

func (c *wasmCall) close() error { return c.closes(context.WithoutCancel(c.ctx)) }

// alloc returns the place of n bytes in the decoder's memory.
func (c *wasmCall) alloc(n int) (uint64, error) {
	place, err := c.module.ExportedFunction("malloc").Call(c.ctx, uint64(n))
	if err != nil {
		return 0, undecoded(err)
	}
	if place[0] == 0 || place[0]+uint64(n) > uint64(c.module.Memory().Size()) {
		return 0, undecoded(errors.New("its decoder has not enough memory"))
	}
	return place[0], nil
}

// call calls the decoder.
func (c *wasmCall) call(args ...uint64) error {
	done, err := c.module.ExportedFunction("decode").Call(c.ctx, args...)
	switch {
	case c.ctx.Err() != nil:
		return c.ctx.Err()
	case err != nil:
		first, _, _ := strings.Cut(err.Error(), "\n") // without a trace
		return undecoded(errors.New(first))
	case done[0] == 0:
		return undecoded(errors.New("its decoder refused it"))
	}
	return nil
}

// undecoded is the fault of a file that its decoder refused, without saying whether it is damaged or of a rare kind.
func undecoded(cause error) error {
	return &fault{"is damaged, or of a kind that cannot be read", cause, "if other programs show it, convert it to PNG or JPEG there"}
}

func (c *wasmCall) uint32(place uint64) uint32 {
	v, _ := c.module.Memory().ReadUint32Le(uint32(place))
	return v
}

// bytes copies bytes out of the decoder's memory, which ends with it. It returns nil if they do not lie there.
func (c *wasmCall) bytes(place uint64, n int) []byte {
	view, ok := c.module.Memory().Read(uint32(place), uint32(n))
	if !ok {
		return nil
	}
	return bytes.Clone(view)
}
