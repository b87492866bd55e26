package painting

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/tracker"
)

// Again returns the job of a recorded run, with its pictures from the store and its settings. With
// the same weights on the same machine it paints the same picture, to the byte.
func Again(ctx context.Context, store tracker.PictureReader, run *tracker.Run) (job stylelib.Job, err error) {
	values := settings(run.Params)
	for _, name := range []string{"preset", "size", "iterations", "scales", "style_weight"} {
		if _, ok := values[name]; !ok {
			return job, fmt.Errorf("run %s does not say its %s: it was not recorded whole", run.ID, name)
		}
	}
	if values["init"] == "picture" { // it is among the inputs
		delete(values, "init")
	}
	if err := job.Set(values); err != nil {
		return job, fmt.Errorf("run %s: %w", run.ID, err)
	}
	return job, addInputs(ctx, store, run, &job)
}

// settings returns the parameters that are settings of a job, by the settings' names.
func settings(params tracker.Params) map[string]any {
	values := map[string]any{}
	for _, s := range stylelib.Settings() {
		if v, ok := params[s.Name]; ok {
			values[s.Name] = v
		}
	}
	return values
}

// styleWeights returns the weights of a run's styles, or nil if it has one style.
func styleWeights(run *tracker.Run) []float64 {
	mix, _ := run.Params["style_mix"].(string)
	var weights []float64
	for text := range strings.SplitSeq(mix, ":") {
		if weight, err := strconv.ParseFloat(text, 64); err == nil {
			weights = append(weights, weight)
		}
	}
	return weights
}

// addInputs loads the inputs of a run. Styles are in the order of their steps.
func addInputs(ctx context.Context, store tracker.PictureReader, run *tracker.Run, job *stylelib.Job) error {
	inputs, err := store.Pictures(ctx, run.ID, tracker.PictureQuery{Roles: []string{tracker.RoleContent, tracker.RoleStyle, tracker.RoleInit}})
	if err != nil {
		return err
	}
	weights := styleWeights(run)
	for _, in := range inputs {
		p, err := loadInput(ctx, store, in)
		if err != nil {
			return err
		}
		switch in.Role {
		case tracker.RoleContent:
			job.Content = p
		case tracker.RoleStyle:
			style := stylelib.Style{Picture: p}
			if n := len(job.Styles); n < len(weights) {
				style.Weight = weights[n]
			}
			job.Styles = append(job.Styles, style)
		case tracker.RoleInit:
			job.Start = p
		}
	}
	if job.Content == nil || len(job.Styles) == 0 {
		return fmt.Errorf("run %s was recorded without its photograph or painting: it cannot be painted again", run.ID)
	}
	return nil
}

func loadInput(ctx context.Context, store tracker.PictureReader, in tracker.Picture) (*picture.Picture, error) {
	file, err := store.OpenPicture(ctx, in.Hash)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", in.Name, err)
	}
	return picture.Decode(in.Name, data)
}
