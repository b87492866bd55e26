// Package blobs keeps files in an object store: S3 and what speaks its protocol, Google Cloud Storage, Azure Blob Storage, or
// a folder that all machines share. Files are compared with their hashes when they are read.
//
// A bucket has a URL, as gocloud.dev/blob takes it:
//
//	s3://NAME?region=eu-central-1
//	s3://NAME?endpoint=https://minio.example.org&use_path_style=true&region=us-east-1
//	gs://NAME
//	azblob://CONTAINER?storage_account=NAME
//	file:///srv/gouache
//
// With ?prefix=FOLDER/ several stores share one. Credentials are where the provider's own programs look for them; they have
// no place in a URL:
//
//	s3      AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or ~/.aws
//	gs      GOOGLE_APPLICATION_CREDENTIALS, or what gcloud auth application-default login has left, or the machine's own
//	azblob  AZURE_STORAGE_ACCOUNT with AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN, AZURE_STORAGE_CONNECTION_STRING, or the
//	        machine's own
package blobs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/tracker"
)

// ErrAltered is the error for a file that is not what was written.
var ErrAltered = errors.New("the file is not what was written")

// Options configures how a bucket is opened.
type Options struct {
	ReadOnly bool
	// Patience is how long the object store may be away before an error says so.
	Patience time.Duration
}

// Bucket is a place for files. Its methods may be called from several goroutines at once.
type Bucket struct {
	name    string
	folder  string // of a bucket that is one
	bucket  *blob.Bucket
	options Options
}

var secret = regexp.MustCompile(`(?i)secret|token|passw|access_?key|credential|sas|signature`)

// Normal returns the URL of a bucket in the form in which it may be remembered and shown, or an error of CodeInvalid.
func Normal(bucket string) (string, error) {
	u, err := url.Parse(bucket)
	if err != nil {
		u = &url.URL{}
	}
	if _, ok := providers[u.Scheme]; !ok && slices.Contains(elsewhere, u.Scheme) {
		return "", tracker.Errorf(tracker.CodeInvalid, "this program was built without %s://: import github.com/gouache-art/gouache/tracker/blobs/clouds", u.Scheme)
	} else if !ok {
		return "", tracker.Errorf(tracker.CodeInvalid, "--blobs %q is no bucket: write %s", shown(bucket), Examples)
	}
	for name := range u.Query() {
		if secret.MatchString(name) {
			return "", tracker.Errorf(tracker.CodeInvalid, "--blobs %s: the URL is kept for everybody to read, so %s has no place in it: "+
				"credentials come from the environment, as for the provider's own programs", shown(bucket), name)
		}
	}
	switch {
	case u.User != nil:
		return "", tracker.Errorf(tracker.CodeInvalid, "--blobs %s: credentials have no place in the URL: they come from the environment, "+
			"as for the provider's own programs", shown(bucket))
	case u.Scheme != "file" && u.Host == "":
		return "", tracker.Errorf(tracker.CodeInvalid, "--blobs %s: the bucket's name is missing: write %s://NAME", shown(bucket), u.Scheme)
	case u.Scheme == "file" && (u.Host != "" || !filepath.IsAbs(filepath.FromSlash(u.Path))):
		return "", tracker.Errorf(tracker.CodeInvalid, "--blobs %s: write the whole path of a folder, as in file:///srv/gouache", shown(bucket))
	case u.Scheme == "file":
		return (&url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Clean(filepath.FromSlash(u.Path)))}).String(), nil
	}
	u.RawQuery = u.Query().Encode()
	return u.String(), nil
}

// shown is a bucket's URL without what may be secret.
func shown(bucket string) string {
	u, err := url.Parse(bucket)
	if err != nil {
		return "…"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// Open opens a bucket by its URL, which Normal accepts. It need not be reachable yet; see Probe.
func Open(ctx context.Context, bucket string, o Options) (*Bucket, error) {
	name, err := Normal(bucket)
	if err != nil {
		return nil, err
	}
	b := &Bucket{name: name, options: o}
	u, err := url.Parse(name)
	if err != nil {
		return nil, b.failed("opening", err)
	}
	if u.Scheme == "file" {
		b.folder = filepath.FromSlash(u.Path)
		q := url.Values{"no_tmp_dir": {"true"}, "metadata": {"skip"}} // a rename from elsewhere is not atomic
		if !o.ReadOnly {
			q.Set("create_dir", "true")
		}
		u.RawQuery = q.Encode()
	}
	if b.bucket, err = openURL(ctx, u); err != nil {
		return nil, b.failed("opening", err)
	}
	return b, nil
}

// Name is the bucket's URL.
func (b *Bucket) Name() string { return b.name }

// Close closes the bucket.
func (b *Bucket) Close() error { return b.bucket.Close() }

// Probe returns an error if files cannot be written, read or removed, without waiting for a store that is away.
func (b *Bucket) Probe(ctx context.Context) error {
	const key = "probe"
	if err := b.bucket.WriteAll(ctx, key, []byte("gouache"), nil); err != nil {
		return b.failed("writing to", err)
	}
	if _, err := b.bucket.ReadAll(ctx, key); err != nil {
		return b.failed("reading from", err)
	}
	if err := b.bucket.Delete(ctx, key); err != nil && !isMissing(err) {
		return b.failed("removing from", err)
	}
	return nil
}

// Put writes a file. It replaces one with the same key.
func (b *Bucket) Put(ctx context.Context, key string, data []byte) error {
	return b.upload(ctx, key, func() io.Reader { return bytes.NewReader(data) })
}

// Write writes a file of any length, and returns its size and its SHA-256. write is called once.
func (b *Bucket) Write(ctx context.Context, key string, write func(io.Writer) error) (size int64, sum string, err error) {
	// It goes through a temporary file, so that it can be sent again where the object store is away for a while.
	file, err := newTemporary()
	if err != nil {
		return 0, "", err
	}
	defer file.Close()
	sha := sha256.New()
	if err := write(io.MultiWriter(file, sha)); err != nil {
		return 0, "", err
	}
	if size, err = file.Seek(0, io.SeekCurrent); err != nil {
		return 0, "", err
	}
	err = b.upload(ctx, key, func() io.Reader { return io.NewSectionReader(file, 0, size) })
	return size, text(sha), err
}

func (b *Bucket) upload(ctx context.Context, key string, data func() io.Reader) error {
	return b.patiently(ctx, "writing "+key+" to", func() error {
		err := b.bucket.Upload(ctx, key, data(), &blob.WriterOptions{ContentType: "application/octet-stream"})
		if err == nil && b.folder != "" {
			err = syncFile(filepath.Join(b.folder, filepath.FromSlash(key)))
		}
		return err
	})
}

// syncFile syncs a file of a folder, so that it is there after a power failure.
func syncFile(path string) error {
	var errs []error
	for _, name := range []string{path, filepath.Dir(path)} {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		errs = append(errs, file.Sync(), file.Close())
	}
	return errors.Join(errs...)
}

// Has reports whether a file exists with a size.
func (b *Bucket) Has(ctx context.Context, key string, size int64) (has bool, err error) {
	err = b.patiently(ctx, "looking for "+key+" in", func() error {
		attributes, err := b.bucket.Attributes(ctx, key)
		has = err == nil && attributes.Size == size
		if isMissing(err) {
			return nil
		}
		return err
	})
	return has, err
}

// InMemory is the size, in bytes, up to which a file is read into memory; larger ones go into a temporary file.
const InMemory = 16 << 20

// Open reads a file and compares it with its size and its SHA-256. Without a file the error is fs.ErrNotExist, and for
// another one than that it is ErrAltered.
func (b *Bucket) Open(ctx context.Context, key string, size int64, sum string) (file io.ReadSeekCloser, err error) {
	err = b.patiently(ctx, "reading "+key+" from", func() error {
		file, err = b.open(ctx, key, size, sum)
		return err
	})
	return file, err
}

func (b *Bucket) open(ctx context.Context, key string, size int64, sum string) (io.ReadSeekCloser, error) {
	if b.folder != "" { // others may write to it, and a pipe would be opened for ever
		info, err := os.Lstat(filepath.Join(b.folder, filepath.FromSlash(key)))
		if err == nil && !info.Mode().IsRegular() {
			return nil, ErrAltered
		}
	}
	from, err := b.bucket.NewReader(ctx, key, nil)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	if from.Size() != size {
		return nil, ErrAltered
	}
	sha := sha256.New()
	in := io.TeeReader(io.LimitReader(from, size+1), sha)
	if size <= InMemory {
		data, err := io.ReadAll(in)
		if err == nil && text(sha) != sum {
			err = ErrAltered
		}
		return memory{bytes.NewReader(data)}, err
	}
	file, err := newTemporary()
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(file, in)
	if err == nil && text(sha) != sum {
		err = ErrAltered
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func text(sum hash.Hash) string { return hex.EncodeToString(sum.Sum(nil)) }

// Delete removes a file. One that does not exist is no error.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	return b.patiently(ctx, "removing "+key+" from", func() error {
		if err := b.bucket.Delete(ctx, key); !isMissing(err) {
			return err
		}
		return nil
	})
}

// File is a file of a bucket.
type File struct {
	Key        string
	Size       int64
	ModifiedAt time.Time
}

// Each calls f with the files whose keys begin with a prefix.
func (b *Bucket) Each(ctx context.Context, prefix string, f func(File) error) error {
	list := b.bucket.List(&blob.ListOptions{Prefix: prefix})
	for {
		object, err := list.Next(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return b.failed("listing", err)
		}
		if err := f(File{object.Key, object.Size, object.ModTime}); err != nil {
			return err
		}
	}
}

// patiently calls f until the object store is no longer away, or patience ends.
func (b *Bucket) patiently(ctx context.Context, doing string, f func() error) error {
	until := time.Now().Add(b.options.Patience)
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		err := f()
		if err == nil || errors.Is(err, ErrAltered) {
			return err
		}
		if isMissing(err) {
			return fs.ErrNotExist
		}
		if ctx.Err() != nil || !mayPass(err) || time.Now().After(until) {
			return b.failed(doing, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// mayPass reports whether an object store that is away for a while may be the reason of an error.
func mayPass(err error) bool {
	switch gcerrors.Code(err) {
	case gcerrors.InvalidArgument, gcerrors.PermissionDenied, gcerrors.Unimplemented, gcerrors.FailedPrecondition:
		return false
	}
	switch status(err) {
	case http.StatusForbidden, http.StatusUnauthorized:
		return false
	}
	return !errors.Is(err, fs.ErrPermission) && !errors.Is(err, context.Canceled)
}

// isMissing reports whether an error says that a file, or its bucket, is not there.
func isMissing(err error) bool {
	// The library also takes a name that cannot be resolved for that, and Google's refusals.
	var name *net.DNSError
	code := status(err)
	return gcerrors.Code(err) == gcerrors.NotFound && !errors.As(err, &name) && (code == 0 || code == http.StatusNotFound)
}

// failed is the error for what cannot be done now.
func (b *Bucket) failed(doing string, err error) error {
	var known *tracker.Error
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &known) {
		return err
	}
	why := ""
	var network net.Error
	switch scheme, _, _ := strings.Cut(b.name, ":"); {
	case b.folder != "":
		why = "look at the folder's disk and permissions"
	case isMissing(err):
		why = "make the bucket first"
	case status(err) == http.StatusForbidden, status(err) == http.StatusUnauthorized:
		why = "it refuses these credentials, or does not let them do that: " + providers[scheme].Credentials
	case errors.As(err, &network):
		why = "it cannot be reached: look at the network, and at the address in the URL"
	default:
		why = "look whether it can be reached, and whether the credentials are right: " + providers[scheme].Credentials
	}
	return tracker.Errorf(tracker.CodeUnavailable, "%s the bucket %s: %s (%w)", doing, b.name, why, unsigned{terminal.OneLine(err)})
}

// unsigned is an error whose text has no signatures.
type unsigned struct{ error }

func (e unsigned) Error() string { return signature.ReplaceAllString(e.error.Error(), "sig=…") }

func (e unsigned) Unwrap() error { return e.error }

// signature is what makes a token of Azure's, which the addresses in errors have.
var signature = regexp.MustCompile(`(?i)\bsig=[^&\s"]*`)

// memory is a file in memory.
type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }

// temporary is a file that goes when it is closed.
type temporary struct {
	*os.File
	named bool // where an open file cannot be removed
}

func newTemporary() (temporary, error) {
	file, err := os.CreateTemp("", "gouache-*")
	if err != nil {
		return temporary{}, fmt.Errorf("a temporary file: %w", err)
	}
	return temporary{file, os.Remove(file.Name()) != nil}, nil
}

func (t temporary) Close() error {
	err := t.File.Close()
	if t.named {
		err = errors.Join(err, os.Remove(t.Name()))
	}
	return err
}
