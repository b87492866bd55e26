package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/gouache-art/gouache/tracker/stores"
)

// runningView is a `gouache ui` that shows a store. Its file is locked while the process lives, so that a file of a process
// that was killed means nothing.
type runningView struct {
	PID   int      `json:"pid"`
	Links []string `json:"links"`
}

// viewFile returns the file of the view of a store. It is in the user's cache, since the links have the token in them:
// others may read the store's folder, and a store from elsewhere may hold anything under any name.
func viewFile(store string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	place := store
	if !stores.IsURL(store) {
		if place, err = filepath.EvalSymlinks(store); err != nil {
			return "", err
		}
		if place, err = filepath.Abs(place); err != nil {
			return "", err
		}
	}
	folder := filepath.Join(cache, "gouache", "views")
	sum := sha256.Sum256([]byte(place))
	return filepath.Join(folder, hex.EncodeToString(sum[:])+".json"), os.MkdirAll(folder, 0o700)
}

// viewLock is held by the process that shows a store; it is nil for one that cannot, or that shows it beside another.
type viewLock struct{ *flock.Flock }

// lockView makes this process the one that shows a store. If the user has another, it returns that one. Where there is
// no cache, as for a user without a home, no process knows of the others.
func lockView(store string) (viewLock, *runningView) {
	path, err := viewFile(store)
	if err != nil {
		return viewLock{}, nil
	}
	lock := flock.New(path, flock.SetPermissions(0o600))
	for range 20 { // a process that has just taken the lock does not listen yet
		if locked, err := lock.TryLock(); err != nil {
			return viewLock{}, nil
		} else if locked {
			return viewLock{lock}, nil
		}
		var other runningView
		if data, err := os.ReadFile(path); err == nil && json.Unmarshal(data, &other) == nil && len(other.Links) > 0 {
			return viewLock{}, &other
		}
		time.Sleep(100 * time.Millisecond)
	}
	return viewLock{}, nil
}

// announce writes where the view is.
func (l viewLock) announce(links []string) error {
	if l.Flock == nil {
		return nil
	}
	data, err := json.Marshal(runningView{os.Getpid(), links})
	if err != nil {
		return err
	}
	return os.WriteFile(l.Path(), data, 0o600) // in place: another file would not be locked
}

// release ends the view and removes its file.
func (l viewLock) release() {
	if l.Flock != nil {
		_ = os.Remove(l.Path()) // an error matters little: without the lock the file means nothing
		_ = l.Unlock()
	}
}
