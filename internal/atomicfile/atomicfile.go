// Package atomicfile writes files that appear whole or not at all.
//
// A file is written under a temporary name beside the target, synced, and renamed. The target is the file that a link
// points to: the link stays a link. Devices and FIFOs are never replaced; they are written to directly. So are this
// process's own descriptors: standard output is "-" or /dev/stdout, others are /dev/fd/N.
//
// Errors are one sentence that names the path, what is wrong with it, and what to do.
package atomicfile

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
)

// Write calls write with a writer whose data becomes the content of the file at path. After an error, from write or
// from the file system, a regular file is as it was before and the temporary file is gone, as it is when a second
// signal ends the process (see internal/interrupt). A process that is killed leaves one behind, which the next Write or
// Check in that folder removes. An error of the file system takes precedence over the one that write makes of it.
//
// A file that is replaced keeps its permissions. A new one may be read and written by all that the umask allows.
func Write(path string, write func(io.Writer) error) error {
	t, err := find(path)
	if err != nil {
		return err
	}
	if t.stream {
		return t.writeStream(write)
	}
	folder, err := t.openFolder()
	if err != nil {
		return err
	}
	defer folder.Close()
	return t.replace(folder, filepath.Base(t.file), write)
}

// WriteIn calls write as [Write] does, for a file in a folder out of which no part of its path leads. A link in the
// place of the file is replaced.
func WriteIn(folder *os.Root, path string, write func(io.Writer) error) error {
	t := target{path: filepath.Join(folder.Name(), path), descriptor: -1}
	inner, err := folder.OpenRoot(filepath.Dir(path))
	if err != nil {
		return t.refused(err)
	}
	defer inner.Close()
	return t.replace(inner, filepath.Base(path), write)
}

// WriteFile writes data to the file at path as [Write] does.
func WriteFile(path string, data []byte) error {
	return Write(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// Check says what would keep Write from writing to path: it does what Write would, up to giving the file its name.
func Check(path string) error {
	t, err := find(path)
	if err != nil || t.stream {
		return err
	}
	folder, err := t.openFolder()
	if err != nil {
		return err
	}
	defer folder.Close()
	f, err := create(folder, filepath.Base(t.file))
	if err != nil {
		return t.refused(err)
	}
	defer f.discard()
	if _, err := f.Write(make([]byte, 4096)); err != nil {
		return t.refused(err)
	}
	return nil
}

func (t *target) openFolder() (*os.Root, error) {
	folder, err := os.OpenRoot(filepath.Dir(t.file))
	if err != nil {
		return nil, t.refused(err)
	}
	return folder, nil
}

// replace writes a file under a temporary name and gives it its own.
func (t *target) replace(folder *os.Root, name string, write func(io.Writer) error) error {
	f, err := create(folder, name)
	if err != nil {
		return t.refused(err)
	}
	defer f.discard()
	if err := t.fill(f, write); err != nil {
		return err
	}
	if err := f.place(name); err != nil {
		return t.refused(err)
	}
	return nil
}

// IsStream says whether path names a descriptor, a FIFO or a device, which has no content that could be replaced. It may
// be one that cannot be written to, as Check says.
func IsStream(path string) bool {
	t, _ := find(path)
	return t.stream
}

// IsStdout says whether path names standard output.
func IsStdout(path string) bool {
	t, err := find(path)
	return err == nil && t.descriptor == 1
}

// target is what a path names once links have been followed.
type target struct {
	path       string // as the caller gave it
	file       string // without links
	stream     bool
	descriptor int // of a stream without a file, else -1
}

// descriptorPath matches the names of this process's descriptors.
var descriptorPath = regexp.MustCompile(fmt.Sprintf("^(?:/dev|/proc/(?:self|%d))/fd/([0-9]{1,9})$", os.Getpid()))

// find follows a path, and says why nothing can be written there. It opens neither FIFOs nor devices.
func find(path string) (target, error) {
	t := target{path: path, file: path, descriptor: -1}
	if path == "" {
		return t, errors.New("no output file is named: give a path")
	}
	names := map[string]string{"-": "/dev/fd/1", "/dev/stdout": "/dev/fd/1", "/dev/stderr": "/dev/fd/2"}
	for links := 0; ; links++ {
		t.file = cmp.Or(names[t.file], t.file)
		if m := descriptorPath.FindStringSubmatch(t.file); m != nil {
			t.stream = true
			t.descriptor, _ = strconv.Atoi(m[1])
			return t, t.checkDescriptor()
		}
		link, err := os.Readlink(t.file)
		if err != nil {
			break
		}
		if links == 40 {
			return t, t.refused(syscall.ELOOP)
		}
		if !filepath.IsAbs(link) {
			folder, _ := filepath.Split(t.file)
			link = folder + link // not cleaned, since .. is counted from where the folder really is
		}
		t.file = link
	}
	info, err := os.Stat(t.file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return t, t.checkFolder()
	case err != nil:
		return t, t.refused(err)
	case info.IsDir():
		return t, fmt.Errorf("%s is a folder: name a file in it", path)
	case info.Mode()&fs.ModeSocket != 0:
		return t, fmt.Errorf("%s is a socket: choose another name", path)
	case info.Mode()&0o222 == 0: // which root could write to, all the same
		err = syscall.EACCES
	default:
		err = writable(t.file)
	}
	t.stream = !info.Mode().IsRegular()
	if err != nil {
		return t, fmt.Errorf("%s is there and cannot be replaced (%w): choose another name", path, err)
	}
	return t, t.checkFolder()
}

// checkFolder resolves the links of the folder that the file is in.
func (t *target) checkFolder() error {
	folder, name := filepath.Split(t.file)
	resolved, err := filepath.EvalSymlinks(cmp.Or(folder, "."))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s cannot be written, since there is no folder %s (%w): create it first", t.path, filepath.Clean(folder), cause(err))
	case err != nil:
		return t.refused(err)
	case name == "":
		return fmt.Errorf("%s is a folder: name a file in it", t.path)
	}
	t.file = filepath.Join(resolved, name)
	return nil
}

// checkDescriptor says whether the descriptor was passed to this process for writing.
func (t *target) checkDescriptor() error {
	if !isOutput(t.descriptor) {
		return fmt.Errorf("%s cannot be written, since descriptor %d is not open for writing: choose another place",
			t.path, t.descriptor)
	}
	return nil
}

// writeStream writes to a stream. Opening a FIFO waits for its reader.
func (t *target) writeStream(write func(io.Writer) error) (err error) {
	var f *os.File
	switch t.descriptor {
	case 1:
		return t.fill(os.Stdout, write)
	case 2:
		return t.fill(os.Stderr, write)
	case -1:
		f, err = os.OpenFile(t.file, os.O_WRONLY, 0)
	default:
		f = os.NewFile(uintptr(t.descriptor), t.path)
	}
	if err != nil {
		return t.refused(err)
	}
	if err := t.fill(f, write); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return t.refused(err)
	}
	return nil
}

// fill writes to an open file. Whatever write makes of an error of the file, it is that error that is returned.
func (t *target) fill(f io.Writer, write func(io.Writer) error) error {
	w := bufio.NewWriterSize(struct{ io.Writer }{f}, 1<<16) // without ReadFrom, where errors of f and of a reader mix
	err := write(w)
	if err == nil {
		err = w.Flush()
	}
	if _, failed := w.Write(nil); failed != nil { // bufio keeps the first error of f
		return t.refused(failed)
	}
	return err
}

// refused says why the system did not let the file be written.
func (t *target) refused(err error) error {
	return fmt.Errorf("%s cannot be written (%w): choose another place", t.path, cause(err))
}

// cause strips the operation and the paths off an error of package os; the sentences have their own.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}
