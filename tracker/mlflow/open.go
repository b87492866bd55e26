package mlflow

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gouache-art/gouache/internal/imagefile"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/foreign"
)

// maxFiles is how many files of a run are looked at.
const maxFiles = 10_000

// Open returns the server's active runs. Those that Send has sent there are left out. A run with a parent is a trial of a
// sweep with the parent's name. Images by step are snapshots, whose name is their key, and other pictures among the
// artifacts are results. Other artifacts are files. warn is called for what is left out.
func (c *Client) Open(ctx context.Context, warn func(error)) (*foreign.Source, error) {
	lists := c.listing()
	experiments, err := lists.experiments(ctx)
	if err != nil {
		return nil, err
	}
	var all []run
	names := map[string]string{} // of runs, by id
	trials := map[string]int{}   // so far, by the id of the parent
	byID := map[string]string{}
	for _, e := range experiments {
		byID[e.ID] = e.Name
		runs, err := lists.searchRuns(ctx, []string{e.ID}, "")
		if err != nil {
			return nil, err
		}
		all = append(all, runs...)
	}
	for _, r := range all {
		names[r.Info.ID] = r.Info.Name
	}
	var runs []foreign.Run
	for _, r := range all {
		if r.tag(tagRun) != "" || r.tag(tagSweep) != "" {
			continue
		}
		f := foreign.Run{
			Origin: "mlflow " + r.Info.ID, Record: r.record(byID[r.Info.Experiment]),
			Read: func(ctx context.Context) (*foreign.Content, error) { return c.read(ctx, &r, warn) },
		}
		if parent := r.tag(tagParent); names[parent] != "" {
			trials[parent]++
			f.Record.Sweep, f.Record.Trial = names[parent], trials[parent]
		}
		f.Record.Provenance.Dir = c.String()
		runs = append(runs, f)
	}
	return foreign.NewSource(runs, nil, warn), nil
}

// experiments returns the active experiments.
func (l *listing) experiments(ctx context.Context) (all []experiment, err error) {
	err = l.parts(func(token string) (size, entries int, next string, err error) {
		var page struct {
			Experiments part[experiment] `json:"experiments"`
			Next        string           `json:"next_page_token"`
		}
		size, err = l.measured(ctx, http.MethodPost, "experiments/search", nil,
			map[string]any{"max_results": 500, "page_token": token, "view_type": "ACTIVE_ONLY"}, &page)
		all = append(all, page.Experiments...)
		return size, len(page.Experiments), page.Next, err
	})
	return all, err
}

// record returns what a store keeps of a run.
func (r *run) record(experiment string) tracker.Run {
	record := tracker.Run{
		Name: r.Info.Name, Experiment: experiment, Note: r.tag(tagNote), StartedAt: when(r.Info.StartTime), SeenAt: when(r.Info.StartTime),
		Status: tracker.StatusFinished, Params: tracker.Params{},
		Provenance: tracker.Provenance{Version: "MLflow", Commit: r.tag(tagCommit)},
	}
	if experiment == "Default" {
		record.Experiment = ""
	}
	for _, status := range tracker.Statuses {
		if statusOf(status) == r.Info.Status && status != tracker.StatusQueued {
			record.Status = status
		}
	}
	if source := r.tag("mlflow.source.name"); source != "" {
		record.Provenance.Command = []string{source}
	}
	for _, m := range r.Data.Metrics {
		if at := when(m.At); at.After(record.SeenAt) {
			record.SeenAt = at
		}
	}
	if end := when(r.Info.EndTime); record.Status.Ended() && r.Info.EndTime > 0 {
		record.EndedAt, record.SeenAt = end, end
	}
	for _, p := range r.Data.Params {
		record.Params[p.Key] = valueOf(p.Value)
	}
	for _, t := range r.Data.Tags {
		switch {
		case strings.HasPrefix(t.Key, systemTags):
		case t.Value == "" || strings.EqualFold(t.Value, "true"):
			record.Tags = append(record.Tags, t.Key)
		default:
			record.Tags = append(record.Tags, t.Key+"="+t.Value)
		}
	}
	return record
}

func when(ms integer) time.Time { return time.UnixMilli(int64(ms)).UTC() }

// valueOf returns a parameter's value, which is a text in MLflow, as a number or a bool if it is written as one.
func valueOf(text string) any {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		return f
	}
	switch text {
	case "True", "true":
		return true
	case "False", "false":
		return false
	}
	return text
}

// read reads the points, the pictures and the files of a run.
func (c *Client) read(ctx context.Context, r *run, warn func(error)) (*foreign.Content, error) {
	content, lists := &foreign.Content{}, c.listing()
	for _, m := range r.Data.Metrics {
		points, err := lists.history(ctx, r.Info.ID, m.Key)
		if err != nil {
			return nil, err
		}
		content.Series = append(content.Series, tracker.Series{Name: m.Key, Points: points})
	}
	pictures, others, err := lists.files(ctx, r.Info.ID)
	if err != nil {
		return nil, err
	}
	for _, f := range pictures {
		if int64(f.Size) > content.Left() {
			return nil, tracker.Errorf(tracker.CodeInvalid, "it has more than %d bytes of pictures", foreign.MaxPictures)
		}
		data, err := c.get(ctx, r, f, content.Left())
		if err != nil {
			return nil, err
		}
		if _, no := imagefile.Inspect(data); no != nil && len(data) <= tracker.MaxFile { // only its name is a picture's
			err = content.AddFile(foreign.File{NewFile: tracker.NewFile{Name: f.Path, Data: data}, At: when(r.Info.StartTime)})
		} else {
			err = content.Add(picture(f.Path, data, when(r.Info.StartTime)))
		}
		if err != nil {
			return nil, err
		}
	}
	for _, f := range others {
		most := min(tracker.MaxFile, content.Left())
		switch err := tracker.CheckFileName(f.Path); {
		case err != nil:
			warn(fmt.Errorf("MLflow's run %s: %w", r.Info.ID, err))
			continue
		case int64(f.Size) > most:
			warn(fmt.Errorf("MLflow's run %s: %s of %d bytes is left out: a file has at most %d, and all of a run together %d",
				r.Info.ID, f.Path, f.Size, int64(tracker.MaxFile), int64(foreign.MaxPictures)))
			continue
		}
		data, err := c.get(ctx, r, f, most)
		if err != nil {
			return nil, err
		}
		if err := content.AddFile(foreign.File{NewFile: tracker.NewFile{Name: f.Path, Data: data}, At: when(r.Info.StartTime)}); err != nil {
			return nil, err
		}
	}
	return content, nil
}

// history returns all points of a metric.
func (l *listing) history(ctx context.Context, id, key string) (points []tracker.Point, err error) {
	err = l.parts(func(token string) (size, entries int, next string, err error) {
		var page struct {
			Metrics part[metric] `json:"metrics"`
			Next    string       `json:"next_page_token"`
		}
		query := url.Values{"run_id": {id}, "metric_key": {key}, "max_results": {"25000"}}
		if token != "" {
			query.Set("page_token", token)
		}
		size, err = l.measured(ctx, http.MethodGet, "metrics/get-history", query, nil, &page)
		for _, m := range page.Metrics {
			points = append(points, tracker.Point{Step: int64(m.Step), Value: float64(m.Value)})
		}
		return size, (len(page.Metrics) + 15) / 16, page.Next, err // a point is small
	})
	return points, err
}

// files lists the pictures among the artifacts of a run, without the small ones for MLflow's grid, and the others.
func (l *listing) files(ctx context.Context, id string) (pictures, others []artifact, err error) {
	seen := 0
	for folders := []string{""}; len(folders) > 0 && seen < maxFiles; folders = folders[1:] {
		files, err := l.artifacts(ctx, id, folders[0])
		if err != nil {
			return nil, nil, err
		}
		seen += len(files)
		for _, f := range files {
			switch {
			case f.IsDir:
				folders = append(folders, f.Path)
			case strings.HasSuffix(f.Path, smallSuffix):
			case isPicture(f.Path):
				pictures = append(pictures, f)
			default:
				others = append(others, f)
			}
		}
	}
	return pictures, others, nil
}

// smallSuffix ends the names of the small pictures for MLflow's grid.
const smallSuffix = "compressed.webp"

// isPicture reports whether a file is a picture, by its name.
func isPicture(name string) bool {
	return slices.Contains([]string{".png", ".jpg", ".jpeg", ".gif", ".webp", ".tif", ".tiff"}, strings.ToLower(path.Ext(name)))
}

// get reads an artifact, which has most bytes at the most, whatever the list of artifacts says.
func (c *Client) get(ctx context.Context, r *run, f artifact, most int64) (data []byte, err error) {
	where, err := r.artifactPath(f.Path)
	if err != nil {
		return nil, err
	}
	err = c.do(ctx, request{method: http.MethodGet, path: where}, func(answer io.Reader) error {
		data, err = io.ReadAll(io.LimitReader(answer, most+1))
		if err == nil && int64(len(data)) > most {
			err = fmt.Errorf("%s has more than %d bytes", f.Path, most)
		}
		return err
	})
	return data, err
}

// logged matches the names that log_image gives pictures of a step: since version 3 with + and ~, before with % and #.
var logged = regexp.MustCompile(`^images/(.+)[+%]step[+%](\d+)[+%]timestamp[+%](\d+)[+%][^/]*$`)

// picture returns a picture by its path among the artifacts.
func picture(name string, data []byte, began time.Time) foreign.Picture {
	m := logged.FindStringSubmatch(name)
	if m == nil {
		return foreign.Picture{NewPicture: tracker.NewPicture{Role: tracker.RoleResult, Name: name, Data: data}, At: began}
	}
	step, _ := strconv.ParseInt(m[2], 10, 64) // 0 if it is out of range, as for ms
	ms, _ := strconv.ParseInt(m[3], 10, 64)
	return foreign.PictureOf(strings.NewReplacer("~", "/", "#", "/").Replace(m[1]), step, time.UnixMilli(ms), data)
}
