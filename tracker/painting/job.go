package painting

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/tracker"
)

// Again returns the job of a recorded run, with its pictures from the store and its settings. With
// the same weights on the same machine it paints the same picture, to the byte.
func Again(ctx context.Context, store tracker.PictureReader, run *tracker.Run) (stylelib.Job, error) {
	job, _, err := Repeat(ctx, store, run, nil)
	return job, err
}

// Repeat returns the job of a recorded run with some settings changed, as [stylelib.Job.Set] takes them, and what is
// recorded of a run that paints it: the pictures' files, with their names, and the name, the experiment and the weights of
// the first run. A new preset replaces what the run has from the old one. The number of scales follows the size, unless
// the run has another number than is usual.
func Repeat(ctx context.Context, store tracker.PictureReader, run *tracker.Run, changes map[string]any) (stylelib.Job, tracker.NewRun, error) {
	n := tracker.NewRun{Name: run.Name, Experiment: run.Experiment, Params: tracker.Params{}}
	n.Provenance.Weights = run.Provenance.Weights
	fail := func(err error) (stylelib.Job, tracker.NewRun, error) {
		return stylelib.Job{}, n, fmt.Errorf("run %s: %w", run.ID, err)
	}
	err := CanRepeat(run)
	if err != nil {
		return fail(err)
	}
	if n.Inputs, err = readInputs(ctx, store, run.ID); err != nil {
		return fail(err)
	}
	for name, v := range run.Params {
		if role, ok := strings.CutSuffix(name, "_picture"); ok && slices.Contains(tracker.InputRoles, role) {
			n.Params[name] = v
		}
	}
	values := settings(run.Params)
	if firstDefault(run.Params) {
		values["preset"] = loss.Gouache1().Name
	}
	var job stylelib.Job
	if err := cmp.Or(setAll(&job, values), addInputs(ctx, &job, run.Params, n.Inputs)); err != nil {
		return fail(err)
	}
	automatic := job
	automatic.Scales = 0
	if usual, err := automatic.Recorded(); err == nil && usual["scales"] == int64(job.Scales) {
		job = automatic
	}
	if len(changes) == 0 {
		return job, n, nil
	}
	return job, n, change(&job, &n, changes)
}

// CanRepeat says why a run cannot be repeated, as far as that shows without its pictures. Runs of other programs are no
// paintings.
func CanRepeat(run *tracker.Run) error {
	for _, name := range []string{"preset", "size", "iterations", "scales", "style_weight"} {
		if _, ok := run.Params[name]; !ok {
			return fmt.Errorf("it does not say its %s: it was not recorded whole", name)
		}
	}
	if own, ok := run.Params["own_terms"]; ok {
		return fmt.Errorf("a program added losses of its own, %v: only that program can paint it again", own)
	}
	return nil
}

// change changes the settings of a job and of the run that records it.
func change(job *stylelib.Job, n *tracker.NewRun, changes map[string]any) error {
	changed := map[string]any{}
	for name, v := range changes {
		changed[strings.ReplaceAll(name, "-", "_")] = v
	}
	if _, ok := changed["preset"]; ok {
		old := stylelib.Job{Preset: job.Preset}
		if err := old.Set(map[string]any{"preset": job.Preset.Name}); err != nil {
			return err
		}
		defaults := old.Settings()
		for name, v := range job.Settings() {
			if _, given := changed[name]; !given && name != "init" && v != defaults[name] {
				changed[name] = v
			}
		}
	}
	if _, ok := changed["init"]; ok { // not the picture that the run started from
		n.Inputs = slices.DeleteFunc(n.Inputs, func(in tracker.NewPicture) bool { return in.Role == tracker.RoleInit })
		delete(n.Params, tracker.RoleInit+"_picture")
	}
	return job.Set(changed)
}

// Job returns the job that a new run describes: the settings among its parameters, and its inputs. The weights of several
// styles are the parameter style_mix, such as 1:0.5, or equal.
func Job(ctx context.Context, n tracker.NewRun) (job stylelib.Job, err error) {
	err = cmp.Or(setAll(&job, settings(n.Params)), addInputs(ctx, &job, n.Params, n.Inputs))
	return job, err
}

// Enqueue records a job as a run that waits for a worker. n describes the run: its inputs are the files that the job's
// pictures were decoded from, and its Provenance.Weights are the name or the file of the weights to paint with, "" for
// the best available. What a worker paints is, to the byte, what [stylelib.Studio.Stylize] paints of the job. A job that
// the record cannot hold has CodeInvalid: one with terms of its own, or with other pictures than n.
func Enqueue(ctx context.Context, store tracker.RunStore, job stylelib.Job, n tracker.NewRun) (*tracker.Run, error) {
	settings, err := job.Recorded()
	if err == nil && job.Terms != nil {
		err = errors.New("a job with terms of its own cannot be queued: the worker is another program")
	}
	if err == nil {
		err = checkInputs(job, n.Inputs)
	}
	if err != nil {
		return nil, tracker.Errorf(tracker.CodeInvalid, "%w", err)
	}
	params := maps.Clone(n.Params)
	if params == nil {
		params = tracker.Params{}
	}
	maps.Copy(params, tracker.ParamsOf(settings))
	n.Params, n.Queued, n.Provenance.Seed = params, true, &job.Seed
	return store.CreateRun(ctx, n)
}

// checkInputs returns an error if files are not those of a job's pictures.
func checkInputs(job stylelib.Job, inputs []tracker.NewPicture) error {
	want := map[string]int{tracker.RoleContent: 1, tracker.RoleStyle: len(job.Styles)}
	add := func(role string, has bool) {
		if has {
			want[role]++
		}
	}
	add(tracker.RoleInit, job.Start != nil)
	add(tracker.RoleStrokes, job.StrokesOf != nil)
	add(tracker.RoleProtect, job.Protect != nil)
	for _, s := range job.Styles {
		add(tracker.RoleRegion, s.Region != nil)
		add(tracker.RolePart, s.Part != nil)
	}
	for _, role := range tracker.InputRoles {
		has := 0
		for _, in := range inputs {
			if in.Role == role {
				has++
			}
		}
		if has != want[role] {
			return fmt.Errorf("the job has %d pictures as %s, and %d files were given", want[role], role, has)
		}
	}
	return nil
}

// setAll sets the settings of a run's record. The picture that it starts from is among its inputs.
func setAll(job *stylelib.Job, values map[string]any) error {
	if values["init"] == "picture" {
		delete(values, "init")
	}
	return job.Set(values)
}

// readInputs reads the files that a run was painted from.
func readInputs(ctx context.Context, store tracker.PictureReader, id string) ([]tracker.NewPicture, error) {
	pictures, err := store.Pictures(ctx, id, tracker.PictureQuery{Roles: tracker.InputRoles})
	if err != nil {
		return nil, err
	}
	var inputs []tracker.NewPicture
	for _, p := range pictures {
		data, err := readInput(ctx, store, p)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, tracker.NewPicture{Role: p.Role, Step: p.Step, Name: p.Name, Source: p.Source, Data: data})
	}
	return inputs, nil
}

// addInputs decodes the pictures of a job. Styles are in the order of their steps.
func addInputs(ctx context.Context, job *stylelib.Job, params tracker.Params, inputs []tracker.NewPicture) error {
	mix, ok := params["style_mix"].(string)
	if !ok {
		mix = "1" // of a single style, as a sweep and the command line have it, whose checkpoints depend on it
	}
	weights := strings.Split(mix, ":")
	regions, parts := map[int64]*picture.Mask{}, map[int64]*picture.Mask{}
	inputs = slices.SortedStableFunc(slices.Values(inputs), func(a, b tracker.NewPicture) int { return cmp.Compare(a.Step, b.Step) })
	for _, in := range inputs {
		if !slices.Contains(tracker.InputRoles, in.Role) {
			continue
		}
		p, err := picture.Decode(ctx, in.Name, in.Data)
		if err != nil {
			return err
		}
		switch in.Role {
		case tracker.RoleContent:
			job.Content = p
		case tracker.RoleStyle:
			style := stylelib.Style{Picture: p}
			if n := len(job.Styles); n < len(weights) {
				style.Weight, _ = strconv.ParseFloat(weights[n], 64)
			}
			job.Styles = append(job.Styles, style)
		case tracker.RoleInit:
			job.Start = p
		case tracker.RoleStrokes:
			job.StrokesOf = p
		case tracker.RoleProtect:
			job.Protect = p.Mask()
		case tracker.RoleRegion:
			regions[in.Step] = p.Mask()
		case tracker.RolePart:
			parts[in.Step] = p.Mask()
		}
	}
	for i := range job.Styles {
		job.Styles[i].Region, job.Styles[i].Part = regions[int64(i)], parts[int64(i)]
	}
	if job.Content == nil || len(job.Styles) == 0 {
		return errors.New("it was recorded without its photograph or painting: it cannot be painted")
	}
	return nil
}

func readInput(ctx context.Context, store tracker.PictureReader, in tracker.Picture) ([]byte, error) {
	file, err := store.OpenPicture(ctx, in.Hash)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", in.Name, err)
	}
	return data, nil
}
