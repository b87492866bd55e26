package web

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/gouache-art/gouache/internal/imagefile"
	"github.com/gouache-art/gouache/tracker"
)

// Bounds on uploads.
const (
	maxUpload     = 1 << 30   // bytes of a form with its files
	maxUploadFile = 256 << 20 // bytes of a file: a photograph of 100 million pixels as a TIFF of 16 bits has more, and as a JPEG 50 MB
	maxShelf      = 2 << 30   // bytes of files that wait to be painted, and of those that arrive
	maxShelved    = 500       // files
	uploadTime    = 10 * time.Minute
	maxChecked    = 2 // files that are decoded at once
)

// shelf keeps uploaded pictures until their paintings are queued, or for as long as there is room. They lie in files
// without a name, which go with the process. The pictures that come with the program are on it, too.
type shelf struct {
	store    tracker.PictureReader
	desk     Desk
	samples  func() ([]shelved, error)
	kept     *lru.Cache[string, *shelved] // by hash
	bytes    atomic.Int64
	arriving atomic.Int64  // bytes of uploads that have not ended
	checking chan struct{} // a place for each file that is decoded
}

// shelved is a picture that can be painted from.
type shelved struct {
	tracker.Picture
	data []byte   // of a sample
	file *os.File // of an upload
}

func newShelf(store tracker.PictureReader, desk Desk) *shelf {
	s := &shelf{store: store, desk: desk, checking: make(chan struct{}, maxChecked)}
	s.samples = sync.OnceValues(s.readSamples)
	s.kept, _ = lru.NewWithEvict(math.MaxInt, func(_ string, gone *shelved) { // it fails for a size below 1 only
		s.bytes.Add(-gone.Bytes)
		if gone.file != nil {
			_ = gone.file.Close() // nothing was written since it was read
		}
	})
	return s
}

func (s *shelf) readSamples() ([]shelved, error) {
	files, err := s.desk.Samples()
	if err != nil {
		return nil, err
	}
	var list []shelved
	for _, file := range files {
		p, err := file.Describe(time.Time{})
		if err != nil {
			return nil, err
		}
		list = append(list, shelved{Picture: p, data: file.Data})
	}
	return list, nil
}

// close forgets all uploads.
func (s *shelf) close() { s.kept.Purge() }

// add keeps a file that is uploaded. The error has CodeInvalid if it is no picture that can be painted from, or CodeUnavailable
// if it cannot be kept.
func (s *shelf) add(ctx context.Context, name string, content io.Reader) (p tracker.Picture, err error) {
	name = cmp.Or(tracker.NameFrom(name), "a picture without a name")
	file, err := os.CreateTemp("", "gouache-upload-*")
	if err != nil {
		return p, tracker.Errorf(tracker.CodeUnavailable, "the upload of %s cannot be kept: %w", name, err)
	}
	_ = os.Remove(file.Name()) // where an open file cannot be removed, the system's cleaning of temporary files does it
	kept := false
	defer func() {
		if !kept {
			_ = file.Close() // nothing of it is needed
		}
	}()
	if err := s.receive(file, name, content); err != nil {
		return p, err
	}
	if p, err = s.check(ctx, name, file); err != nil || s.kept.Contains(p.Hash) {
		return p, err
	}
	kept = true
	s.bytes.Add(p.Bytes)
	s.kept.Add(p.Hash, &shelved{Picture: p, file: file})
	for s.bytes.Load() > maxShelf || s.kept.Len() > maxShelved {
		s.kept.RemoveOldest()
	}
	return p, nil
}

// receive writes an upload to its file, which may take as long as the browser needs.
func (s *shelf) receive(file *os.File, name string, content io.Reader) error {
	to := arrival{file: file, all: &s.arriving}
	defer to.end()
	n, err := io.Copy(&to, io.LimitReader(content, maxUploadFile+1))
	switch {
	case errors.Is(err, errFull):
		return tracker.Errorf(tracker.CodeUnavailable, "too many pictures arrive at once: send %s again in a while", name)
	case to.failed != nil:
		return tracker.Errorf(tracker.CodeUnavailable, "the upload of %s cannot be kept: %w", name, to.failed)
	case err != nil:
		return err
	case n > maxUploadFile:
		_, err := io.Copy(io.Discard, content)
		return cmp.Or(err, error(tracker.Errorf(tracker.CodeInvalid, "%s is larger than %s: shrink the picture first", name, humanize.IBytes(maxUploadFile))))
	}
	return nil
}

// arrival writes an upload to its file, and counts its bytes among those of all that arrive.
type arrival struct {
	file   io.Writer
	all    *atomic.Int64
	bytes  int64
	failed error // of the file
}

var errFull = errors.New("there is no room for more uploads")

func (a *arrival) Write(p []byte) (n int, err error) {
	a.bytes += int64(len(p))
	if a.all.Add(int64(len(p))) > maxShelf {
		return 0, errFull
	}
	n, a.failed = a.file.Write(p)
	return n, a.failed
}

func (a *arrival) end() { a.all.Add(-a.bytes) }

// check decodes an upload, one of a few at once, and describes it.
func (s *shelf) check(ctx context.Context, name string, file *os.File) (p tracker.Picture, err error) {
	select {
	case s.checking <- struct{}{}:
	case <-ctx.Done():
		return p, ctx.Err()
	}
	defer func() { <-s.checking }()
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return p, err
	}
	data, err := io.ReadAll(file)
	if err == nil {
		err = s.desk.CheckPicture(ctx, name, data)
	}
	if err != nil {
		return p, err
	}
	return tracker.NewPicture{Role: tracker.RoleContent, Name: name, Data: data}.Describe(time.Time{})
}

// find returns a picture of the shelf, or nil.
func (s *shelf) find(hash string) *shelved {
	if p, ok := s.kept.Get(hash); ok {
		return p
	}
	samples, _ := s.samples() // the page says why there are none
	for i := range samples {
		if samples[i].Hash == hash {
			return &samples[i]
		}
	}
	return nil
}

// open opens a picture of the shelf or of the store.
func (s *shelf) open(ctx context.Context, hash string) (io.ReadSeekCloser, error) {
	p := s.find(hash)
	if p == nil {
		return s.store.OpenPicture(ctx, hash)
	}
	var from io.ReaderAt = bytes.NewReader(p.data)
	if p.file != nil {
		from = p.file
	}
	return section{io.NewSectionReader(from, 0, p.Bytes)}, nil
}

// section is a part of something that stays open.
type section struct{ *io.SectionReader }

func (section) Close() error { return nil }

// read returns a picture with its file.
func (s *shelf) read(ctx context.Context, hash string) ([]byte, error) {
	file, err := s.open(ctx, hash)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if errors.Is(err, os.ErrClosed) { // another upload took its place meanwhile
		return nil, errForgotten
	}
	return data, err
}

// errForgotten is the error for an upload that is not kept any more.
var errForgotten = tracker.Errorf(tracker.CodeNotFound, "this picture is not kept any more: choose it again")

// look returns how large a picture is.
func (s *shelf) look(ctx context.Context, hash string) (tracker.Picture, error) {
	if p := s.find(hash); p != nil {
		return p.Picture, nil
	}
	data, err := s.read(ctx, hash)
	if tracker.ErrorCode(err) == tracker.CodeNotFound {
		return tracker.Picture{}, errForgotten
	}
	if err != nil {
		return tracker.Picture{}, err
	}
	header, err := imagefile.Inspect(data)
	if err != nil {
		return tracker.Picture{}, tracker.Errorf(tracker.CodeInvalid, "the picture %w", err)
	}
	return tracker.Picture{Hash: hash, Width: header.Width, Height: header.Height}, nil
}
