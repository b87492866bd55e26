package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/atomicfile"
	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/tracker"
)

type stylizeFlags struct {
	paintFlags
	contents []string
	styles   []string
	protect  string
	strokes  string
	init     string
	config   string
}

func newStylize() *cobra.Command { return stylizeCommand(&stylizeFlags{}) }

func stylizeCommand(f *stylizeFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "stylize PHOTO PAINTING... [flags]",
		Short: "Paint a photograph in the style of one or more paintings",
		Long: `Paint a photograph in the style of one or more paintings.

Pictures are files (PNG, JPEG, WebP, TIFF, GIF, HEIC, AVIF) or sample:NAME, a picture that comes with the program. The first is the photograph, and the others are paintings. With --content all of them are paintings, and with --style all of them are photographs.

Without --out the result is PHOTO-PAINTING.png in the current folder, or PHOTO-PAINTING-2.png and so on: no file is replaced. A file that --out names is replaced. The extension says the format: PNG, JPEG or TIFF.

Several photographs are painted one after another, and --out is the folder for the results. If one fails, the others are still painted, and the exit code is 1.

Ctrl-C, kill and a closed terminal save the best picture so far, and gouache runs resume continues it from there. A second Ctrl-C ends the program at once.

A painting may be FILE:WEIGHT, to mix several, and FILE:WEIGHT@REGION@PART with masks. REGION is a mask of where in the photograph it is used, and PART of what counts of the painting; FILE@@PART has no region. A mask is any picture of the same shape: white counts and black does not. In a silhouette, what is opaque counts. Paintings with the same region mix there, and those without one paint the rest.

Colours are converted from each picture's colour profile to sRGB, in which the result is written.

Settings that you always use can be kept in a file gouache.yaml in the current folder, or in the file that --config names: a line for each flag, such as "size: 1024". The file can only say how pictures look. It cannot name files, a device or a store. Flags on the command line override it.

The run is recorded with its settings, curves and pictures: see gouache runs and gouache ui. With --queue a worker paints it, perhaps on another machine, and the result is in the store: see gouache worker.`,
		Example: `  gouache stylize photo.jpg painting.jpg
  gouache stylize photo.jpg painting.jpg -s 1024 --strength strong -o big.png
  gouache stylize sample:chelsea sample:swirl:2 sample:glass --open
  gouache stylize --style painting.jpg holiday/*.jpg -o painted/
  gouache stylize me.jpg night.jpg@sky.png scream.jpg --protect face.png
  gouache stylize photo.jpg painting.jpg --queue --priority 5`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.name(cmd, args); err != nil {
				return err
			}
			return runStylize(cmd, f)
		},
	}
	flags := cmd.Flags()
	flags.Var((*paths)(&f.contents), "content", "a photograph, `FILE` or sample:NAME; may be given several times")
	flags.Var((*paths)(&f.styles), "style", "a painting, `FILE` or sample:NAME, with :WEIGHT, @REGION and @PART; may be given several times")
	flags.Var((*path)(&f.strokes), "strokes-of", "a painting, `FILE` or sample:NAME, that gives the strokes, while the others give the colours and the large forms")
	flags.Var((*path)(&f.protect), "protect", "a mask, `FILE`, of where the photograph counts four times as much, such as a face")
	f.init = "content"
	flags.Var((*path)(&f.init), "init", "what to start from: content, noise or a `FILE`")
	flags.Var((*path)(&f.config), "config", "`FILE` of settings in place of gouache.yaml, or none")
	f.paintFlags.add(cmd, "where the result goes: a .png, .jpg or .tiff `FILE`, - for a PNG on standard output, or a folder")
	return cmd
}

// name gives the arguments to the flags --content and --style, and checks that there are pictures for both.
func (f *stylizeFlags) name(cmd *cobra.Command, args []string) error {
	for i := range args {
		args[i] = filename.Expand(args[i])
	}
	switch content, style := len(f.contents) > 0, len(f.styles) > 0; {
	case content && style && len(args) > 0:
		return usage(fmt.Errorf("unexpected argument %q: --content and --style name all pictures; see `%s --help`", args[0], cmd.CommandPath()))
	case content:
		f.styles = append(f.styles, args...)
	case style:
		f.contents = args
	case len(args) > 0:
		f.contents, f.styles = args[:1], args[1:]
	}
	const example = "write gouache stylize PHOTO PAINTING; see `gouache stylize --help`"
	switch {
	case len(f.contents) == 0:
		return usage(fmt.Errorf("the photograph is missing: %s", example))
	case len(f.styles) == 0:
		return usage(fmt.Errorf("the painting is missing: %s", example))
	case slices.Contains(slices.Concat(f.contents, f.styles), ""):
		return usage(fmt.Errorf("the name of a picture is empty: %s", example))
	}
	return nil
}

func runStylize(cmd *cobra.Command, f *stylizeFlags) error {
	if err := f.check(cmd); err != nil { // before a file of settings sets flags
		return err
	}
	if err := f.readConfig(cmd); err != nil {
		return err
	}
	outputs, err := f.outputs()
	if err != nil {
		return err
	}
	base, err := f.load(cmd.Context())
	if err != nil {
		return err
	}
	first, err := f.canvas(cmd.Context(), base, f.contents[0], outputs[0])
	if err != nil && len(outputs) == 1 {
		return err
	}
	all := func(paint func(*canvas) error) error {
		if len(outputs) == 1 {
			return paint(first)
		}
		return f.batch(cmd, outputs, func(i int) error {
			p := first
			if i > 0 {
				p, err = f.canvas(cmd.Context(), base, f.contents[i], outputs[i])
			}
			if err != nil {
				return err
			}
			return paint(p)
		})
	}
	if f.queue.queue {
		return withStore(cmd, &storeFlags{dir: f.record.store, blobs: f.record.blobs}, creating, func(store tracker.Store) error {
			return all(func(p *canvas) error { return f.enqueue(cmd, store, p) })
		})
	}
	return withStudio(cmd, &f.studio, func(studio *stylelib.Studio) error {
		return all(func(p *canvas) error { return f.paint(cmd, studio, p) })
	})
}

// batch paints several pictures, each of which may fail or be stopped.
func (f *stylizeFlags) batch(cmd *cobra.Command, outputs []output, paint func(i int) error) error {
	messages := messages(cmd, f.studio.quiet)
	open, failed, stopped := f.display.open, 0, 0
	f.display.open = false
	for i := range outputs {
		terminal.Fprintf(messages, "%d of %d: %s\n", i+1, len(outputs), f.contents[i])
		err := paint(i)
		switch {
		case cmd.Context().Err() != nil:
			return cmp.Or(err, errInterrupted)
		case errors.Is(err, errInterrupted): // as by gouache runs stop, and has said so
			stopped++
		case err != nil:
			failed++
			terminal.Fprintf(cmd.ErrOrStderr(), "gouache: %s: %v\n", f.contents[i], err)
		}
	}
	if open { // one window for all
		f.display.openFile(cmd, filepath.Dir(outputs[0].path))
	}
	all := format.Count(len(outputs), "picture", "pictures")
	if stopped > 0 {
		terminal.Fprintf(messages, "stopped %d of %s\n", stopped, all)
	}
	switch {
	case failed > 0:
		return fmt.Errorf("%d of %s failed, for the reasons above", failed, all)
	case stopped > 0:
		return errInterrupted
	}
	return nil
}

// outputs returns where the pictures of the photographs go.
func (f *stylizeFlags) outputs() ([]output, error) {
	folder := "."
	switch one := len(f.contents) == 1; {
	case f.out == "":
	case one && !isFolder(f.out):
		return []output{{path: f.out}}, nil
	case atomicfile.IsStream(f.out) || !isFolder(f.out) && filepath.Ext(f.out) != "":
		return nil, usage(fmt.Errorf("--out: %s is a place for one picture, and %d are painted: name a folder, such as %s",
			f.out, len(f.contents), "painted/"))
	default:
		folder = f.out
		if err := makeFolder(folder); err != nil {
			return nil, fmt.Errorf("--out: %w", err)
		}
	}
	var outputs []output
	taken := map[string]bool{}
	for _, content := range f.contents {
		names := []string{stem(content)}
		for _, text := range f.styles {
			style, err := filename.ParseStyle("", text)
			if err != nil {
				return nil, usage(fmt.Errorf("--style: %w", err))
			}
			names = append(names, stem(style.File))
		}
		outputs = append(outputs, freeOutput(folder, strings.Join(names, "-"), taken))
	}
	return outputs, nil
}

// load reads the flags and all pictures but the photograph.
func (f *stylizeFlags) load(ctx context.Context) (*canvas, error) {
	p := &canvas{job: stylelib.Job{Seed: f.studio.seed}}
	err := cmp.Or(p.job.Set(f.settings), f.setStrength(&p.job))
	if err != nil {
		return nil, usage(err)
	}
	if p.job.Styles, err = loadStyles(ctx, &p.run, f.styles); err != nil {
		return nil, err
	}
	if f.strokes != "" {
		if p.job.StrokesOf, err = loadInput(ctx, &p.run, tracker.RoleStrokes, f.strokes); err != nil {
			return nil, fmt.Errorf("--strokes-of: %w", err)
		}
	}
	if p.job.Protect, err = loadMask(ctx, &p.run, 0, tracker.RoleProtect, f.protect); err != nil {
		return nil, fmt.Errorf("--protect: %w", err)
	}
	switch f.init {
	case "content":
	case "noise":
		p.job.Noise = true
	default:
		if p.job.Start, err = loadInput(ctx, &p.run, tracker.RoleInit, f.init); err != nil {
			return nil, fmt.Errorf("--init must be content, noise or a picture: %w", err)
		}
	}
	return p, nil
}

// canvas adds a photograph to what load has read. Everything that can be wrong without computing is found here.
func (f *stylizeFlags) canvas(ctx context.Context, base *canvas, content string, out output) (*canvas, error) {
	p := &canvas{job: base.job, out: out}
	var err error
	if p.job.Content, err = loadInput(ctx, &p.run, tracker.RoleContent, content); err != nil {
		return nil, err
	}
	for _, in := range base.run.Inputs {
		p.run.AddInputOf(in.Step, in.Role, in.Name, in.Source, in.Data)
	}
	if err := f.encode(p); err != nil {
		return nil, err
	}
	if err := checkMasks(p.job, f.styles, f.protect); err != nil {
		return nil, usage(err)
	}
	p.command = func(cmd *cobra.Command, studio *stylelib.Studio) []string { return f.command(cmd, p, content, studio) }
	return p, usage(p.job.Check())
}

// loadStyles reads paintings, FILE:WEIGHT@REGION@PART, and adds the files to a run.
func loadStyles(ctx context.Context, run *tracker.NewRun, texts []string) (styles []stylelib.Style, err error) {
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
		if style.Region, err = loadMask(ctx, run, i, tracker.RoleRegion, s.Region); err != nil {
			return nil, fmt.Errorf("--style, the region after @: %w", err)
		}
		if style.Part, err = loadMask(ctx, run, i, tracker.RolePart, s.Part); err != nil {
			return nil, fmt.Errorf("--style, the part after the second @: %w", err)
		}
		styles = append(styles, style)
	}
	if err := filename.CheckWeights(named); err != nil {
		return nil, usage(fmt.Errorf("--style: %w", err))
	}
	return styles, nil
}

// loadMask reads a mask and adds its file to a run. It returns nil for no name.
func loadMask(ctx context.Context, run *tracker.NewRun, style int, role, name string) (*picture.Mask, error) {
	if name == "" {
		return nil, nil
	}
	p, err := loadInputOf(ctx, run, style, role, filename.Expand(name))
	if err != nil {
		return nil, err
	}
	return p.Mask(), nil
}

// checkMasks says which file of a mask does not fit its picture.
func checkMasks(job stylelib.Job, styles []string, protect string) error {
	check := func(what, name string, m *picture.Mask, of *picture.Picture) error {
		if m == nil {
			return nil
		}
		if err := m.Check(of); err != nil {
			return fmt.Errorf("%s: %s %w", what, name, err)
		}
		return nil
	}
	for i, s := range job.Styles {
		named, _ := filename.ParseStyle("", styles[i]) // it was read before
		err := cmp.Or(check("--style, the region after @", named.Region, s.Region, job.Content),
			check("--style, the part after the second @", named.Part, s.Part, s.Picture))
		if err != nil {
			return err
		}
	}
	return check("--protect", protect, job.Protect, job.Content)
}

// command returns the command line that paints the job again, from any folder and whatever the defaults are then.
func (f *stylizeFlags) command(cmd *cobra.Command, p *canvas, content string, studio *stylelib.Studio) []string {
	words := []string{"gouache", "stylize", "--content", filename.Absolute(content)}
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
	init, out := f.init, p.out.path
	if p.job.Start != nil {
		init = filename.Absolute(init)
	}
	if out != "-" {
		out = filename.Absolute(out)
	}
	words = append(words, "--out", out, "--init", init, "--config", noConfig)
	if f.depth == 16 {
		words = append(words, "--depth", "16")
	}
	if f.keep {
		words = append(words, "--keep-profile")
	}
	values := p.job.Settings()
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
