// Package postgrestest starts PostgreSQL for tests: a cluster of its own in a temporary folder, which is reached by a
// socket there only. Without PostgreSQL the tests are skipped, unless GOUACHE_REQUIRE_POSTGRES is set, as in CI.
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// require is the environment variable without which tests may be skipped.
const require = "GOUACHE_REQUIRE_POSTGRES"

// role is the superuser of the clusters.
const role = "gouache"

// Server is a cluster.
type Server struct {
	bin, dir  string
	as        *syscall.SysProcAttr
	settings  []string
	process   *exec.Cmd
	lifeline  io.Closer
	databases atomic.Int32
}

// shared is the cluster of all tests of a package. It keeps nothing through a power failure.
var shared = sync.OnceValues(func() (*Server, error) { return start("fsync=off", "synchronous_commit=off", "full_page_writes=off") })

// Run runs a package's tests and then ends the cluster that they share. A TestMain calls it.
func Run(m *testing.M) (code int) {
	defer func() {
		if started.Load() {
			if s, err := shared(); err == nil {
				s.close()
			}
		}
	}()
	return m.Run()
}

var started atomic.Bool

// Database returns the URL of a new, empty database of the cluster that all tests of a package share.
func Database(t testing.TB) string {
	t.Helper()
	started.Store(true)
	s, err := shared()
	check(t, err)
	return s.Database(t)
}

// New starts a cluster for a test alone, with settings such as "max_connections=20", and the defaults for the rest, so
// that it keeps what was committed.
func New(t testing.TB, settings ...string) *Server {
	t.Helper()
	s, err := start(settings...)
	check(t, err)
	t.Cleanup(s.close)
	return s
}

var errMissing = errors.New("PostgreSQL is not installed: docker/install-packages postgres installs it")

func check(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, errMissing) && os.Getenv(require) == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// folder returns the folder of PostgreSQL's programs.
func folder() (string, error) {
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb"); len(found) > 0 { // Debian's are not on the PATH
		return filepath.Dir(found[len(found)-1]), nil
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", errMissing
	}
	path, err = filepath.EvalSymlinks(path)
	return filepath.Dir(path), err
}

func start(settings ...string) (s *Server, err error) {
	s = &Server{settings: settings}
	if s.bin, err = folder(); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("/tmp", "gouache-pg-"); err != nil { // a socket's path must be short
		return nil, err
	}
	if os.Getuid() == 0 { // PostgreSQL refuses to run as root
		if err := s.becomeNobody(); err != nil {
			return nil, err
		}
	}
	init := s.command("initdb", "--pgdata", s.data(), "--username", role, "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8",
		"--no-sync", "--no-instructions")
	if out, err := init.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("initdb: %w: %s", err, out), os.RemoveAll(s.dir))
	}
	if err := s.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	return s, nil
}

// becomeNobody has the cluster belong to a user without rights.
func (s *Server) becomeNobody() error {
	u, err := user.Lookup("nobody")
	if err != nil {
		return err
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	s.as = asUser(uint32(uid), uint32(gid))
	return errors.Join(err1, err2, os.Chown(s.dir, int(uid), int(gid)))
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// command returns one of PostgreSQL's programs.
func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir, cmd.SysProcAttr = s.dir, s.as
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	return cmd
}

// Start starts the server, and returns when it takes connections.
func (s *Server) Start() error {
	// The shell ends the server and removes the cluster when this process ends, however it does.
	script := `"$@" >>log 2>&1 & server=$!; if read -r word; then kill -s "$word" $server; wait $server; else kill -QUIT $server; wait $server; rm -rf "$PWD"; fi`
	args := []string{"-c", script, "sh", filepath.Join(s.bin, "postgres"), "-D", s.data(), "-k", s.dir, "-c", "listen_addresses=", "-c", "max_connections=200"}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	s.process = exec.Command("/bin/sh", args...)
	s.process.Dir, s.process.SysProcAttr = s.dir, s.as
	in, err := s.process.StdinPipe()
	if err != nil {
		return err
	}
	s.lifeline = in
	if err := s.process.Start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		if s.command("pg_isready", "-q", "-h", s.dir, "-d", "postgres").Run() == nil {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return fmt.Errorf("PostgreSQL did not start: %s", log)
}

// Stop ends the server as pg_ctl stop does, and every connection with it. Start starts it again.
func (s *Server) Stop() error {
	if _, err := io.WriteString(s.lifeline.(io.Writer), "INT\n"); err != nil {
		return err
	}
	return s.process.Wait()
}

func (s *Server) close() {
	s.lifeline.Close()
	_ = s.process.Wait() // says how the server was ended
}

// Database returns the URL of a new, empty database.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprint("test", s.databases.Add(1))
	if out, err := s.command("createdb", "-h", s.dir, "-U", role, name).CombinedOutput(); err != nil {
		t.Fatalf("createdb: %v: %s", err, out)
	}
	return s.URL(name)
}

// URL is that of a database by its name.
func (s *Server) URL(database string) string {
	return "postgres:///" + database + "?" + url.Values{"host": {s.dir}, "user": {role}}.Encode()
}

// SQL runs statements in a database, and returns what psql prints.
func (s *Server) SQL(t testing.TB, database, statements string) string {
	t.Helper()
	out, err := s.command("psql", "-h", s.dir, "-U", role, "-d", database, "-v", "ON_ERROR_STOP=1", "-qAt", "-c", statements).CombinedOutput()
	if err != nil {
		t.Fatalf("psql: %v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}
