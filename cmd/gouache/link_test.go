package main

import (
	"io"
	"net"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/gouache-art/gouache/internal/linktest"
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

// TestCut cuts the cable between a worker and the machine of the database and the object store for a while, in the course
// of a painting: the worker stays, paints on, and nothing is lost.
func TestCut(t *testing.T) {
	l := linktest.New(t)
	f := newTeam(t, 3, 150, l.Near)
	m := f.start(t, append([]string{"ip", "netns", "exec", l.Name}, asMachine(l.Name)...)...)
	<-m.began
	time.Sleep(time.Second)
	l.Cut()
	time.Sleep(outage())
	l.Mend()
	f.checkUndisturbed(t, m)
}
