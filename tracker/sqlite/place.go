package sqlite

import (
	"os"
	"path/filepath"

	"github.com/gouache-art/gouache/tracker"
)

// StoreVariable is the environment's name for the user's store.
const StoreVariable = "GOUACHE_STORE"

// UserStore returns the folder of the user's own store: $GOUACHE_STORE, else gouache below the XDG data folder. The
// error has CodeUnavailable.
func UserStore() (string, error) {
	if dir := os.Getenv(StoreVariable); dir != "" {
		return dir, nil
	}
	// The specification has relative paths ignored.
	if data := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(data) {
		return filepath.Join(data, "gouache"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", tracker.Errorf(tracker.CodeUnavailable, "there is no place for the store (%w): set $%s", err, StoreVariable)
	}
	return filepath.Join(home, ".local", "share", "gouache"), nil
}
