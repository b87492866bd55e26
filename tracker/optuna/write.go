package optuna

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gouache-art/gouache/internal/atomicfile"
	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/export"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// Source is what Export reads.
type Source interface {
	tracker.Reader
	tracker.SweepReader
	tracker.JudgementReader
}

// Export writes the sweeps of runs, each as a study with all those of its trials that are named, and replaces the file. A
// trial's value is the sweep's objective, its intermediate values are the objective's curve, and its file is its picture.
// read reads the file of a sweep. A run that is no trial of a sweep is CodeInvalid. Pictures go into the folder that
// ArtifactFolder names.
func Export(ctx context.Context, path string, from Source, ids []string, read func(*tracker.Sweep) (*sweep.File, error)) error {
	folder := ArtifactFolder(path)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return unwritten(err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return unwritten(err)
	}
	defer root.Close()
	temporary, err := os.MkdirTemp("", "gouache-optuna-*")
	if err != nil {
		return unwritten(err)
	}
	defer os.RemoveAll(temporary)
	name := filepath.Join(temporary, "study.db")
	if err := write(ctx, name, from, ids, read, root); err != nil {
		return err
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		_, err = io.Copy(w, file)
		return err
	})
}

// ArtifactFolder is where the pictures of a database are: night-artifacts for night.db.
func ArtifactFolder(path string) string {
	return strings.TrimSuffix(path, filepath.Ext(path)) + "-artifacts"
}

func unwritten(err error) error {
	return tracker.Errorf(tracker.CodeUnavailable, "the study cannot be written: %w", err)
}

// writer writes the rows of a database in one transaction.
type writer struct {
	ctx  context.Context
	tx   *sql.Tx
	from Source
	root *os.Root // for pictures
}

func write(ctx context.Context, name string, from Source, ids []string, read func(*tracker.Sweep) (*sweep.File, error), root *os.Root) error {
	db := open(name, "rwc")
	defer db.Close()
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return unwritten(err)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return unwritten(err)
	}
	defer tx.Rollback()
	w := &writer{ctx, tx, from, root}
	trials := map[string][]*tracker.Run{}
	err = export.Each(ctx, from, ids, func(run *tracker.Run, _ []tracker.Picture) error {
		if run.Sweep == "" || run.Trial == 0 {
			return tracker.Errorf(tracker.CodeInvalid, "run %s is no trial of a sweep, which Optuna needs: choose runs by their sweep", run.ID)
		}
		trials[run.Sweep] = append(trials[run.Sweep], run)
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(trials)) {
		record, err := from.Sweep(ctx, name)
		if err != nil {
			return err
		}
		file, err := read(record)
		if err != nil {
			return err
		}
		if err := w.study(record, file, trials[name]); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return unwritten(err)
	}
	return nil
}

// insert adds a row and returns its key.
func (w *writer) insert(statement string, values ...any) (int64, error) {
	result, err := w.tx.ExecContext(w.ctx, statement, values...)
	if err != nil {
		return 0, unwritten(err)
	}
	return result.LastInsertId()
}

func (w *writer) study(record *tracker.Sweep, file *sweep.File, trials []*tracker.Run) error {
	slices.SortFunc(trials, func(a, b *tracker.Run) int { return a.Trial - b.Trial })
	judgements, err := w.from.Judgements(w.ctx, tracker.JudgementQuery{Sweep: record.Name})
	if err != nil {
		return err
	}
	seen, err := sweep.Observations(file, trials, judgements)
	if err != nil {
		return err
	}
	study, err := w.insert("INSERT INTO studies (study_name) VALUES (?)", record.Name)
	if err != nil {
		return err
	}
	if _, err := w.insert("INSERT INTO study_directions (direction, study_id, objective) VALUES ('MINIMIZE', ?, 0)", study); err != nil {
		return err
	}
	for key, value := range map[string]any{"experiment": record.Experiment, "sweep_file": record.Text} {
		if _, err := w.insert("INSERT INTO study_user_attributes (study_id, key, value_json) VALUES (?, ?, ?)", study, key, toJSON(value)); err != nil {
			return err
		}
	}
	for i, run := range trials {
		if err := w.trial(study, file, run, seen[i]); err != nil {
			return err
		}
	}
	return nil
}

// states are Optuna's names of what is known of a trial.
var states = map[sweep.State]string{sweep.Running: running, sweep.Finished: complete, sweep.Pruned: pruned, sweep.Failed: failed}

func (w *writer) trial(study int64, file *sweep.File, run *tracker.Run, o sweep.Observation) error {
	state := states[o.State]
	value, kind := valueOf(o.Value)
	if run.Status == tracker.StatusFailed || state == complete && kind == notNumber {
		state = failed // even if it may be tried again; Optuna refuses such a value of a complete trial
	}
	trial, err := w.insert("INSERT INTO trials (number, study_id, state, datetime_start, datetime_complete) VALUES (?, ?, ?, ?, ?)",
		run.Trial-1, study, state, timeText(run.StartedAt), timeText(run.EndedAt))
	if err != nil {
		return err
	}
	if kind != notNumber && state != running {
		if _, err := w.insert("INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (?, 0, ?, ?)", trial, value, kind); err != nil {
			return err
		}
	}
	for i := range file.Search {
		if err := w.param(trial, &file.Search[i], run.Params); err != nil {
			return err
		}
	}
	curves, err := w.from.Curves(w.ctx, run.ID, tracker.CurveQuery{Metrics: []string{sweep.ObjectiveMetric}})
	if err != nil {
		return err
	}
	for _, c := range curves {
		for _, p := range c.Points {
			value, kind := valueOf(p.Value)
			if _, err := w.insert("INSERT INTO trial_intermediate_values (trial_id, step, intermediate_value, intermediate_value_type) VALUES (?, ?, ?, ?)",
				trial, p.Step, value, kind); err != nil {
				return err
			}
		}
	}
	if err := w.attributes(trial, run); err != nil {
		return err
	}
	return w.picture(trial, run)
}

// param adds the value of a dimension, unless the trial has none.
func (w *writer) param(trial int64, d *sweep.Dimension, params tracker.Params) error {
	value, ok := params[d.Name]
	if !ok {
		return nil
	}
	var from distribution
	var number float64
	if d.Values != nil {
		from = distribution{categorical, map[string]any{"choices": d.Values}}
		i := slices.IndexFunc(d.Values, func(v any) bool { return fmt.Sprint(v) == fmt.Sprint(value) })
		if i < 0 {
			return tracker.Errorf(tracker.CodeInvalid, "a trial has %s %v, which is not among the values of its sweep", d.Name, value)
		}
		number = float64(i)
	} else {
		from = distribution{floats, map[string]any{"low": d.Low, "high": d.High, "log": d.Log, "step": nil}}
		if d.Kind == setting.Int {
			from.Name, from.Attributes["step"] = ints, 1
		}
		switch v := value.(type) {
		case int64:
			number = float64(v)
		case float64:
			number = v
		default:
			return tracker.Errorf(tracker.CodeInvalid, "a trial has %s %v, which is no number", d.Name, value)
		}
	}
	_, err := w.insert("INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) VALUES (?, ?, ?, ?)",
		trial, d.Name, number, toJSON(from))
	return err
}

// attributes adds what Optuna has no place for.
func (w *writer) attributes(trial int64, run *tracker.Run) error {
	all := map[string]any{"run": run.ID, "name": run.Name, "status": string(run.Status), "seconds": run.Duration().Seconds()}
	if run.Rating > 0 {
		all["rating"] = run.Rating
	}
	for key, text := range map[string]string{"note": run.Note, "reason": run.Reason, "tags": strings.Join(run.Tags, ", "), "command": run.Provenance.CommandLine()} {
		if text != "" {
			all[key] = text
		}
	}
	for name, v := range run.Final {
		if value, kind := valueOf(v); kind == finite && name != sweep.ObjectiveMetric {
			all["final."+name] = value
		}
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if _, err := w.insert("INSERT INTO trial_user_attributes (trial_id, key, value_json) VALUES (?, ?, ?)", trial, key, toJSON(all[key])); err != nil {
			return err
		}
	}
	return nil
}

// picture adds the picture that shows the run as the trial's file.
func (w *writer) picture(trial int64, run *tracker.Run) error {
	if run.Picture == "" {
		return nil
	}
	pictures, err := w.from.Pictures(w.ctx, run.ID, tracker.PictureQuery{Roles: []string{tracker.RoleResult, tracker.RoleSnapshot}})
	if err != nil {
		return err
	}
	i := slices.IndexFunc(pictures, func(p tracker.Picture) bool { return p.Hash == run.Picture })
	if i < 0 {
		return nil
	}
	p := pictures[i]
	sum := sha256.Sum256([]byte(run.ID + " " + p.Hash))
	id := hex.EncodeToString(sum[:16]) // optuna-dashboard shows nothing else than a UUID, with its hyphens or without
	if err := export.CopyPicture(w.ctx, w.root, id, w.from, p.Hash); err != nil {
		return err
	}
	about := artifact{ID: id, Filename: export.FileName(run, pictures, &p), Kind: "image/" + p.Format}
	_, err = w.insert("INSERT INTO trial_system_attributes (trial_id, key, value_json) VALUES (?, ?, ?)", trial, artifactPrefix+id, toJSON(toJSON(about)))
	return err
}
