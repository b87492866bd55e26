// Package s3test starts an S3 server for tests: versitygw on loopback, which keeps its files in a temporary folder. Without
// it the tests are skipped, unless GOUACHE_REQUIRE_S3 is set, as in CI.
package s3test

import (
	"crypto/rand"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// require is the environment variable without which tests may be skipped.
const require = "GOUACHE_REQUIRE_S3"

// Server is an S3 server.
type Server struct {
	address, dir string
	process      *exec.Cmd
}

// New starts a server for a test, whose credentials are in the environment then.
func New(t testing.TB) *Server {
	t.Helper()
	if _, err := exec.LookPath("versitygw"); err != nil {
		if os.Getenv(require) == "" {
			t.Skip("versitygw is not installed: docker/install-versitygw installs it")
		}
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") // a port that is free now
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{address: listener.Addr().String(), dir: t.TempDir()}
	listener.Close()
	for _, name := range []string{"objects", "attributes"} {
		if err := os.Mkdir(filepath.Join(s.dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	id, key := rand.Text(), rand.Text()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": id, "AWS_SECRET_ACCESS_KEY": key, "ROOT_ACCESS_KEY": id, "ROOT_SECRET_KEY": key,
	} {
		t.Setenv(name, value)
	}
	s.Start(t)
	t.Cleanup(func() { s.Stop() })
	return s
}

// Start starts the server, and returns when it takes connections.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	s.process = exec.Command("versitygw", "--port", s.address, "--quiet", "posix", "--sidecar", filepath.Join(s.dir, "attributes"), filepath.Join(s.dir, "objects"))
	s.process.Stderr = os.Stderr
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	for range 500 {
		if c, err := net.Dial("tcp", s.address); err == nil {
			c.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("versitygw did not start")
}

// Stop ends the server. Start starts it again.
func (s *Server) Stop() {
	s.process.Process.Kill()
	_ = s.process.Wait() // says that it was killed
}

// Bucket returns the URL of a new bucket.
func (s *Server) Bucket(t testing.TB, name string) string {
	t.Helper()
	if err := os.Mkdir(filepath.Join(s.dir, "objects", name), 0o700); err != nil {
		t.Fatal(err)
	}
	return "s3://" + name + "?" + url.Values{
		"endpoint": {"http://" + s.address}, "region": {"us-east-1"}, "use_path_style": {"true"},
	}.Encode()
}
