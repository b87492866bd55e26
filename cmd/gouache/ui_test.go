package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/remote"
)

// startUI starts gouache ui on a free port of a new store and returns the addresses that it prints, and a function that
// ends it and returns its messages.
func startUI(t *testing.T, args ...string) (links []string, end func() string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	var stderr bytes.Buffer
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, append([]string{"ui", "--worker=false", "--addr", "127.0.0.1:0", "--store", filepath.Join(t.TempDir(), "store")}, args...), writer, &stderr)
		writer.Close()
	}()
	lines := bufio.NewScanner(reader)
	if !lines.Scan() {
		t.Fatalf("%v: exit %d: %s", args, <-code, &stderr)
	}
	links = append(links, lines.Text())
	more := make(chan []string, 1)
	go func() {
		var rest []string
		for lines.Scan() {
			rest = append(rest, lines.Text())
		}
		more <- rest
	}()
	return links, func() string {
		cancel()
		if c := <-code; c != exitDone {
			t.Errorf("%v: exit %d: %s", args, c, &stderr)
		}
		return stderr.String() + strings.Join(<-more, "\n")
	}
}

// status asks for an address with the cookies of a browser and follows where it leads.
func status(t *testing.T, browser *http.Client, address string) (int, *url.URL) {
	t.Helper()
	answer, err := browser.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode, answer.Request.URL
}

func browser() *http.Client {
	jar, _ := cookiejar.New(nil) // it never fails
	return &http.Client{Jar: jar}
}

func TestUIAsksForToken(t *testing.T) {
	t.Setenv(tokenVariable, "")
	links, end := startUI(t)
	at, err := url.Parse(links[0])
	if err != nil || !strings.HasPrefix(links[0], "http://127.0.0.1:") || len(at.Query().Get("token")) < 26 {
		t.Fatalf("it prints %s (%v)", links[0], err)
	}
	runs := "http://" + at.Host + "/runs"
	mine, other := browser(), browser()
	if code, _ := status(t, other, runs); code != http.StatusUnauthorized {
		t.Errorf("without the token: %d", code)
	}
	if code, to := status(t, mine, links[0]); code != http.StatusOK || to.String() != runs {
		t.Errorf("the printed address: %d at %s", code, to)
	}
	if code, _ := status(t, mine, runs); code != http.StatusOK {
		t.Errorf("once admitted: %d", code)
	}
	if said := end(); strings.Contains(said, "no token") {
		t.Errorf("it says %s", said)
	}
	again, end := startUI(t)
	end()
	if strings.HasSuffix(again[0], at.Query().Get("token")) {
		t.Error("it makes the same token again")
	}
}

func TestUIToken(t *testing.T) {
	const token = "0123456789abcdef"
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "token"), []byte(token+"\n"))
	t.Setenv("HOME", dir)
	for _, c := range []struct {
		variable string
		args     []string
	}{
		{"", []string{"--token", token}},
		{"", []string{"--token-file", file}},
		{token, nil},
		{"another that is long", []string{"--token", token}}, // a flag goes before the variable
		{"another that is long", []string{"--token-file", file}},
		{token, []string{"--token", ""}},
	} {
		t.Setenv(tokenVariable, c.variable)
		links, end := startUI(t, c.args...)
		if !strings.HasSuffix(links[0], "/?token="+token) {
			t.Errorf("%v: it prints %s", c, links[0])
		}
		end()
	}
	t.Setenv(tokenVariable, token)
	links, end := startUI(t, "--no-token")
	if code, _ := status(t, browser(), links[0]); code != http.StatusOK || strings.Contains(links[0], "token") {
		t.Errorf("%s: %d", links[0], code)
	}
	if said := end(); !strings.Contains(said, "there is no token: whoever reaches this address sees all runs, and can change and delete them") {
		t.Errorf("it says %s", said)
	}
}

func TestUITokenMistakes(t *testing.T) {
	dir := t.TempDir()
	empty, short := write(t, filepath.Join(dir, "empty"), nil), write(t, filepath.Join(dir, "short"), []byte("short\n"))
	large := write(t, filepath.Join(dir, "large"), bytes.Repeat([]byte("x"), 1<<20))
	for _, c := range []struct {
		variable string
		args     []string
		code     int
		says     string
	}{
		{"", []string{"--token", "a"}, exitUsage, "--token: it has 1 character: use 16 to 512, which nobody can guess; for no token, give --no-token"},
		{"", []string{"--token", "none"}, exitUsage, "--no-token"},
		{"", []string{"--token", "sixteen with blanks"}, exitUsage, "blanks"},
		{"none", nil, exitUsage, "$GOUACHE_TOKEN: it has 4 characters"},
		{"", []string{"--token-file", empty}, exitUsage, "it has 0 characters"},
		{"", []string{"--token-file", short}, exitUsage, "it has 5 characters"},
		{"", []string{"--token-file", large}, exitUsage, "use 16 to 512"},
		{"", []string{"--token-file", dir}, exitFailed, "is a directory"},
		{"", []string{"--token-file", filepath.Join(dir, "nothing")}, exitFailed, "no such file"},
		{"", []string{"--token", "0123456789abcdef", "--no-token"}, exitUsage, "--token and --no-token exclude each other"},
		{"", []string{"--token", "0123456789abcdef", "--token-file", short}, exitUsage, "--token and --token-file exclude each other"},
	} {
		t.Setenv(tokenVariable, c.variable)
		_, stderr, code := gouache(t.Context(), append([]string{"ui", "--addr", "127.0.0.1:0", "--store", filepath.Join(dir, "store")}, c.args...)...)
		if code != c.code || !strings.Contains(stderr, c.says) {
			t.Errorf("%v: exit %d: %s", c, code, stderr)
		}
	}
}

// TestUIRunning: of a store that is shown already, the address is printed, until that view ends.
func TestUIRunning(t *testing.T) {
	cache, store := t.TempDir(), filepath.Join(t.TempDir(), "store")
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv(tokenVariable, "")
	links, end := startUI(t, "--store", store)
	limited, cancel := context.WithTimeout(t.Context(), 10*time.Second) // a second view would never end
	defer cancel()
	stdout, stderr, code := gouache(limited, "ui", "--store", store)
	if code != exitDone || stdout != links[0]+"\n" || !strings.Contains(stderr, "shows "+store+" already; --addr") {
		t.Errorf("beside another: exit %d, %q, %s", code, stdout, stderr)
	}
	if code, _ := status(t, browser(), strings.TrimSpace(stdout)); code != http.StatusOK {
		t.Errorf("the address that is printed: %d", code)
	}
	files, err := filepath.Glob(filepath.Join(cache, "gouache", "views", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("there are %v (%v)", files, err)
	}
	if info, err := os.Stat(files[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read the token: %v (%v)", info, err)
	}
	second, endSecond := startUI(t, "--store", store)
	if second[0] == links[0] {
		t.Errorf("with --addr there is no second view beside %s", links[0])
	}
	endSecond()
	end()
	if _, running := lockView(store); running != nil {
		t.Errorf("a view that has ended still runs: %v", running)
	}
}

func TestUILinks(t *testing.T) {
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		host  string
		hosts []string
		want  []string
	}{
		{"127.0.0.1", nil, []string{"127.0.0.1"}},
		{"localhost", nil, []string{"localhost"}},
		{"::1", nil, []string{"[::1]"}},
		{"127.0.0.1", []string{"studio"}, []string{"127.0.0.1", "studio"}},
		{"192.168.0.7", nil, []string{"192.168.0.7"}},
		{"0.0.0.0", nil, []string{"127.0.0.1", name}},
		{"", []string{"studio", "fd00::7"}, []string{"127.0.0.1", "studio", "[fd00::7]"}},
		{"0.0.0.0", []string{"localhost"}, []string{"localhost"}}, // a container's port
	} {
		f := uiFlags{hosts: c.hosts, token: "t"}
		var want []string
		for _, w := range c.want {
			want = append(want, "http://"+w+":7447/?token=t")
		}
		if got := f.links(c.host, &net.TCPAddr{Port: 7447}); !slices.Equal(got, want) {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// TestUIPrograms: programs use the JSON API of a view with its token, and pages of other sites do not. Nobody changes what
// is only shown.
func TestUIPrograms(t *testing.T) {
	const token, begin = "0123456789abcdef", `{"name":"mine","process":{"host":"elsewhere","pid":1}}`
	dir := filepath.Join(t.TempDir(), "store")
	t.Setenv(tokenVariable, token)
	links, end := startUI(t, "--store", dir)
	address, _, _ := strings.Cut(links[0], "/?")
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for what, c := range map[string]struct {
		token, body string
		change      func(*http.Request)
		status      int
		want        string
	}{
		"the token":       {token, begin, nil, http.StatusOK, `"name":"mine"`},
		"no token":        {"", begin, nil, http.StatusUnauthorized, `"code":"unavailable"`},
		"a wrong token":   {token + "x", begin, nil, http.StatusUnauthorized, `"code":"unavailable"`},
		"a page's token":  {"", begin, header("Cookie", "gouache-view="+token), http.StatusUnauthorized, `"code":"unavailable"`},
		"another site":    {token, begin, header("Origin", "http://evil.example"), http.StatusForbidden, "Another site"},
		"another name":    {token, begin, func(r *http.Request) { r.Host = "evil.example" }, http.StatusForbidden, "not called"},
		"an unknown name": {token, `{"nam":"mine"}`, nil, http.StatusBadRequest, `"code":"invalid"`},
		"too much":        {token, `{"note":"` + strings.Repeat("x", 17<<20) + `"}`, nil, http.StatusRequestEntityTooLarge, "too large"},
	} {
		if status, text := post(t, address+"/api/v1/runs", c.token, c.body, c.change); status != c.status || !strings.Contains(text, c.want) {
			t.Errorf("%s: %d %s", what, status, text)
		}
	}
	t.Setenv(remote.TokenVariable, token)
	stdout, stderr, code := gouache(t.Context(), "runs", "list", "--json", "--store", address)
	if code != exitDone || strings.Count(stdout, `"name": "mine"`) != 1 {
		t.Errorf("another machine's list: exit %d: %s%s", code, stdout, stderr)
	}
	store, err := remote.Open(t.Context(), address, token)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	var ids []string
	for range 2 {
		r, err := store.CreateRun(t.Context(), tracker.NewRun{})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, r.ID)
	}
	// One token is for everybody: it does not say who judges.
	if j, err := store.AddJudgement(t.Context(), tracker.Judgement{Left: ids[0], Right: ids[1], Verdict: tracker.Tie, Rater: "anna"}); err != nil || j.Rater != "anna" {
		t.Errorf("a judgement: %+v, %v", j, err)
	}
	woken := store.Woken(t.Context()) // a request waits when the server ends
	<-woken
	end()
	links, end = startUI(t, "--store", dir, "--read-only")
	defer end()
	address, _, _ = strings.Cut(links[0], "/?")
	if status, text := post(t, address+"/api/v1/runs", token, begin, nil); status != http.StatusForbidden || !strings.Contains(text, "only shows") {
		t.Errorf("--read-only: %d %s", status, text)
	}
}
