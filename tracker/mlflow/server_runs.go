package mlflow

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/export"
)

// MLflow's experiment for runs of no other.
const (
	defaultExperiment   = "Default"
	defaultExperimentID = "0"
)

// experimentID returns the id of an experiment, which the name can be had of: a store keeps no ids of experiments.
func experimentID(name string) string {
	if name == "" {
		return defaultExperimentID
	}
	return "x" + base64.RawURLEncoding.EncodeToString([]byte(name))
}

// experimentName returns the name of the experiment with an id, "" for the runs that have none.
func experimentName(id string) (string, error) {
	if id == defaultExperimentID {
		return "", nil
	}
	text, encoded := strings.CutPrefix(id, "x")
	name, err := base64.RawURLEncoding.DecodeString(text)
	if !encoded || err != nil || checkExperiment(string(name)) != nil || experimentID(string(name)) != id {
		return "", refuse(http.StatusNotFound, codeMissing, "there is no experiment with the id %.80q", id)
	}
	return string(name), nil
}

// checkExperiment refuses names that no experiment can have.
func checkExperiment(name string) error {
	if strings.TrimSpace(name) == "" || tracker.NameFrom(name) != name {
		return invalid("the name %.80q of an experiment: it is one line of 1 to 200 printable bytes", name)
	}
	return nil
}

// hasRuns reports whether an experiment has a run.
func (s *Handler) hasRuns(ctx context.Context, name string) (bool, error) {
	found, err := s.store.Runs(ctx, tracker.RunQuery{Filter: inExperiment(name), Limit: 1})
	return err == nil && found.Total > 0, err
}

func inExperiment(name string) *tracker.Filter {
	return tracker.Where("experiment", tracker.Equal, name)
}

func newExperiment(name string) experiment {
	return experiment{ID: experimentID(name), Name: cmp.Or(name, defaultExperiment), Stage: stageActive, Artifacts: artifactScheme + ":/"}
}

type experimentAnswer struct {
	Experiment experiment `json:"experiment"`
}

func (s *Handler) getExperiment(_ context.Context, query url.Values) (any, error) {
	name, err := experimentName(query.Get("experiment_id"))
	return experimentAnswer{newExperiment(name)}, err
}

func (s *Handler) getExperimentByName(ctx context.Context, query url.Values) (any, error) {
	name := query.Get("experiment_name")
	if name == defaultExperiment {
		return experimentAnswer{newExperiment("")}, nil
	}
	some, err := s.hasRuns(ctx, name)
	if err == nil && !some {
		err = refuse(http.StatusNotFound, codeMissing, "there is no experiment %.200q", name)
	}
	return experimentAnswer{newExperiment(name)}, err
}

// createExperiment returns the id of a new experiment. It is not listed before it has a run.
func (s *Handler) createExperiment(ctx context.Context, in *struct {
	Name string `json:"name"`
}) (any, error) {
	if err := checkExperiment(in.Name); err != nil {
		return nil, err
	}
	some, err := s.hasRuns(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	if some || in.Name == defaultExperiment {
		return nil, refuse(http.StatusBadRequest, codeExists, "there is an experiment %q already", in.Name)
	}
	return struct {
		ID string `json:"experiment_id"`
	}{experimentID(in.Name)}, nil
}

// run returns a run by its id.
func (s *Handler) run(ctx context.Context, id string) (*tracker.Run, error) {
	if tracker.CheckID(id) != nil {
		return nil, refuse(http.StatusNotFound, codeMissing, "there is no run %.80q", id)
	}
	return s.store.Run(ctx, id)
}

// deletedTag is the tag of runs that MLflow's clients have deleted. They can be restored, and gouache runs delete removes
// them.
const deletedTag = "mlflow.deleted"

// labelName begins the label that is MLflow's name of a metric or a parameter which has another one here.
const labelName = "gouache.name."

// nameOf returns MLflow's name of a metric or a parameter.
func nameOf(r *tracker.Run, name string) string {
	return cmp.Or(r.Provenance.Labels[labelName+name], name)
}

// valueFor returns a parameter's value, which is a text in MLflow, as a number or a bool if that is written as the same text
// again.
func valueFor(text string) any {
	if v := valueOf(text); textOf(v) == text {
		if f, ok := v.(float64); !ok || !math.IsNaN(f) && !math.IsInf(f, 0) {
			return v
		}
	}
	return text
}

// textOf writes a parameter's value as Python does.
func textOf(value any) string {
	switch v := value.(type) {
	case bool:
		if v {
			return "True"
		}
		return "False"
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		if a := math.Abs(v); a != 0 && (a < 1e-4 || a >= 1e16) {
			return strconv.FormatFloat(v, 'e', -1, 64)
		}
		text := strconv.FormatFloat(v, 'f', -1, 64)
		if v == math.Trunc(v) {
			text += ".0"
		}
		return text
	}
	text, _ := value.(string) // there is no other type
	return text
}

// newInfo returns MLflow's record of a run.
func newInfo(r *tracker.Run) info {
	i := info{
		ID: r.ID, OldID: r.ID, Name: r.Name, Experiment: experimentID(r.Experiment), User: r.Provenance.Labels[tagUser], Status: statusOf(r.Status),
		StartTime: integer(r.StartedAt.UnixMilli()), ArtifactURI: artifactScheme + ":/" + r.ID, Stage: stageActive,
	}
	if !r.EndedAt.IsZero() {
		i.EndTime = integer(r.EndedAt.UnixMilli())
	}
	if isDeleted(r) {
		i.Stage = stageDeleted
	}
	return i
}

func isDeleted(r *tracker.Run) bool { return slices.Contains(r.Tags, deletedTag) }

// tagMap returns MLflow's tags of a run by their keys.
func tagMap(r *tracker.Run) map[string]string {
	tags := map[string]string{}
	for _, t := range tagsOf(r) {
		if t.Value != "" {
			tags[t.Key] = t.Value
		}
	}
	for _, t := range r.Tags {
		if t != deletedTag {
			p := pairOf(t)
			tags[p.Key] = p.Value
		}
	}
	for key, value := range r.Provenance.Labels {
		if !strings.HasPrefix(key, labelName) {
			tags[key] = value
		}
	}
	return tags
}

// newRun returns a run with the last value of each metric. Their steps are not in the record: they are 0 here.
func newRun(r *tracker.Run) run {
	answer := run{Info: newInfo(r)}
	d := &answer.Data
	d.Metrics, d.Params, d.Tags = []metric{}, []pair{}, []pair{}
	for _, name := range slices.Sorted(maps.Keys(r.Final)) {
		d.Metrics = append(d.Metrics, metric{nameOf(r, name), number(r.Final[name]), integer(r.SeenAt.UnixMilli()), 0})
	}
	for _, name := range slices.Sorted(maps.Keys(r.Params)) {
		d.Params = append(d.Params, pair{nameOf(r, name), textOf(r.Params[name])})
	}
	tags := tagMap(r)
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		d.Tags = append(d.Tags, pair{key, tags[key]})
	}
	return answer
}

type runAnswer struct {
	Run run `json:"run"`
}

type infoAnswer struct {
	Info info `json:"run_info"`
}

// getRun returns a run, with the step of each metric's last value, too.
func (s *Handler) getRun(ctx context.Context, query url.Values) (any, error) {
	r, err := s.run(ctx, cmp.Or(query.Get("run_id"), query.Get("run_uuid")))
	if err != nil {
		return nil, err
	}
	at, err := export.Clock(ctx, s.store, r)
	if err != nil {
		return nil, err
	}
	curves, err := s.store.Curves(ctx, r.ID, tracker.CurveQuery{Points: 4})
	if err != nil {
		return nil, err
	}
	answer := newRun(r)
	answer.Data.Metrics = []metric{}
	for _, c := range curves {
		if n := len(c.Points); n > 0 {
			p := c.Points[n-1]
			answer.Data.Metrics = append(answer.Data.Metrics, metric{nameOf(r, c.Name), number(p.Value), integer(at(p.Step).UnixMilli()), integer(p.Step)})
		}
	}
	return runAnswer{answer}, nil
}

// mostHistory is how many points an answer has at most.
const mostHistory = 25_000

func (s *Handler) history(ctx context.Context, query url.Values) (any, error) {
	r, err := s.run(ctx, cmp.Or(query.Get("run_id"), query.Get("run_uuid")))
	if err != nil {
		return nil, err
	}
	asked := 0
	if text := query.Get("max_results"); text != "" {
		if asked, err = strconv.Atoi(text); err != nil {
			return nil, invalid("max_results %.40q is no number", text)
		}
	}
	most, err := limit(integer(min(asked, mostHistory)), mostHistory, mostHistory)
	if err != nil {
		return nil, err
	}
	key := query.Get("metric_key")
	answer := struct {
		Metrics []metric `json:"metrics"`
		Next    string   `json:"next_page_token,omitempty"`
	}{Metrics: []metric{}}
	curves, err := s.store.Curves(ctx, r.ID, tracker.CurveQuery{Metrics: []string{tracker.NearestName(key)}})
	if err != nil || len(curves) == 0 || nameOf(r, curves[0].Name) != key {
		return answer, err
	}
	at, err := export.Clock(ctx, s.store, r)
	if err != nil {
		return nil, err
	}
	points, next, err := page(curves[0].Points, query.Get("page_token"), most)
	if err != nil {
		return nil, err
	}
	answer.Next = next
	for _, p := range points {
		answer.Metrics = append(answer.Metrics, metric{key, number(p.Value), integer(at(p.Step).UnixMilli()), integer(p.Step)})
	}
	return answer, nil
}

// createRun begins a run.
func (s *Handler) createRun(ctx context.Context, in *struct {
	Experiment string `json:"experiment_id"`
	User       string `json:"user_id"`
	Name       string `json:"run_name"`
	Tags       []pair `json:"tags"`
}) (any, error) {
	experiment, err := experimentName(cmp.Or(in.Experiment, defaultExperimentID))
	if err != nil {
		return nil, err
	}
	tags := in.Tags
	if in.Name != "" {
		tags = append(tags, pair{tagName, in.Name})
	}
	if in.User != "" {
		tags = append([]pair{{tagUser, in.User}}, tags...)
	}
	blank := &tracker.Run{Experiment: experiment, Provenance: tracker.Provenance{Version: "MLflow"}}
	change, err := tagged(blank, tags)
	if err != nil {
		return nil, err
	}
	n := tracker.NewRun{Experiment: experiment, Tags: change.Tag, Provenance: *change.Provenance}
	if change.Name != nil {
		n.Name = *change.Name
	}
	if change.Note != nil {
		n.Note, n.NoteBy = *change.Note, personOf(ctx)
	}
	r, err := s.begin(ctx, n)
	if err != nil {
		return nil, err
	}
	s.keep(r.Claim())
	return runAnswer{newRun(r)}, nil
}

// begin adds a run. One with a parent is the next trial of a sweep with the parent's name and id.
func (s *Handler) begin(ctx context.Context, n tracker.NewRun) (*tracker.Run, error) {
	parent, err := s.run(ctx, n.Provenance.Labels[tagParent])
	if err != nil { // a parent may be on another server
		return s.store.CreateRun(ctx, n)
	}
	n.Sweep = tracker.NameFrom(parent.Name + " " + parent.ID)
	for {
		last, err := s.store.Runs(ctx, tracker.RunQuery{
			Filter: tracker.Where("sweep", tracker.Equal, n.Sweep), Sort: tracker.Sort{{Name: "trial", Descending: true}}, Limit: 1,
		})
		if err != nil {
			return nil, err
		}
		n.Trial = 1
		if len(last.Runs) > 0 {
			n.Trial = last.Runs[0].Trial + 1
		}
		r, err := s.store.CreateRun(ctx, n)
		if tracker.ErrorCode(err) != tracker.CodeConflict || ctx.Err() != nil { // else another process was faster
			return r, err
		}
	}
}

// outcomes are the outcomes of runs that a client ends.
var outcomes = map[string]tracker.Status{
	"FINISHED": tracker.StatusFinished, "FAILED": tracker.StatusFailed, "KILLED": tracker.StatusInterrupted,
}

func (s *Handler) updateRun(ctx context.Context, in *struct {
	ID     string `json:"run_id"`
	Old    string `json:"run_uuid"`
	Status string `json:"status"`
	Name   string `json:"run_name"`
}) (any, error) {
	id := cmp.Or(in.ID, in.Old)
	defer s.lock(id)()
	r, err := s.run(ctx, id)
	if err != nil {
		return nil, err
	}
	if in.Name != "" {
		name := tracker.NameFrom(in.Name)
		if r, err = s.store.UpdateRun(ctx, id, tracker.Update{Name: &name}); err != nil {
			return nil, err
		}
	}
	if in.Status != "" && in.Status != statusOf(r.Status) {
		if r, err = s.become(ctx, r, in.Status); err != nil {
			return nil, err
		}
	}
	return infoAnswer{newInfo(r)}, nil
}

// become gives a run another status.
func (s *Handler) become(ctx context.Context, r *tracker.Run, status string) (*tracker.Run, error) {
	outcome, ends := outcomes[status]
	switch {
	case status == "RUNNING" && r.Status != tracker.StatusQueued:
		again, err := s.continued(ctx, r.ID)
		if tracker.ErrorCode(err) == tracker.CodeConflict {
			err = refuse(http.StatusConflict, codeState, "%v: begin another run", err)
		}
		return again, err
	case !ends:
		return nil, invalid("a run cannot become %.40q: it is RUNNING, FINISHED, FAILED or KILLED", status)
	}
	claim, err := s.claim(ctx, r)
	if err != nil {
		return nil, err
	}
	o := tracker.Outcome{Status: outcome}
	if outcome == tracker.StatusInterrupted {
		o.Reason = "its script was killed"
	}
	if err := s.finish(ctx, claim, o); err != nil {
		return nil, err
	}
	return s.store.Run(ctx, r.ID)
}

// continued gives a run to this process.
func (s *Handler) continued(ctx context.Context, id string) (*tracker.Run, error) {
	r, err := s.store.ContinueRun(ctx, id, tracker.Process{})
	if err == nil {
		s.keep(r.Claim())
	}
	return r, err
}

// claim returns the claim by which a run is written to. A run whose server ended is continued by this one. A run that was
// stopped by hand ends now, and its script gets an error.
func (s *Handler) claim(ctx context.Context, r *tracker.Run) (tracker.Claim, error) {
	switch {
	case r.Status == tracker.StatusRunning && r.Stopped:
		if err := s.finish(ctx, r.Claim(), stoppedByHand); err != nil {
			return tracker.Claim{}, err
		}
		return tracker.Claim{}, refuse(http.StatusConflict, codeState, "run %s was stopped by hand", r.ID)
	case r.Status == tracker.StatusRunning:
		return r.Claim(), nil
	case r.Status == tracker.StatusInterrupted && r.Reason == tracker.ReasonGone:
		again, err := s.continued(ctx, r.ID)
		if err != nil {
			return tracker.Claim{}, err
		}
		return again.Claim(), nil
	}
	return tracker.Claim{}, refuse(http.StatusConflict, codeState, "run %s takes no more metrics and pictures: it is %s. Begin another run", r.ID, r.Status)
}

type batch struct {
	ID      string   `json:"run_id"`
	Metrics []metric `json:"metrics"`
	Params  []pair   `json:"params"`
	Tags    []pair   `json:"tags"`
}

func (s *Handler) logMetric(ctx context.Context, in *struct {
	ID  string `json:"run_id"`
	Old string `json:"run_uuid"`
	metric
}) (any, error) {
	return s.logBatch(ctx, &batch{ID: cmp.Or(in.ID, in.Old), Metrics: []metric{in.metric}})
}

func (s *Handler) logParameter(ctx context.Context, in *struct {
	ID  string `json:"run_id"`
	Old string `json:"run_uuid"`
	pair
}) (any, error) {
	return s.logBatch(ctx, &batch{ID: cmp.Or(in.ID, in.Old), Params: []pair{in.pair}})
}

func (s *Handler) setTag(ctx context.Context, in *struct {
	ID  string `json:"run_id"`
	Old string `json:"run_uuid"`
	pair
}) (any, error) {
	return s.logBatch(ctx, &batch{ID: cmp.Or(in.ID, in.Old), Tags: []pair{in.pair}})
}

// logBatch records metrics, parameters and tags. All are checked before the first is written.
func (s *Handler) logBatch(ctx context.Context, in *batch) (any, error) {
	if len(in.Metrics) > maxMetrics || len(in.Params) > maxPairs || len(in.Tags) > maxPairs {
		return nil, invalid("there are %d metrics, %d parameters and %d tags: send at most %d, %d and %d together",
			len(in.Metrics), len(in.Params), len(in.Tags), maxMetrics, maxPairs, maxPairs)
	}
	defer s.lock(in.ID)()
	r, err := s.run(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	change, err := tagged(r, in.Tags)
	if err != nil {
		return nil, err
	}
	change.NoteBy = personOf(ctx)
	if change.Params, err = newParams(r, change.Provenance, in.Params); err != nil {
		return nil, err
	}
	series, err := seriesOf(r, change.Provenance, in.Metrics)
	if err != nil {
		return nil, err
	}
	if err := checkLabels(change.Provenance.Labels); err != nil {
		return nil, err
	}
	var claim tracker.Claim
	if len(series) > 0 {
		if claim, err = s.claim(ctx, r); err != nil {
			return nil, err
		}
	}
	if maps.Equal(change.Provenance.Labels, r.Provenance.Labels) && change.Provenance.Commit == r.Provenance.Commit {
		change.Provenance = nil
	}
	if len(in.Tags) > 0 || len(change.Params) > 0 || change.Provenance != nil {
		if _, err := s.store.UpdateRun(ctx, r.ID, change); err != nil {
			return nil, err
		}
	}
	if len(series) > 0 {
		err = s.store.AppendPoints(ctx, claim, series)
	}
	return nothing{}, err
}

// newParams returns the parameters that a run does not have. Their values cannot be changed, as in MLflow.
func newParams(r *tracker.Run, p *tracker.Provenance, pairs []pair) (tracker.Params, error) {
	params := tracker.Params{}
	for _, pair := range pairs {
		name, err := rename(r, p, pair.Key)
		if err != nil {
			return nil, err
		}
		was, known := r.Params[name]
		if !known {
			was, known = params[name]
		}
		if known && textOf(was) != pair.Value {
			return nil, invalid("parameter %s is %q, and cannot become %.200q: begin another run for it", pair.Key, textOf(was), pair.Value)
		}
		if !known {
			params[name] = valueFor(pair.Value)
		}
	}
	return params, nil
}

// seriesOf returns points by metric.
func seriesOf(r *tracker.Run, p *tracker.Provenance, metrics []metric) ([]tracker.Series, error) {
	var series []tracker.Series
	at := map[string]int{}
	for _, m := range metrics {
		name, err := rename(r, p, m.Key)
		if err != nil {
			return nil, err
		}
		k, known := at[name]
		if !known {
			k = len(series)
			at[name], series = k, append(series, tracker.Series{Name: name})
		}
		series[k].Points = append(series[k].Points, tracker.Point{Step: int64(m.Step), Value: float64(m.Value)})
	}
	return series, tracker.CheckSeries(series)
}

// rename returns the name here of a metric or a parameter, and keeps MLflow's as a label if it is another.
func rename(r *tracker.Run, p *tracker.Provenance, key string) (string, error) {
	if key == "" || len(key) > maxKey {
		return "", invalid("the name %.100q of a metric or a parameter: it has 1 to %d bytes", key, maxKey)
	}
	name := tracker.NearestName(key)
	was, renamed := p.Labels[labelName+name]
	_, param := r.Params[name]
	_, metric := r.Final[name]
	switch {
	case name == key && !renamed, renamed && was == key:
		return name, nil
	case renamed || param || metric:
		return "", invalid("%.200q would have the name %s here, which %q has: choose another name", key, name, cmp.Or(was, name))
	}
	p.Labels[labelName+name] = key
	return name, nil
}

// tagged returns the change of a run that gives it tags. Its provenance is never nil, and has labels.
func tagged(r *tracker.Run, tags []pair) (u tracker.Update, err error) {
	p := r.Provenance
	p.Labels = maps.Clone(p.Labels)
	if p.Labels == nil {
		p.Labels = map[string]string{}
	}
	u.Provenance = &p
	for _, t := range tags {
		if err := checkTag(t); err != nil {
			return u, err
		}
		switch {
		case t.Key == tagName:
			name := tracker.NameFrom(t.Value)
			u.Name = &name
		case t.Key == tagNote:
			u.Note = &t.Value
		case t.Key == tagCommit:
			p.Commit = tracker.NameFrom(t.Value)
		default:
			u.Tag = slices.DeleteFunc(u.Tag, func(tag string) bool { return pairOf(tag).Key == t.Key }) // set twice
			untag(r, &u, t.Key)
			if tag, ok := tagFor(t); ok {
				u.Tag = append(u.Tag, tag)
			} else {
				p.Labels[t.Key] = t.Value
			}
		}
	}
	return u, checkLabels(p.Labels)
}

// untag has a change remove a tag from a run, and reports whether it had it.
func untag(r *tracker.Run, u *tracker.Update, key string) (had bool) {
	for _, tag := range r.Tags {
		if pairOf(tag).Key == key && tag != deletedTag {
			u.Untag, had = append(u.Untag, tag), true
		}
	}
	if _, labelled := u.Provenance.Labels[key]; labelled {
		delete(u.Provenance.Labels, key)
		had = true
	}
	return had
}

// tagFor returns the tag for a key with a value, and whether it can be one.
func tagFor(t pair) (tag string, ok bool) {
	tag = t.Key + "=" + t.Value
	if t.Value == "true" {
		tag = t.Key
	}
	fits := len(tag) <= 200 && terminal.IsLine(tag) && tracker.NameFrom(tag) == tag
	return tag, fits && !strings.HasPrefix(t.Key, systemTags) && pairOf(tag) == t
}

// Bounds on tags, in bytes. Those of values and keys are MLflow's.
const (
	maxTagValue = 8000
	maxLabels   = 64 << 10 // of JSON; lists read it
)

func checkTag(t pair) error {
	switch {
	case t.Key == "" || len(t.Key) > maxKey || !terminal.IsLine(t.Key) || strings.HasPrefix(t.Key, labelName):
		return invalid("the key %.100q of a tag: it has 1 to %d printable bytes, and does not begin with %s", t.Key, maxKey, labelName)
	case len(t.Value) > maxTagValue && t.Key != tagNote:
		return invalid("the tag %s has %d bytes: at most %d are kept", t.Key, len(t.Value), maxTagValue)
	case strings.ContainsRune(t.Value, 0):
		return invalid("the tag %s has a zero byte", t.Key)
	}
	return nil
}

func checkLabels(labels map[string]string) error {
	text, err := json.Marshal(labels)
	if err == nil && len(text) > maxLabels {
		err = invalid("the tags of MLflow and the long ones have %d bytes together: at most %d are kept of a run", len(text), maxLabels)
	}
	return err
}

func (s *Handler) deleteTag(ctx context.Context, in *struct {
	ID  string `json:"run_id"`
	Key string `json:"key"`
}) (any, error) {
	defer s.lock(in.ID)()
	r, err := s.run(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	change, err := tagged(r, nil)
	if err != nil {
		return nil, err
	}
	none := ""
	switch had := untag(r, &change, in.Key); {
	case in.Key == tagNote && r.Note != "":
		change.Note = &none
	case in.Key == tagCommit && r.Provenance.Commit != "":
		change.Provenance.Commit = ""
	case !had || strings.HasPrefix(in.Key, labelName):
		return nil, refuse(http.StatusNotFound, codeMissing, "run %s has no tag %.200q that could be deleted", r.ID, in.Key)
	}
	_, err = s.store.UpdateRun(ctx, r.ID, change)
	return nothing{}, err
}

type runID struct {
	ID string `json:"run_id"`
}

func (s *Handler) deleteRun(ctx context.Context, in *runID) (any, error) {
	return s.mark(ctx, in.ID, tracker.Update{Tag: []string{deletedTag}})
}

func (s *Handler) restoreRun(ctx context.Context, in *runID) (any, error) {
	return s.mark(ctx, in.ID, tracker.Update{Untag: []string{deletedTag}})
}

// mark changes a run's tags.
func (s *Handler) mark(ctx context.Context, id string, u tracker.Update) (any, error) {
	if _, err := s.run(ctx, id); err != nil {
		return nil, err
	}
	_, err := s.store.UpdateRun(ctx, id, u)
	return nothing{}, err
}
