package remote

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	pathpkg "path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/gouache-art/gouache/internal/serving"
	"github.com/gouache-art/gouache/internal/suggest"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/tracker"
)

// Options configures a handler.
type Options struct {
	Version string       // of the program
	Log     *slog.Logger // receives what callers are not shown; the default is slog's
}

// handler answers the requests of clients.
type handler struct {
	store   tracker.Store
	admit   Admit
	options Options
	memory  *semaphore.Weighted // held by pictures while the store takes them, in bytes
	grace   time.Duration       // serving.Grace, less in tests
	bell    *bell
}

// maxMemory bounds the pictures that are in memory at a time, in bytes: those of a request, or several requests' together.
const maxMemory = 2 * tracker.MaxPicture

// Handler is a server of a store.
type Handler struct {
	http.Handler
	bell *bell
}

// Close answers the requests that wait for changes, which a server's Shutdown would wait for.
func (h *Handler) Close() { h.bell.close() }

// Admit returns who sends a request that may be answered, by name, or "" where the server knows no names. writes says
// whether the request changes the store. For another request it returns an error that says why not, and its HTTP status.
type Admit func(r *http.Request, writes bool) (person string, status int, err error)

// NewHandler returns a handler that offers a store under [Prefix]. A request that is not admitted has no effect and reads
// nothing.
func NewHandler(store tracker.Store, admit Admit, o Options) *Handler {
	o.Log = cmp.Or(o.Log, slog.Default())
	h := &handler{store, admit, o, semaphore.NewWeighted(maxMemory), serving.Grace, newBell(store)}
	return &Handler{h.mux(), h.bell}
}

func (h *handler) mux() http.Handler {
	mux := http.NewServeMux()
	for _, r := range routes {
		method, path, names := r.parts()
		mux.Handle(method+" "+Prefix+path, h.answer(r.answer, r.writes, r.writes && !slices.Contains(logs, pathpkg.Base(path)), names))
	}
	mux.HandleFunc(Prefix+"/", func(w http.ResponseWriter, r *http.Request) {
		if _, err := h.admitted(r, false); err != nil {
			h.refuse(w, r, err)
			return
		}
		h.refuse(w, r, tracker.Errorf(tracker.CodeNotFound, "there is no %s %.200s in this API: is the program of the other side newer?", r.Method, r.URL.Path))
	})
	return mux
}

// call is a request that is being answered.
type call struct {
	*handler
	*http.Request
	person  string // who sends it
	writer  http.ResponseWriter
	control *http.ResponseController // what it sets fails in tests only, without a connection
	query   url.Values
	began   time.Time // when its header had arrived
}

// parts returns a route's method, its path below Prefix, and what may be in its query.
func (r route) parts() (method, path string, query []string) {
	method, path, _ = strings.Cut(r.pattern, " ")
	path, names, found := strings.Cut(path, "?")
	if found {
		query = strings.Split(names, "&")
	}
	return method, path, query
}

// logs are the last words of the paths of requests that come all the time. They wake nobody.
var logs = []string{"heartbeat", "points", "pictures", "files", "checkpoint", "workers"}

// answer makes an http.Handler of what answers a route's requests. news says that they wake who waits for changes.
func (h *handler) answer(answer func(*call) (any, error), writes, news bool, names []string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Content-Security-Policy", "default-src 'none'; sandbox")
		person, err := h.admitted(request, writes)
		if err != nil {
			h.refuse(w, request, err)
			return
		}
		c := &call{h, request, person, w, http.NewResponseController(w), request.URL.Query(), time.Now()}
		_ = c.control.SetWriteDeadline(time.Time{}) // that of the connection's request before
		if request.ContentLength != 0 {
			_ = c.control.SetReadDeadline(c.began.Add(h.grace))
		}
		var result any
		if err = c.knows(names); err == nil {
			result, err = answer(c)
		}
		if news && err == nil {
			h.bell.strike()
		}
		switch {
		case err != nil:
			h.refuse(w, request, err)
		case result == nil:
			w.WriteHeader(http.StatusNoContent)
		case result != sent:
			c.send(result)
		}
	})
}

// sent is the result of a route that has sent its answer.
var sent any = new(int)

// denied is the error for who may not do what he asks for.
type denied struct {
	status  int
	message string
}

func (d *denied) Error() string { return d.message }

// admitted returns who sends a request that is admitted.
func (h *handler) admitted(r *http.Request, writes bool) (string, error) {
	person, status, err := h.admit(r, writes)
	if err != nil {
		return "", &denied{status, err.Error()}
	}
	return person, nil
}

// statuses are the HTTP statuses of errors.
var statuses = map[tracker.Code]int{
	tracker.CodeNotFound: http.StatusNotFound, tracker.CodeInvalid: http.StatusBadRequest, tracker.CodeConflict: http.StatusConflict,
	tracker.CodeUnavailable: http.StatusServiceUnavailable, tracker.CodeInternal: http.StatusInternalServerError,
}

// refuse answers with an error. What is wrong inside the server is logged, and nobody else's business.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil && !errors.Is(err, os.ErrDeadlineExceeded) { // which ends the request, too
		panic(http.ErrAbortHandler) // nobody is there, and an empty answer must not look like one
	}
	code := tracker.ErrorCode(err)
	p, status := problem{code, err.Error()}, statuses[code]
	var no *denied
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &no):
		p.Code, status = tracker.CodeUnavailable, no.status
		if status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Bearer realm="gouache"`)
		}
	case errors.As(err, &large):
		p, status = problem{tracker.CodeInvalid, "the request is too large: at most " + strconv.FormatInt(large.Limit, 10) + " bytes are read"}, http.StatusRequestEntityTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		p, status = problem{tracker.CodeInvalid, "the request arrives too slowly"}, http.StatusRequestTimeout
	case code == tracker.CodeInternal:
		h.options.Log.Error("answering a request", "method", r.Method, "path", r.URL.Path, "error", err)
		p.Message = "something went wrong on the server: its log says what"
	}
	p.Message = strings.ToValidUTF8(p.Message, "?")
	body, _ := json.Marshal(p) // strings can always be written
	body = terminal.JSON(body)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(serving.Grace))
	w.Header().Set("Content-Type", jsonKind)
	w.Header().Del("ETag")
	w.WriteHeader(status)
	_, _ = w.Write(body) // it fails if the client has gone
}

// send answers with JSON.
func (c *call) send(v any) {
	body, err := json.Marshal(v)
	if err != nil {
		c.refuse(c.writer, c.Request, err)
		return
	}
	body = terminal.JSON(body)
	c.writer.Header().Set("Content-Type", jsonKind)
	c.writer.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = c.slowly(c.writer).Write(body) // it fails if the client has gone
}

// kind is the media type of the request's body.
func (c *call) kind() string {
	kind, _, _ := mime.ParseMediaType(c.Header.Get("Content-Type"))
	return kind
}

const jsonKind = "application/json"

// read reads the JSON of the request's body. Fields that the server does not know are refused: they would be lost.
func (c *call) read(v any, most int64) error {
	if kind := c.kind(); kind != jsonKind {
		return tracker.Errorf(tracker.CodeInvalid, "the body is %.40q: send %s", kind, jsonKind)
	}
	if err := decode(http.MaxBytesReader(c.writer, c.paced(), most), v); err != nil {
		return err
	}
	c.arrived()
	return nil
}

// decode reads one value of JSON, and nothing after it.
func decode(from io.Reader, v any) error {
	decoder := json.NewDecoder(&boundedJSON{from: from})
	decoder.DisallowUnknownFields()
	err := decoder.Decode(v)
	if err == nil {
		if _, err = decoder.Token(); err == nil {
			err = errors.New("there is more than one value")
		} else if err == io.EOF {
			err = nil
		}
	}
	if err != nil {
		return tracker.Errorf(tracker.CodeInvalid, "the JSON cannot be read: %w", err)
	}
	return nil
}

// paced returns the request's body. It must arrive as fast as serving.Pace asks.
func (c *call) paced() io.ReadCloser {
	return http.MaxBytesReader(c.writer, &pacedReader{c.Body, c, 0}, tracker.MaxCheckpoint)
}

type pacedReader struct {
	io.ReadCloser
	c     *call
	moved int64
}

func (r *pacedReader) Read(b []byte) (int, error) {
	_ = r.c.control.SetReadDeadline(r.c.began.Add(r.c.grace + serving.Pace(r.moved)))
	n, err := r.ReadCloser.Read(b)
	r.moved += int64(n)
	if err != nil && err != io.EOF {
		err = tracker.Errorf(tracker.CodeInvalid, "the request broke off: %w", err)
	}
	return n, err
}

// arrived lifts the deadline of a body that has arrived: it would end the request while the store works.
func (c *call) arrived() { _ = c.control.SetReadDeadline(time.Time{}) }

// slowly returns a writer of the answer. It must be read as fast as serving.Pace asks.
func (c *call) slowly(w http.ResponseWriter) http.ResponseWriter {
	return &pacedWriter{w, c.control, time.Now(), 0}
}

type pacedWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	began   time.Time
	moved   int64
}

func (w *pacedWriter) Write(b []byte) (n int, err error) {
	const some = 64 << 10
	for len(b) > 0 && err == nil {
		_ = w.control.SetWriteDeadline(w.began.Add(serving.Grace + serving.Pace(w.moved)))
		var m int
		m, err = w.ResponseWriter.Write(b[:min(len(b), some)])
		n, b, w.moved = n+m, b[m:], w.moved+int64(m)
	}
	return n, err
}

// claim is the claim by which a request writes to a run.
func (c *call) claim(attempt int) tracker.Claim { return tracker.Claim{Run: c.id(), Attempt: attempt} }

func (c *call) id() string { return c.PathValue("id") }

// number reads a number of the query; without one it is 0.
func (c *call) number(name string) (int64, error) {
	text := c.query.Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, tracker.Errorf(tracker.CodeInvalid, "%s=%.40q is no number", name, text)
	}
	return n, nil
}

// knows refuses other names in the query: a filter whose name is spelt wrong must not list everything.
func (c *call) knows(names []string) error {
	for name := range c.query {
		if !slices.Contains(names, name) {
			return tracker.Errorf(tracker.CodeInvalid, "%w", suggest.Unknown("part of the query", name[:min(len(name), 40)], names))
		}
	}
	return nil
}

// named returns an error if no process is named. The zero value would mean the server's.
func named(p tracker.Process) error {
	if p.PID == 0 {
		return tracker.Errorf(tracker.CodeInvalid, "the process is missing: say which one works on the run, by its host, pid and boot")
	}
	return nil
}

// form reads a form: first its part json, into v, of bounded size, then its files, which file is called with.
func (c *call) form(v any, most int64, file func(*multipart.Part) error) error {
	c.Body = c.paced()
	parts, err := c.MultipartReader()
	if err != nil {
		return tracker.Errorf(tracker.CodeInvalid, "the body is no form: %w", err)
	}
	for first := true; ; first = false {
		part, err := parts.NextPart()
		switch {
		case err == io.EOF && !first:
			c.arrived()
			return c.stillAdmitted()
		case err != nil:
			return tracker.Errorf(tracker.CodeInvalid, "the form cannot be read: %w", err)
		case first && part.FormName() != "json":
			return tracker.Errorf(tracker.CodeInvalid, "the form begins with %.40q: the first part is json", part.FormName())
		case first:
			err = decode(http.MaxBytesReader(c.writer, part, most), v)
		default:
			err = file(part)
		}
		if err != nil {
			return err
		}
	}
}

// stillAdmitted refuses a caller whose token was revoked while files arrived, which may take long.
func (c *call) stillAdmitted() error {
	_, err := c.admitted(c.Request, true)
	return err
}

// pictures reads a form with pictures, in the order of its files, and calls use while it holds memory for them. Until all
// have arrived they are in temporary files: slow uploads keep nobody waiting. JSON alone is a form without pictures.
func (c *call) pictures(v any, use func(files [][]byte) error) error {
	if c.kind() == jsonKind {
		if err := c.read(v, maxRequest); err != nil {
			return err
		}
		return use(nil)
	}
	var files []*os.File
	var sizes []int64
	var total int64
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	err := c.form(v, maxRequest, func(part *multipart.Part) error {
		tooLarge := tracker.Errorf(tracker.CodeInvalid, "the pictures have more than %d bytes together", int64(maxMemory))
		f, err := keep(part, maxMemory-total, tooLarge)
		if err != nil {
			return err
		}
		files = append(files, f)
		size, err := sizeOf(f)
		sizes, total = append(sizes, size), total+size
		return err
	})
	if err != nil {
		return err
	}
	if err := c.memory.Acquire(c.Context(), total); err != nil {
		return err
	}
	defer c.memory.Release(total)
	data := make([][]byte, len(files))
	for i, f := range files {
		data[i] = make([]byte, sizes[i])
		if _, err := io.ReadFull(f, data[i]); err != nil {
			return err
		}
	}
	return use(data)
}

// archive reads a form with an archive of a run: its pictures and its other files in files named by their hashes, and
// perhaps a checkpoint.
func (c *call) archive(use func(a *tracker.Archive, open tracker.OpenPicture) error) error {
	var a tracker.Archive
	files := map[string]*os.File{}
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	err := c.form(&a, maxPoints, func(part *multipart.Part) error {
		name, most := part.FileName(), int64(tracker.MaxPicture)
		if part.FormName() == statePart {
			name, most = statePart, tracker.MaxCheckpoint
		} else if err := tracker.CheckHash(name); err != nil {
			return err
		}
		if files[name] != nil || len(files) > len(a.Pictures)+len(a.Files) {
			return tracker.Errorf(tracker.CodeInvalid, "part %s comes twice, or is no picture or file of the run", name)
		}
		f, err := keep(part, most, tracker.Errorf(tracker.CodeInvalid, "%s has more than %d bytes", name, most))
		if err == nil {
			files[name] = f
		}
		return err
	})
	if err != nil {
		return err
	}
	if f := files[statePart]; f != nil {
		a.Checkpoint = f
	}
	return use(&a, func(ctx context.Context, hash string) (io.ReadSeekCloser, error) {
		f := files[hash]
		if f == nil || hash == statePart {
			return nil, tracker.Errorf(tracker.CodeInvalid, "picture %.80s did not come along", hash)
		}
		size, err := sizeOf(f)
		return section{io.NewSectionReader(f, 0, size)}, err
	})
}

// section reads a file that others read, too.
type section struct{ *io.SectionReader }

func (section) Close() error { return nil }
