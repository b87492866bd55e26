package sqlite

import (
	"cmp"
	"os"
	"path/filepath"

	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/tracker"
)

// StoreVariable is the environment variable for the folder of the user's store.
const StoreVariable = "GOUACHE_STORE"

// NoStore means no store, where a folder could be named.
const NoStore = "none"

// ErrNoStore is the error of Place for NoStore. It has CodeUnavailable.
var ErrNoStore = tracker.Errorf(tracker.CodeUnavailable, "the store is %s, which records nothing: name a folder with --store or $%s", NoStore, StoreVariable)

// Place returns the folder of the store that a user means: the named one, else $GOUACHE_STORE, else gouache in the XDG
// data folder. The empty string names nothing, NoStore gives ErrNoStore, and a ~ at the beginning is the user's home. An
// error has CodeUnavailable, or CodeInvalid for -, which means standard output elsewhere.
func Place(named string) (string, error) {
	switch dir := cmp.Or(named, os.Getenv(StoreVariable)); dir {
	case "":
	case NoStore:
		return "", ErrNoStore
	case "-":
		return "", tracker.Errorf(tracker.CodeInvalid, "the store is -, which is no folder: write ./- if it is called that")
	default:
		return filename.Expand(dir), nil
	}
	// The specification says to ignore relative paths.
	if data := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(data) {
		return filepath.Join(data, "gouache"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", tracker.Errorf(tracker.CodeUnavailable, "there is no place for the store (%w): set $%s", err, StoreVariable)
	}
	return filepath.Join(home, ".local", "share", "gouache"), nil
}
