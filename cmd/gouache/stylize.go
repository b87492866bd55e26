package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
)

type stylizeFlags struct {
	studio   studioFlags
	settings settingFlags
	record   recordFlags
	content  string
	styles   []string
	out      string
	protect  string
	strokes  string
	init     string
	json     bool
	depth    int
	keep     bool             // the content's profile
	encoding picture.Encoding // of the result, once the flags are read
}

func newStylize() *cobra.Command {
	var f stylizeFlags
	cmd := &cobra.Command{
		Use:   "stylize --content FILE --style FILE[:WEIGHT][@REGION[@PART]]... --out FILE [flags]",
		Short: "Paint a photograph in the style of one or more paintings",
		Long: `Paint a photograph in the style of one or more paintings.

Pictures are files (PNG, JPEG, WebP, TIFF, GIF, HEIC, AVIF) or sample:NAME, a picture that comes with
the program. The result is a PNG, JPEG or TIFF, by the extension of --out. Ctrl-C, kill and a terminal
that closes save the best picture so far; a second Ctrl-C ends the program at once.

A mask is any picture of the photograph's shape, or, for @PART, of the painting's: white counts and
black does not, with greys between, or the opaque counts if it is a silhouette. Styles with the same
region mix there, and a style without one paints what the others leave. --style FILE@@PART has a part
and no region.

Colours are converted from each picture's colour profile to sRGB, in which the result is written.

The run is recorded with its settings, curves and pictures; see gouache runs and gouache ui.`,
		Example: `  gouache stylize --content sample:chelsea --style sample:swirl --out cat.png --size 256
  gouache stylize --content me.jpg --style scream.jpg --style night.jpg:0.5 --out me.png --style-weight 6
  gouache stylize --content me.jpg --style night.jpg@sky.png --style scream.jpg --protect face.png --out r.png
  gouache stylize --content me.jpg --style scream.jpg --out noise.png --init noise --seed 7`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runStylize(cmd, &f) },
	}
	flags := cmd.Flags()
	flags.Var((*path)(&f.content), "content", "the photograph: a `FILE` or sample:NAME")
	flags.Var((*paths)(&f.styles), "style", "a painting: a `FILE` or sample:NAME, with :WEIGHT to mix several, @REGION for a mask of where it is used, and @PART for a mask of what counts of it")
	flags.Var((*path)(&f.strokes), "strokes-of", "a painting, `FILE` or sample:NAME, that gives the strokes, while --style gives the colours and the large forms")
	flags.Var((*path)(&f.protect), "protect", "a mask, `FILE`, of where the photograph counts four times as much, such as a face")
	flags.Var((*path)(&f.out), "out", "where the result goes: a .png, .jpg or .tiff `FILE`, or - for a PNG on standard output")
	f.init = "content"
	flags.Var((*path)(&f.init), "init", "what to start from: content, noise or a `FILE`")
	flags.IntVar(&f.depth, "depth", 8, "`BITS` of a channel of the result: 8, or 16 in a .png or .tiff")
	flags.BoolVar(&f.keep, "keep-profile", false, "write the result in the content's colour profile in place of sRGB")
	flags.BoolVar(&f.json, "json", false, "print the result as JSON")
	f.settings.add(cmd, "init", "seed") // these two are flags of their own
	f.studio.add(cmd)
	f.studio.addCompute(cmd)
	f.studio.addTuning(cmd)
	f.record.add(cmd)
	return cmd
}

func runStylize(cmd *cobra.Command, f *stylizeFlags) error {
	if err := require(cmd, "content", "style", "out"); err != nil {
		return err
	}
	if err := f.record.check(); err != nil {
		return err
	}
	if f.record.name == "" {
		f.record.name = tracker.NameFrom(strings.TrimSuffix(filepath.Base(f.out), filepath.Ext(f.out)))
		if f.out == "-" {
			f.record.name = "stdout"
		}
	}
	var run tracker.NewRun
	job, err := f.job(cmd.Context(), &run)
	if err != nil {
		return err
	}
	f.studio.warn(cmd, job.Warnings()...)
	return withStudio(cmd, &f.studio, func(studio *stylelib.Studio) error {
		messages := messages(cmd, f.studio.quiet)
		line := newProgressLine(messages)
		run.Provenance = provenance(f.command(cmd, job, studio), studio, job.Seed)
		recording := f.record.start(cmd.Context(), run, line.notRecorded)
		result, err := studio.Stylize(cmd.Context(), job, recording.observer(line))
		recording.end(cmd.Context(), err)
		if err != nil {
			return err
		}
		if err := f.save(result.Picture, job.Background); err != nil {
			return err
		}
		if id := recording.id(); id != "" {
			terminal.Fprintf(messages, "recorded as run %s: see gouache runs show %s, or gouache ui\n", id, id)
		}
		err = showOut(cmd, f.json, stylizeReport{
			Out: f.out, Status: result.Status, Reason: result.Reason, Width: result.Picture.Width, Height: result.Picture.Height,
			Iterations: result.Iterations, Evaluations: result.Evaluations, Total: result.Total, Terms: weightedTerms(result.Terms),
			Seconds: result.Elapsed.Seconds(), Weights: studio.Weights().Name, Device: studio.Backend().DeviceName(), Run: recording.id(),
		}, f.out)
		if err == nil && result.Status == progress.Interrupted {
			terminal.Fprintf(messages, "%s: the best picture so far is saved\n", result.Reason)
			return errInterrupted
		}
		return err
	})
}

// job reads the flags and the pictures. Everything that can be wrong without computing is found here.
func (f *stylizeFlags) job(ctx context.Context, run *tracker.NewRun) (stylelib.Job, error) {
	job := stylelib.Job{Seed: f.studio.seed}
	err := job.Set(f.settings)
	if err != nil {
		return job, usage(err)
	}
	if err := checkStdout(f.out, f.json); err != nil {
		return job, err
	}
	if err := picture.CheckOutput(f.out); err != nil {
		return job, fmt.Errorf("--out: %w", err)
	}
	if job.Content, err = loadInput(ctx, run, tracker.RoleContent, f.content); err != nil {
		return job, fmt.Errorf("--content: %w", err)
	}
	if err := f.encode(job.Content); err != nil {
		return job, usage(err)
	}
	if job.Styles, err = loadStyles(ctx, run, f.styles, job.Content); err != nil {
		return job, err
	}
	if f.strokes != "" {
		if job.StrokesOf, err = loadInput(ctx, run, tracker.RoleStrokes, f.strokes); err != nil {
			return job, fmt.Errorf("--strokes-of: %w", err)
		}
	}
	if job.Protect, err = loadMask(ctx, run, 0, tracker.RoleProtect, f.protect, job.Content); err != nil {
		return job, fmt.Errorf("--protect: %w", err)
	}
	switch f.init {
	case "content":
	case "noise":
		job.Noise = true
	default:
		if job.Start, err = loadInput(ctx, run, tracker.RoleInit, f.init); err != nil {
			return job, fmt.Errorf("--init must be content, noise or a picture: %w", err)
		}
	}
	return job, usage(job.Check())
}

// encode chooses the result's encoding.
func (f *stylizeFlags) encode(content *picture.Picture) error {
	f.encoding.Depth = f.depth
	if err := f.encoding.Check(f.out); err != nil {
		return fmt.Errorf("--depth: %w", err)
	}
	if !f.keep {
		return nil
	}
	if content.Profile == nil && content.Warning != nil {
		return fmt.Errorf("--keep-profile: the profile cannot be kept: %w", content.Warning)
	}
	f.encoding.Profile = content.Profile
	if err := f.encoding.Check(f.out); err != nil {
		return fmt.Errorf("--keep-profile: %w", err)
	}
	return nil
}

// loadStyles reads what --style was given, FILE:WEIGHT@REGION@PART, and adds the files to a run. The regions are those of
// the content.
func loadStyles(ctx context.Context, run *tracker.NewRun, texts []string, content *picture.Picture) (styles []stylelib.Style, err error) {
	var named []filename.Style
	for i, text := range texts {
		s, err := filename.ParseStyle("", text)
		if err != nil {
			return nil, usage(fmt.Errorf("--style: %w", err))
		}
		named = append(named, s)
		style := stylelib.Style{Weight: s.Weight}
		if style.Picture, err = loadInputOf(ctx, run, i, tracker.RoleStyle, s.File); err != nil {
			return nil, fmt.Errorf("--style: %w", err)
		}
		if style.Region, err = loadMask(ctx, run, i, tracker.RoleRegion, s.Region, content); err != nil {
			return nil, fmt.Errorf("--style, the region after @: %w", err)
		}
		if style.Part, err = loadMask(ctx, run, i, tracker.RolePart, s.Part, style.Picture); err != nil {
			return nil, fmt.Errorf("--style, the part after the second @: %w", err)
		}
		styles = append(styles, style)
	}
	if err := filename.CheckWeights(named); err != nil {
		return nil, usage(fmt.Errorf("--style: %w", err))
	}
	return styles, nil
}

// loadMask reads a mask of a picture and adds its file to a run. It returns nil for no name.
func loadMask(ctx context.Context, run *tracker.NewRun, style int, role, name string, of *picture.Picture) (*picture.Mask, error) {
	if name == "" {
		return nil, nil
	}
	p, err := loadInputOf(ctx, run, style, role, filename.Expand(name))
	if err != nil {
		return nil, err
	}
	m := p.Mask()
	if err := m.Check(of); err != nil {
		return nil, usage(fmt.Errorf("%s %w", name, err))
	}
	return m, nil
}

// command returns the command line that paints the job again, from any folder and whatever the defaults are then.
func (f *stylizeFlags) command(cmd *cobra.Command, job stylelib.Job, studio *stylelib.Studio) []string {
	words := []string{"gouache", "stylize", "--content", filename.Absolute(f.content)}
	for _, text := range f.styles {
		style, _ := filename.ParseStyle("", text) // it was read before
		words = append(words, "--style", style.Absolute().String())
	}
	if f.strokes != "" {
		words = append(words, "--strokes-of", filename.Absolute(f.strokes))
	}
	if f.protect != "" {
		words = append(words, "--protect", filename.Absolute(f.protect))
	}
	init, out := f.init, f.out
	if job.Start != nil {
		init = filename.Absolute(init)
	}
	if out != "-" {
		out = filename.Absolute(out)
	}
	words = append(words, "--out", out, "--init", init)
	if f.depth == 16 {
		words = append(words, "--depth", "16")
	}
	if f.keep {
		words = append(words, "--keep-profile")
	}
	values := job.Settings()
	for _, s := range stylelib.Settings() {
		if value, ok := values[s.Name]; ok && s.Name != "init" {
			words = append(words, "--"+s.Flag(), fmt.Sprint(value))
		}
	}
	words = append(words, "--weights", studio.Weights().Name)
	if studio.Weights().Path != "" && f.studio.weights != "auto" && f.studio.weights != studio.Weights().Name {
		words[len(words)-1] = filename.Absolute(f.studio.weights) // a file
	}
	for _, name := range []string{"device", "precision", "tile", "tune"} {
		if flag := cmd.Flags().Lookup(name); flag.Changed {
			words = append(words, "--"+name, flag.Value.String())
		}
	}
	return words
}

// save writes the result, on the background if the format has no alpha. If that fails it writes it to a temporary file,
// so that it is not lost.
func (f *stylizeFlags) save(p *picture.Picture, background string) error {
	path, page := f.out, p
	if ext := strings.ToLower(filepath.Ext(path)); ext == ".jpg" || ext == ".jpeg" {
		colour, err := picture.ParseColour(cmp.Or(background, stylelib.DefaultBackground))
		if err != nil {
			return err
		}
		page = p.On(colour)
	}
	err := page.SaveAs(path, f.encoding)
	if err == nil {
		return nil
	}
	rescue, tempErr := os.CreateTemp("", "gouache-*.png")
	if tempErr != nil {
		return err
	}
	if tempErr = cmp.Or(rescue.Close(), p.SaveAs(rescue.Name(), f.encoding)); tempErr != nil {
		return errors.Join(err, tempErr)
	}
	return fmt.Errorf("%w; the picture is kept in %s", err, rescue.Name())
}

type stylizeReport struct {
	Out         string             `json:"out"`
	Status      progress.Status    `json:"status"`
	Reason      string             `json:"reason"`
	Width       int                `json:"width"`
	Height      int                `json:"height"`
	Iterations  int                `json:"iterations"`
	Evaluations int                `json:"evaluations"`
	Total       float64            `json:"total"`
	Terms       map[string]float64 `json:"terms"`
	Seconds     float64            `json:"seconds"`
	Weights     string             `json:"weights"`
	Device      string             `json:"device"`
	Run         string             `json:"run,omitempty"` // its id in the store
}

func weightedTerms(terms []progress.Term) map[string]float64 {
	values := map[string]float64{}
	for _, t := range terms {
		values[t.Name] = t.Weighted
	}
	return values
}
