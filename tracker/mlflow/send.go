package mlflow

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"io"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/HugoSmits86/nativewebp"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/thumbnail"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/export"
)

// Bounds of MLflow on one request and on texts.
const (
	maxMetrics = 1000
	maxPairs   = 100  // parameters, or tags
	maxParam   = 6000 // bytes
	maxTag     = 5000 // characters, in older servers
	maxKey     = 250
)

// thumbnailSide is the longer side of the small pictures that MLflow's grid shows, in pixels.
const thumbnailSide = 256

// Source is what Send reads.
type Source interface {
	tracker.Reader
	tracker.SweepReader
}

// Send sends what the server does not have of a run yet, and returns the address of its page there. Points that were
// logged again for a step that the server has already stay as they are there.
func (c *Client) Send(ctx context.Context, from Source, id string) (page string, err error) {
	r, err := from.Run(ctx, id)
	if err != nil {
		return "", err
	}
	at, err := c.experiment(ctx, cmp.Or(r.Experiment, "gouache"))
	if err != nil {
		return "", err
	}
	there, err := c.place(ctx, from, at, r)
	if err != nil {
		return "", err
	}
	page = fmt.Sprintf("%s/#/experiments/%s/runs/%s", strings.TrimSuffix(c.String(), "/"), at, there.Info.ID)
	if err := c.sendRecord(ctx, there, r); err != nil {
		return page, err
	}
	if err := c.sendCurves(ctx, from, there, r); err != nil {
		return page, err
	}
	if err := c.sendPictures(ctx, from, there, r.ID); err != nil {
		return page, err
	}
	err = c.sendFiles(ctx, from, there, r.ID)
	// A file that the server does not take keeps the end of the run from nobody.
	return page, cmp.Or(err, c.end(ctx, there, statusOf(r.Status), r.EndedAt))
}

// experiment returns the id of an experiment, which it creates if necessary.
func (c *Client) experiment(ctx context.Context, name string) (id string, err error) {
	get := func() (string, error) {
		var found struct {
			Experiment experiment `json:"experiment"`
		}
		err := c.call(ctx, http.MethodGet, "experiments/get-by-name", url.Values{"experiment_name": {name}}, nil, &found)
		if err == nil && found.Experiment.Stage == "deleted" {
			err = tracker.Errorf(tracker.CodeConflict, "the experiment %s was deleted in MLflow: restore it there, or remove it for good with mlflow gc", name)
		}
		return found.Experiment.ID, err
	}
	if id, err = get(); tracker.ErrorCode(err) != tracker.CodeNotFound {
		return id, err
	}
	var created experiment
	err = c.call(ctx, http.MethodPost, "experiments/create", nil, map[string]any{"name": name}, &created)
	if err != nil { // another process may have created it in the meantime
		if id, again := get(); again == nil {
			return id, nil
		}
	}
	return created.ID, err
}

// find returns the run with a tag, or nil. The value must need no quotes.
func (c *Client) find(ctx context.Context, experiment, tag, value string) (*run, error) {
	runs, err := c.listing().searchRuns(ctx, []string{experiment}, fmt.Sprintf("tags.`%s` = '%s'", tag, value))
	if err != nil || len(runs) == 0 {
		return nil, err
	}
	var found struct {
		Run run `json:"run"` // with the steps of metrics, which a search does not have everywhere
	}
	err = c.call(ctx, http.MethodGet, "runs/get", url.Values{"run_id": {runs[0].Info.ID}}, nil, &found)
	return &found.Run, err
}

// create adds a run.
func (c *Client) create(ctx context.Context, experiment, name string, began time.Time, tags []pair) (*run, error) {
	var created struct {
		Run run `json:"run"`
	}
	err := c.call(ctx, http.MethodPost, "runs/create", nil, map[string]any{
		"experiment_id": experiment, "run_name": name, "start_time": began.UnixMilli(), "tags": append(tags, pair{tagName, name}),
	}, &created)
	return &created.Run, err
}

// place returns the run that stands for one of the store, which it creates if necessary.
func (c *Client) place(ctx context.Context, from Source, experiment string, r *tracker.Run) (*run, error) {
	there, err := c.find(ctx, experiment, tagRun, r.ID)
	if there != nil || err != nil {
		return there, err
	}
	tags := []pair{{tagRun, r.ID}}
	if r.Sweep != "" {
		parent, err := c.sweep(ctx, from, experiment, r)
		if err != nil {
			return nil, err
		}
		tags = append(tags, pair{tagParent, parent})
	}
	return c.create(ctx, experiment, r.Name, r.StartedAt, tags)
}

// sweep returns the id of the run that stands for a trial's sweep.
func (c *Client) sweep(ctx context.Context, from Source, experiment string, trial *tracker.Run) (string, error) {
	record := &tracker.Sweep{Name: trial.Sweep, StartedAt: trial.StartedAt}
	if known, err := from.Sweep(ctx, trial.Sweep); err == nil {
		record = known
	} else if tracker.ErrorCode(err) != tracker.CodeNotFound {
		return "", err
	}
	sum := sha256.Sum256([]byte(record.Name)) // a name may have quotes
	key := hex.EncodeToString(sum[:8])
	there, err := c.find(ctx, experiment, tagSweep, key)
	if err == nil && there == nil {
		if there, err = c.create(ctx, experiment, record.Name, record.StartedAt, []pair{{tagSweep, key}, {tagNote, cut(sweepNote(record), maxTag)}}); err == nil {
			err = c.end(ctx, there, statusOf(tracker.StatusFinished), time.Time{})
		}
	}
	if err != nil {
		return "", err
	}
	return there.Info.ID, nil
}

func sweepNote(s *tracker.Sweep) string {
	if s.Text == "" {
		return ""
	}
	return "```yaml\n" + s.Text + "\n```"
}

// statusOf returns MLflow's name of a status.
func statusOf(s tracker.Status) string {
	return map[tracker.Status]string{
		tracker.StatusQueued: "SCHEDULED", tracker.StatusRunning: "RUNNING", tracker.StatusFinished: "FINISHED",
		tracker.StatusInterrupted: "KILLED", tracker.StatusFailed: "FAILED",
	}[s]
}

// sendRecord sends parameters and tags that are new. MLflow keeps the first value of a parameter for ever.
func (c *Client) sendRecord(ctx context.Context, there *run, r *tracker.Run) error {
	var params []pair
	for _, name := range slices.Sorted(maps.Keys(r.Params)) {
		p := pair{keyOf(name), cut(format.Value(r.Params[name]), maxParam)}
		if !slices.ContainsFunc(there.Data.Params, func(q pair) bool { return q.Key == p.Key }) {
			params = append(params, p)
		}
	}
	all := tagsOf(r)
	for _, t := range r.Tags {
		p := pairOf(t)
		all = append(all, pair{keyOf(p.Key), p.Value})
	}
	var tags []pair
	for _, t := range all {
		t.Value = cut(t.Value, maxTag)
		if t.Value != "" && there.tag(t.Key) != t.Value {
			tags = append(tags, t)
		}
	}
	for len(params)+len(tags) > 0 {
		p, t := min(len(params), maxPairs), min(len(tags), maxPairs)
		if err := c.logBatch(ctx, there, nil, params[:p], tags[:t]); err != nil {
			return err
		}
		params, tags = params[p:], tags[t:]
	}
	return nil
}

// tagsOf returns what MLflow keeps in tags of a run's record, without the tags.
func tagsOf(r *tracker.Run) []pair {
	p := &r.Provenance
	tags := []pair{
		{tagName, r.Name}, {tagNote, r.Note}, {"mlflow.source.type", "LOCAL"}, {"mlflow.source.name", p.CommandLine()},
		{tagCommit, strings.TrimSuffix(p.Commit, "+changes")},
		{"gouache.reason", r.Reason}, {"gouache.version", p.Version}, {"gouache.device", p.Device}, {"gouache.weights_sha256", p.WeightsSHA256},
	}
	if r.Trial > 0 {
		tags = append(tags, pair{"gouache.trial", strconv.Itoa(r.Trial)})
	}
	if r.Rating > 0 {
		tags = append(tags, pair{"gouache.rating", strconv.Itoa(r.Rating)})
	}
	return tags
}

// pairOf returns the key and the value of a tag: team=red has both, and fine is true.
func pairOf(tag string) pair {
	key, value, ok := strings.Cut(tag, "=")
	if !ok {
		value = "true"
	}
	return pair{key, value}
}

// keyOf returns a key that MLflow accepts: letters, digits and _ - . / and blanks, at most 250 bytes, and a path that
// leads nowhere else.
func keyOf(name string) string {
	key := strings.Map(func(c rune) rune {
		if c < 0x80 && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("_-. /", c)) {
			return c
		}
		return '_'
	}, cut(name, maxKey))
	if path.Clean("/"+key) != "/"+key || key == "" {
		key = "_" + strings.Map(func(c rune) rune {
			if c == '/' || c == '.' {
				return '_'
			}
			return c
		}, cut(key, maxKey-1))
	}
	return key
}

// cut returns the beginning of a text, in whole runes.
func cut(text string, most int) string { return strings.ToValidUTF8(text[:min(len(text), most)], "") }

func (c *Client) logBatch(ctx context.Context, there *run, metrics []metric, params, tags []pair) error {
	return c.call(ctx, http.MethodPost, "runs/log-batch", nil, struct {
		Run     string   `json:"run_id"`
		Metrics []metric `json:"metrics,omitempty"`
		Params  []pair   `json:"params,omitempty"`
		Tags    []pair   `json:"tags,omitempty"`
	}{there.Info.ID, metrics, params, tags}, nil)
}

// sendCurves sends the points after the last step that the server has of each metric.
func (c *Client) sendCurves(ctx context.Context, from Source, there *run, r *tracker.Run) error {
	at, err := export.Clock(ctx, from, r)
	if err != nil {
		return err
	}
	last := map[string]integer{}
	for _, m := range there.Data.Metrics {
		last[m.Key] = m.Step
	}
	var batch []metric
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := c.logBatch(ctx, there, batch, nil, nil)
		batch = batch[:0]
		return err
	}
	err = export.EachCurve(ctx, from, r, 0, func(curve *tracker.Curve) error {
		key := keyOf(curve.Name)
		sent, some := last[key]
		for _, p := range curve.Points {
			if some && integer(p.Step) <= sent {
				continue
			}
			batch = append(batch, metric{key, number(p.Value), integer(at(p.Step).UnixMilli()), integer(p.Step)})
			if len(batch) == maxMetrics {
				if err := flush(); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return cmp.Or(err, flush())
}

// imageName is the name that MLflow's log_image gives a picture, without its extension. The last part is a UUID there; here
// it is made of the picture, so that a picture that was sent is known again.
func imageName(p *tracker.Picture) string {
	uuid := p.Hash[:8] + "-" + p.Hash[8:12] + "-4" + p.Hash[13:16] + "-a" + p.Hash[17:20] + "-" + p.Hash[20:32]
	return fmt.Sprintf("images/%s+step+%d+timestamp+%d+%s", strings.ReplaceAll(keyOf(p.Role), "/", "~"), p.Step, p.At.UnixMilli(), uuid)
}

// sendPictures sends the pictures that the server does not have, each with a small one for MLflow's grid.
func (c *Client) sendPictures(ctx context.Context, from Source, there *run, id string) error {
	pictures, err := from.Pictures(ctx, id, tracker.PictureQuery{})
	if err != nil || len(pictures) == 0 {
		return err
	}
	files, err := c.listing().artifacts(ctx, there.Info.ID, "images")
	if err != nil {
		return err
	}
	for i := range pictures {
		p := &pictures[i]
		name := imageName(p)
		has := func(f artifact) bool { return f.Path == name+".png" }
		if slices.ContainsFunc(files, has) {
			continue
		}
		if err := c.sendPicture(ctx, from, there, p, name); err != nil {
			return err
		}
	}
	if there.tag(tagImages) != "" {
		return nil
	}
	return c.logBatch(ctx, there, nil, nil, []pair{{tagImages, "True"}})
}

func (c *Client) sendPicture(ctx context.Context, from Source, there *run, p *tracker.Picture, name string) error {
	data, err := export.PNG(ctx, from, p)
	if err != nil {
		return err
	}
	var small bytes.Buffer
	factor := func(size image.Point) float64 { return min(1, thumbnailSide/float64(max(size.X, size.Y))) }
	err = thumbnail.Make(ctx, bytes.NewReader(data), factor, func(_ context.Context, m image.Image) error {
		return nativewebp.Encode(&small, m, nil)
	})
	if err != nil {
		return err
	}
	// The whole picture is the last, since it tells that both are there.
	if err := c.put(ctx, there, name+"+"+smallSuffix, "image/webp", small.Bytes()); err != nil {
		return err
	}
	return c.put(ctx, there, name+".png", "image/png", data)
}

// sendFiles sends the files of a run, unless the server has been sent the same. It goes over them after an error, too.
func (c *Client) sendFiles(ctx context.Context, from Source, there *run, id string) error {
	files, err := from.Files(ctx, id)
	if err != nil || len(files) == 0 {
		return err
	}
	sum := sha256.New()
	for _, f := range files {
		fmt.Fprintln(sum, f.Hash, f.Name)
	}
	sent := pair{tagFiles, hex.EncodeToString(sum.Sum(nil)[:8])}
	if there.tag(sent.Key) == sent.Value {
		return nil
	}
	for _, f := range files {
		_, data, readErr := tracker.ReadFile(ctx, f, from.OpenPicture)
		if readErr == nil {
			readErr = c.put(ctx, there, f.Name, f.Type, data)
		}
		err = cmp.Or(err, readErr)
	}
	return cmp.Or(err, c.logBatch(ctx, there, nil, nil, []pair{sent}))
}

func (c *Client) put(ctx context.Context, there *run, name, kind string, data []byte) error {
	where, err := there.artifactPath(name)
	if err != nil {
		return err
	}
	return c.do(ctx, request{method: http.MethodPut, path: where, body: data, kind: kind}, func(io.Reader) error { return nil })
}

// end sets the status of a run.
func (c *Client) end(ctx context.Context, there *run, status string, ended time.Time) error {
	update := map[string]any{"run_id": there.Info.ID, "status": status}
	if !ended.IsZero() {
		update["end_time"] = ended.UnixMilli()
	}
	if there.Info.Status == status && (ended.IsZero() || integer(ended.UnixMilli()) == there.Info.EndTime) {
		return nil
	}
	return c.call(ctx, http.MethodPost, "runs/update", nil, update, nil)
}
