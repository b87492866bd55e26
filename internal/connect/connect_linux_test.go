package connect

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestCut cuts the cable to another network: who waits for an answer and who sends both hear of it. As it is slow only
// without the options, the test's own limit is far from what it takes.
func TestCut(t *testing.T) {
	const quick = 3 * time.Second
	cable, address := network(t)
	listener := listenIn(t, cable, address)
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
	ip(t, "link", "set", cable, "down")
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

// network makes a network of its own at the other end of a cable, and returns the cable's name, which is also that of the
// network, and the address of the other end.
func network(t *testing.T) (cable, address string) {
	t.Helper()
	cable, end := fmt.Sprint("gouachec", os.Getpid()%1e6), fmt.Sprint("gc", os.Getpid())
	if out, err := exec.Command("ip", "netns", "add", cable).CombinedOutput(); err != nil {
		t.Skipf("a network of its own needs root and iproute2: %v: %s", err, out)
	}
	t.Cleanup(func() { ip(t, "netns", "delete", cable) }) // with both ends of the cable
	net := fmt.Sprintf("198.19.%d.", os.Getpid()%256)     // kept for tests of networks: RFC 2544
	ip(t, "link", "add", cable, "type", "veth", "peer", "name", end, "netns", cable)
	ip(t, "address", "add", net+"1/24", "dev", cable)
	ip(t, "link", "set", cable, "up")
	ip(t, "-n", cable, "address", "add", net+"2/24", "dev", end)
	ip(t, "-n", cable, "link", "set", end, "up")
	return cable, net + "2"
}

func ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %q: %v: %s", args, err, out)
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
