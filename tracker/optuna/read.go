package optuna

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/foreign"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// Open returns the trials of the studies of a database, each study as a sweep. A trial's parameters and user attributes
// are its parameters, the latter as user.NAME; its intermediate values and its value are the metric objective, and further
// values are objective_2 and so on. Pictures are read from a folder, or, if that is "", from the one that ArtifactFolder
// names. Trials that wait are left out. warn is called for pictures that are.
func Open(ctx context.Context, path, folder string, warn func(error)) (*foreign.Source, error) {
	path, err := filepath.Abs(path)
	if err == nil {
		err = checkFiles(path)
	}
	if err != nil {
		return nil, tracker.Errorf(tracker.CodeInvalid, "%s cannot be imported: %w", path, err)
	}
	db := open(path, "ro")
	defer db.Close()
	if err := check(ctx, db); err != nil {
		return nil, tracker.Errorf(tracker.CodeInvalid, "%s cannot be imported: %w", path, err)
	}
	r := &reader{ctx: ctx, db: db, artifacts: artifacts(path, folder), trials: map[int64]*trial{}, left: maxRead, warn: warn}
	err = cmp.Or(r.readTrials(), r.readParams(), r.readValues(), r.readIntermediate(), r.readAttributes(), r.readArtifacts())
	if err != nil {
		return nil, tracker.Errorf(tracker.CodeInvalid, "%s cannot be read: %w", path, err)
	}
	var runs []foreign.Run
	for _, t := range r.trials {
		t.record.Provenance.Dir = path
		runs = append(runs, r.foreign(t))
	}
	return foreign.NewSource(runs, nil, warn), nil
}

// trial is what is read of a trial.
type trial struct {
	record       tracker.Run
	values       map[int]float64 // by objective, from 0
	intermediate []tracker.Point
	files        []artifact
}

type reader struct {
	ctx       context.Context
	db        *sql.DB
	artifacts func() (*os.Root, error) // opens the folder of the pictures
	trials    map[int64]*trial
	left      int // bytes that may still be read
	warn      func(error)
}

// Bounds on what is read of a database, in bytes. Columns that are computed may be longer than the file.
const (
	maxRead = 1 << 29
	perRow  = 100 // for what it takes in memory, besides its texts
)

// rows calls take for each row of a query. The first column is a trial's key; rows of other trials are left out.
func (r *reader) rows(query string, take func(*trial) error, columns ...any) error {
	var key int64
	return r.each(query, func() error {
		if t := r.trials[key]; t != nil {
			return take(t)
		}
		return nil
	}, append([]any{&key}, columns...)...)
}

// each calls take for each row of a query, whose columns it has put where columns point.
func (r *reader) each(query string, take func() error, columns ...any) error {
	rows, err := r.db.QueryContext(r.ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(columns...); err != nil {
			return err
		}
		r.left -= perRow
		for _, column := range columns {
			if text, ok := column.(*string); ok {
				r.left -= len(*text)
			}
		}
		if r.left < 0 {
			return fmt.Errorf("it has more than %d bytes of trials", maxRead)
		}
		if err := take(); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (r *reader) readTrials() error {
	var key, number int64
	var study, state, start string
	var end sql.NullString
	return r.each(`SELECT trial_id, study_name, number, state, datetime_start, datetime_complete
		FROM trials JOIN studies USING (study_id) WHERE datetime_start IS NOT NULL AND state != 'WAITING'`, func() error {
		began, err := parseTime(start)
		if err != nil {
			return err
		}
		t := &trial{values: map[int]float64{}, record: tracker.Run{
			Name: fmt.Sprint(study, " ", number), Experiment: study, Sweep: study, Trial: int(number) + 1, StartedAt: began, SeenAt: began,
			Params: tracker.Params{}, Provenance: tracker.Provenance{Version: "Optuna"},
		}}
		switch state {
		case running:
			t.record.Status = tracker.StatusRunning
		case failed:
			t.record.Status = tracker.StatusFailed
		case pruned:
			t.record.Status, t.record.Tags = tracker.StatusFinished, []string{sweep.PrunedTag}
		default:
			t.record.Status = tracker.StatusFinished
		}
		if end.Valid {
			ended, err := parseTime(end.String)
			if err != nil {
				return err
			}
			t.record.EndedAt, t.record.SeenAt = ended, ended
		}
		r.trials[key] = t
		return nil
	}, &key, &study, &number, &state, &start, &end)
}

// parseTime reads a time as SQLAlchemy writes it, with or without a fraction. The driver returns a column that is
// declared DATETIME as RFC 3339 in UTC, but Optuna means local time.
func parseTime(text string) (time.Time, error) {
	text = strings.TrimSuffix(strings.Replace(text, "T", " ", 1), "Z")
	return time.ParseInLocation("2006-01-02 15:04:05.999999999", text, time.Local)
}

func (r *reader) readParams() error {
	var name, text string
	var value sql.NullFloat64
	return r.rows("SELECT trial_id, param_name, param_value, distribution_json FROM trial_params", func(t *trial) error {
		var d distribution
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			return err
		}
		v := value.Float64
		choices, _ := d.Attributes["choices"].([]any)
		switch i := int(v); {
		case d.Name == categorical && i >= 0 && i < len(choices):
			t.record.Params[name] = plain(choices[i])
		case d.Name == categorical:
			return fmt.Errorf("a trial has choice %d of %s, which has %d", i, name, len(choices))
		case strings.HasPrefix(d.Name, "Int"):
			t.record.Params[name] = int64(v)
		default:
			t.record.Params[name] = v
		}
		return nil
	}, &name, &value, &text)
}

// plain returns a value of JSON as one that a parameter can have: a number, a text or a bool, and JSON of anything else.
func plain(v any) any {
	switch v := v.(type) {
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v)
		}
		return v
	case string, bool:
		return v
	}
	return toJSON(v)
}

func (r *reader) readValues() error {
	var objective int
	var value sql.NullFloat64
	var kind string
	return r.rows("SELECT trial_id, objective, value, value_type FROM trial_values", func(t *trial) error {
		t.values[objective] = number(value, kind)
		return nil
	}, &objective, &value, &kind)
}

func (r *reader) readIntermediate() error {
	var step int64
	var value sql.NullFloat64
	var kind string
	return r.rows("SELECT trial_id, step, intermediate_value, intermediate_value_type FROM trial_intermediate_values ORDER BY step", func(t *trial) error {
		t.intermediate = append(t.intermediate, tracker.Point{Step: step, Value: number(value, kind)})
		return nil
	}, &step, &value, &kind)
}

func (r *reader) readAttributes() error {
	var key, text string
	return r.rows("SELECT trial_id, key, value_json FROM trial_user_attributes", func(t *trial) error {
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			return err
		}
		t.record.Params["user."+key] = plain(v)
		return nil
	}, &key, &text)
}

func (r *reader) readArtifacts() error {
	var key, text string
	return r.rows("SELECT trial_id, key, value_json FROM trial_system_attributes WHERE key LIKE 'artifacts:%'", func(t *trial) error {
		var a artifact
		var inner string
		if err := json.Unmarshal([]byte(text), &inner); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(inner), &a); err != nil {
			return err
		}
		if strings.HasPrefix(a.Kind, "image/") {
			t.files = append(t.files, a)
		}
		return nil
	}, &key, &text)
}

func (r *reader) foreign(t *trial) foreign.Run {
	return foreign.Run{
		Origin: fmt.Sprintf("optuna %s %d %d", t.record.Sweep, t.record.Trial, t.record.StartedAt.UnixMicro()),
		Record: t.record,
		Read: func(context.Context) (*foreign.Content, error) {
			content := &foreign.Content{}
			last := int64(0)
			points := t.intermediate
			if n := len(points); n > 0 {
				last = points[n-1].Step
			}
			for _, i := range slices.Sorted(maps.Keys(t.values)) {
				name := sweep.ObjectiveMetric
				if i > 0 {
					name = fmt.Sprint(name, "_", i+1)
				} else if n := len(points); n > 0 && points[n-1].Value != t.values[0] {
					last++ // the value is another one than the last on the way
				}
				one := tracker.Series{Name: name, Points: []tracker.Point{{Step: last, Value: t.values[i]}}}
				if i == 0 {
					one.Points = append(points[:len(points):len(points)], one.Points...)
				}
				content.Series = append(content.Series, one)
			}
			if _, ended := t.values[0]; !ended && len(points) > 0 {
				content.Series = append(content.Series, tracker.Series{Name: sweep.ObjectiveMetric, Points: points})
			}
			for _, a := range t.files {
				data, err := r.read(a)
				if err != nil {
					r.warn(fmt.Errorf("%s, %s: %w", t.record.Name, a.Filename, err))
					continue
				}
				err = content.Add(foreign.Picture{At: t.record.SeenAt, NewPicture: tracker.NewPicture{
					Role: tracker.RoleResult, Step: last, Name: a.Filename, Data: data,
				}})
				if err != nil {
					return nil, err
				}
			}
			return content, nil
		},
	}
}

// artifacts returns a function that opens the folder of a database's pictures: the one that is named, or the one beside the
// database, which must be no link to another place.
func artifacts(path, named string) func() (*os.Root, error) {
	if named != "" {
		return func() (*os.Root, error) { return os.OpenRoot(named) }
	}
	return func() (*os.Root, error) {
		beside, err := os.OpenRoot(filepath.Dir(path))
		if err != nil {
			return nil, err
		}
		defer beside.Close()
		return beside.OpenRoot(filepath.Base(ArtifactFolder(path)))
	}
}

// read reads a picture. Its name in the database may be any text, and leads to no other folder.
func (r *reader) read(a artifact) ([]byte, error) {
	root, err := r.artifacts()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	file, err := root.OpenFile(filepath.Clean(a.ID), os.O_RDONLY|syscall.O_NONBLOCK, 0) // it may be a pipe
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, cmp.Or(err, fmt.Errorf("%s is no file", a.ID))
	}
	data, err := io.ReadAll(io.LimitReader(file, foreign.MaxPictures+1))
	if err == nil && len(data) > foreign.MaxPictures {
		err = fmt.Errorf("it has more than %d bytes", foreign.MaxPictures)
	}
	return data, err
}
