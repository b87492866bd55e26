package fetch

import (
	"archive/tar"
	"archive/zip"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// Archive is one file of an archive on the web: a .tar.gz file, or else a .zip file or Python's wheel, which is one.
type Archive struct {
	Address string
	Sums    Checksums // of the archive
	Member  string    // the file's path inside the archive, with slashes
}

// String describes the source.
func (a Archive) String() string { return fmt.Sprintf("%s from %s", path.Base(a.Member), a.Address) }

// ByHand says to download and unpack it.
func (a Archive) ByHand(facts string) string {
	return fmt.Sprintf("download %s where there is a network, and take %s (%s) out of it", a.Address, a.Member, facts)
}

// Fetch downloads the archive, whose beginning stays for another call, and unpacks the member.
func (a Archive) Fetch(ctx context.Context, part string, sums Checksums, progress func(Progress)) (bool, error) {
	archive := strings.TrimSuffix(part, ".part") + ".archive"
	if err := fetchVerified(ctx, archive, URL{a.Address}, a.Sums, progress); err != nil {
		return false, err
	}
	return false, errors.Join(a.unpack(ctx, archive, part, sums, progress), os.Remove(archive))
}

func (a Archive) unpack(ctx context.Context, archive, part string, sums Checksums, progress func(Progress)) error {
	unpack := unpackZip
	if strings.HasSuffix(a.Address, ".tar.gz") {
		unpack = unpackTar
	}
	if err := unpack(ctx, archive, a.Member, part, sums, progress); err != nil {
		return fmt.Errorf("unpacking %s from %s: %w", a.Member, a.Address, err)
	}
	return nil
}

// unpackZip copies one member of a zip file to the path part. No other name of the archive is used.
func unpackZip(ctx context.Context, archive, member, part string, sums Checksums, progress func(Progress)) error {
	in, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer in.Close()
	f, err := in.Open(member)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("it is not a regular file")
	}
	return copyMember(ctx, f, info.Size(), member, part, sums, progress)
}

// unpackTar does the same for a gzipped tar file.
func unpackTar(ctx context.Context, archive, member, part string, sums Checksums, progress func(Progress)) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	// What lies before the member is unpacked, too. It is bounded by the member's own bound, and some.
	in := tar.NewReader(io.LimitReader(whileAlive{ctx, unzipped}, cmp.Or(sums.Size, maxSize)+maxBefore))
	for {
		header, err := in.Next()
		switch {
		case errors.Is(err, io.EOF):
			return fs.ErrNotExist
		case err != nil:
			return err
		case path.Clean(header.Name) != member:
			continue
		case header.Typeflag != tar.TypeReg:
			return errors.New("it is not a regular file")
		}
		return copyMember(ctx, in, header.Size, member, part, sums, progress)
	}
}

// maxBefore bounds what lies before the member of a .tar.gz file and is left out, in bytes.
const maxBefore = 64 << 20

// whileAlive is a reader that fails when its context ends.
type whileAlive struct {
	ctx context.Context
	in  io.Reader
}

func (r whileAlive) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.in.Read(b)
}

// copyMember writes a member that says it has size bytes to the path part. It never writes more than sums allow.
func copyMember(ctx context.Context, from io.Reader, size int64, member, part string, sums Checksums, progress func(Progress)) error {
	to, err := os.Create(part)
	if err != nil {
		return err
	}
	c := &counter{ctx: ctx, to: to, limit: cmp.Or(sums.Size, maxSize), progress: progress,
		p: Progress{Total: size, Message: "unpacking " + path.Base(member)}}
	_, err = io.Copy(c, from)
	if err = errors.Join(err, to.Close()); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return nil
}
