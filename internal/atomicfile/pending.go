package atomicfile

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"regexp"
	"time"

	"github.com/gouache-art/gouache/internal/interrupt"
)

// pending is a temporary file that is to become a file of the same folder. While it is written it is locked, so that
// others can tell it from one that a killed process has left.
//
// github.com/google/renameio was used for this. It calls temporary files after their targets, .NAME and a number, which
// can neither be told from a user's files nor given to a name of 255 bytes.
type pending struct {
	*os.File
	folder *os.Root
	name   string // "" once the file has its own name
	forget func()
}

// temporaryName matches the names of temporary files.
var temporaryName = regexp.MustCompile(`^\.gouache-[A-Z2-7]{26}$`)

// create makes the temporary file, with the permissions of the file that it will replace.
func create(folder *os.Root, target string) (*pending, error) {
	removeLeft(folder)
	perm := fs.FileMode(0o666)
	existing, err := folder.Lstat(target)
	replaces := err == nil && existing.Mode().IsRegular()
	if replaces {
		perm = existing.Mode().Perm()
	}
	name := ".gouache-" + rand.Text()
	p := &pending{folder: folder, name: name}
	if p.File, err = folder.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm); err != nil {
		return nil, err
	}
	// A file system without locks has the file removed by nobody.
	_ = lock(p.File)
	p.forget = interrupt.OnExit(func() { _ = folder.Remove(name) })
	if replaces {
		if err := p.Chmod(perm); err != nil { // the umask does not count
			p.discard()
			return nil, err
		}
	}
	return p, nil
}

// place gives the file its own name. It is closed after that, since its lock ends with it.
func (p *pending) place(target string) error {
	if err := p.Sync(); err != nil {
		return err
	}
	if err := p.folder.Rename(p.name, target); err != nil {
		return err
	}
	p.name = ""
	p.forget()
	// A loss of power must not take the new name away. If a file system cannot sync a folder, the file is there all the same.
	if folder, err := p.folder.Open("."); err == nil {
		_ = folder.Sync()
		_ = folder.Close()
	}
	return p.Close()
}

// discard removes the file, unless it has its own name.
func (p *pending) discard() {
	if p.name == "" {
		return
	}
	_ = errors.Join(p.folder.Remove(p.name), p.Close()) // nobody needs it
	p.forget()
}

// removeLeft removes the temporary files that killed processes have left in a folder. What cannot be removed, for example
// another user's, does no harm.
func removeLeft(folder *os.Root) {
	list, err := folder.Open(".")
	if err != nil {
		return
	}
	defer list.Close()
	names, _ := list.Readdirnames(-1)
	for _, name := range names {
		if temporaryName.MatchString(name) {
			removeIfLeft(folder, name)
		}
	}
}

func removeIfLeft(folder *os.Root, name string) {
	const created = 10 * time.Second // its process may not have locked it yet
	info, err := folder.Lstat(name)
	if err != nil || !info.Mode().IsRegular() || time.Since(info.ModTime()) < created {
		return
	}
	f, err := folder.OpenFile(name, os.O_RDONLY|openPlain, 0)
	if err != nil {
		return
	}
	defer f.Close()
	if lock(f) == nil {
		_ = folder.Remove(name)
	}
}
