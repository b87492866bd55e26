// Package linktest makes networks of their own for tests, on cables that can be cut.
package linktest

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// Link is a cable to a network of its own. What runs there reaches this machine by the cable, and nothing else.
type Link struct {
	Name      string // of the cable's near end, and of the network
	Near, Far string // the addresses of both ends
	t         testing.TB
}

// New makes one, until the test ends. Only root can: for others the test is skipped.
func New(t testing.TB) *Link {
	t.Helper()
	l := &Link{Name: fmt.Sprint("gouache", os.Getpid()), t: t}
	end := fmt.Sprint("gv", os.Getpid())
	net := fmt.Sprintf("198.18.%d.", os.Getpid()%256) // kept for tests of networks: RFC 2544
	l.Near, l.Far = net+"1", net+"2"
	if out, err := exec.Command("ip", "netns", "add", l.Name).CombinedOutput(); err != nil {
		t.Skipf("a network of its own needs root and iproute2: %v: %s", err, out)
	}
	t.Cleanup(func() { l.ip("netns", "delete", l.Name) }) // with both ends of the cable
	l.ip("link", "add", l.Name, "type", "veth", "peer", "name", end, "netns", l.Name)
	l.ip("address", "add", l.Near+"/24", "dev", l.Name)
	l.ip("link", "set", l.Name, "up")
	l.ip("-n", l.Name, "address", "add", l.Far+"/24", "dev", end)
	l.ip("-n", l.Name, "link", "set", end, "up")
	l.ip("-n", l.Name, "link", "set", "lo", "up")
	return l
}

// Cut cuts the cable.
func (l *Link) Cut() {
	l.t.Helper()
	l.ip("link", "set", l.Name, "down")
}

// Mend mends what was cut.
func (l *Link) Mend() {
	l.t.Helper()
	l.ip("link", "set", l.Name, "up")
}

func (l *Link) ip(args ...string) {
	l.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		l.t.Fatalf("ip %q: %v: %s", args, err, out)
	}
}
