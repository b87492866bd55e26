package connect

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gouache-art/gouache/internal/linktest"
)

// TestCut cuts the cable to another network: who waits for an answer and who sends both hear of it. As it is slow only
// without the options, the test's own limit is far from what it takes.
func TestCut(t *testing.T) {
	const quick = 3 * time.Second
	link := linktest.New(t)
	listener := listenIn(t, link.Name, link.Far)
	ends := map[string]chan error{"who waits for an answer": make(chan error, 1), "who sends": make(chan error, 1)}
	var conns []net.Conn
	for range ends {
		conn, err := dialer(10*time.Second, quick).DialContext(t.Context(), "tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conns = append(conns, conn)
		there, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer there.Close()
		go func() { _, _ = io.Copy(there, there) }()
		if _, err := conn.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	link.Cut()
	wait := func(conn net.Conn, end chan error) {
		_, err := conn.Read(make([]byte, 1))
		end <- err
	}
	go wait(conns[0], ends["who waits for an answer"])
	if _, err := conns[1].Write([]byte("y")); err != nil { // which the system takes
		t.Fatal(err)
	}
	go wait(conns[1], ends["who sends"])
	for who, end := range ends {
		select {
		case err := <-end:
			if err == nil || err == io.EOF {
				t.Errorf("%s: %v", who, err)
			}
		case <-time.After(20 * quick):
			t.Errorf("%s has heard nothing for %v", who, 20*quick)
		}
	}
}

// listenIn listens in another network.
func listenIn(t *testing.T, name, address string) net.Listener {
	t.Helper()
	file, err := os.Open(filepath.Join("/run/netns", name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	type result struct {
		net.Listener
		error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread() // for ever: the thread ends with the goroutine, and its network with it
		if err := unix.Setns(int(file.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- result{nil, err}
			return
		}
		l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
		done <- result{l, err}
	}()
	r := <-done
	if r.error != nil {
		t.Fatal(r.error)
	}
	t.Cleanup(func() { r.Close() })
	return r.Listener
}

// TestSockets: what is no connection by TCP needs none of it.
func TestSockets(t *testing.T) {
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := Dialer(10*time.Second).DialContext(t.Context(), "unix", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}
