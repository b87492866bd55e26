// Package cloudtest starts what stands for the object stores of Google and Azure in tests: fake-gcs-server and Azurite on
// loopback, which keep their files in memory. Without them the tests are skipped; docker/install-clouds installs them.
package cloudtest

import (
	"crypto/rand"
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
)

// Server is such a program.
type Server struct {
	address string
	command []string
	process *exec.Cmd
}

// Google starts a server of Google's object store for a test, and returns it with the URL of a bucket.
func Google(t testing.TB) (s *Server, bucket string) {
	t.Helper()
	s = start(t, func(host, port string) []string {
		return []string{"fake-gcs-server", "-backend", "memory", "-scheme", "http", "-host", host, "-port", port,
			"-public-host", net.JoinHostPort(host, port), "-log-level", "warn"}
	})
	t.Setenv("STORAGE_EMULATOR_HOST", s.address)
	answer, err := http.Post("http://"+s.address+"/storage/v1/b?project=test", "application/json", strings.NewReader(`{"name":"paintings"}`))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("making a bucket: %s", answer.Status)
	}
	return s, "gs://paintings"
}

// Azure starts a server of Azure's object store for a test, whose credentials are in the environment then, and returns it
// with the URL of a container.
func Azure(t testing.TB) (s *Server, bucket string) {
	t.Helper()
	account, key := "gouache", base64.StdEncoding.EncodeToString([]byte(rand.Text()))
	t.Setenv("AZURITE_ACCOUNTS", account+":"+key)
	s = start(t, func(host, port string) []string {
		return []string{"azurite-blob", "--silent", "--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck", "--blobHost", host, "--blobPort", port}
	})
	for _, name := range []string{"AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGEBLOB_CONNECTIONSTRING"} {
		t.Setenv(name, "")
	}
	t.Setenv("AZURE_STORAGE_ACCOUNT", account)
	t.Setenv("AZURE_STORAGE_KEY", key)
	shared, err := container.NewSharedKeyCredential(account, key)
	if err != nil {
		t.Fatal(err)
	}
	client, err := container.NewClientWithSharedKeyCredential("http://"+s.address+"/"+account+"/paintings", shared, nil)
	if err == nil {
		_, err = client.Create(t.Context(), nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s, "azblob://paintings?" + url.Values{"localemu": {"true"}, "protocol": {"http"}, "domain": {s.address}}.Encode()
}

// start starts the command for a free port of loopback.
func start(t testing.TB, command func(host, port string) []string) *Server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") // a port that is free now
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{address: listener.Addr().String()}
	listener.Close()
	host, port, err := net.SplitHostPort(s.address)
	if err != nil {
		t.Fatal(err)
	}
	s.command = command(host, port)
	if _, err := exec.LookPath(s.command[0]); err != nil {
		t.Skipf("%s is not installed: docker/install-clouds installs it", s.command[0])
	}
	s.process = exec.Command(s.command[0], s.command[1:]...)
	s.process.Dir, s.process.Stderr = t.TempDir(), os.Stderr
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	for range 1500 {
		if c, err := net.Dial("tcp", s.address); err == nil {
			c.Close()
			return s
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("%s did not start", s.command[0])
	return nil
}

// Stop ends the server.
func (s *Server) Stop() {
	s.process.Process.Kill()
	_ = s.process.Wait() // says that it was killed
}
