package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
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

	connectTimeout = 5 * time.Second  // a network without a way out may drop what is sent, which only silence shows
	answerTimeout  = 15 * time.Second // for TLS
	stallTimeout   = 60 * time.Second // without a byte; then the transfer counts as broken
)

// backoff returns how long to wait before the n-th retry, n from 1. It is a variable so that tests need not wait.
var backoff = func(n int) time.Duration { return 500 * time.Millisecond << (n - 1) }

var client = &http.Client{Transport: &http.Transport{
	Proxy:                 http.ProxyFromEnvironment,
	DialContext:           (&net.Dialer{Timeout: connectTimeout}).DialContext,
	ForceAttemptHTTP2:     true,
	TLSHandshakeTimeout:   answerTimeout,
	ResponseHeaderTimeout: 2 * answerTimeout,
	IdleConnTimeout:       90 * time.Second,
}}

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
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return false, err
	}
	t := transfer{url: u, file: f, size: sums.Size, progress: progress}
	err = errors.Join(t.run(ctx), f.Close())
	if err != nil && t.have == 0 {
		err = errors.Join(err, os.Remove(part)) // nothing to resume from
	}
	return t.resumed, err
}

// transfer is a download in several requests, of a whole file or of a part of it.
type transfer struct {
	url      URL
	from     int64    // the part's first byte
	size     int64    // of the part; 0 if it is a file of unknown length
	section  bool     // the file is longer than the part, or may be
	file     *os.File // appended to
	before   int64    // bytes in file that do not belong to the transfer
	progress func(Progress)

	have    int64 // bytes of the part that have arrived
	resumed bool  // some of them in an earlier call
	reached bool  // the host has answered in this call
}

func (t *transfer) run(ctx context.Context) error {
	info, err := t.file.Stat()
	if err != nil {
		return err
	}
	t.have = info.Size() - t.before
	t.resumed = t.have > 0
	if t.size > 0 && t.have > t.size { // the beginning of some other file
		if err := t.truncate(0); err != nil {
			return err
		}
	}
	for failures := 0; t.have == 0 || t.have != t.size; {
		before := t.have
		err := t.request(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case t.have > before:
			failures = 0
		}
		if failures++; failures > retries || !errors.As(err, new(temporary)) {
			return err
		}
		t.progress(Progress{Message: fmt.Sprintf("%s; trying again", err)})
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(backoff(failures)):
		}
	}
	return nil
}

func (t *transfer) truncate(size int64) error {
	t.have, t.resumed = size, t.resumed && size > 0
	return t.file.Truncate(t.before + size)
}

// request asks for the bytes that are missing. If the server cannot do that, it sends the whole file.
func (t *transfer) request(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// The headers' timeout is shorter, so that this one concerns the body.
	stalled := time.AfterFunc(stallTimeout, func() { cancel(fmt.Errorf("no byte came for %v", stallTimeout)) })
	defer stalled.Stop()

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url.Address, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept-Encoding", "identity") // lengths and ranges are those of the file itself
	switch at := t.from + t.have; {
	case t.section:
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", at, t.from+t.size-1))
	case at > 0:
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", at))
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
		return err
	}
	defer response.Body.Close()
	t.reached = true
	start, total := contentRange(response.Header)
	switch code := response.StatusCode; {
	case code == http.StatusOK && t.section:
		return t.find(ctx, response.Body, stalled)
	case code == http.StatusOK:
		return t.receive(ctx, response.Body, 0, response.ContentLength, stalled)
	case code == http.StatusPartialContent && start == t.from+t.have && t.section:
		return t.receive(ctx, response.Body, t.have, t.size, stalled)
	case code == http.StatusPartialContent && start == t.have:
		return t.receive(ctx, response.Body, start, total, stalled)
	case code == http.StatusPartialContent:
		return t.restart("the server sent another part than the one asked for")
	case code == http.StatusRequestedRangeNotSatisfiable && t.section:
		return fmt.Errorf("the file is shorter than it says it is: it has no byte %d", t.from+t.have)
	case code == http.StatusRequestedRangeNotSatisfiable && t.have > 0 && t.have == total:
		return nil // the file is whole already
	case code == http.StatusRequestedRangeNotSatisfiable:
		return t.restart("the part fetched earlier is longer than the file")
	}
	err = fmt.Errorf("%w: the server answered %s", ErrUnreachable, response.Status)
	if response.StatusCode >= 500 || response.StatusCode == http.StatusTooManyRequests {
		return temporary{err}
	}
	return err
}

func (t *transfer) restart(why string) error {
	if err := t.truncate(0); err != nil {
		return err
	}
	return broken("%s", why)
}

// alive returns the transfer's progress, which puts stalled off.
func (t *transfer) alive(stalled *time.Timer) func(Progress) {
	return func(p Progress) {
		stalled.Reset(stallTimeout)
		t.progress(p)
	}
}

// find receives the part from a body that is the whole file.
func (t *transfer) find(ctx context.Context, body io.Reader, stalled *time.Timer) error {
	skipped := &counter{ctx: ctx, to: io.Discard, limit: maxSize, p: Progress{Message: "the server sends whole files only; skipping what is not needed"},
		progress: t.alive(stalled)}
	if _, err := io.CopyN(skipped, body, t.from); err != nil {
		return broken("before its part: %w", cmp.Or(context.Cause(ctx), err))
	}
	return t.receive(ctx, io.LimitReader(body, t.size), 0, t.size, stalled)
}

// receive appends the body to the first offset bytes of the part. total is the whole part's size, -1 if unknown.
// stalled is put off as bytes arrive.
func (t *transfer) receive(ctx context.Context, body io.Reader, offset, total int64, stalled *time.Timer) error {
	limit := cmp.Or(t.size, maxSize)
	if total > limit {
		return fmt.Errorf("the server's file has %d bytes, expected %d at most", total, limit)
	}
	if err := t.truncate(offset); err != nil {
		return err
	}
	c := &counter{ctx: ctx, to: t.file, limit: limit,
		p:        Progress{Done: offset, Total: max(total, 0), Message: "downloading " + path.Base(t.url.Address)},
		progress: t.alive(stalled)}
	_, err := io.Copy(c, body)
	t.have = c.p.Done
	switch {
	case err == nil && total >= 0 && t.have != total:
		return broken("it ended after %d of %d bytes", t.have, total)
	case err == nil, errors.As(err, new(*os.PathError)), errors.Is(err, errTooLong): // this machine's, as of a full disk
		return err
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	}
	return broken("after %d bytes: %w", t.have, err)
}

// broken returns the error of a transfer that may be resumed by another request.
func broken(format string, args ...any) error {
	return temporary{fmt.Errorf("%w: the transfer broke: %w", ErrUnreachable, fmt.Errorf(format, args...))}
}

// contentRange parses "bytes 5-9/10" as (5, 10) and "bytes */10" as (-1, 10); -1 means unknown.
func contentRange(h http.Header) (start, size int64) {
	start, size = -1, -1
	text, end := h.Get("Content-Range"), int64(0)
	if _, err := fmt.Sscanf(text, "bytes */%d", &size); err != nil {
		_, _ = fmt.Sscanf(text, "bytes %d-%d/%d", &start, &end, &size) // what cannot be read stays unknown
	}
	return start, size
}
