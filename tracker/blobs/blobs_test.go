package blobs_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gouache-art/gouache/internal/s3test"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/blobs"
	"github.com/gouache-art/gouache/tracker/blobs/blobstest"
)

func TestNormal(t *testing.T) {
	for given, want := range map[string]string{
		"s3://b":                                "s3://b",
		"s3://b?use_path_style=true&endpoint=x": "s3://b?endpoint=x&use_path_style=true",
		"s3://b?prefix=a/":                      "s3://b?prefix=a%2F",
		"file:///srv/x/../gouache/":             "file:///srv/gouache",
		"file:///srv/a b":                       "file:///srv/a%20b",
	} {
		if got, err := blobs.Normal(given); err != nil || got != want {
			t.Errorf("%s: got %s (%v), want %s", given, got, err, want)
		}
		if again, err := blobs.Normal(want); err != nil || again != want {
			t.Errorf("%s: got %s (%v) again", want, again, err)
		}
	}
	const secret = "hunter2"
	for given, says := range map[string]string{
		"":                                   "is no bucket",
		"/srv/gouache":                       "is no bucket",
		"mem://":                             "is no bucket",
		"s3://":                              "name is missing",
		"file://srv/gouache":                 "the whole path",
		"file:///../" + "\x7f":               "is no bucket",
		"s3://id:" + secret + "@b":           "credentials have no place",
		"s3://b?secret_access_key=" + secret: "has no place",
		"s3://b?session_token=" + secret:     "has no place",
		"gs://b":                             "import github.com/gouache-art/gouache/tracker/blobs/clouds",
		"azblob://b":                         "built without azblob://",
	} {
		_, err := blobs.Normal(given)
		if tracker.ErrorCode(err) != tracker.CodeInvalid || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error is %v, want %q", given, err, says)
		}
	}
}

func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "a b")
	b := blobstest.Open(t, "file://"+filepath.ToSlash(dir), blobs.Options{})
	blobstest.Test(t, b)
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("in the folder there are %v (%v), want one folder", left, err)
	}
	reader := blobstest.Open(t, b.Name(), blobs.Options{ReadOnly: true})
	if file, err := reader.Open(t.Context(), "a/small", 5, blobstest.Sum([]byte("small"))); err != nil {
		t.Error(err)
	} else {
		file.Close()
	}
	// What others put there in place of a file: a pipe, on which nobody writes, and a link to a file elsewhere.
	private := filepath.Join(t.TempDir(), "private")
	if err := errors.Join(syscall.Mkfifo(filepath.Join(dir, "a", "pipe"), 0o600), os.WriteFile(private, []byte("small"), 0o600),
		os.Symlink(private, filepath.Join(dir, "a", "link"))); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a/pipe", "a/link"} {
		if _, err := reader.Open(t.Context(), key, 5, blobstest.Sum([]byte("small"))); !errors.Is(err, blobs.ErrAltered) {
			t.Errorf("%s: %v", key, err)
		}
	}
	if _, err := blobs.Open(t.Context(), "file:///none/there", blobs.Options{ReadOnly: true}); tracker.ErrorCode(err) != tracker.CodeUnavailable {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func TestS3(t *testing.T) {
	server := s3test.New(t)
	url := server.Bucket(t, "paintings")
	b := blobstest.Open(t, url, blobs.Options{Patience: 30 * time.Second})
	blobstest.Test(t, b)
	// Two stores in one bucket.
	other := blobstest.Open(t, url+"&prefix=other%2F", blobs.Options{})
	if has, err := other.Has(t.Context(), "a/small", 5); err != nil || has {
		t.Errorf("another prefix has it: %v (%v)", has, err)
	}
	missing := blobstest.Open(t, strings.Replace(url, "paintings", "none", 1), blobs.Options{})
	if err := missing.Probe(t.Context()); tracker.ErrorCode(err) != tracker.CodeUnavailable || !strings.Contains(err.Error(), "make the bucket first") || strings.Contains(err.Error(), "\n") {
		t.Errorf("a bucket that is not there: %v", err)
	}
	t.Run("a wrong password", func(t *testing.T) {
		t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
		refused := blobstest.Open(t, url, blobs.Options{Patience: time.Hour})
		if err := refused.Put(t.Context(), "a/b", nil); tracker.ErrorCode(err) != tracker.CodeUnavailable || !strings.Contains(err.Error(), "refuses these credentials") {
			t.Error(err)
		}
	})
	t.Run("no region", func(t *testing.T) {
		for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"} {
			t.Setenv(name, "")
		}
		t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
		if _, err := blobs.Open(t.Context(), "s3://paintings", blobs.Options{}); tracker.ErrorCode(err) != tracker.CodeInvalid || !strings.Contains(err.Error(), "has no region") {
			t.Error(err)
		}
	})
	// The server goes away for a while.
	server.Stop()
	back := make(chan struct{})
	time.AfterFunc(2*time.Second, func() {
		defer close(back)
		server.Start(t)
	})
	if err := b.Put(t.Context(), "later", []byte("later")); err != nil {
		t.Error(err)
	}
	<-back
	server.Stop()
	if err := missing.Put(t.Context(), "later", []byte("later")); tracker.ErrorCode(err) != tracker.CodeUnavailable || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("a server that is away: %v", err)
	}
}
