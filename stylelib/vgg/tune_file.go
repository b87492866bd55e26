package vgg

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"github.com/gouache-art/gouache/internal/atomicfile"
)

// TunerFile is where choices are kept: gouache/convolutions.json in the user's cache folder as [os.UserCacheDir] finds
// it ($XDG_CACHE_HOME, else ~/.cache, on Linux), else, for a user without a home, in the folder for temporary files.
func TunerFile() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	return filepath.Join(cache, "gouache", "convolutions.json")
}

// choicesVersion changes with the meaning of the file, and when convolutions get faster or slower by what the program
// does.
const choicesVersion = 1

// choicesFile is the file's content.
type choicesFile struct {
	Version int                          `json:"version"`
	Devices map[string]map[string]choice `json:"devices"` // by [TunerOptions.Device], then by [Precision.key]
}

var errDamaged = errors.New("it holds no choices of this version")

// key names a bucket in the file, such as "float32 64×64 256→256".
func (p Precision) key(w work) string {
	return fmt.Sprintf("%s %d×%d %d→%d", p, w.side(), w.side(), w.in, w.out)
}

// read returns the choices for the device that are in the file: none, with a warning, if it cannot be read.
func (t *Tuner) read() map[string]choice {
	content, err := readChoices(t.opts.File)
	if err != nil {
		t.opts.Warn(fmt.Errorf("measuring convolutions anew: %w", err))
	}
	choices := map[string]choice{}
	for key, c := range content.Devices[t.opts.Device] {
		choices[key] = c
	}
	return choices
}

// merge adds fresh choices to the file and returns them, each as it is in the file now: what was there before, from
// another process that was faster, stays. A file that cannot be written leaves the fresh choices as they are.
func (t *Tuner) merge(p Precision, fresh map[string]choice) map[string]choice {
	merged, err := t.mergeFile(p, fresh)
	if err != nil {
		t.opts.Warn(fmt.Errorf("the choice of convolutions is not kept: %w", err))
		return fresh
	}
	return merged
}

func (t *Tuner) mergeFile(p Precision, fresh map[string]choice) (map[string]choice, error) {
	path := t.opts.File
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, err
	}
	lock := flock.New(path + ".lock")
	if err := lock.Lock(); err != nil {
		return nil, fmt.Errorf("cannot lock %s: %w", lock.Path(), err)
	}
	defer func() { _ = lock.Unlock() }() // it ends with the process in any case
	content, err := readChoices(path)
	if errors.Is(err, errDamaged) {
		err = os.Rename(path, path+".damaged")
	}
	if err != nil {
		return nil, err
	}
	merged := content.add(t.opts.Device, p, fresh)
	text, err := json.MarshalIndent(content, "", "\t")
	if err != nil {
		return nil, err
	}
	if err := atomicfile.WriteFile(path, append(text, '\n')); err != nil {
		return nil, err
	}
	return merged, nil
}

// add adds choices for a device where there are none, and returns those that are there then.
func (f *choicesFile) add(device string, p Precision, fresh map[string]choice) map[string]choice {
	if f.Devices[device] == nil {
		f.Devices[device] = map[string]choice{}
	}
	there := f.Devices[device]
	merged := map[string]choice{}
	for key, c := range fresh {
		if !p.knows(there[key]) {
			there[key] = c
		}
		merged[key] = there[key]
	}
	return merged
}

// readChoices reads the file. There are no choices in one that does not exist, and none beside an error.
func readChoices(path string) (choicesFile, error) {
	empty := choicesFile{Version: choicesVersion, Devices: map[string]map[string]choice{}}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return empty, nil
	}
	if err != nil {
		return empty, err
	}
	var content choicesFile
	if err := json.Unmarshal(text, &content); err != nil || content.Version != choicesVersion || content.Devices == nil {
		return empty, fmt.Errorf("reading %s: %w", path, errDamaged)
	}
	return content, nil
}
