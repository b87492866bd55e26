package fetch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/internal/tensorfile"
)

// makeSafetensors makes a file of tensors, each of n numbers that count up from its index.
func makeSafetensors(t *testing.T, n int, names ...string) []byte {
	t.Helper()
	var list []tensorfile.Tensor
	for _, name := range names {
		list = append(list, tensorfile.Tensor{Name: name, DType: "F32", Shape: []int{n}})
	}
	var b bytes.Buffer
	w, err := tensorfile.NewWriter(&b, map[string]string{"format": "pt"}, list, false)
	for i := range names {
		numbers := make([]float32, n)
		for j := range numbers {
			numbers[j] = float32(i + j)
		}
		err = errors.Join(err, tensorfile.WriteFloats(w, numbers))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestSafetensors fetches some of a file's tensors, which lie in two places, however the server answers and whatever is
// there already.
func TestSafetensors(t *testing.T) {
	const n = 20_000
	content := makeSafetensors(t, n, "head.a", "features.0", "features.1", "head.b", "features.2", "head.c")
	kept := makeSafetensors(t, n, "features.0", "features.1", "features.2")
	for i, first := range []float32{1, 2, 4} { // the numbers that the tensors have in content
		at := len(kept) - 4*n*(3-i)
		for j := range n {
			binary.LittleEndian.PutUint32(kept[at+4*j:], binary.LittleEndian.Uint32(content[len(content)-4*n*6+4*n*int(first)+4*j:]))
		}
	}
	for _, c := range []struct {
		name   string
		server *fileServer
		part   []byte
		served int64 // bytes at most; 0 for any number
	}{
		{"ranges", &fileServer{}, nil, 3*4*n + 2000},
		{"no ranges", &fileServer{noRange: true}, nil, 0},
		{"broken off", &fileServer{cut: 50_000, cuts: 4}, nil, 0},
		{"begun", &fileServer{}, kept[:len(kept)-4*n-400], 4*n + 3000},
		{"begun in the first place", &fileServer{}, kept[:len(kept)-2*4*n-400], 2*4*n + 3000},
		{"begun, no ranges", &fileServer{noRange: true}, kept[:len(kept)-400], 0},
		{"whole", &fileServer{}, kept, 2000},
		{"another's beginning", &fileServer{}, bytes.Repeat([]byte("x"), 5000), 3*4*n + 2000},
		{"too long", &fileServer{}, append(bytes.Clone(kept), 1, 2, 3), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.server.content = content
			src := Safetensors{Address: c.server.start(t), Prefix: "features."}
			dst := destination(t)
			if c.part != nil {
				if err := errors.Join(os.MkdirAll(dst[:strings.LastIndex(dst, "/")], 0o777), os.WriteFile(dst+".part", c.part, 0o666)); err != nil {
					t.Fatal(err)
				}
			}
			var last Progress
			if err := File(t.Context(), dst, src, sumsOf(kept), func(p Progress) { last = p }); err != nil {
				t.Fatal(err)
			}
			checkFetched(t, dst, kept)
			if served := c.server.served.Load(); c.served > 0 && served > c.served {
				t.Errorf("%d bytes were served, want %d at most", served, c.served)
			}
			if c.name == "ranges" && (last.Done != 3*4*n || last.Total != last.Done) {
				t.Errorf("progress ended with %d of %d bytes, want %d", last.Done, last.Total, 3*4*n)
			}
		})
	}
}

func TestSafetensorsRefuses(t *testing.T) {
	for _, c := range []struct {
		name    string
		content []byte
		says    string
	}{
		{"text", []byte("<html>not found</html>"), "no safetensors file"},
		{"no such tensors", makeSafetensors(t, 10, "head.a"), "has no tensors features."},
		{"truncated", makeSafetensors(t, 1000, "features.0")[:2000], "shorter than it says"},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := Safetensors{Address: (&fileServer{content: c.content}).start(t), Prefix: "features."}
			if err := File(t.Context(), destination(t), src, Checksums{}, nil); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want one that mentions %q", err, c.says)
			}
		})
	}
}
