package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// fetchAs, in the environment, makes the test binary fetch that address to the path in fetchTo: a second process.
const fetchAs, fetchTo, fetchMD5 = "GOUACHE_TEST_FETCH", "GOUACHE_TEST_TO", "GOUACHE_TEST_MD5"

func TestMain(m *testing.M) {
	if address := os.Getenv(fetchAs); address != "" {
		err := File(context.Background(), os.Getenv(fetchTo), URL{address}, Checksums{MD5: os.Getenv(fetchMD5)}, nil)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	backoff = func(int) time.Duration { return time.Millisecond }
	os.Exit(m.Run())
}

func TestFileReportsAndSkipsWhatIsThere(t *testing.T) {
	content, sums := randomBytes(3 << 20)
	s := &fileServer{content: content}
	address, dst := s.start(t), destination(t)
	var last Progress
	for range 2 {
		if err := File(t.Context(), dst, URL{address}, sums, func(p Progress) { last = p }); err != nil {
			t.Fatal(err)
		}
		checkFetched(t, dst, content)
	}
	want := Progress{Done: 3 << 20, Total: 3 << 20, Message: "downloading weights.h5"}
	if last != want {
		t.Errorf("last progress %+v, want %+v", last, want)
	}
	if n := s.requests.Load(); n != 1 {
		t.Errorf("%d requests for two calls, want 1", n)
	}
}

func TestFileReplacesADamagedOne(t *testing.T) {
	content, sums := randomBytes(1000)
	s := &fileServer{content: content}
	address, dst := s.start(t), filepath.Join(t.TempDir(), "weights.h5")
	damaged := bytes.Clone(content)
	damaged[500] ^= 1
	if err := os.WriteFile(dst, damaged, 0o666); err != nil {
		t.Fatal(err)
	}
	var messages strings.Builder
	if err := File(t.Context(), dst, URL{address}, sums, func(p Progress) { fmt.Fprintln(&messages, p.Message) }); err != nil {
		t.Fatal(err)
	}
	checkFetched(t, dst, content)
	if !strings.Contains(messages.String(), "is damaged") {
		t.Errorf("messages %q do not say that the file was damaged", messages.String())
	}
}

func TestBrokenTransferResumes(t *testing.T) {
	content, sums := randomBytes(1 << 20)
	s := &fileServer{content: content, cut: 300_000, cuts: 2}
	address, dst := s.start(t), destination(t)
	if err := File(t.Context(), dst, URL{address}, sums, nil); err != nil {
		t.Fatal(err)
	}
	checkFetched(t, dst, content)
	if n := s.requests.Load(); n != 3 {
		t.Errorf("%d requests, want 3", n)
	}
	// What the server wrote before it cut the connection may not all have arrived, so that a little may come twice;
	// starting afresh each time would take 300,000 bytes more.
	if served := s.served.Load(); served > 1<<20+200_000 {
		t.Errorf("%d bytes served for a file of %d: it was not resumed", served, len(content))
	}
}

func TestBeginningFromEarlierCall(t *testing.T) {
	content, sums := randomBytes(100_000)
	other := bytes.Repeat([]byte("x"), len(content))
	for _, c := range []struct {
		name    string
		part    []byte
		noRange bool
		sums    Checksums
		served  int // bytes
	}{
		{"resumed", content[:60_000], false, sums, 40_000},
		{"size unknown", content[:60_000], false, Checksums{MD5: sums.MD5}, 40_000},
		{"server ignores Range", content[:60_000], true, sums, 100_000},
		{"whole already", content, false, sums, 0},
		{"whole already, size unknown", content, false, Checksums{MD5: sums.MD5}, 0},
		{"too long", append(bytes.Clone(content), 'x'), false, sums, 100_000},
		{"too long, size unknown", append(bytes.Clone(content), 'x'), false, Checksums{MD5: sums.MD5}, 100_000},
		{"of another file", other[:60_000], false, sums, 140_000},
		{"another whole file", other, false, sums, 100_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &fileServer{content: content, noRange: c.noRange}
			address, dst := s.start(t), filepath.Join(t.TempDir(), "weights.h5")
			if err := os.WriteFile(dst+".part", c.part, 0o666); err != nil {
				t.Fatal(err)
			}
			if err := File(t.Context(), dst, URL{address}, c.sums, nil); err != nil {
				t.Fatal(err)
			}
			checkFetched(t, dst, content)
			served := int(s.served.Load())
			if strings.HasSuffix(c.name, "size unknown") && served < 1000 && c.served == 0 {
				served = 0 // the text of an answer 416
			}
			if served < c.served || served > c.served+1000 {
				t.Errorf("%d bytes served, want %d", served, c.served)
			}
		})
	}
}

func TestWrongChecksum(t *testing.T) {
	content, right := randomBytes(1000)
	zeros := strings.Repeat("0", 64)
	for _, c := range []struct {
		kind string
		sums Checksums
	}{
		{"SHA-256", Checksums{SHA256: zeros}},
		{"MD5", Checksums{MD5: zeros[:32]}},
		{"size", Checksums{Size: 1001}},
	} {
		t.Run(c.kind, func(t *testing.T) {
			s := &fileServer{content: content}
			address, dst := s.start(t), destination(t)
			err := File(t.Context(), dst, URL{address}, c.sums, nil)
			var wrong *ChecksumError
			if !errors.As(err, &wrong) || wrong.Kind != c.kind {
				t.Fatalf("error %v, want a ChecksumError about the %s", err, c.kind)
			}
			if c.kind == "SHA-256" && (wrong.Got != right.SHA256 || wrong.Expected != zeros || !strings.Contains(err.Error(), zeros)) {
				t.Errorf("error %v does not name what it got and expected", err)
			}
			for _, path := range []string{dst, dst + ".part"} {
				if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s is there, or: %v", path, err)
				}
			}
		})
	}
}

func TestLongerThanExpected(t *testing.T) {
	content, _ := randomBytes(1000)
	for _, noRange := range []bool{false, true} {
		s := &fileServer{content: content, noRange: noRange}
		if err := File(t.Context(), destination(t), URL{s.start(t)}, Checksums{Size: 999}, nil); err == nil {
			t.Errorf("a file of 1000 bytes was taken where 999 were expected (noRange %v)", noRange)
		}
	}
}

func TestUnreachable(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	statuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var status int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
		http.Error(w, "no", status)
	}))
	defer statuses.Close()
	for _, c := range []struct{ name, address, says string }{
		{"refused", closed.URL, "refused"},
		{"no such host", "http://nowhere.invalid/weights.h5", "nowhere.invalid"},
		{"404", statuses.URL + "/404", "404 Not Found"},
		{"403", statuses.URL + "/403", "403 Forbidden"},
		{"503", statuses.URL + "/503", "503 Service Unavailable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dst := destination(t)
			err := File(t.Context(), dst, URL{c.address}, Checksums{}, nil)
			if !errors.Is(err, ErrUnreachable) {
				t.Fatalf("error %v, want ErrUnreachable", err)
			}
			if !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), c.address) {
				t.Errorf("error %v does not mention %q and the address", err, c.says)
			}
			if _, err := os.Stat(dst + ".part"); err == nil {
				t.Error("an empty .part was left behind")
			}
		})
	}
}

func TestUnreachableKeepsPartAndDoesNotWait(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	dst := filepath.Join(t.TempDir(), "weights.h5")
	if err := os.WriteFile(dst+".part", []byte("beginning"), 0o666); err != nil {
		t.Fatal(err)
	}
	err := File(t.Context(), dst, URL{closed.URL}, Checksums{}, func(p Progress) { t.Errorf("it went on: %s", p.Message) })
	if !errors.Is(err, ErrUnreachable) {
		t.Errorf("error %v, want ErrUnreachable", err)
	}
	if part, err := os.ReadFile(dst + ".part"); err != nil || string(part) != "beginning" {
		t.Errorf(".part holds %q, %v", part, err)
	}
}

func TestCancelledContextKeepsPart(t *testing.T) {
	content, sums := randomBytes(1 << 20)
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(content[:1<<19])
		w.(http.Flusher).Flush()
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	defer close(release)
	// With a cause, as signal.NotifyContext gives one: the error must be context.Canceled all the same.
	ctx, cancel := context.WithCancelCause(t.Context())
	dst := destination(t)
	err := File(ctx, dst, URL{server.URL}, sums, func(p Progress) {
		if p.Done > 0 {
			cancel(errors.New("interrupted"))
		}
	})
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnreachable) {
		t.Fatalf("error %v, want context.Canceled only", err)
	}
	part, err := os.ReadFile(dst + ".part")
	if err != nil || len(part) == 0 || !bytes.HasPrefix(content, part) {
		t.Errorf("%d bytes of .part are kept, %v; want a beginning of the file", len(part), err)
	}
	s := &fileServer{content: content}
	if err := File(t.Context(), dst, URL{s.start(t)}, sums, nil); err != nil {
		t.Fatal(err)
	}
	checkFetched(t, dst, content)
	if served := s.served.Load(); served != int64(len(content)-len(part)) {
		t.Errorf("%d bytes served after %d of %d were kept", served, len(part), len(content))
	}
}

func TestTwoProcessesFetchOnce(t *testing.T) {
	content, sums := randomBytes(1 << 20)
	s := &fileServer{content: content, slow: 300 * time.Millisecond}
	address, dst := s.start(t), destination(t)
	var processes sync.WaitGroup
	for range 3 {
		processes.Go(func() {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), fetchAs+"="+address, fetchTo+"="+dst, fetchMD5+"="+sums.MD5)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("process: %v: %s", err, out)
			}
		})
	}
	processes.Wait()
	checkFetched(t, dst, content)
	if n := s.requests.Load(); n != 1 {
		t.Errorf("%d requests from three processes, want 1", n)
	}
}

func TestWaitingForLockEndsWithContext(t *testing.T) {
	content, sums := randomBytes(1000)
	s := &fileServer{content: content, slow: time.Second}
	address, dst := s.start(t), destination(t)
	first := make(chan error, 1)
	go func() { first <- File(context.Background(), dst, URL{address}, sums, nil) }()
	for s.requests.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var said string
	err := File(ctx, dst, URL{address}, sums, func(p Progress) { said = p.Message; cancel() })
	if !errors.Is(err, context.Canceled) || !strings.Contains(said, "waiting for another process") {
		t.Errorf("error %v after message %q, want context.Canceled while waiting", err, said)
	}
	if err := <-first; err != nil {
		t.Error(err)
	}
}

func ExampleFile() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "hello")
	}))
	defer server.Close()
	dir, err := os.MkdirTemp("", "fetch")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	dst := filepath.Join(dir, "greeting")
	err = File(context.Background(), dst, URL{server.URL}, Checksums{MD5: "5d41402abc4b2a76b9719d911017c592"}, nil)
	fmt.Println(err, Verify(dst, Checksums{Size: 5}))
	// Output: <nil> <nil>
}
