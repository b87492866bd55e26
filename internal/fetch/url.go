package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"time"
)

// URL is a file on the web. A proxy is taken from the environment, as [http.ProxyFromEnvironment] says.
type URL struct {
	Address string
}

// String returns the address.
func (u URL) String() string { return u.Address }

const (
	retries = 4 // after a transfer broke without receiving anything

	connectTimeout = 15 * time.Second // for a connection, for TLS, and for the first byte of an answer
	stallTimeout   = 60 * time.Second // without a byte; then the transfer counts as broken
)

// backoff returns how long to wait before the n-th retry, n from 1. It is a variable so that tests need not wait.
var backoff = func(n int) time.Duration { return 500 * time.Millisecond << (n - 1) }

var client = &http.Client{Transport: newTransport()}

func newTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: connectTimeout}).DialContext
	t.TLSHandshakeTimeout = connectTimeout
	t.ResponseHeaderTimeout = 2 * connectTimeout
	return t
}

// temporary is an error after which another request makes sense.
type temporary struct{ error }

func (t temporary) Unwrap() error { return t.error }

// ByHand says to download it.
func (u URL) ByHand(facts string) string {
	return fmt.Sprintf("download %s (%s) where there is a network", u, facts)
}

// Fetch requests the file, or the rest of it, until it is whole or another request is pointless. A host that cannot be
// reached at the first request is not tried again, so that a machine without a network gets the error soon.
func (u URL) Fetch(ctx context.Context, part string, sums Checksums, progress func(Progress)) (resumed bool, err error) {
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return false, err
	}
	t := transfer{url: u, file: f, sums: sums, progress: progress}
	resumed, err = t.run(ctx)
	size, statErr := t.have()
	err = errors.Join(err, statErr, f.Close())
	if err != nil && size == 0 {
		err = errors.Join(err, os.Remove(part)) // nothing to resume from
	}
	return resumed, err
}

// transfer is a download in several requests.
type transfer struct {
	url      URL
	file     *os.File
	sums     Checksums
	progress func(Progress)
	reached  bool // the host has answered in this call
}

func (t *transfer) run(ctx context.Context) (resumed bool, err error) {
	before, err := t.have()
	if err != nil {
		return false, err
	}
	resumed = before > 0
	for failures := 0; ; {
		if whole := t.sums.Size > 0 && before == t.sums.Size; whole {
			return resumed, nil
		}
		restarted, err := t.once(ctx, before)
		resumed = resumed && !restarted
		if err == nil {
			return resumed, nil
		}
		if ctx.Err() != nil {
			return resumed, ctx.Err()
		}
		after, statErr := t.have()
		if statErr != nil {
			return resumed, statErr
		}
		if after > before {
			failures = 0
		}
		before = after
		if failures++; failures > retries || !errors.As(err, new(temporary)) {
			return resumed, err
		}
		t.progress(Progress{Message: fmt.Sprintf("%s; trying again", err)})
		select {
		case <-ctx.Done():
			return resumed, ctx.Err()
		case <-time.After(backoff(failures)):
		}
	}
}

// have returns how many bytes of the file have arrived.
func (t *transfer) have() (int64, error) {
	info, err := t.file.Stat()
	if err != nil {
		return 0, err
	}
	if t.sums.Size > 0 && info.Size() > t.sums.Size { // the beginning of some other file
		return 0, t.file.Truncate(0)
	}
	return info.Size(), nil
}

// once makes one request for the bytes from offset on, or for the whole file if the server cannot do that. restarted
// says that the bytes before offset were discarded.
func (t *transfer) once(ctx context.Context, offset int64) (restarted bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// The headers' timeout is shorter, so that this one concerns the body.
	stalled := time.AfterFunc(stallTimeout, func() {
		cancel(fmt.Errorf("no byte came for %v", stallTimeout))
	})
	defer stalled.Stop()

	response, err := t.ask(ctx, offset)
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	total := int64(-1)
	switch response.StatusCode {
	case http.StatusOK:
		offset, restarted, total = 0, offset > 0, response.ContentLength
	case http.StatusPartialContent:
		start, size := contentRange(response.Header)
		if start != offset {
			return true, t.restart("the server sent another part than the one asked for")
		}
		total = size
	case http.StatusRequestedRangeNotSatisfiable:
		if _, size := contentRange(response.Header); size == offset && offset > 0 {
			return false, nil // the file is whole already
		}
		return true, t.restart("the part fetched earlier is longer than the file")
	default:
		return false, statusError(response)
	}
	return restarted, t.receive(ctx, response.Body, offset, total, stalled)
}

func (t *transfer) restart(why string) error {
	if err := t.file.Truncate(0); err != nil {
		return err
	}
	return broken("%s", why)
}

func (t *transfer) ask(ctx context.Context, offset int64) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url.Address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept-Encoding", "identity") // lengths and ranges are those of the file itself
	if offset > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	response, err := client.Do(request)
	if err != nil {
		if in := (*url.Error)(nil); errors.As(err, &in) {
			err = in.Err // the address is named elsewhere
		}
		err = fmt.Errorf("%w: %w", ErrUnreachable, err)
		if t.reached {
			err = temporary{err}
		}
		return nil, err
	}
	t.reached = true
	return response, nil
}

// receive appends the body to the file at offset. total is the whole file's size, -1 if unknown.
func (t *transfer) receive(ctx context.Context, body io.Reader, offset, total int64, stalled *time.Timer) error {
	limit := int64(maxSize)
	if t.sums.Size > 0 {
		limit = t.sums.Size
	}
	if total > limit {
		return fmt.Errorf("the server's file has %d bytes, expected %d at most", total, limit)
	}
	if err := t.file.Truncate(offset); err != nil {
		return err
	}
	if _, err := t.file.Seek(offset, io.SeekStart); err != nil {
		return err
	}
	c := &counter{ctx: ctx, to: t.file, limit: limit, progress: t.progress,
		p: Progress{Done: offset, Total: max(total, 0), Message: "downloading " + path.Base(t.url.Address)}}
	_, err := io.Copy(c, alive{body, stalled})
	switch {
	case err == nil && total >= 0 && c.p.Done != total:
		return broken("it ended after %d of %d bytes", c.p.Done, total)
	case err == nil || isLocal(err):
		return err
	case ctx.Err() != nil:
		return broken("after %d bytes: %w", c.p.Done, context.Cause(ctx))
	}
	return broken("after %d bytes: %w", c.p.Done, err)
}

// alive resets the timer that ends a stalled transfer whenever bytes arrive.
type alive struct {
	body    io.Reader
	stalled *time.Timer
}

func (a alive) Read(b []byte) (int, error) {
	n, err := a.body.Read(b)
	if n > 0 {
		a.stalled.Reset(stallTimeout)
	}
	return n, err
}

// broken returns the error of a transfer that may be resumed by another request.
func broken(format string, args ...any) error {
	return temporary{fmt.Errorf("%w: the transfer broke: %w", ErrUnreachable, fmt.Errorf(format, args...))}
}

// isLocal says whether an error comes from this machine, for example from a full disk, and not from the network.
func isLocal(err error) bool {
	var onDisk *os.PathError
	return errors.As(err, &onDisk) || errors.Is(err, errTooLong)
}

func statusError(response *http.Response) error {
	err := fmt.Errorf("%w: the server answered %s", ErrUnreachable, response.Status)
	if response.StatusCode >= 500 || response.StatusCode == http.StatusTooManyRequests {
		return temporary{err}
	}
	return err
}

// contentRange parses "bytes 5-9/10" as (5, 10) and "bytes */10" as (-1, 10); -1 means unknown.
func contentRange(h http.Header) (start, size int64) {
	number := func(s string) int64 {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < 0 {
			return -1
		}
		return n
	}
	span, whole, _ := strings.Cut(strings.TrimPrefix(h.Get("Content-Range"), "bytes "), "/")
	first, _, _ := strings.Cut(span, "-")
	return number(first), number(whole)
}
