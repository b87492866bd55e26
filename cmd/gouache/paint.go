package main

import (
	"cmp"
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
	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/tracker"
)

// paintFlags are those of the commands that paint a job: stylize and runs again.
type paintFlags struct {
	studio   studioFlags
	settings settingFlags
	strength *float64
	record   recordFlags
	queue    queueFlags
	display  displayFlags
	out      string
	depth    int
	keep     bool // the content's profile
	json     bool
}

func (f *paintFlags) add(cmd *cobra.Command, out string) {
	flags := cmd.Flags()
	flags.VarP((*path)(&f.out), "out", "o", out)
	flags.IntVar(&f.depth, "depth", 8, "`BITS` of a channel of the result: 8, or 16 in a .png or .tiff")
	flags.BoolVar(&f.keep, "keep-profile", false, "write the result in the content's colour profile in place of sRGB")
	flags.BoolVar(&f.json, "json", false, "print the result as JSON")
	flags.Func("strength", "`STRENGTH` of the style: subtle, medium, strong, or a number from 0 to 1; sets "+strengthSets, func(text string) error {
		value, err := stylelib.ParseStrength(text)
		f.strength = &value
		return err
	})
	f.settings.add(cmd, "init", "seed") // these two are flags of their own
	f.studio.add(cmd)
	f.studio.addCompute(cmd)
	f.studio.addTuning(cmd)
	f.record.add(cmd)
	f.queue.add(cmd)
	f.display.add(cmd)
	addHelpAll(cmd)
}

// strengthSets are the flags that --strength stands for.
const strengthSets = "--style-weight, --freedom and --palette"

// setStrength gives a job the strength of the flag, if there is one.
func (f *paintFlags) setStrength(job *stylelib.Job) error {
	if f.strength == nil {
		return nil
	}
	for _, name := range stylelib.StrengthSettings {
		if _, ok := f.settings[name]; ok {
			return fmt.Errorf("--strength sets %s: leave out --strength or --%s", strengthSets, setting.Setting{Name: name}.Flag())
		}
	}
	return job.SetStrength(*f.strength)
}

// check finds mistakes in the flags before anything slow begins.
func (f *paintFlags) check(cmd *cobra.Command) error {
	if err := cmp.Or(f.queue.check(cmd), f.record.check()); err != nil {
		return err
	}
	if err := checkStdout(f.out, f.json); err != nil {
		return err
	}
	return f.display.check(cmd, f.out)
}

// canvas is a picture to be painted, recorded and saved.
type canvas struct {
	job      stylelib.Job
	run      tracker.NewRun
	out      output
	encoding picture.Encoding // of the result
	// command returns what paints it again.
	command func(*cobra.Command, *stylelib.Studio) []string
}

// output is where a picture goes.
type output struct {
	path string
	// folder and stem make the path if the program chooses it, so that it replaces no file.
	folder, stem string
}

// freeOutput chooses a file's name in a folder that neither is there nor taken, and takes it.
func freeOutput(folder, stem string, taken map[string]bool) output {
	for n := 1; ; n++ {
		name := stem + ".png"
		if n > 1 {
			name = fmt.Sprintf("%s-%d.png", stem, n)
		}
		path := filepath.Join(folder, name)
		if _, err := os.Lstat(path); err != nil && !taken[path] {
			taken[path] = true
			return output{path, folder, stem}
		}
	}
}

// isFolder says whether a path names a folder, which need not be there.
func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir() || path != "" && os.IsPathSeparator(path[len(path)-1])
}

// makeFolder makes a folder in one that is there.
func makeFolder(path string) error {
	if err := os.Mkdir(path, 0o777); err != nil && !isFolder(path) || errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("the folder %s cannot be made: %w", path, err)
	}
	return nil
}

// stem returns the name of a picture without its folder and extension, and not too long for a file's name.
func stem(name string) string {
	const most = 80 // bytes
	name = strings.TrimPrefix(filepath.Base(name), filename.SamplePrefix)
	name = strings.TrimSuffix(name, filepath.Ext(name))
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "")
	}
	return name
}

// encode chooses the encoding of a picture's file, and says why it cannot be written.
func (f *paintFlags) encode(p *canvas) error {
	if err := picture.CheckOutput(p.out.path); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	p.encoding.Depth = f.depth
	if err := p.encoding.Check(p.out.path); err != nil {
		return usage(fmt.Errorf("--depth: %w", err))
	}
	if !f.keep {
		return nil
	}
	content := p.job.Content
	if content.Profile == nil && content.Warning != nil {
		return usage(fmt.Errorf("--keep-profile: the profile cannot be kept: %w", content.Warning))
	}
	p.encoding.Profile = content.Profile
	if err := p.encoding.Check(p.out.path); err != nil {
		return usage(fmt.Errorf("--keep-profile: %w", err))
	}
	return nil
}

// paint paints, records and saves a picture.
func (f *paintFlags) paint(cmd *cobra.Command, studio *stylelib.Studio, p *canvas) error {
	f.studio.warn(cmd, p.job.Warnings()...)
	messages := messages(cmd, f.studio.quiet)
	line := newProgressLine(messages)
	p.run.Provenance = provenance(p.command(cmd, studio), studio, p.job.Seed)
	p.run.Name = cmp.Or(f.record.name, p.run.Name, nameOf(p.out.path))
	recording := f.record.start(cmd.Context(), p.run, line.notRecorded)
	result, err := studio.Stylize(cmd.Context(), p.job, recording.observer(line))
	recording.end(cmd.Context(), err)
	if err != nil {
		return err
	}
	if err := p.save(result.Picture); err != nil {
		return err
	}
	if result.Status == progress.Interrupted {
		terminal.Fprintf(messages, "%s: the best picture so far is saved\n", result.Reason)
	}
	if id := recording.id(); id != "" {
		terminal.Fprintf(messages, "recorded as run %s: see gouache runs show %s, or gouache ui\n", id, id)
		if result.Status == progress.Interrupted {
			terminal.Fprintf(messages, "gouache runs resume %s has a worker, such as that of gouache ui, continue it\n", id)
		}
	}
	err = showOut(cmd, f.json, stylizeReport{
		Out: p.out.path, Status: result.Status, Reason: result.Reason, Width: result.Picture.Width, Height: result.Picture.Height,
		Iterations: result.Iterations, Evaluations: result.Evaluations, Total: result.Total, Terms: weightedTerms(result.Terms),
		Seconds: result.Elapsed.Seconds(), Weights: studio.Weights().Name, Device: studio.Backend().DeviceName(), Run: recording.id(),
	}, p.out.path)
	if err != nil {
		return err
	}
	f.display.show(cmd, result.Picture, p.out.path)
	if result.Status == progress.Interrupted {
		return errInterrupted
	}
	return nil
}

// nameOf returns the name of the run that paints to a path.
func nameOf(path string) string {
	if path == "-" {
		return "stdout"
	}
	return tracker.NameFrom(strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)))
}

// save writes the result, on the background if the format has no alpha. If that fails it writes it to a temporary file,
// so that it is not lost.
func (p *canvas) save(result *picture.Picture) error {
	if p.out.stem != "" {
		if err := p.out.reserve(); err != nil {
			return rescue(result, p.encoding, err)
		}
	}
	page := result
	if ext := strings.ToLower(filepath.Ext(p.out.path)); ext == ".jpg" || ext == ".jpeg" {
		colour, err := picture.ParseColour(cmp.Or(p.job.Background, stylelib.DefaultBackground))
		if err != nil {
			return err
		}
		page = result.On(colour)
	}
	if err := page.SaveAs(p.out.path, p.encoding); err != nil {
		return rescue(result, p.encoding, err)
	}
	return nil
}

// reserve makes an empty file under the output's name, or under the next one that is free if another process has made
// that in the meantime.
func (o *output) reserve() error {
	for {
		file, err := os.OpenFile(o.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
		switch {
		case err == nil:
			return file.Close()
		case !errors.Is(err, os.ErrExist):
			return err
		}
		*o = freeOutput(o.folder, o.stem, map[string]bool{})
	}
}

// rescue writes a picture that could not be saved to a temporary file.
func rescue(p *picture.Picture, encoding picture.Encoding, err error) error {
	file, tempErr := os.CreateTemp("", "gouache-*.png")
	if tempErr != nil {
		return err
	}
	if tempErr = cmp.Or(file.Close(), p.SaveAs(file.Name(), encoding)); tempErr != nil {
		return errors.Join(err, tempErr)
	}
	return fmt.Errorf("%w; the picture is kept in %s", err, file.Name())
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
