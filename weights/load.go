package weights

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/gouache-art/gouache/internal/fetch"
	"github.com/gouache-art/gouache/internal/filename"
)

// Options say where weights are kept. The zero value is ready to use.
type Options struct {
	// Dir is the folder for fetched files; CacheDir() if empty.
	Dir string
	// Progress is called as a download proceeds. It may be nil.
	Progress func(Progress)
	// Seed is for the set "random".
	Seed int64
	// Preprocessing is that of a file which does not say it, such as one of PyTorch; the zero value is none.
	Preprocessing Preprocessing
}

func (o Options) path(s Source) string { return filepath.Join(cmp.Or(o.Dir, CacheDir()), s.File) }

// CacheDir is where fetched files are kept: $GOUACHE_WEIGHTS, else gouache/weights in the user's cache folder as
// [os.UserCacheDir] finds it ($XDG_CACHE_HOME, else ~/.cache, on Linux), else, for a user without a home, in the
// folder for temporary files.
func CacheDir() string {
	if dir := os.Getenv("GOUACHE_WEIGHTS"); dir != "" {
		return filename.Expand(dir)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	return filepath.Join(cache, "gouache", "weights")
}

// Load loads a set by its source's name, or from a file. A set that is not in the cache is fetched. The cached file's
// checksum is compared at each load (0.12 s for VGG19's 80 MB); a damaged file is fetched anew, with a message to
// opts.Progress. Errors match [ErrMissing] if there are no such weights.
func Load(ctx context.Context, nameOrFile string, opts Options) (*Set, error) {
	if s, err := Lookup(nameOrFile); err == nil && s.Make != nil {
		return s.Make(opts.Seed), nil
	}
	path, source, err := find(ctx, nameOrFile, opts)
	if err != nil {
		return nil, err
	}
	set, sums, err := readAndSum(ctx, path)
	if err != nil {
		return nil, err
	}
	if source == nil {
		return set, set.describeFile(sums, opts.Preprocessing)
	}
	// What was read is what counts, not what was there when Fetch looked.
	expected, err := source.sums(path)
	if err == nil {
		err = expected.Compare(path, sums)
	}
	if err != nil {
		return nil, err
	}
	set.describe(*source)
	return set, nil
}

// find returns the path of a file, or of the cached file of a source, which it fetches if necessary.
func find(ctx context.Context, nameOrFile string, opts Options) (string, *Source, error) {
	source, err := Lookup(nameOrFile)
	switch {
	case err != nil && looksLikeFile(nameOrFile):
		return nameOrFile, nil, nil
	case err != nil:
		return "", nil, fmt.Errorf("%w; nor is there a file of that name", err)
	}
	if err := readable(source); err != nil {
		return "", nil, fmt.Errorf("loading %s: %w", source.Name, err) // and not after 80 MB of download
	}
	path, err := Fetch(ctx, source.Name, opts)
	return path, &source, err
}

// looksLikeFile says whether an unknown name means a file.
func looksLikeFile(s string) bool {
	if _, err := os.Stat(s); err == nil {
		return true
	}
	extension := strings.ToLower(filepath.Ext(s))
	return strings.ContainsRune(s, os.PathSeparator) || slices.Contains([]string{".h5", ".hdf5", ".keras", ".safetensors", ".pth", ".pt"}, extension)
}

// ReadFile reads VGG16 or VGG19 from a file of any name. A file with the checksum of a source gets its name and licence.
// Errors name the file, the layer, and what was expected.
func ReadFile(ctx context.Context, path string) (*Set, error) {
	set, sums, err := readAndSum(ctx, path)
	if err != nil {
		return nil, err
	}
	return set, set.describeFile(sums, Preprocessing{})
}

// readAndSum reads a file and its checksums at the same time, which saves 0.16 s for VGG19's 80 MB.
func readAndSum(ctx context.Context, path string) (*Set, fetch.Checksums, error) {
	// The file's kind is checked first: summing up a pipe would wait for ever.
	if _, err := beginning(path); err != nil {
		return nil, fetch.Checksums{}, err
	}
	var sums fetch.Checksums
	var sumErr error
	var summed sync.WaitGroup
	summed.Go(func() { sums, sumErr = fetch.Sum(path) })
	set, err := read(ctx, path)
	summed.Wait()
	if err := cmp.Or(err, sumErr); err != nil {
		return nil, sums, err
	}
	set.SHA256 = sums.SHA256
	return set, sums, nil
}

func read(ctx context.Context, path string) (set *Set, err error) {
	c, _, err := open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	set, err = recognise(c).assemble()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	set.Name, set.Path = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), path
	return set, nil
}

// assemble makes a set of the content of a file.
func (r *recognition) assemble() (*Set, error) {
	a, err := r.network()
	if err != nil {
		return nil, err
	}
	set := &Set{Network: a.name, Layers: a.layers(), Layout: r.layout}
	if r.layout == layoutGouache {
		metadata := r.Metadata()
		set.Source, set.License = metadata[keySource], metadata[keyLicense]
		if text, ok := metadata[keyPreprocessing]; ok {
			if set.Preprocessing, err = ParsePreprocessing(text); err != nil {
				return nil, err
			}
		}
	}
	for i := range set.Layers {
		l := &set.Layers[i]
		if l.Kernel, err = r.read(part{l.Name, kernel}); err != nil {
			return nil, err
		}
		if r.layout == layoutTorch {
			l.Kernel = fromTorch(l.Kernel, l.In, l.Out)
		}
		if l.Bias, err = r.read(part{l.Name, bias}); err != nil {
			return nil, err
		}
	}
	return set, nil
}

// read reads a tensor whose shape has been checked already, so that its size is bounded.
func (r *recognition) read(p part) ([]float32, error) {
	values, err := r.Read(r.found[p])
	if i := slices.IndexFunc(values, func(v float32) bool { return v-v != 0 }); i >= 0 { // NaN or infinite
		err = fmt.Errorf("number %d is %v: the file is damaged", i, values[i])
	}
	if err != nil {
		return nil, fmt.Errorf("%s of layer %s: %w", p.part, p.layer, err)
	}
	return values, nil
}

// describe sets what the source knows of the set.
func (s *Set) describe(from Source) {
	s.Name, s.Source, s.License = from.Name, from.Origin.String(), from.License
	s.Preprocessing = from.Preprocessing.or(s.Preprocessing)
}

// describeFile sets what the source of a file with these sums knows of the set, if there is one. Otherwise the preprocessing
// may be the given one: the error is that of a file that does not say it.
func (s *Set) describeFile(sums fetch.Checksums, given Preprocessing) error {
	if from, ok := known(sums); ok {
		s.describe(from)
		return nil
	}
	if s.Layout == layoutTorch {
		s.Preprocessing = given.or(torchFiles[sums.SHA256[:8]])
		if s.Preprocessing == (Preprocessing{}) {
			return errNoPreprocessing
		}
	}
	return nil
}
