package main

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// forward takes connections at a free port of an address and passes what they carry on to another one. It returns its own.
func forward(t *testing.T, address, network, to string) string {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer from.Close()
				there, err := net.Dial(network, to)
				if err != nil {
					return
				}
				go func() {
					_, _ = io.Copy(there, from) // its end is the other's, too
					there.Close()
				}()
				_, _ = io.Copy(from, there)
			}()
		}
	}()
	return listener.Addr().String()
}

// forwardDatabase returns the URL of a database, which is reached by a socket of this machine, as it is at an address.
func forwardDatabase(t *testing.T, source, address string) string {
	t.Helper()
	u, err := url.Parse(source)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	u.Host = forward(t, address, "unix", filepath.Join(query.Get("host"), ".s.PGSQL.5432"))
	u.User = url.User(query.Get("user"))
	u.RawQuery = "sslmode=disable"
	return u.String()
}

// forwardBucket returns the URL of a bucket, whose server is on this machine's loopback, as it is at an address.
func forwardBucket(t *testing.T, bucket, address string) string {
	t.Helper()
	u, err := url.Parse(bucket)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	endpoint, err := url.Parse(query.Get("endpoint"))
	if err != nil {
		t.Fatal(err)
	}
	endpoint.Host = forward(t, address, "tcp", endpoint.Host)
	query.Set("endpoint", endpoint.String())
	u.RawQuery = query.Encode()
	return u.String()
}

// link is a cable to a network of its own. What runs there reaches this machine by the cable, and nothing else.
type link struct {
	name    string
	address string // of this machine, at this end
	machine []string
}

// newLink makes one. Only root can.
func newLink(t *testing.T) *link {
	t.Helper()
	l := &link{name: fmt.Sprint("gouache", os.Getpid())}
	end := fmt.Sprint("gv", os.Getpid())
	net := fmt.Sprintf("198.18.%d.", os.Getpid()%256) // kept for tests of networks: RFC 2544
	l.address = net + "1"
	if out, err := exec.Command("ip", "netns", "add", l.name).CombinedOutput(); err != nil {
		t.Skipf("a network of its own needs root and iproute2: %v: %s", err, out)
	}
	t.Cleanup(func() { l.ip(t, "netns", "delete", l.name) }) // with both ends of the cable
	l.ip(t, "link", "add", l.name, "type", "veth", "peer", "name", end, "netns", l.name)
	l.ip(t, "address", "add", l.address+"/24", "dev", l.name)
	l.ip(t, "link", "set", l.name, "up")
	l.ip(t, "-n", l.name, "address", "add", net+"2/24", "dev", end)
	l.ip(t, "-n", l.name, "link", "set", end, "up")
	l.ip(t, "-n", l.name, "link", "set", "lo", "up")
	l.machine = append([]string{"ip", "netns", "exec", l.name}, asMachine(l.name)...)
	return l
}

func (l *link) ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %q: %v: %s", args, err, out)
	}
}

// TestCut cuts the cable between a worker and the machine of the database and the object store for a while, in the course
// of a painting: the worker stays, paints on, and nothing is lost.
func TestCut(t *testing.T) {
	l := newLink(t)
	f := newTeam(t, 3, 150, l.address)
	m := f.start(t, l.machine...)
	<-m.began
	time.Sleep(time.Second)
	l.ip(t, "link", "set", l.name, "down")
	time.Sleep(outage())
	l.ip(t, "link", "set", l.name, "up")
	f.checkUndisturbed(t, m)
}
