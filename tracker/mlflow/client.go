// Package mlflow speaks MLflow's REST API 2.0 (mlflow.org/docs/latest/rest-api.html), as a client and as a server.
//
// [Client.Send] sends what a server of MLflow does not have of a run, so that it may be called again and again, also while
// the run is painted; see [Forwarder]. [Client.Open] makes the server's runs ready for [tracker.Import]. [NewHandler] is a
// server: what scripts log with MLflow's client becomes runs of a store.
//
// A store keeps parameters, metrics, tags, pictures and files; so does MLflow, with these names:
//
//	an experiment   an experiment; runs without one are in the experiment gouache
//	a run           a run, with its id as the tag gouache.run
//	a sweep         a run, whose nested runs are the trials
//	a picture       an image with its role as key, so that MLflow's grid and its slider of steps show it
//	a file          an artifact with its name as path
package mlflow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

// Schemes are what the addresses of servers begin with.
var Schemes = []string{"mlflow+http://", "mlflow+https://"}

// Is reports whether a text is the address of a server.
func Is(address string) bool {
	return strings.HasPrefix(address, Schemes[0]) || strings.HasPrefix(address, Schemes[1])
}

// The paths of routes begin with these.
const (
	apiPath       = "/api/2.0/mlflow/"
	artifactsPath = "/api/2.0/mlflow-artifacts/artifacts"
)

// Bounds on requests.
const (
	timeout    = time.Minute // of one request, with its answer
	maxAnswer  = 64 << 20    // bytes of JSON
	retries    = 3           // of a request that may be repeated, while the server is busy
	retryAfter = 500 * time.Millisecond
)

// Client is a server of MLflow. Its methods may be called from several goroutines at once.
type Client struct {
	base *url.URL
	http *http.Client
	auth func(*http.Request)
}

// NewClient returns the server at an address such as mlflow+http://127.0.0.1:5000, without asking it anything. As
// MLflow's own client does, it takes a name and a password from $MLFLOW_TRACKING_USERNAME and
// $MLFLOW_TRACKING_PASSWORD, or a token from $MLFLOW_TRACKING_TOKEN. An address with a password in it is refused: it
// would be in the shell's history.
func NewClient(address string) (*Client, error) {
	if !Is(address) {
		return nil, tracker.Errorf(tracker.CodeInvalid, "%q is no server of MLflow: write %s and its address, as in mlflow+http://127.0.0.1:5000",
			redact(address), strings.Join(Schemes, " or "))
	}
	base, err := url.Parse(strings.TrimPrefix(address, "mlflow+"))
	switch {
	case err != nil || base.Host == "":
		return nil, tracker.Errorf(tracker.CodeInvalid, "%s is no address: it must be as in mlflow+http://127.0.0.1:5000", redact(address))
	case base.User != nil:
		return nil, tracker.Errorf(tracker.CodeInvalid, "%s has a name or a password in it: give them as $MLFLOW_TRACKING_USERNAME and "+
			"$MLFLOW_TRACKING_PASSWORD", redact(address))
	case base.RawQuery != "" || base.Fragment != "":
		return nil, tracker.Errorf(tracker.CodeInvalid, "%s has more than an address and a path", redact(address))
	}
	c := &Client{base: base, auth: credentials(os.Getenv), http: &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSHandshakeTimeout: 5 * time.Second, MaxIdleConnsPerHost: 4, IdleConnTimeout: timeout,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // only to where the person said
	}}
	return c, nil
}

// redact hides what may be a password in an address.
func redact(address string) string {
	if scheme, rest, ok := strings.Cut(address, "://"); ok {
		if _, host, ok := strings.Cut(rest, "@"); ok {
			return scheme + "://…@" + host
		}
	}
	return address
}

func credentials(env func(string) string) func(*http.Request) {
	token, name, password := env("MLFLOW_TRACKING_TOKEN"), env("MLFLOW_TRACKING_USERNAME"), env("MLFLOW_TRACKING_PASSWORD")
	return func(r *http.Request) {
		switch {
		case name != "":
			r.SetBasicAuth(name, password)
		case token != "":
			r.Header.Set("Authorization", "Bearer "+token)
		}
	}
}

// String returns the address of the server's pages.
func (c *Client) String() string { return c.base.String() }

// failure is an error that the server answers with.
type failure struct {
	status  int
	Code    string `json:"error_code"` // such as RESOURCE_DOES_NOT_EXIST
	Message string `json:"message"`
}

func (f *failure) Error() string {
	if f.Message == "" {
		return fmt.Sprintf("it answers %d %s", f.status, http.StatusText(f.status))
	}
	const most = 500
	return fmt.Sprintf("it answers %q", f.Message[:min(len(f.Message), most)])
}

// request is one request. A body is sent again if the request may be repeated.
type request struct {
	method, path string
	query        url.Values
	body         []byte
	kind         string // of the body
	once         bool   // must not be repeated
}

// call sends a request with a JSON body, unless in is nil, and decodes the answer into out, unless that is nil.
func (c *Client) call(ctx context.Context, method, name string, query url.Values, in, out any) error {
	_, err := c.measured(ctx, method, name, query, in, out)
	return err
}

// measured is call, and returns how many bytes the answer has.
func (c *Client) measured(ctx context.Context, method, name string, query url.Values, in, out any) (size int, err error) {
	r := request{method: method, path: apiPath + name, query: query, once: strings.HasSuffix(name, "/create")}
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			return 0, err
		}
		r.body, r.kind = body, "application/json"
	}
	err = c.do(ctx, r, func(answer io.Reader) error {
		data, err := io.ReadAll(io.LimitReader(answer, maxAnswer+1))
		size = len(data)
		switch {
		case err != nil:
			return err
		case size > maxAnswer:
			return fmt.Errorf("its answer has more than %d bytes", maxAnswer)
		case out == nil:
			return nil
		}
		return json.Unmarshal(data, out)
	})
	return size, err
}

// Bounds on lists, whose parts a server could send without end.
const (
	maxPart   = 100_000 // entries of a part
	maxListed = 1 << 30 // bytes in memory, of all lists of one run, or of all runs
	perEntry  = 300     // bytes that an entry takes at the most, besides its JSON
)

// part is a list in an answer. Entries may be much longer in memory than in JSON.
type part[T any] []T

func (p *part[T]) UnmarshalJSON(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if begin, err := decoder.Token(); err != nil || begin != json.Delim('[') {
		*p = nil
		return err // of null, there is none
	}
	for *p = nil; decoder.More(); {
		if len(*p) == maxPart {
			return fmt.Errorf("a list has more than %d entries", maxPart)
		}
		var entry T
		if err := decoder.Decode(&entry); err != nil {
			return err
		}
		*p = append(*p, entry)
	}
	return nil
}

// listing reads lists part by part.
type listing struct {
	*Client
	left int // bytes
}

func (c *Client) listing() *listing { return &listing{c, maxListed} }

// parts asks for the parts of a list, one after the other. ask sends the request for the part with a token; it returns the
// bytes of the answer, how many entries it had, and the token of the next part, "" for the last.
func (l *listing) parts(ask func(token string) (size, entries int, next string, err error)) error {
	for token := ""; ; {
		size, entries, next, err := ask(token)
		if err != nil {
			return err
		}
		if l.left -= size + perEntry*entries; l.left < 0 {
			return tracker.Errorf(tracker.CodeInvalid, "MLflow at %s: its lists have more than %d bytes", l, maxListed)
		}
		if token = next; token == "" || entries == 0 {
			return nil
		}
	}
}

// do sends a request, again if the server is busy or a connection was lost, and gives its answer to use.
func (c *Client) do(ctx context.Context, r request, use func(io.Reader) error) (err error) {
	for try := range retries {
		if try > 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(retryAfter << (try - 1)):
			}
		}
		var again bool
		if again, err = c.try(ctx, r, use); err == nil || !again || r.once || ctx.Err() != nil {
			break
		}
	}
	if err == nil || ctx.Err() != nil {
		return err
	}
	code := tracker.CodeUnavailable
	if f := (*failure)(nil); errors.As(err, &f) && f.status == http.StatusNotFound {
		code = tracker.CodeNotFound
	} else if errors.As(err, &f) && f.status == http.StatusBadRequest {
		code = tracker.CodeInvalid
	}
	return tracker.Errorf(code, "MLflow at %s, %s: %w", c, r.path, err)
}

func (c *Client) try(ctx context.Context, r request, use func(io.Reader) error) (again bool, err error) {
	where := *c.base
	where.Path = path.Join("/", where.Path, r.path)
	where.RawQuery = r.query.Encode()
	request, err := http.NewRequestWithContext(ctx, r.method, where.String(), bytes.NewReader(r.body))
	if err != nil {
		return false, err
	}
	if r.kind != "" {
		request.Header.Set("Content-Type", r.kind)
	}
	c.auth(request)
	answer, err := c.http.Do(request)
	if err != nil {
		var of *url.Error
		if errors.As(err, &of) {
			err = of.Err // without the address, which the caller says
		}
		return true, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		f := &failure{status: answer.StatusCode}
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<16))
		if json.Unmarshal(text, f) != nil {
			f.Message = "" // a page of a proxy
		}
		return answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode >= 500, f
	}
	return false, use(answer.Body)
}

// number is a value of a metric. In JSON, one that is not finite is a string.
type number float64

func (n number) MarshalJSON() ([]byte, error) {
	switch v := float64(n); {
	case math.IsNaN(v):
		return []byte(`"NaN"`), nil
	case math.IsInf(v, 1):
		return []byte(`"Infinity"`), nil
	case math.IsInf(v, -1):
		return []byte(`"-Infinity"`), nil
	default:
		return json.Marshal(v)
	}
}

// UnmarshalJSON reads infinity, too, as the largest number, which is what MLflow's databases keep of it.
func (n *number) UnmarshalJSON(text []byte) error {
	v, err := strconv.ParseFloat(strings.Trim(string(text), `"`), 64)
	if err != nil && !math.IsInf(v, 0) {
		return err
	}
	if math.Abs(v) == math.MaxFloat64 {
		v = math.Copysign(math.Inf(1), v)
	}
	*n = number(v)
	return nil
}

// integer is a whole number, which some servers write as a string.
type integer int64

func (i *integer) UnmarshalJSON(text []byte) error {
	v, err := strconv.ParseInt(strings.Trim(string(text), `"`), 10, 64)
	*i = integer(v)
	return err
}

type metric struct {
	Key   string  `json:"key"`
	Value number  `json:"value"`
	At    integer `json:"timestamp"` // ms since 1970
	Step  integer `json:"step"`
}

type pair struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type experiment struct {
	ID    string `json:"experiment_id"`
	Name  string `json:"name"`
	Stage string `json:"lifecycle_stage"` // stageActive or stageDeleted
	// LastUpdate is ms since 1970.
	LastUpdate integer `json:"last_update_time,omitempty"`
	Artifacts  string  `json:"artifact_location,omitempty"`
}

// The stages of experiments and runs.
const (
	stageActive  = "active"
	stageDeleted = "deleted"
)

type run struct {
	Info info `json:"info"`
	Data struct {
		Metrics part[metric] `json:"metrics"` // the last of each
		Params  part[pair]   `json:"params"`
		Tags    part[pair]   `json:"tags"`
	} `json:"data"`
}

type info struct {
	ID          string  `json:"run_id"`
	OldID       string  `json:"run_uuid"` // the same, for clients before version 1
	Name        string  `json:"run_name"`
	Experiment  string  `json:"experiment_id"`
	User        string  `json:"user_id,omitempty"`
	Status      string  `json:"status"`
	StartTime   integer `json:"start_time"`
	EndTime     integer `json:"end_time,omitempty"`
	ArtifactURI string  `json:"artifact_uri"`
	Stage       string  `json:"lifecycle_stage"` // stageActive or stageDeleted
}

// tag returns the value of a tag, or "".
func (r *run) tag(key string) string {
	for _, t := range r.Data.Tags {
		if t.Key == key {
			return t.Value
		}
	}
	return ""
}

// Tags. Those of MLflow itself begin with systemTags.
const (
	systemTags = "mlflow."

	tagRun    = "gouache.run"   // the id of a run
	tagSweep  = "gouache.sweep" // of the run that stands for a sweep
	tagFiles  = "gouache.files" // the sum of the files that were sent last
	tagParent = "mlflow.parentRunId"
	tagName   = "mlflow.runName"
	tagNote   = "mlflow.note.content"
	tagImages = "mlflow.loggedImages"
	tagCommit = "mlflow.source.git.commit"
	tagUser   = "mlflow.user"
)

// artifactScheme begins the addresses of artifacts that are behind the server.
const artifactScheme = "mlflow-artifacts"

// searchRuns returns the active runs of experiments that pass a filter of MLflow.
func (l *listing) searchRuns(ctx context.Context, experiments []string, filter string) (runs []run, err error) {
	err = l.parts(func(token string) (size, entries int, next string, err error) {
		var page struct {
			Runs part[run] `json:"runs"`
			Next string    `json:"next_page_token"`
		}
		size, err = l.measured(ctx, http.MethodPost, "runs/search", nil, map[string]any{
			"experiment_ids": experiments, "filter": filter, "max_results": 500, "page_token": token, "run_view_type": "ACTIVE_ONLY",
			"order_by": []string{"attributes.start_time ASC"},
		}, &page)
		runs = append(runs, page.Runs...)
		entries = len(page.Runs)
		for _, r := range page.Runs {
			entries += (len(r.Data.Metrics) + len(r.Data.Params) + len(r.Data.Tags)) / 4 // which are smaller
		}
		return size, entries, page.Next, err
	})
	return runs, err
}

// artifact is a file that a run has.
type artifact struct {
	Path  string  `json:"path"` // below the run's
	IsDir bool    `json:"is_dir"`
	Size  integer `json:"file_size,omitempty"`
}

// artifacts lists the files of a run in a folder, "" for the outermost.
func (l *listing) artifacts(ctx context.Context, id, folder string) (files []artifact, err error) {
	err = l.parts(func(token string) (size, entries int, next string, err error) {
		var page struct {
			Files part[artifact] `json:"files"`
			Next  string         `json:"next_page_token"`
		}
		query := url.Values{"run_id": {id}}
		if folder != "" {
			query.Set("path", folder)
		}
		if token != "" {
			query.Set("page_token", token)
		}
		size, err = l.measured(ctx, http.MethodGet, "artifacts/list", query, nil, &page)
		files = append(files, page.Files...)
		return size, len(page.Files), page.Next, err
	})
	return files, err
}

// artifactPath returns where the server has a run's file.
func (r *run) artifactPath(name string) (string, error) {
	root, err := url.Parse(r.Info.ArtifactURI)
	if err != nil || root.Scheme != artifactScheme {
		return "", tracker.Errorf(tracker.CodeInvalid, "MLflow's experiment %s keeps its files at %s, and not behind the server: start "+
			"mlflow server with --artifacts-destination, and use a new experiment", r.Info.Experiment, redact(r.Info.ArtifactURI))
	}
	return path.Join(artifactsPath, root.Path, name), nil
}
