package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/remote"
)

// startServe starts gouache serve on a free port and returns the address that it prints.
func startServe(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	var stderr bytes.Buffer
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, append([]string{"serve", "--addr", "127.0.0.1:0"}, args...), writer, &stderr)
		writer.Close()
	}()
	lines := bufio.NewScanner(reader)
	if !lines.Scan() {
		t.Fatalf("%v: exit %d: %s", args, <-code, &stderr)
	}
	t.Cleanup(func() {
		cancel()
		if c := <-code; c != exitDone {
			t.Errorf("%v: exit %d: %s", args, c, &stderr)
		}
	})
	return lines.Text()
}

// addToken makes a token as gouache tokens add does.
func addToken(t *testing.T, file string, args ...string) string {
	t.Helper()
	stdout, stderr, code := gouache(t.Context(), append([]string{"tokens", "add", "--tokens", file}, args...)...)
	if code != exitDone || strings.Contains(stderr, strings.TrimSpace(stdout)) {
		t.Fatalf("tokens add %v: exit %d: %s%s", args, code, stdout, stderr)
	}
	return strings.TrimSpace(stdout)
}

// TestServe: a worker on another machine paints what is queued on a server, a judgement has the name of its token's owner,
// and a token for reading changes nothing.
func TestServe(t *testing.T) {
	dir, tokens := workerStore(t), filepath.Join(t.TempDir(), "tokens.json")
	id := enqueue(t, dir, 2)
	address := startServe(t, "--store", dir, "--tokens", tokens)
	t.Setenv(remote.TokenVariable, "")
	for _, c := range []struct{ token, want string }{{"", "$" + remote.TokenVariable}, {"wrong", "unknown to this server"}} {
		t.Setenv(remote.TokenVariable, c.token)
		if stdout, stderr, code := gouache(t.Context(), "runs", "list", "--store", address); code != exitFailed || stdout != "" || !strings.Contains(stderr, c.want) {
			t.Errorf("with the token %q: exit %d: %s%s", c.token, code, stdout, stderr)
		}
	}
	t.Setenv(remote.TokenVariable, "")
	t.Setenv(remote.TokenFileVariable, write(t, filepath.Join(t.TempDir(), "token"), []byte(addToken(t, tokens, "painter")+"\n")))
	if _, stderr, code := gouache(t.Context(), "worker", "--store", address, "--weights", "random", "--once"); code != exitDone || !strings.Contains(stderr, "run "+id+" finished") {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	if run := shown(t, dir, id); run.Status != tracker.StatusFinished || run.Picture == "" {
		t.Errorf("the server has %+v", run)
	}
	reader := addToken(t, tokens, "screen", "--read-only")
	t.Setenv(remote.TokenVariable, reader)
	if run := shown(t, address, id); run.ID != id {
		t.Errorf("got %+v", run)
	}
	for _, c := range []struct {
		args []string
		want string
		code int
	}{
		{[]string{"runs", "rate", id, "5", "--store", address}, "may only read", exitFailed},
		{[]string{"tokens", "add", "Screen", "--tokens", tokens}, "has a token", exitFailed},
		{[]string{"tokens", "add", "a\nb", "--tokens", tokens}, "letters and digits", exitUsage},
		{[]string{"tokens", "list", "--tokens", tokens}, "painter  write", exitDone},
		{[]string{"tokens", "revoke", "skreen", "--tokens", tokens}, `did you mean "screen"`, exitFailed},
		{[]string{"tokens", "revoke", "screen", "--tokens", tokens}, "", exitDone},
		{[]string{"runs", "list", "--store", address}, "revoked", exitFailed},
		{[]string{"runs", "list", "--store", "http://example.org"}, "use https", exitUsage},
		{[]string{"runs", "list", "--store", "https://" + reader + "@example.org"}, "does not belong", exitUsage},
		{[]string{"serve", "--addr", ":0"}, "unencrypted", exitUsage},
		{[]string{"serve", "--addr", "here"}, "HOST:PORT", exitUsage},
		{[]string{"serve", "--tls-key", "key.pem"}, "belong together", exitUsage},
		{[]string{"serve", "--tls-key", tokens, "--tls-cert", tokens, "--store", dir}, "--tls-cert", exitFailed},
	} {
		stdout, stderr, code := gouache(t.Context(), c.args...)
		if code != c.code || !strings.Contains(stdout+stderr, c.want) || strings.Contains(stdout+stderr, reader) {
			t.Errorf("%v: exit %d: %s%s", c.args, code, stdout, stderr)
		}
	}
}

// writeCertificate writes a certificate for 127.0.0.1 of the team's own, which is valid until a time, and its key.
func writeCertificate(t *testing.T, cert, key string, until time.Time) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: until, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write(t, key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
	write(t, cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}))
}

// TestServeTLS: a certificate of the team's own is refused unless it is trusted, and one that has ended, until it is renewed
// while the server runs.
func TestServeTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key, tokens := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "tokens.json")
	writeCertificate(t, cert, key, time.Now().Add(-time.Hour))
	address := startServe(t, "--store", filepath.Join(dir, "store"), "--tokens", tokens, "--tls-cert", cert, "--tls-key", key)
	if !strings.HasPrefix(address, "https://127.0.0.1:") {
		t.Errorf("it prints %s", address)
	}
	t.Setenv(remote.TokenVariable, addToken(t, tokens, "anna"))
	list := func(address, want string) {
		t.Helper()
		if _, stderr, code := gouache(t.Context(), "runs", "list", "--store", address); code != exitFailed || !strings.Contains(stderr, want) {
			t.Errorf("exit %d, without %q: %s", code, want, stderr)
		}
	}
	list(address, "is not valid now")
	writeCertificate(t, cert, key, time.Now().Add(time.Hour))
	soon := time.Now().Add(time.Minute) // of a file system with coarse times, too
	if err := os.Chtimes(cert, soon, soon); err != nil {
		t.Fatal(err)
	}
	list(address, "is not trusted")
	list(strings.Replace(address, "127.0.0.1", "localhost", 1), "is another host's")
	list(strings.Replace(address, "https:", "http:", 1), "speaks https: write https://")
	write(t, key, []byte("none")) // while it is renewed
	soon = soon.Add(time.Minute)
	if err := os.Chtimes(cert, soon, soon); err != nil {
		t.Fatal(err)
	}
	list(address, "is not trusted")
}

// TestServeMLflow: MLflow's clients need a token, too, and one for reading changes nothing.
func TestServeMLflow(t *testing.T) {
	dir, tokens := filepath.Join(t.TempDir(), "store"), filepath.Join(t.TempDir(), "tokens.json")
	writer, reader := addToken(t, tokens, "anna"), addToken(t, tokens, "screen", "--read-only")
	address := startServe(t, "--store", dir, "--tokens", tokens)
	for _, c := range []struct {
		token, route, want string
		status             int
	}{
		{"", "experiments/search", "UNAUTHENTICATED", http.StatusUnauthorized},
		{"wrong", "experiments/search", "UNAUTHENTICATED", http.StatusUnauthorized},
		{reader, "experiments/search", "Default", http.StatusOK},
		{reader, "runs/create", "PERMISSION_DENIED", http.StatusForbidden},
		{writer, "runs/create", "run_id", http.StatusOK},
	} {
		status, text := post(t, address+"/api/2.0/mlflow/"+c.route, c.token, "{}", nil)
		if status != c.status || !strings.Contains(text, c.want) {
			t.Errorf("%s with the token %q: %d %s", c.route, c.token, status, text)
		}
	}
}

// post sends JSON as a program does, with a token unless it is "", and returns the status and the body of the answer.
func post(t *testing.T, address, token, body string, change func(*http.Request)) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if change != nil {
		change(r)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}
