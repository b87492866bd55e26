package fetch

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
)

// checkIndex returns an error if nothing answers where pip looks for packages, and whether pip looks elsewhere, too. Pip
// itself would try for minutes: it connects six times, with fifteen seconds for each address, or what its user chose.
func checkIndex(ctx context.Context, python string) (elsewhere bool, err error) {
	list, err := exec.CommandContext(ctx, python, "-m", "pip", "config", "list").Output()
	if err != nil {
		return false, nil // pip says it itself
	}
	host, elsewhere := indexHost(string(list), func() string { return standardIndex(ctx, python) }, http.ProxyFromEnvironment)
	if host == "" {
		return elsewhere, nil
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", host)
	if err != nil {
		return elsewhere, fmt.Errorf("pip's package index cannot be reached: %w", err)
	}
	return elsewhere, connection.Close()
}

// standardIndex returns the address where pip looks if its configuration names none, "" if pip does not say it.
func standardIndex(ctx context.Context, python string) string {
	address, _ := exec.CommandContext(ctx, python, "-c", "from pip._internal.models.index import PyPI; print(PyPI.simple_url)").Output()
	return strings.TrimSpace(string(address))
}

// indexHost returns the host and port that pip connects to first, as `pip config list` has its configuration: its
// index's, which is the standard one if none is named, or the proxy's that it says or that the environment has. It is
// empty if that is not a single one. elsewhere says whether there are folders or pages with packages beside the index.
func indexHost(list string, standard func() string, environment func(*http.Request) (*url.URL, error)) (host string, elsewhere bool) {
	values := map[string]string{}
	for line := range strings.Lines(list) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		section, name, _ := strings.Cut(name, ".")
		if section == ":env:" {
			name = strings.TrimPrefix(name, ".")
		}
		values[section+" "+name] = strings.Trim(value, `'"`)
	}
	get := func(name string) string {
		return cmp.Or(values[":env: "+name], values["download "+name], values["install "+name], values["global "+name])
	}
	elsewhere = get("find-links") != ""
	if get("no-index")+get("extra-index-url") != "" {
		return "", elsewhere
	}
	address := get("index-url")
	if address == "" {
		address = standard()
	}
	index, err := url.Parse(address)
	if err != nil || index.Scheme != "https" && index.Scheme != "http" {
		return "", elsewhere
	}
	proxy, err := environment(&http.Request{URL: index})
	if own := get("proxy"); own != "" {
		proxy, err = url.Parse(own)
	}
	if err != nil {
		return "", elsewhere
	}
	to := index
	if proxy != nil {
		to = proxy
	}
	port := map[string]string{"https": "443", "http": "80", "socks5": "1080", "socks5h": "1080"}[to.Scheme]
	if to.Hostname() == "" || to.Port()+port == "" {
		return "", elsewhere
	}
	return net.JoinHostPort(to.Hostname(), cmp.Or(to.Port(), port)), elsewhere
}
