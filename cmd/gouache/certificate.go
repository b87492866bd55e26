package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificate is that of a server. It is read again when its file has changed, as it does when it is renewed.
type certificate struct {
	file, key string
	log       *slog.Logger

	mu      sync.Mutex
	pair    *tls.Certificate
	changed time.Time // the file, when it was read
}

// read reads the files unless they are known.
func (c *certificate) read() error {
	info, err := os.Stat(c.file)
	if err == nil && info.ModTime().Equal(c.changed) {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(c.file, c.key)
	if err != nil {
		return fmt.Errorf("--tls-cert %s, --tls-key %s: %w", c.file, c.key, err)
	}
	if until := pair.Leaf.NotAfter; time.Now().After(until) {
		c.log.Warn("nobody trusts this certificate any more: renew it", "file", c.file, "until", until)
	}
	c.pair, c.changed = &pair, info.ModTime()
	return nil
}

// get returns the certificate for a connection. While the files cannot be read, it is the one before.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.read(); err != nil {
		c.log.Error("reading the certificate again", "error", err)
	}
	return c.pair, nil
}
