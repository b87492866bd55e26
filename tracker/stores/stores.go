// Package stores opens a tracker's store wherever it is: in a folder, or in a database or on a server by their URLs. For
// databases a program imports package databases, which registers them here.
package stores

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/remote"
	"github.com/gouache-art/gouache/tracker/sqlite"
)

// Variable is the environment variable for the place of the user's store.
const Variable = "GOUACHE_STORE"

// None means no store, where one could be named.
const None = "none"

// ErrNone is the error of Place for None. It has CodeUnavailable.
var ErrNone = tracker.Errorf(tracker.CodeUnavailable, "the store is %s, which records nothing: name a folder, or the URL of a database, with --store or $%s", None, Variable)

// Place returns the place of the store that a user means: the named one, else $GOUACHE_STORE, else gouache in the XDG data
// folder. It is a folder, in which a ~ at the beginning is the user's home, or a URL. The empty string names nothing, and
// None gives ErrNone. An error has CodeUnavailable, or CodeInvalid for -, which means standard output elsewhere.
func Place(named string) (string, error) {
	switch place := cmp.Or(named, os.Getenv(Variable)); place {
	case "":
	case None:
		return "", ErrNone
	case "-":
		return "", tracker.Errorf(tracker.CodeInvalid, "the store is -, which is no folder: write ./- if it is called that")
	default:
		if scheme := urlScheme.FindString(place); scheme != "" && !IsURL(place) {
			return "", tracker.Errorf(tracker.CodeInvalid, "the store %s…: there are no stores of %s: write a folder, postgres://HOST/NAME for a database, "+
				"or https://HOST for a server", scheme, scheme)
		}
		return filename.Expand(place), nil
	}
	// The specification says to ignore relative paths.
	if data := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(data) {
		return filepath.Join(data, "gouache"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", tracker.Errorf(tracker.CodeUnavailable, "there is no place for the store (%w): set $%s", err, Variable)
	}
	return filepath.Join(home, ".local", "share", "gouache"), nil
}

// urlScheme is how a URL begins. A folder of such a name can be written with ./ before it.
var urlScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)

// IsURL reports whether a place is not a folder.
func IsURL(place string) bool { return IsDatabase(place) || remote.IsAddress(place) }

// IsDatabase reports whether a place is a database, which may be of a kind that this program cannot open.
func IsDatabase(place string) bool {
	return strings.HasPrefix(place, "postgres://") || strings.HasPrefix(place, "postgresql://")
}

// Options configures how a store is opened. The zero value is ready to use.
type Options struct {
	ReadOnly bool   // an existing store, of which nothing is changed
	Delete   bool   // so that runs can be deleted on a full disk, too
	Blobs    string // the bucket for pictures of a database; see package postgres
}

// Open opens the store at a place that Place has returned, and creates it if necessary; see the packages that keep them.
func Open(ctx context.Context, place string, o Options) (tracker.Store, error) {
	if IsDatabase(place) {
		if openDatabase == nil {
			return nil, tracker.Errorf(tracker.CodeUnavailable, "this program was built without databases, which the store %s needs: "+
				"add the import _ %q", tracker.WithoutPassword(place), "github.com/gouache-art/gouache/tracker/stores/databases")
		}
		return openDatabase(ctx, place, o)
	}
	if o.Blobs != "" {
		return nil, tracker.Errorf(tracker.CodeInvalid, "--blobs %s: the store %s keeps its pictures itself: leave out --blobs, "+
			"or name a database such as postgres://HOST/NAME with --store", o.Blobs, place)
	}
	if remote.IsAddress(place) {
		return opened(remote.Open(ctx, place, ""))
	}
	return opened(sqlite.Open(ctx, place, sqlite.Options{ReadOnly: o.ReadOnly, Delete: o.Delete}))
}

// openDatabase opens the store at the URL of a database. It is nil without package databases.
var openDatabase func(ctx context.Context, place string, o Options) (tracker.Store, error)

// Register has Open open databases. It is meant to be called by an init function, like [image.RegisterFormat].
//
// [image.RegisterFormat]: https://pkg.go.dev/image#RegisterFormat
func Register(open func(ctx context.Context, place string, o Options) (tracker.Store, error)) {
	openDatabase = open
}

// opened makes a store of one, and no typed nil.
func opened[T tracker.Store](store T, err error) (tracker.Store, error) {
	if err != nil {
		return nil, err
	}
	return store, nil
}
