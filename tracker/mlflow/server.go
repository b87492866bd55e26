package mlflow

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/gouache-art/gouache/internal/serving"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/tracker"
)

// Prefix begins the paths of all requests of MLflow's clients.
const Prefix = "/api/"

// Options configures a handler.
type Options struct {
	// Admit returns who sends a request that may be answered, by name, or "" where that is not known. Else it returns an
	// error that says why not, and its HTTP status. writes says whether the request changes the store. If Admit is nil,
	// every request may do all.
	Admit func(r *http.Request, writes bool) (person string, status int, err error)
	Log   *slog.Logger // receives what clients are not shown; the default is slog's
}

// Bounds on requests.
const (
	maxBody      = 4 << 20         // bytes of JSON; a batch of MLflow's client has 1 MB
	maxArtifact  = tracker.MaxFile // bytes of a picture, or another file
	maxArtifacts = 4 * maxArtifact // of the artifacts that are in memory at a time
)

// Handler answers the requests of MLflow's clients; see [NewHandler].
type Handler struct {
	store   tracker.Store
	options Options
	memory  *semaphore.Weighted // held by artifacts while the store takes them, in bytes
	// locks are held while a run's record is read, changed and written, each by the runs of a part of all ids. Two
	// processes that serve one store may still overwrite each other's labels.
	locks [64]sync.Mutex

	mu     sync.Mutex
	claims map[string]tracker.Claim // of the runs that this handler keeps alive, by their ids
	stop   context.CancelFunc
	beats  sync.WaitGroup
}

// NewHandler returns a handler that records what MLflow's clients log as runs of a store, and answers what they ask. It
// takes all paths below [Prefix]:
//
//	an experiment   an experiment, which exists as long as it has runs; Default is none
//	a run           a run with the same id; one with a parent is a trial of a sweep with the parent's name
//	a tag           a tag KEY=VALUE, or KEY if the value is true; one of MLflow's own, or one that is too long, a label
//	                of the provenance
//	a deleted run   a run with the tag mlflow.deleted
//	a picture       a picture; log_image's have its key and step, others their path as name
//	another file    a file of the run with its path as name
//
// What a store has no place for is refused, in MLflow's form of an error.
//
// Runs belong to the handler's process until their scripts end them: one whose script ends without a word is running until
// the handler is closed and its process ends.
func NewHandler(store tracker.Store, o Options) *Handler {
	o.Log = cmp.Or(o.Log, slog.Default())
	s := &Handler{store: store, options: o, memory: semaphore.NewWeighted(maxArtifacts), claims: map[string]tracker.Claim{}}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.beats.Go(func() { s.beat(ctx) })
	return s
}

// Close ends what the handler does by itself. The store may be closed after that.
func (s *Handler) Close() {
	s.stop()
	s.beats.Wait()
}

// beatEvery is how often the runs of scripts show that they are alive: other machines presume them dead after a minute.
const beatEvery = 5 * time.Second

// beat shows that runs are alive, and ends those that are stopped by hand, until ctx ends.
func (s *Handler) beat(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(beatEvery):
		}
		s.mu.Lock()
		claims := slices.Collect(maps.Values(s.claims))
		s.mu.Unlock()
		for _, c := range claims {
			stopped, err := s.store.Heartbeat(ctx, c)
			switch code := tracker.ErrorCode(err); {
			case stopped:
				err = s.finish(ctx, c, stoppedByHand)
			case code == tracker.CodeNotFound || code == tracker.CodeConflict: // it was deleted, or taken over
				s.leave(c)
				err = nil
			}
			if err != nil && ctx.Err() == nil {
				s.options.Log.Warn("keeping a run of MLflow's client alive", "run", c.Run, "error", err)
			}
		}
	}
}

var stoppedByHand = tracker.Outcome{Status: tracker.StatusInterrupted, Reason: tracker.ReasonStopped}

// keep has a run kept alive.
func (s *Handler) keep(c tracker.Claim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claims[c.Run] = c
}

// leave no longer keeps a run alive, unless by a later claim.
func (s *Handler) leave(c tracker.Claim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.claims[c.Run] == c {
		delete(s.claims, c.Run)
	}
}

// finish ends a run.
func (s *Handler) finish(ctx context.Context, c tracker.Claim, o tracker.Outcome) error {
	err := s.store.FinishRun(ctx, c, o)
	if err == nil {
		s.leave(c)
	}
	return err
}

// refusal is an error in MLflow's form.
type refusal struct {
	status  int
	Code    string `json:"error_code"`
	Message string `json:"message"`
}

func (r *refusal) Error() string { return r.Message }

func refuse(status int, code, format string, args ...any) *refusal {
	return &refusal{status, code, fmt.Sprintf(format, args...)}
}

// Errors that clients know by their codes.
const (
	codeMissing     = "RESOURCE_DOES_NOT_EXIST"
	codeExists      = "RESOURCE_ALREADY_EXISTS"
	codeInvalid     = "INVALID_PARAMETER_VALUE"
	codeState       = "INVALID_STATE"
	codeUnsupported = "NOT_IMPLEMENTED"
)

func invalid(format string, args ...any) *refusal {
	return refuse(http.StatusBadRequest, codeInvalid, format, args...)
}

// refusals are MLflow's errors for the store's. Clients repeat a request after 429 and from 500 on, except 501.
var refusals = map[tracker.Code]refusal{
	tracker.CodeNotFound:    {http.StatusNotFound, codeMissing, ""},
	tracker.CodeInvalid:     {http.StatusBadRequest, codeInvalid, ""},
	tracker.CodeConflict:    {http.StatusConflict, "RESOURCE_CONFLICT", ""},
	tracker.CodeUnavailable: {http.StatusServiceUnavailable, "TEMPORARILY_UNAVAILABLE", ""},
	tracker.CodeInternal:    {http.StatusInternalServerError, "INTERNAL_ERROR", ""},
}

// refusal returns the answer for an error. What is wrong inside the server is logged, and nobody else's business.
func (s *Handler) refusal(r *http.Request, err error) *refusal {
	var answer *refusal
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &answer):
		return answer
	case errors.As(err, &large):
		return refuse(http.StatusRequestEntityTooLarge, codeInvalid, "the request is too large: at most %d bytes are read", large.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return refuse(http.StatusRequestTimeout, "BAD_REQUEST", "the request arrives too slowly")
	}
	code := tracker.ErrorCode(err)
	known := refusals[code]
	known.Message = strings.ToValidUTF8(err.Error(), "?")
	if code == tracker.CodeInternal {
		s.options.Log.Error("answering a request of MLflow's client", "method", r.Method, "path", r.URL.Path, "error", err)
		known.Message = "something went wrong on the server: its log says what"
	}
	return &known
}

// statusCodes are MLflow's codes for requests that are not admitted.
var statusCodes = map[int]string{
	http.StatusUnauthorized: "UNAUTHENTICATED", http.StatusForbidden: "PERMISSION_DENIED", http.StatusTooManyRequests: "REQUEST_LIMIT_EXCEEDED",
}

// endpoint answers the requests of one route. Its answer is sent as JSON, or nil if it has answered itself.
type endpoint struct {
	writes bool
	answer func(s *Handler, w http.ResponseWriter, r *http.Request) (any, error)
}

// get is an endpoint that reads its query.
func get(answer func(s *Handler, ctx context.Context, query url.Values) (any, error)) endpoint {
	return endpoint{false, func(s *Handler, _ http.ResponseWriter, r *http.Request) (any, error) {
		return answer(s, r.Context(), r.URL.Query())
	}}
}

// ask is an endpoint that reads JSON and changes nothing; post is one that changes the store.
func ask[T any](answer func(s *Handler, ctx context.Context, in *T) (any, error)) endpoint {
	return endpoint{false, func(s *Handler, w http.ResponseWriter, r *http.Request) (any, error) {
		var in T
		if err := readJSON(w, r, &in); err != nil {
			return nil, err
		}
		return answer(s, r.Context(), &in)
	}}
}

func post[T any](answer func(s *Handler, ctx context.Context, in *T) (any, error)) endpoint {
	e := ask(answer)
	e.writes = true
	return e
}

// endpoints are the routes below apiPath.
var endpoints = map[string]endpoint{
	"GET experiments/get":         get((*Handler).getExperiment),
	"GET experiments/get-by-name": get((*Handler).getExperimentByName),
	"POST experiments/create":     post((*Handler).createExperiment),
	"POST experiments/search":     ask((*Handler).searchExperiments),
	"POST runs/search":            ask((*Handler).searchRuns),
	"POST runs/create":            post((*Handler).createRun),
	"GET runs/get":                get((*Handler).getRun),
	"POST runs/update":            post((*Handler).updateRun),
	"POST runs/log-metric":        post((*Handler).logMetric),
	"POST runs/log-parameter":     post((*Handler).logParameter),
	"POST runs/log-batch":         post((*Handler).logBatch),
	"POST runs/set-tag":           post((*Handler).setTag),
	"POST runs/delete-tag":        post((*Handler).deleteTag),
	"POST runs/delete":            post((*Handler).deleteRun),
	"POST runs/restore":           post((*Handler).restoreRun),
	"GET metrics/get-history":     get((*Handler).history),
	"GET artifacts/list":          get((*Handler).listArtifacts),
	"POST logged-models/search":   ask((*Handler).noModels),
}

// endpoint returns what answers a request.
func (s *Handler) endpoint(r *http.Request) endpoint {
	if name, ok := strings.CutPrefix(r.URL.Path, apiPath); ok {
		if e, known := endpoints[r.Method+" "+name]; known {
			return e
		}
	}
	if r.URL.Path == artifactsPath || strings.HasPrefix(r.URL.Path, artifactsPath+"/") {
		return artifactEndpoint(r)
	}
	return endpoint{r.Method != http.MethodGet, (*Handler).unsupported}
}

// unsupported answers requests for what a store has no place for. A GET that is not known asks what the server can do:
// clients take it for an older one.
func (*Handler) unsupported(_ http.ResponseWriter, r *http.Request) (any, error) {
	if r.Method == http.MethodGet {
		return nil, refuse(http.StatusNotFound, "ENDPOINT_NOT_FOUND", "Gouache has no GET %.200s", r.URL.Path)
	}
	return nil, refuse(http.StatusNotImplemented, codeUnsupported, "Gouache does not take %s %.200s: it keeps runs with parameters, metrics, "+
		"tags, pictures and files, and no models, data sets, traces or prompts", r.Method, r.URL.Path)
}

// noModels answers that there are no models of a run, which clients ask for when they download its artifacts.
func (*Handler) noModels(context.Context, *struct{}) (any, error) {
	return struct {
		Models []struct{} `json:"models"`
	}{[]struct{}{}}, nil
}

// ServeHTTP implements http.Handler.
func (s *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	control := http.NewResponseController(w) // what it sets fails in tests only, without a connection
	if r.ContentLength != 0 {
		_ = control.SetReadDeadline(time.Now().Add(serving.Grace))
	}
	e := s.endpoint(r)
	if s.options.Admit != nil {
		person, status, err := s.options.Admit(r, e.writes)
		if err != nil {
			message := strings.ToValidUTF8(err.Error(), "?")
			if status == http.StatusUnauthorized {
				header.Set("WWW-Authenticate", `Bearer realm="gouache"`)
				message += ". MLflow's client takes it from $MLFLOW_TRACKING_TOKEN"
			}
			send(w, status, refuse(status, cmp.Or(statusCodes[status], "INTERNAL_ERROR"), "%s", message))
			return
		}
		r = r.WithContext(context.WithValue(r.Context(), personKey{}, person))
	}
	answer, err := e.answer(s, w, r)
	_ = control.SetWriteDeadline(time.Now().Add(serving.Grace))
	switch {
	case err != nil && r.Context().Err() != nil && !errors.Is(err, os.ErrDeadlineExceeded): // which ends the request, too
		panic(http.ErrAbortHandler) // nobody is there
	case err != nil:
		refused := s.refusal(r, err)
		send(w, refused.status, refused)
	case answer != nil:
		send(w, http.StatusOK, answer)
	}
}

// personKey is the key under which the context of a request has who sends it.
type personKey struct{}

// personOf returns who sends a request, or "" if that is not known.
func personOf(ctx context.Context) string {
	person, _ := ctx.Value(personKey{}).(string)
	return person
}

// nothing is the answer that says only that it was done.
type nothing struct{}

func send(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // the types of the answers can be written
	}
	body = terminal.JSON(body)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // it fails if the client has gone
}

// readJSON reads the body of a request. Fields that are not known are left out: later clients send more. A page of another
// site cannot send this type without asking the browser, which asks the server.
func readJSON(w http.ResponseWriter, r *http.Request, v any) error {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		return invalid("the body is %.40q: send application/json", kind)
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return broken(err)
	}
	arrived(w)
	decoder := json.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(v); err != nil {
		return invalid("the JSON cannot be read: %v", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return invalid("there is more than one value of JSON")
	}
	return nil
}

// arrived lifts the deadline of a body that has arrived: it would end the request while the store works.
func arrived(w http.ResponseWriter) { _ = http.NewResponseController(w).SetReadDeadline(time.Time{}) }

// broken is the error of reading a body.
func broken(err error) error {
	return tracker.Errorf(tracker.CodeInvalid, "the request broke off: %w", err)
}

// lock keeps others from changing a run's record, and returns the function that lets them.
func (s *Handler) lock(id string) (unlock func()) {
	m := &s.locks[crc32.ChecksumIEEE([]byte(id))%uint32(len(s.locks))]
	m.Lock()
	return m.Unlock
}

// page returns the part of a list that a request asks for, and the token of the next part, which is its place.
func page[T any](list []T, token string, most int) (part []T, next string, err error) {
	from, err := place(token)
	if err != nil {
		return nil, "", err
	}
	from = min(from, len(list))
	until := min(from+most, len(list))
	if until < len(list) {
		next = strconv.Itoa(until)
	}
	return list[from:until], next, nil
}

// place reads the token of a part of a list.
func place(token string) (int, error) {
	if token == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(token)
	if err != nil || n < 0 {
		return 0, invalid("page_token %.40q: give the one that the answer before had", token)
	}
	return n, nil
}

// limit returns how many results a request asks for.
func limit(asked integer, usual, most int) (int, error) {
	if asked < 0 || int64(asked) > int64(most) {
		return 0, invalid("max_results is %d: ask for 1 to %d", asked, most)
	}
	return cmp.Or(int(asked), usual), nil
}
