package tracker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/gouache-art/gouache/internal/terminal"
)

// File is a file of a run beside its pictures, for example a log or a table. Its name identifies it among the run's files.
type File struct {
	Name string `json:"name"` // a path with / between its parts, as CheckFileName accepts it
	Type string `json:"type"` // its media type, which nobody has checked
	// Hash is the SHA-256 of the content, in 64 hexadecimal digits. It names the content in the store.
	Hash  string    `json:"hash"`
	Bytes int64     `json:"bytes"`
	At    time.Time `json:"at"` // when it was added, or replaced
}

// NewFile is a file to add.
type NewFile struct {
	Name string `json:"name"`
	Type string `json:"type,omitempty"` // the default is made of the content
	Data []byte `json:"-"`              // at most MaxFile bytes
}

// Bounds on files. A file is in memory while it is added, on a server those of several people at once. Pages list all
// files of a run.
const (
	MaxFile  = 64 << 20 // bytes
	MaxFiles = 1000     // of a run
)

// maxFileName is the most bytes of a file's name. With the folder it is copied to, it fits into a path.
const maxFileName = 500

// Describe returns the file as a store keeps it, added at a time, or an error of CodeInvalid for one that cannot be kept.
func (n NewFile) Describe(at time.Time) (File, error) {
	sum := sha256.Sum256(n.Data)
	f := File{Name: n.Name, Type: n.Type, Hash: hex.EncodeToString(sum[:]), Bytes: int64(len(n.Data)), At: at}
	if f.Type == "" {
		f.Type = http.DetectContentType(n.Data)
	}
	return f, f.Check()
}

// Check returns an error of CodeInvalid for a file that no store can have described.
func (f *File) Check() error {
	if err := CheckFileName(f.Name); err != nil {
		return err
	}
	if err := CheckHash(f.Hash); err != nil {
		return err
	}
	if err := invalidIf(f.Bytes < 0 || f.Bytes > MaxFile, "file %s has %d bytes: at most %d are kept", f.Name, f.Bytes, MaxFile); err != nil {
		return err
	}
	return CheckMediaType(f.Type)
}

// CheckMediaType returns an error of CodeInvalid for a text that is no type of a file.
func CheckMediaType(text string) error {
	_, _, err := mime.ParseMediaType(text)
	bad := err != nil || !strings.Contains(text, "/") || len(text) > maxName || !terminal.IsLine(text)
	return invalidIf(bad, "the type %.40q of a file: write a media type such as text/plain, of at most %d bytes", text, maxName)
}

// CheckFileName returns an error of CodeInvalid for a text that is no name of a file of a run. A name is a path below the
// run: printable, with / between its parts, none of which is empty, . or .., and without \, which divides paths elsewhere.
func CheckFileName(name string) error {
	bad := name == "" || len(name) > maxFileName || !terminal.IsLine(name) || path.Clean("/"+name) != "/"+name || strings.Contains(name, `\`)
	return invalidIf(bad, "the name %.80q of a file: write a path below the run such as logs/out.txt, of at most %d bytes", name, maxFileName)
}

// CheckFileCount returns an error of CodeInvalid for a run with more files than are kept, for implementations of
// [FileStore].
func CheckFileCount(files int) error {
	return invalidIf(files > MaxFiles, "the run has %d files: at most %d are kept; put them together into an archive", files, MaxFiles)
}

// Mend replaces a time that no store keeps, for implementations of [FileReader], which leave out the files that Check
// refuses.
func (f *File) Mend() { mender{new([]string)}.time("at", &f.At) }

// ReadFile reads the content of an archive's file, and returns the file as the content describes it. A content that does
// not match the file's hash is CodeInvalid.
func ReadFile(ctx context.Context, f File, open OpenPicture) (File, []byte, error) {
	data, err := readContent(ctx, f.Hash, MaxFile, open)
	if err != nil {
		return f, nil, err
	}
	read, err := NewFile{Name: f.Name, Type: f.Type, Data: data}.Describe(f.At)
	if err != nil {
		return f, nil, err
	}
	return read, data, invalidIf(read.Hash != f.Hash, "file %s is damaged: its hash is %s, not %s", f.Name, read.Hash, f.Hash)
}
