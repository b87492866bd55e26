package weights

import (
	"archive/zip"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/internal/fetch"
	"github.com/gouache-art/gouache/internal/tensorfile"
)

// counting is the set of testdata/tiny.py, whose kernels count up in PyTorch's order.
func counting() *Set {
	set := Random(VGG16, 0)
	for i := range set.Layers {
		l := &set.Layers[i]
		for o := range l.Out {
			l.Bias[o] = float32(o)
			for in := range l.In {
				for tap := range 9 {
					l.Kernel[(tap*l.In+in)*l.Out+o] = float32((o*l.In+in)*9 + tap)
				}
			}
		}
	}
	return set
}

// TestPyTorchFiles reads what PyTorch has written, in both of its formats.
func TestPyTorchFiles(t *testing.T) {
	tinyNetworks(t)
	for _, name := range []string{"tiny.pth", "tiny-legacy.pth"} {
		file := filepath.Join("testdata", name)
		if _, err := Load(t.Context(), file, Options{}); !errors.Is(err, errNoPreprocessing) {
			t.Errorf("%s: error %v, want that of a file that does not say its preprocessing", name, err)
		}
		for _, p := range []Preprocessing{Caffe, Torchvision} {
			set, err := Load(t.Context(), file, Options{Preprocessing: p})
			if err != nil {
				t.Fatal(err)
			}
			checkLayers(t, set, counting())
			if set.Preprocessing != p || set.Layout != layoutTorch {
				t.Errorf("%s: %v in layout %q, want %v", name, set.Preprocessing, set.Layout, p)
			}
		}
		contents, err := Inspect(t.Context(), file, Options{})
		if err != nil || contents.Format != "pytorch" || contents.Problem != errNoPreprocessing.Error() || len(contents.Tensors) != 2*13+3 {
			t.Errorf("%s: inspected %+v, %v", name, contents, err)
		}
	}
	c, err := openTorchZip(t.Context(), "testdata/tiny.pth")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, want := range []struct {
		name   string
		values []float32 // nil for an error
	}{
		{"classifier.0.weight", []float32{7, 8, 9, 10, 11, 12, 13}},
		{"classifier.0.bias", []float32{0, 1, 2, 3, 4, 5, 6}},
		{"classifier.1.weight", nil},
	} {
		i := slices.IndexFunc(c.Tensors(), func(x Tensor) bool { return x.Name == want.name })
		if values, err := c.Read(i); !slices.Equal(values, want.values) || (err == nil) != (want.values != nil) {
			t.Errorf("%s holds %v, %v, want %v", want.name, values, err, want.values)
		}
	}
}

// TestKnownPyTorchFile: a file of a known sum says what it wants to see.
func TestKnownPyTorchFile(t *testing.T) {
	tinyNetworks(t)
	content, err := os.ReadFile("testdata/tiny.pth")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	begin := hex.EncodeToString(sum[:4])
	torchFiles[begin] = Torchvision
	t.Cleanup(func() { delete(torchFiles, begin) })
	set, err := ReadFile(t.Context(), "testdata/tiny.pth")
	if err != nil || set.Preprocessing != Torchvision {
		t.Errorf("got %v, %v, want torchvision's preprocessing", set, err)
	}
}

// TestTorchModules compares the numbers of convolutions with those of torchvision's models.
func TestTorchModules(t *testing.T) {
	for network, numbers := range map[string][]int{
		VGG16: {0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28},
		VGG19: {0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34},
	} {
		modules, names := findArchitecture(network).torchModules(), LayerNames(network)
		for i, n := range numbers {
			if modules[n] != names[i] {
				t.Errorf("%s: module %d is %q, want %s", network, n, modules[n], names[i])
			}
		}
		if len(modules) != len(numbers) {
			t.Errorf("%s: %d convolutions, want %d", network, len(modules), len(numbers))
		}
	}
}

// torchSafetensors is a file as Hugging Face has it: a tiny network's convolutions among other tensors.
func torchSafetensors(t *testing.T, set *Set) []byte {
	t.Helper()
	list := []tensorfile.Tensor{{Name: "classifier.0.weight", DType: "F32", Shape: []int{1000, 100}}}
	values := [][]float32{make([]float32, 100_000)}
	layers := findArchitecture(set.Network).torchModules()
	for module := range 40 {
		name, ok := layers[module]
		if !ok {
			continue
		}
		l, err := set.Layer(name)
		if err != nil {
			t.Fatal(err)
		}
		kernel := make([]float32, len(l.Kernel))
		for i, v := range l.Kernel {
			tap, in, out := i/l.Out/l.In, i/l.Out%l.In, i%l.Out
			kernel[(out*l.In+in)*9+tap] = v
		}
		begin := torchPrefix + strconv.Itoa(module)
		list = append(list, tensorfile.Tensor{Name: begin + ".weight", DType: "F32", Shape: torchShape(l.kernelShape())},
			tensorfile.Tensor{Name: begin + ".bias", DType: "F32", Shape: []int{l.Out}})
		values = append(values, kernel, l.Bias)
	}
	list = append(list, tensorfile.Tensor{Name: "head.fc.weight", DType: "F32", Shape: []int{10, 10}})
	values = append(values, make([]float32, 100))
	var b bytes.Buffer
	w, err := tensorfile.NewWriter(&b, map[string]string{"format": "pt"}, list, false)
	for _, v := range values {
		err = errors.Join(err, tensorfile.WriteFloats(w, v))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestTorchvisionSource fetches the convolutions of such a file, from servers with ranges and without, and recognises its
// copy by the sum that was kept.
func TestTorchvisionSource(t *testing.T) {
	for _, ranges := range []bool{true, false} {
		tinyNetworks(t)
		want := distinct(VGG19)
		content := torchSafetensors(t, want)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !ranges {
				r.Header.Del("Range")
			}
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
		}))
		defer server.Close()
		full := sources
		t.Cleanup(func() { sources = full })
		sources = slices.Clone(full)
		i := slices.IndexFunc(sources, func(s Source) bool { return s.Name == "vgg19-torchvision" })
		sources[i].Origin = fetch.Safetensors{Address: server.URL, Prefix: torchPrefix}

		opts := Options{Dir: t.TempDir()}
		set, err := Load(t.Context(), "vgg19-torchvision", opts)
		if err != nil {
			t.Fatal(err)
		}
		checkLayers(t, set, want)
		if set.Preprocessing != Torchvision || set.License != torchvisionLicense {
			t.Errorf("got %v, %q", set.Preprocessing, set.License)
		}
		path := filepath.Join(opts.Dir, "vgg19-torchvision.safetensors")
		if info, err := os.Stat(path); err != nil || info.Size() > int64(len(content))-400_000 {
			t.Errorf("%v, %v: more than the convolutions is kept", info, err)
		}
		server.Close()
		if _, err := Load(t.Context(), "vgg19-torchvision", opts); err != nil {
			t.Error(err)
		}
		kept, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		kept[len(kept)/2] ^= 1
		if err := os.WriteFile(path, kept, 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(t.Context(), "vgg19-torchvision", opts); err == nil || !strings.Contains(err.Error(), "is damaged") {
			t.Errorf("a damaged copy: error %v", err)
		}
	}
}

// TestPyTorchBombs: small files that would ask for more memory or time than any machine has are errors at once.
func TestPyTorchBombs(t *testing.T) {
	const (
		dictionary = "\x80\x02}"
		get0       = "h\x00"
	)
	tensor := "ctorch._utils\n_rebuild_tensor_v2\n(" + "((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQ"
	longShape := "(" + strings.Repeat("K\x01", 200_000) + "tq\x00"
	doubled := ")q\x00" + strings.Repeat(get0+get0+"\x86q\x00", 60) // a tuple of itself twice, 60 deep
	for name, pickle := range map[string]string{
		"text":  dictionary + strings.Repeat("X\x00\x00\x01\x00"+strings.Repeat("x", 1<<16), 1000),
		"class": dictionary + doubled + get0 + get0 + "\x93.",
		"shape": dictionary + longShape + strings.Repeat(tensor+"K\x00"+get0+get0+"tR", 5000) + ".",
	} {
		file := filepath.Join(t.TempDir(), name+".pth")
		var content bytes.Buffer
		archive := zip.NewWriter(&content)
		member, err := archive.Create("x/data.pkl") // compressed
		if err == nil {
			_, err = member.Write([]byte(pickle))
		}
		if err := cmp.Or(err, archive.Close(), os.WriteFile(file, content.Bytes(), 0o666)); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err = Load(t.Context(), file, Options{Preprocessing: Caffe})
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s of %d bytes is read", name, content.Len())
		}
		if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > 200 {
			t.Errorf("%s of %d bytes takes %d MB", name, content.Len(), used)
		}
	}
}

// TestPyTorchStorageSize: the directory of an archive does not say how much memory is taken.
func TestPyTorchStorageSize(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("testdata", "tiny.pth"))
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.LastIndex(content, []byte("/data/")) // in the directory, whose entries have 46 bytes before the name
	entry := bytes.LastIndex(content[:at], []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(content[entry+24:], 0xfffffff0)
	file := filepath.Join(t.TempDir(), "tiny.pth")
	if err := os.WriteFile(file, content, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(t.Context(), file, Options{Preprocessing: Caffe}); err == nil || !strings.Contains(err.Error(), "truncated or damaged") {
		t.Errorf("error %v", err)
	}
}

// FuzzPyTorchFile: whatever the file, reading it ends with an error or with numbers.
func FuzzPyTorchFile(f *testing.F) {
	for _, name := range []string{"tiny.pth", "tiny-legacy.pth"} {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		file := filepath.Join(t.TempDir(), "x.pth")
		if err := os.WriteFile(file, content, 0o666); err != nil {
			t.Fatal(err)
		}
		c, _, err := open(t.Context(), file)
		if err != nil {
			return
		}
		defer c.Close()
		for i := range c.Tensors() {
			_, _ = c.Read(i) // an error is as good as numbers
		}
	})
}
