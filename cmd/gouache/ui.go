package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/painting"
	"github.com/gouache-art/gouache/tracker/remote"
	"github.com/gouache-art/gouache/tracker/web"
)

const (
	defaultAddress = "127.0.0.1:7447"
	tokenVariable  = "GOUACHE_TOKEN"
)

// viewFlags are those that make a view another one than that which runs already.
var viewFlags = []string{"addr", "host", "token", "token-file", "no-token", "read-only"}

type uiFlags struct {
	store     storeFlags
	address   string
	hosts     []string
	token     string
	tokenFile string
	noToken   bool
	readOnly  bool
	worker    bool
}

func newUI() *cobra.Command {
	var f uiFlags
	cmd := &cobra.Command{
		Use:   "ui [flags]",
		Short: "Show recorded runs in a browser",
		Long: `Show recorded runs in a browser: pictures and curves, live while a run is painting, and 2 to 12 runs
compared.

What is queued is painted by a worker: a process that this command starts, and that ends with it. See
gouache worker.

Scripts that log with MLflow's client log into the store, with this server's address as their tracking URI
and the token in $MLFLOW_TRACKING_TOKEN. Other programs use its JSON API. docs/others.md has examples of both.

The server listens on this machine only. A browser needs a token, since every user of the machine can
reach the server. The printed address has the token in it; opening it once is enough. The server makes
another token at each start. To keep one, give it in --token-file or $` + tokenVariable + `;
other users can see --token in the list of processes. If a view of the same store runs already, its
address is printed instead; --addr with another port starts a second one.

On another address the connection is not encrypted: use it in a network that you trust only. Over ssh,
  ssh -L 7447:localhost:7447 HOST
shows a remote server's pages under the address that it prints there.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runUI(cmd, &f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.address, "addr", defaultAddress, "`ADDRESS` to listen on, HOST:PORT; port 0 takes a free one")
	flags.StringArrayVar(&f.hosts, "host", nil, "another `NAME` that browsers call this server by; may be given several times")
	flags.StringVar(&f.token, "token", "", "`TOKEN` that browsers must have, at least "+strconv.Itoa(web.MinToken)+" characters (default: $"+tokenVariable+", else one is made)")
	flags.Var((*path)(&f.tokenFile), "token-file", "`FILE` that has the token")
	flags.BoolVar(&f.noToken, "no-token", false, "admit every browser that reaches the server")
	flags.BoolVar(&f.readOnly, "read-only", false, "show only, change nothing")
	flags.BoolVar(&f.worker, "worker", true, "start a worker, which paints what is queued; not with --read-only")
	f.store.addBlobs(cmd)
	return f.store.add(cmd, "")
}

func runUI(cmd *cobra.Command, f *uiFlags) error {
	host, _, err := net.SplitHostPort(f.address)
	if err != nil {
		return usage(fmt.Errorf("--addr %s must be HOST:PORT, such as %s", f.address, defaultAddress))
	}
	if err := f.chooseToken(cmd); err != nil {
		return err
	}
	store, err := f.openStore(cmd.Context())
	if err != nil {
		return err
	}
	defer store.Close()
	lock, running := lockView(f.store.dir)
	if running != nil && !slices.ContainsFunc(viewFlags, cmd.Flags().Changed) {
		for _, link := range running.Links {
			terminal.Fprintf(cmd.OutOrStdout(), "%s\n", link)
		}
		terminal.Fprintf(cmd.ErrOrStderr(), "process %d shows %s already; --addr with another port starts a second view\n", running.PID, f.store.dir)
		return nil
	}
	defer lock.release()
	log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
	var others *programs
	handler := web.New(store, web.Options{
		Title: fromHome(f.store.dir), Version: versionText(), Hosts: f.hostNames(host), Token: f.token, ReadOnly: f.readOnly,
		Log: log, ReadSweep: painting.ReadSweep,
		Again: func(run *tracker.Run) string { return againLine(run, f.store.dir) },
		Desk:  painting.Desk{Store: store}, WorkerCommand: "gouache worker --store " + terminal.ShellWord(f.store.dir),
		API: func(admit web.Admit) http.Handler {
			others = newPrograms(store, func(r *http.Request, writes bool) (string, int, error) {
				status, err := admit(r, writes)
				return "", status, err // one token is for everybody
			}, log)
			return others
		},
	})
	defer others.Close()
	listener, err := net.Listen("tcp", f.address)
	if err != nil {
		return fmt.Errorf("--addr %s: %w: choose another port, or 0 for any free one", f.address, err)
	}
	links := f.links(host, listener.Addr())
	if err := lock.announce(links); err != nil {
		log.Warn("another gouache ui will not know of this one", "error", err)
	}
	for _, link := range links {
		fmt.Fprintln(cmd.OutOrStdout(), link)
	}
	terminal.Fprintf(cmd.ErrOrStderr(), "showing %s; Ctrl-C ends it\n", f.store.dir)
	if f.noToken {
		fmt.Fprintln(cmd.ErrOrStderr(), "there is no token: whoever reaches this address sees all runs"+f.alsoChanges())
	}
	if f.worker && !f.readOnly {
		defer startWorker(cmd.Context(), log, "--store", f.store.dir)()
	}
	server := newServer(handler, log)
	server.RegisterOnShutdown(handler.Close) // ends the streams of live updates
	server.RegisterOnShutdown(others.api.Close)
	return serve(cmd.Context(), server, listener)
}

func (f *uiFlags) alsoChanges() string {
	if f.readOnly {
		return ""
	}
	return ", and can change and delete them"
}

// chooseToken sets f.token: the one that is given, none, or one that nobody has had before.
func (f *uiFlags) chooseToken(cmd *cobra.Command) error {
	given := slices.DeleteFunc([]string{"token", "token-file", "no-token"}, func(name string) bool { return !cmd.Flags().Changed(name) })
	if len(given) > 1 {
		return usage(fmt.Errorf("--%s exclude each other: give one of them", strings.Join(given, " and --")))
	}
	from := "--token"
	switch {
	case f.noToken:
		return nil
	case f.tokenFile != "":
		from = "--token-file " + f.tokenFile
		var err error
		if f.token, err = readToken(f.tokenFile); err != nil {
			return fmt.Errorf("--token-file: %w", err)
		}
	case f.token == "" && os.Getenv(tokenVariable) != "":
		from, f.token = "$"+tokenVariable, os.Getenv(tokenVariable)
	case f.token == "":
		f.token = rand.Text()
	}
	if err := web.CheckToken(f.token); err != nil {
		return usage(fmt.Errorf("%s: %w; for no token, give --no-token", from, err))
	}
	return nil
}

// readToken reads a token's file without the line break at its end.
func readToken(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, 2*web.MaxToken))
	return strings.TrimSpace(string(data)), err
}

// fromHome writes a path below the user's home with ~.
func fromHome(path string) string {
	home, err := os.UserHomeDir()
	if rest, ok := strings.CutPrefix(path, home+string(filepath.Separator)); ok && err == nil {
		return filepath.Join("~", rest)
	}
	return path
}

// openStore opens the store, which may be new, for changes, or for reading only if it cannot be written to.
func (f *uiFlags) openStore(ctx context.Context) (tracker.Store, error) {
	if !f.readOnly {
		store, err := f.store.open(ctx, creating)
		if tracker.ErrorCode(err) != tracker.CodeUnavailable {
			return store, err
		}
		f.readOnly = true
	}
	return f.store.open(ctx, reading)
}

// hostNames returns the server's names beside those of the loopback: the address that it listens on, this machine's
// name, and those that the user gives.
func (f *uiFlags) hostNames(host string) []string {
	names := slices.Clone(f.hosts)
	switch {
	case remote.IsLoopback(host):
		return names
	case !isEverywhere(host):
		return append(names, strings.ToLower(host))
	}
	if name, err := os.Hostname(); err == nil {
		names = append(names, strings.ToLower(name))
	}
	addresses, _ := net.InterfaceAddrs() // none after an error
	for _, a := range addresses {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			names = append(names, prefix.Addr().String())
		}
	}
	return names
}

// isEverywhere says whether a host means all addresses of this machine.
func isEverywhere(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "" || err == nil && address.IsUnspecified()
}

// links returns the addresses to open: first the one that this machine's browsers can open, then those with the names
// that the user gave, or with this machine's name. A container's own name is unknown outside of it.
func (f *uiFlags) links(host string, listening net.Addr) []string {
	names := slices.Clone(f.hosts)
	switch {
	case !isEverywhere(host):
		names = slices.Insert(names, 0, host)
	case !slices.ContainsFunc(names, remote.IsLoopback):
		if name, err := os.Hostname(); err == nil && len(names) == 0 {
			names = append(names, name)
		}
		names = slices.Insert(names, 0, "127.0.0.1")
	}
	port := strconv.Itoa(listening.(*net.TCPAddr).Port)
	var links []string
	for _, name := range names {
		link := url.URL{Scheme: "http", Host: net.JoinHostPort(name, port), Path: "/"}
		if f.token != "" {
			link.RawQuery = url.Values{"token": {f.token}}.Encode()
		}
		if text := link.String(); !slices.Contains(links, text) {
			links = append(links, text)
		}
	}
	return links
}

// newServer returns a server that no client holds up before its request has arrived.
func newServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// serve answers requests until ctx ends, the normal way to stop. The connections are encrypted if the server has a
// certificate.
func serve(ctx context.Context, server *http.Server, listener net.Listener) error {
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		stopped <- server.Shutdown(limited)
	})
	answer := func() error { return server.Serve(listener) }
	if server.TLSConfig != nil {
		answer = func() error { return server.ServeTLS(listener, "", "") }
	}
	err := answer()
	if errors.Is(err, http.ErrServerClosed) {
		err = <-stopped
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}
