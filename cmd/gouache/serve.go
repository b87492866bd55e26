package main

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/tracker/remote"
)

const defaultServeAddress = "127.0.0.1:7448"

type serveFlags struct {
	store    storeFlags
	address  string
	tokens   tokensFlags
	cert     string
	key      string
	insecure bool
}

func newServe() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve [flags]",
		Short: "Offer a store to other machines",
		Long: `Offer a store to people and workers on other machines, who name it as --store https://THIS-MACHINE:PORT.
They need a token, which gouache tokens add makes, and no password of a database.

The server listens on this machine only, unless the connection is encrypted: with --tls-cert and --tls-key,
or by a reverse proxy on this machine. docs/machines.md has an example of each.`,
		Example: `  gouache tokens add anna
  gouache serve --store ~/paintings
  gouache serve --addr :7448 --tls-cert cert.pem --tls-key key.pem`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runServe(cmd, &f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.address, "addr", defaultServeAddress, "`ADDRESS` to listen on, HOST:PORT; port 0 takes a free one")
	flags.Var((*path)(&f.cert), "tls-cert", "`FILE` of the certificate, with those that lead to it, in PEM")
	flags.Var((*path)(&f.key), "tls-key", "`FILE` of the certificate's private key, in PEM")
	flags.BoolVar(&f.insecure, "insecure", false, "let other machines connect without encryption, so that tokens can be read on the way")
	f.tokens.add(cmd)
	f.store.addBlobs(cmd)
	return f.store.add(cmd, "")
}

func runServe(cmd *cobra.Command, f *serveFlags) error {
	host, _, err := net.SplitHostPort(f.address)
	if err != nil {
		return usage(fmt.Errorf("--addr %s must be HOST:PORT, such as %s", f.address, defaultServeAddress))
	}
	if (f.cert == "") != (f.key == "") {
		return usage(fmt.Errorf("--tls-cert and --tls-key belong together: give both or none"))
	}
	if f.cert == "" && !f.insecure && !remote.IsLoopback(host) {
		return usage(fmt.Errorf("--addr %s is for other machines, and their tokens would come unencrypted: give --tls-cert and --tls-key, or leave out --addr and have a proxy on this machine encrypt; --insecure allows it all the same", f.address))
	}
	tokens, err := f.tokens.open()
	if err != nil {
		return err
	}
	known, err := tokens.List()
	if err != nil {
		return err
	}
	store, err := f.store.open(cmd.Context(), creating)
	if err != nil {
		return err
	}
	defer store.Close()
	log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
	handler := newPrograms(store, tokens.Admit(log), log)
	defer handler.Close()
	server := newServer(handler, log)
	server.RegisterOnShutdown(handler.api.Close)
	scheme := "http"
	if f.cert != "" {
		scheme = "https"
		c := &certificate{file: f.cert, key: f.key, log: log}
		if err := c.read(); err != nil {
			return err
		}
		server.TLSConfig = &tls.Config{GetCertificate: c.get, MinVersion: tls.VersionTLS12}
	}
	listener, err := net.Listen("tcp", f.address)
	if err != nil {
		return fmt.Errorf("--addr %s: %w: choose another port, or 0 for any free one", f.address, err)
	}
	at := listener.Addr().(*net.TCPAddr)
	if name, err := os.Hostname(); err == nil && isEverywhere(host) {
		host = name
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s://%s\n", scheme, net.JoinHostPort(cmp.Or(host, at.IP.String()), strconv.Itoa(at.Port)))
	terminal.Fprintf(cmd.ErrOrStderr(), "serving %s; Ctrl-C ends it\n", f.store.dir)
	if len(known) == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "nobody has a token yet: gouache tokens add NAME makes one")
	}
	return serve(cmd.Context(), server, listener)
}

// tokensFlags name the file of tokens.
type tokensFlags struct{ file string }

func (f *tokensFlags) add(cmd *cobra.Command) {
	cmd.Flags().Var((*path)(&f.file), "tokens", "`FILE` of the tokens (default: gouache/tokens.json in the user's configuration)")
}

func (f *tokensFlags) open() (remote.Tokens, error) {
	if f.file != "" {
		return remote.Tokens{Path: f.file}, nil
	}
	config, err := os.UserConfigDir()
	if err != nil {
		return remote.Tokens{}, fmt.Errorf("there is no place for tokens (%w): name a file with --tokens", err)
	}
	return remote.Tokens{Path: filepath.Join(config, "gouache", "tokens.json")}, nil
}

func newTokens() *cobra.Command {
	return group(&cobra.Command{
		Use:   "tokens",
		Short: "Let people use gouache serve",
		Long: `Make, list and revoke the tokens that people need to use gouache serve. Whoever has one reads everything
in the stores that you serve, and with one that may write also changes and deletes it. The file has no
tokens, only what is needed to recognise them.`,
	}, newTokensAdd(), newTokensList(), newTokensRevoke())
}

func newTokensAdd() *cobra.Command {
	var f tokensFlags
	var readOnly bool
	cmd := &cobra.Command{
		Use:   "add NAME [flags]",
		Short: "Make a token for a person, and print it once",
		Long: `Make a token for a person, or for a machine that paints, and print it. It cannot be shown again. The name
stands on the judgements and the notes that are made with it.`,
		Example: `  gouache tokens add anna
  gouache tokens add "gallery screen" --read-only`,
		Args: exactly("the NAME of a person"),
		RunE: func(cmd *cobra.Command, args []string) error {
			tokens, err := f.open()
			if err != nil {
				return err
			}
			token, err := tokens.Add(args[0], !readOnly)
			if err != nil {
				return invalid(err)
			}
			terminal.Fprintf(cmd.ErrOrStderr(), "the token of %s, shown only now; $%s takes it on the other machine:\n", args[0], remote.TokenVariable)
			_, err = terminal.Fprintf(cmd.OutOrStdout(), "%s\n", token)
			return err
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&readOnly, "read-only", false, "it may read, and change nothing")
	return cmd
}

func newTokensList() *cobra.Command {
	var f tokensFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list [flags]",
		Short: "List who has a token",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			tokens, err := f.open()
			if err != nil {
				return err
			}
			list, err := tokens.List()
			if err != nil {
				return err
			}
			entries := []tokenEntry{}
			for _, t := range list {
				entries = append(entries, tokenEntry{t.Name, t.Writes, t.IssuedAt.Local().Format("2006-01-02 15:04")})
			}
			return show(cmd, asJSON, entries, func(w *terminal.Table) {
				w.Printf("NAME\tMAY\tSINCE\n")
				for _, e := range entries {
					w.Row(e.Name, map[bool]string{true: "write", false: "read"}[e.Writes], e.Since)
				}
			})
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// tokenEntry is what `tokens list --json` prints of a token.
type tokenEntry struct {
	Name   string `json:"name"`
	Writes bool   `json:"writes"`
	Since  string `json:"since"`
}

func newTokensRevoke() *cobra.Command {
	var f tokensFlags
	cmd := &cobra.Command{
		Use:   "revoke NAME [flags]",
		Short: "Take a person's token back",
		Long:  `Take a person's token back. A server that runs refuses it from the next request on.`,
		Args:  exactly("the NAME of a person"),
		RunE: func(cmd *cobra.Command, args []string) error {
			tokens, err := f.open()
			if err != nil {
				return err
			}
			return tokens.Revoke(args[0])
		},
	}
	f.add(cmd)
	return cmd
}
