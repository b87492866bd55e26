package blobs

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"
	"google.golang.org/api/googleapi"

	"github.com/gouache-art/gouache/internal/cloudtest"
	"github.com/gouache-art/gouache/tracker"
)

func TestGoogle(t *testing.T) {
	server, url := cloudtest.Google(t)
	testCloud(t, server, url)
}

func TestAzure(t *testing.T) {
	server, url := cloudtest.Azure(t)
	t.Run("a wrong key", func(t *testing.T) {
		t.Setenv("AZURE_STORAGE_KEY", "d3Jvbmc=")
		wrong := open(t, url, Options{Patience: time.Hour})
		if err := wrong.Put(t.Context(), "key", nil); tracker.ErrorCode(err) != tracker.CodeUnavailable || !strings.Contains(err.Error(), "$AZURE_STORAGE_KEY") {
			t.Errorf("the error is %v", err)
		}
	})
	testCloud(t, server, url)
}

// testCloud tests a bucket whose files are under a prefix, and what is said without the bucket and without the server.
func testCloud(t *testing.T, server *cloudtest.Server, url string) {
	t.Helper()
	join := "?"
	if strings.Contains(url, join) {
		join = "&"
	}
	testBucket(t, open(t, url+join+"prefix=some%2F", Options{Patience: 30 * time.Second}))
	b := open(t, url, Options{})
	if has, err := b.Has(t.Context(), "some/a/small", 5); err != nil || !has {
		t.Errorf("the file is not under its prefix: %v (%v)", has, err)
	}
	missing := open(t, strings.Replace(url, "paintings", "none", 1), Options{})
	if err := missing.Probe(t.Context()); tracker.ErrorCode(err) != tracker.CodeUnavailable || !strings.Contains(err.Error(), "make the bucket first") || strings.Contains(err.Error(), "\n") {
		t.Errorf("a bucket that is not there: %v", err)
	}
	server.Stop()
	for what, err := range map[string]error{
		"writing":  b.Put(t.Context(), "later", []byte("later")),
		"removing": b.Delete(t.Context(), "some/a/small"),
		"reading":  func() error { _, err := b.Open(t.Context(), "some/a/small", 5, sum([]byte("small"))); return err }(),
		"looking":  func() error { _, err := b.Has(t.Context(), "some/a/small", 5); return err }(),
	} {
		if tracker.ErrorCode(err) != tracker.CodeUnavailable || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s without the server: %v", what, err)
		}
	}
}

// TestCredentials: who has none is told what to set.
func TestCredentials(t *testing.T) {
	for _, name := range []string{
		"STORAGE_EMULATOR_HOST", "AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_KEY", "AZURE_STORAGE_SAS_TOKEN",
		"AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGEBLOB_CONNECTIONSTRING",
	} {
		t.Setenv(name, "")
	}
	const secret = "hunter2"
	broken := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(broken, []byte(`{"private_key":"`+secret+`"`), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", broken)
	for url, says := range map[string]string{
		"gs://b":                           "$GOOGLE_APPLICATION_CREDENTIALS",
		"gs://b?region=here":               `no "region" for gs`,
		"azblob://b":                       "$AZURE_STORAGE_ACCOUNT",
		"azblob://b?storage_account=a.b/c": "non-alphanumeric",
		"azblob://b?storage_account=a&domain=evil.example":       "not allowed",
		"azblob://b?storage_account=a&region=here":               `unknown query parameter "region"`,
		"azblob://b?storage_account=a&protocol=http&localemu=no": "localemu",
	} {
		b, err := Open(t.Context(), url, Options{})
		if err == nil {
			b.Close()
		}
		if tracker.ErrorCode(err) != tracker.CodeUnavailable || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", url, err)
		}
	}
	// Errors of the network have the address, and it has the token.
	t.Setenv("AZURE_STORAGE_ACCOUNT", "a")
	t.Setenv("AZURE_STORAGE_SAS_TOKEN", "sv=2024-11-04&sig="+secret+"%3D&se=2030")
	b := open(t, "azblob://b?localemu=true&protocol=http&domain=127.0.0.1:1", Options{})
	if err := b.Put(t.Context(), "key", nil); tracker.ErrorCode(err) != tracker.CodeUnavailable || !strings.Contains(err.Error(), "refused") || strings.Contains(err.Error(), secret) {
		t.Errorf("the error is %v", err)
	}
}

// failing is a bucket of a provider whose files are all not found, by an error.
type failing struct {
	driver.Bucket
	err error
}

func (f failing) Attributes(context.Context, string) (*driver.Attributes, error) { return nil, f.err }
func (failing) ErrorCode(error) gcerrors.ErrorCode                               { return gcerrors.NotFound }
func (failing) Close() error                                                     { return nil }

// TestMissing: only what a server says is not there is missing. The library takes more for that.
func TestMissing(t *testing.T) {
	for _, c := range []struct {
		err     error
		missing bool
	}{
		{errors.New("no such key"), true},
		{&googleapi.Error{Code: http.StatusNotFound}, true},
		{&googleapi.Error{Code: http.StatusForbidden}, false},
		{&net.DNSError{Err: "no such host", IsNotFound: true}, false},
	} {
		b := &Bucket{name: "gs://b", bucket: blob.NewBucket(failing{err: c.err})}
		has, err := b.Has(t.Context(), "key", 1)
		if has || (err == nil) != c.missing || err != nil && strings.Contains(err.Error(), "make the bucket") {
			t.Errorf("%v: %v, %v", c.err, has, err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}
