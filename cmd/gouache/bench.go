package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/interrupt"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
)

type benchFlags struct {
	studio       studioFlags
	size, repeat int
	preset       string
	json         bool
}

func newBench() *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "bench [flags]",
		Short: "Measure how fast this machine paints",
		Long: `Measure how fast this machine paints: seconds for an evaluation of the objective with its gradient, what
the optimiser, the progress and the recording add to that, memory, and, layer by layer, which
convolution was chosen and what it takes alone. The pictures are the samples chelsea and swirl, made
square.`,
		Example: `  gouache bench --size 512
  gouache bench --weights random --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runBench(cmd, &f) },
	}
	flags := cmd.Flags()
	flags.IntVar(&f.size, "size", 256, "side of the picture in `PIXELS`")
	flags.IntVar(&f.repeat, "repeat", 7, "`NUMBER` of evaluations to take the median of")
	var presets []string
	for _, p := range loss.Presets() {
		presets = append(presets, p.Name)
	}
	flags.StringVar(&f.preset, "preset", presets[0], "`NAME` of the objective: "+strings.Join(presets, ", "))
	flags.BoolVar(&f.json, "json", false, "print JSON")
	f.studio.add(cmd)
	f.studio.addCompute(cmd)
	f.studio.addTuning(cmd)
	return cmd
}

func runBench(cmd *cobra.Command, f *benchFlags) error {
	if f.size < stylelib.MinSize || f.size > stylelib.MaxSize {
		return usage(fmt.Errorf("--size is %d: it must be %d to %d pixels", f.size, stylelib.MinSize, stylelib.MaxSize))
	}
	if f.repeat < 1 {
		return usage(fmt.Errorf("--repeat is %d: it must be 1 or more", f.repeat))
	}
	preset, err := loss.LookupPreset(f.preset)
	if err != nil {
		return usage(fmt.Errorf("--preset: %w", err))
	}
	preset.Margin = 0
	content, err := picture.Load("sample:chelsea")
	if err != nil {
		return err
	}
	style, err := picture.Load("sample:swirl")
	if err != nil {
		return err
	}
	content, style = content.Resize(f.size, f.size), style.Resize(f.size, f.size)
	styles := []stylelib.Style{{Picture: style, Weight: 1}}
	job := stylelib.Job{Content: content, Styles: styles, Size: f.size, Scales: 1, Iterations: loopIterations, Preset: preset}
	return withStudio(cmd, &f.studio, func(studio *stylelib.Studio) error {
		measured, err := studio.Benchmark(cmd.Context(), job, f.repeat)
		if err != nil {
			return err
		}
		overhead, err := measureLoop(cmd.Context(), studio, job)
		if err != nil {
			return err
		}
		report := newBenchReport(f, studio, measured, overhead)
		return show(cmd, f.json, report, report.print)
	})
}

// The painting that is measured has loopIterations, after which the optimiser's memory of ten is full. A large picture
// has fewer: it stops after loopEnough.
const (
	loopIterations = 16
	loopEnough     = 30 * time.Second
)

// measureLoop paints a few iterations with everything that belongs to a painting, recorded in a temporary store. It
// returns the time from the first iteration to the last, divided by the time of the evaluations in between.
func measureLoop(ctx context.Context, studio *stylelib.Studio, job stylelib.Job) (float64, error) {
	dir, err := os.MkdirTemp("", "gouache-bench-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	defer interrupt.OnExit(func() { _ = os.RemoveAll(dir) })()
	painting, stop := context.WithCancel(ctx)
	defer stop()
	var first, last progress.Iteration
	loop := progress.Func(func(e progress.Event) {
		i, ok := e.(progress.Iteration)
		if !ok {
			return
		}
		if last = i; i.Iteration == 1 {
			first = i
		} else if i.Elapsed > loopEnough {
			stop()
		}
	})
	var failure error
	record := recordFlags{store: dir, name: "bench"}
	run := tracker.NewRun{Provenance: provenance([]string{"gouache", "bench"}, studio, 0)}
	recording := record.start(ctx, run, func(err error) { failure = err })
	_, err = studio.Stylize(painting, job, recording.observer(progress.Multi{newProgressLine(io.Discard), loop}))
	recording.end(ctx, err)
	switch {
	case err != nil:
		return 0, err
	case failure != nil:
		return 0, fmt.Errorf("recording the painting to be measured: %w", failure)
	case ctx.Err() != nil:
		return 0, ctx.Err()
	}
	return float64(last.Elapsed-first.Elapsed) / float64(last.Evaluating-first.Evaluating), nil
}

type benchReport struct {
	Size      int    `json:"size"`
	Preset    string `json:"preset"`
	Network   string `json:"network"`
	Weights   string `json:"weights"`
	Device    string `json:"device"`
	Precision string `json:"precision"`
	Tiles     int    `json:"tiles"`
	// Evaluation is that of the objective with its gradient.
	Evaluation struct {
		Median float64 `json:"median_seconds"`
		Least  float64 `json:"least_seconds"`
		Most   float64 `json:"most_seconds"`
		Times  int     `json:"times"`
	} `json:"evaluation"`
	First      float64      `json:"first_evaluation_seconds"` // compiling included
	Loop       float64      `json:"loop_over_evaluations"`
	PeakMemory int64        `json:"peak_memory_bytes"`
	Layers     []benchLayer `json:"layers"`
}

type benchLayer struct {
	Layer    string   `json:"layer"`
	Height   int      `json:"height"`
	Width    int      `json:"width"`
	In       int      `json:"in"`
	Out      int      `json:"out"`
	Method   string   `json:"method"` // of convolution
	Forward  benchWay `json:"forward"`
	Pullback benchWay `json:"pullback"`
}

// benchWay is how long a convolution, or its pullback, takes alone.
type benchWay struct {
	Median float64 `json:"median_seconds"`
}

func newBenchReport(f *benchFlags, studio *stylelib.Studio, b *stylelib.Benchmark, loop float64) *benchReport {
	r := &benchReport{
		Size: f.size, Preset: f.preset, Network: studio.Weights().Network, Weights: studio.Weights().Name,
		Device: studio.Backend().Identity(), Precision: string(studio.Precision()), Tiles: b.Tiles,
		First: b.First.Seconds(), Loop: loop, PeakMemory: stylelib.PeakMemory(),
	}
	times := slices.Sorted(slices.Values(b.Evaluations))
	n := len(times)
	r.Evaluation.Median = (times[(n-1)/2] + times[n/2]).Seconds() / 2
	r.Evaluation.Least, r.Evaluation.Most, r.Evaluation.Times = times[0].Seconds(), times[n-1].Seconds(), n
	for i, c := range b.Choices {
		r.Layers = append(r.Layers, benchLayer{
			Layer: c.Layer, Height: c.Height, Width: c.Width, In: c.In, Out: c.Out,
			Method: c.Method, Forward: benchWay{b.Layers[i].Forward}, Pullback: benchWay{b.Layers[i].Pullback},
		})
	}
	return r
}

func (r *benchReport) print(w *terminal.Table) {
	w.Printf("%d×%d pixels, %s with weights %s, %s, on %s\n\n", r.Size, r.Size, r.Network, r.Weights, r.Precision, r.Device)
	tiles := ""
	if r.Tiles > 1 {
		tiles = fmt.Sprintf(", in %d tiles", r.Tiles)
	}
	w.Printf("evaluation with gradient\t%s\t(%s to %s, %d times%s)\n", milliseconds(r.Evaluation.Median),
		milliseconds(r.Evaluation.Least), milliseconds(r.Evaluation.Most), r.Evaluation.Times, tiles)
	w.Printf("first evaluation\t%s\tcompiling included\n", milliseconds(r.First))
	w.Printf("painting\t%.3f\tof the time of its evaluations: optimiser, progress and recording are the rest\n", r.Loop)
	w.Printf("peak memory\t%s\t\n\n", format.Bytes(r.PeakMemory))
	w.Printf("layer\tsize\tchannels\tmethod\tforward\tpullback\n")
	var forward, pullback float64
	for _, l := range r.Layers {
		w.Printf("%s\t%d×%d\t%d→%d\t%s\t%s\t%s\n", l.Layer, l.Width, l.Height, l.In, l.Out,
			l.Method, milliseconds(l.Forward.Median), milliseconds(l.Pullback.Median))
		forward, pullback = forward+l.Forward.Median, pullback+l.Pullback.Median
	}
	w.Printf("together, each alone\t\t\t\t%s\t%s\n", milliseconds(forward), milliseconds(pullback))
}

func milliseconds(seconds float64) string { return fmt.Sprintf("%.1f ms", 1e3*seconds) }
