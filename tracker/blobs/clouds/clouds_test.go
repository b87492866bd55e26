package clouds_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/internal/cloudtest"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/blobs"
	"github.com/gouache-art/gouache/tracker/blobs/blobstest"
	_ "github.com/gouache-art/gouache/tracker/blobs/clouds"
)

func TestGoogle(t *testing.T) {
	server, url := cloudtest.Google(t)
	testCloud(t, server, url)
}

func TestAzure(t *testing.T) {
	server, url := cloudtest.Azure(t)
	t.Run("a wrong key", func(t *testing.T) {
		t.Setenv("AZURE_STORAGE_KEY", "d3Jvbmc=")
		wrong := blobstest.Open(t, url, blobs.Options{Patience: time.Hour})
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
	blobstest.Test(t, blobstest.Open(t, url+join+"prefix=some%2F", blobs.Options{Patience: 30 * time.Second}))
	b := blobstest.Open(t, url, blobs.Options{})
	if has, err := b.Has(t.Context(), "some/a/small", 5); err != nil || !has {
		t.Errorf("the file is not under its prefix: %v (%v)", has, err)
	}
	missing := blobstest.Open(t, strings.Replace(url, "paintings", "none", 1), blobs.Options{})
	if err := missing.Probe(t.Context()); tracker.ErrorCode(err) != tracker.CodeUnavailable || !strings.Contains(err.Error(), "make the bucket first") || strings.Contains(err.Error(), "\n") {
		t.Errorf("a bucket that is not there: %v", err)
	}
	server.Stop()
	for what, err := range map[string]error{
		"writing":  b.Put(t.Context(), "later", []byte("later")),
		"removing": b.Delete(t.Context(), "some/a/small"),
		"reading": func() error {
			_, err := b.Open(t.Context(), "some/a/small", 5, blobstest.Sum([]byte("small")))
			return err
		}(),
		"looking": func() error { _, err := b.Has(t.Context(), "some/a/small", 5); return err }(),
	} {
		if tracker.ErrorCode(err) != tracker.CodeUnavailable || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s without the server: %v", what, err)
		}
	}
}

// TestCredentials: without credentials an error says what to set.
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
		b, err := blobs.Open(t.Context(), url, blobs.Options{})
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
	b := blobstest.Open(t, "azblob://b?localemu=true&protocol=http&domain=127.0.0.1:1", blobs.Options{})
	if err := b.Put(t.Context(), "key", nil); tracker.ErrorCode(err) != tracker.CodeUnavailable || !strings.Contains(err.Error(), "refused") || strings.Contains(err.Error(), secret) {
		t.Errorf("the error is %v", err)
	}
}
