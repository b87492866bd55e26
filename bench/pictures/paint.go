package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/figures"
	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/weights"
)

// The parameters of a painting's run, and its metric beside the figures.
const (
	pairParam      = "pair"
	contenderParam = "contender"
	planParam      = "plan" // plan.text
	wallSeconds    = "wall_seconds"
	figurePrefix   = "figure."
)

func newPaint() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use: "paint PLAN", Short: "Paint what is missing of a plan, measure it, and keep it in a store",
		Long: "Paint paints each pair with each contender of a plan, one at a time, and measures the results. Each painting begins\n" +
			"anew, with its device opened and its graphs compiled, since the wall time is compared.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.withStore(cmd.Context(), args[0], func(p *plan, store tracker.Store) error {
				return p.paint(cmd.Context(), store, cmd.ErrOrStderr())
			})
		},
	}
	f.add(cmd)
	return cmd
}

// paint paints what the store does not have yet.
func (p *plan) paint(ctx context.Context, store tracker.Store, messages io.Writer) error {
	for _, q := range p.Pairs {
		for _, c := range p.Contenders {
			known, err := p.painted(ctx, store, q, c)
			if err != nil {
				return err
			}
			if known {
				continue
			}
			terminal.Fprintf(messages, "%s by %s …\n", q.Name, c.Name)
			t := &task{plan: p, pair: q, contender: c, store: store}
			if err := t.paint(ctx); err != nil {
				return fmt.Errorf("%s by %s: %w", q.Name, c.Name, err)
			}
			terminal.Fprintf(messages, "  %s: hi_ab %s, alien %s %%\n", format.Duration(t.took), format.Rounded(t.figures["hi_ab"], 2), format.Rounded(t.figures["alien"], 2))
		}
	}
	return nil
}

// painted reports whether the store has a contender's painting of a pair. One that was not finished is
// removed.
func (p *plan) painted(ctx context.Context, store tracker.Store, q pair, c contender) (bool, error) {
	runs, err := p.runs(ctx, store, q)
	if err != nil {
		return false, err
	}
	run := runs[c.Name]
	switch {
	case run == nil:
		return false, nil
	case run.Status != tracker.StatusFinished:
		_, err := store.DeleteRuns(ctx, []string{run.ID}, tracker.DeleteOptions{})
		return false, err
	case run.Params[planParam] != p.text(c):
		return false, fmt.Errorf("%s was painted by another %s, as %v: name this one differently, or delete run %s", q.Name, c.Name, run.Params[planParam], run.ID)
	}
	return true, nil
}

// runs returns the runs of a pair by contender.
func (p *plan) runs(ctx context.Context, store tracker.RunReader, q pair) (map[string]*tracker.Run, error) {
	all, err := tracker.AllRuns(ctx, store, tracker.Where("sweep", tracker.Equal, p.sweep(q)), nil)
	runs := map[string]*tracker.Run{}
	for i := range all {
		if name, ok := all[i].Params[contenderParam].(string); ok {
			runs[name] = &all[i]
		}
	}
	return runs, err
}

// task is one painting.
type task struct {
	plan      *plan
	pair      pair
	contender contender
	store     tracker.Store

	content, style *picture.Picture
	began          time.Time
	run            *tracker.ActiveRun
	took           time.Duration
	figures        figures.Values
}

func (t *task) paint(ctx context.Context) error {
	runs, err := t.plan.runs(ctx, t.store, t.pair)
	if err != nil {
		return err
	}
	n := tracker.NewRun{
		Experiment: t.plan.Name, Name: t.pair.Name + ", " + t.contender.Name, Sweep: t.plan.sweep(t.pair), Trial: 1,
		Params: tracker.Params{pairParam: t.pair.Name, contenderParam: t.contender.Name, planParam: t.plan.text(t.contender)},
	}
	for _, run := range runs {
		n.Trial = max(n.Trial, run.Trial+1)
	}
	if t.content, err = loadInput(ctx, &n, tracker.RoleContent, t.pair.Content); err != nil {
		return err
	}
	if t.style, err = loadInput(ctx, &n, tracker.RoleStyle, t.pair.Style); err != nil {
		return err
	}
	if w, h := t.content.FitLonger(t.plan.Size); t.contender.Picture == "" && min(w, h) < figures.MinSide {
		return fmt.Errorf("its picture would have %d×%d pixels, and %d on each side are needed to measure it: choose a larger size", w, h, figures.MinSide)
	}
	seconds := ""
	if t.contender.SecondsOf != "" {
		other := runs[t.contender.SecondsOf]
		if other == nil || other.Status != tracker.StatusFinished {
			return fmt.Errorf("it paints as long as %s, which has not painted this pair", t.contender.SecondsOf)
		}
		seconds = strconv.FormatFloat(other.Final[wallSeconds], 'f', 1, 64)
	}
	if t.run, err = tracker.Start(ctx, t.store, n); err != nil {
		return err
	}
	t.began = time.Now()
	if t.contender.Settings != nil {
		err = t.stylize(ctx)
	} else {
		err = t.foreign(ctx, seconds)
	}
	if err != nil {
		// What a recorder has ended is a conflict.
		_ = t.run.Finish(context.WithoutCancel(ctx), tracker.Outcome{Status: tracker.StatusFailed, Reason: err.Error()})
		return err
	}
	return cmp.Or(t.run.Err(), ctx.Err())
}

// loadInput reads a picture and adds its file to a run.
func loadInput(ctx context.Context, n *tracker.NewRun, role, name string) (*picture.Picture, error) {
	data, err := picture.ReadFile(name)
	if err != nil {
		return nil, err
	}
	n.AddInput(role, filepath.Base(name), filename.Absolute(name), data)
	return picture.Decode(ctx, name, data)
}

// stylize paints with Gouache.
func (t *task) stylize(ctx context.Context) error {
	job, err := t.plan.job(t.contender, t.content, t.style)
	if err != nil {
		return err
	}
	device, err := backend.ParseDevice(cmp.Or(t.plan.Device, "auto"))
	if err != nil {
		return err
	}
	studio, err := stylelib.Open(ctx, stylelib.OpenOptions{Device: device, Weights: t.plan.Weights, Options: stylelib.Options{Tune: true}})
	if err != nil {
		return err
	}
	defer studio.Close()
	// The figures are logged before the recorder ends the run.
	measure := progress.Func(func(e progress.Event) {
		if r, ok := e.(progress.Result); ok && r.Status == progress.Finished {
			t.took = time.Since(t.began)
			err = t.measure(int64(r.Iterations), r.Picture)
		}
	})
	recorder := tracker.Observer(t.run, tracker.RecorderOptions{Snapshots: -1, PeakMemory: stylelib.PeakMemory})
	if _, failed := studio.Stylize(ctx, job, progress.Multi{measure, recorder}); failed != nil {
		return failed
	}
	return err
}

// foreign keeps the picture of another program, or a file.
func (t *task) foreign(ctx context.Context, seconds string) error {
	dir, err := os.MkdirTemp("", "pictures-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	out := filename.Resolve(t.plan.dir, strings.ReplaceAll(t.contender.Picture, "{pair}", t.pair.Name))
	if t.contender.Command != nil {
		out = filepath.Join(dir, "out.png")
		if err := t.command(ctx, dir, out, seconds); err != nil {
			return err
		}
	}
	result, err := picture.LoadContext(ctx, out)
	if err != nil {
		return err
	}
	if err := t.measure(0, result); err != nil {
		return err
	}
	if err := t.run.LogPicture(ctx, tracker.RoleResult, 0, result.Image()); err != nil {
		return err
	}
	return t.run.Finish(ctx, tracker.Outcome{Status: tracker.StatusFinished})
}

// command runs another program and keeps what it prints as the run's note. Pictures that are no
// files, as samples are, become files for it, as the weights do.
func (t *task) command(ctx context.Context, dir, out, seconds string) error {
	in := func(name string) string { return filepath.Join(dir, name) }
	content, style, network := in("content.png"), in("style.png"), in("weights.safetensors")
	if err := errors.Join(t.content.Save(content), t.style.Save(style)); err != nil {
		return err
	}
	if t.contender.uses("{weights}") {
		set, err := weights.Load(ctx, t.plan.Weights, weights.Options{})
		if err != nil {
			return err
		}
		if err := weights.WriteSafetensors(network, set); err != nil {
			return err
		}
	}
	replace := strings.NewReplacer("{pair}", t.pair.Name, "{content}", content, "{style}", style, "{weights}", network,
		"{size}", strconv.Itoa(t.plan.Size), "{seconds}", seconds, "{out}", out)
	var args []string
	for _, arg := range t.contender.Command {
		args = append(args, replace.Replace(arg))
	}
	var said, complaints bytes.Buffer
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.plan.dir, &said, &complaints
	t.began = time.Now()
	if err := cmd.Run(); err != nil {
		text := strings.TrimSpace(complaints.String())
		return fmt.Errorf("%s failed (%w); it printed:\n%s", args[0], err, text[max(0, len(text)-2000):])
	}
	t.took = time.Since(t.began)
	note := strings.TrimSpace(said.String())
	note = note[:min(len(note), 2000)]
	return t.run.Update(ctx, tracker.Update{Note: &note})
}

// measure logs the figures of a result, and the wall time if the picture was painted now.
func (t *task) measure(step int64, result *picture.Picture) error {
	opaque := func(p *picture.Picture) image.Image { return p.On(picture.White).Image() }
	reference, err := figures.New(opaque(t.content), opaque(t.style), result.Width, result.Height)
	if err != nil {
		return err
	}
	t.figures = reference.Measure(opaque(result))
	metrics := tracker.Metrics{}
	if t.took > 0 {
		metrics[wallSeconds] = t.took.Seconds()
	}
	for name, v := range t.figures {
		metrics[figurePrefix+name] = v
	}
	return t.run.Log(step, metrics)
}
