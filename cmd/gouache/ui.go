package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/painting"
	"github.com/gouache-art/gouache/tracker/web"
)

const defaultAddress = "127.0.0.1:7860"

type uiFlags struct {
	store    storeFlags
	address  string
	hosts    []string
	token    string
	readOnly bool
}

func newUI() *cobra.Command {
	var f uiFlags
	cmd := &cobra.Command{
		Use:   "ui [flags]",
		Short: "Show recorded runs in a browser",
		Long: `Show recorded runs in a browser: pictures and curves, live while a run is painting, and 2 to 12 runs compared.

The server listens on this machine only. On another address a browser needs a token, which the server makes and prints
if --token gives none. The connection is not encrypted: use it in a network that you trust only. Over ssh,
  ssh -L 7860:localhost:7860 HOST
shows a remote server's pages at http://localhost:7860 without that.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runUI(cmd, &f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.address, "addr", defaultAddress, "`ADDRESS` to listen on, HOST:PORT; port 0 takes a free one")
	flags.StringArrayVar(&f.hosts, "host", nil, "another `NAME` that browsers call this server by; may be given several times")
	flags.StringVar(&f.token, "token", "", "`TOKEN` that browsers must have (default: none on this machine, else one is made)")
	flags.BoolVar(&f.readOnly, "read-only", false, "show only, change nothing")
	return f.store.add(cmd, "")
}

func runUI(cmd *cobra.Command, f *uiFlags) error {
	host, _, err := net.SplitHostPort(f.address)
	if err != nil {
		return usage(fmt.Errorf("--addr %s must be HOST:PORT, such as %s", f.address, defaultAddress))
	}
	if f.token == "" && !isLoopback(host) {
		f.token = rand.Text()
	}
	store, err := f.openStore(cmd.Context())
	if err != nil {
		return err
	}
	defer store.Close()
	handler := web.New(store, web.Options{
		Title: fromHome(f.store.dir), Version: versionText(), Hosts: f.hostNames(host), Token: f.token, ReadOnly: f.readOnly,
		Log: slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil)), ReadSweep: painting.ReadSweep,
	})
	listener, err := net.Listen("tcp", f.address)
	if err != nil {
		return fmt.Errorf("--addr %s: %w: choose another port, or 0 for any free one", f.address, err)
	}
	fmt.Fprintln(cmd.OutOrStdout(), f.link(host, listener.Addr()))
	fmt.Fprintf(cmd.ErrOrStderr(), "showing %s; Ctrl-C ends it\n", f.store.dir)
	return serve(cmd.Context(), listener, handler)
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
	case isLoopback(host):
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

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// isEverywhere says whether a host means all addresses of this machine.
func isEverywhere(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "" || err == nil && address.IsUnspecified()
}

// link returns the address to open, with the first name that the user gave, if any: a container's own name is unknown
// outside of it.
func (f *uiFlags) link(host string, listening net.Addr) string {
	port := fmt.Sprint(listening.(*net.TCPAddr).Port)
	if isEverywhere(host) {
		host = "localhost"
		if len(f.hosts) > 0 {
			host = f.hosts[0]
		} else if name, err := os.Hostname(); err == nil {
			host = name
		}
	}
	link := url.URL{Scheme: "http", Host: net.JoinHostPort(host, port), Path: "/"}
	if f.token != "" {
		link.RawQuery = url.Values{"token": {f.token}}.Encode()
	}
	return link.String()
}

// serve answers requests until ctx ends, the normal way to stop.
func serve(ctx context.Context, listener net.Listener, handler *web.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	server.RegisterOnShutdown(handler.Close) // ends the streams of live updates
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		stopped <- server.Shutdown(limited)
	})
	err := server.Serve(listener)
	if errors.Is(err, http.ErrServerClosed) {
		err = <-stopped
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}
