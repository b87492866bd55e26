package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/tracker"
)

func newRunsShow() *cobra.Command {
	var f storeFlags
	return f.add(&cobra.Command{
		Use:   "show ID [flags]",
		Short: "Show a run: settings, losses, pictures, files, and the command that paints it again",
		Args:  exactly("the ID of a run"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return showFrom(cmd, &f, reading, func(ctx context.Context, store tracker.Store) (*shownRun, error) {
				shown, err := showRun(ctx, store, args[0])
				if err == nil {
					shown.Again = againLine(&shown.Run, f.dir)
				}
				return shown, err
			}, printRun)
		},
	}, "print JSON")
}

// shownRun is what show prints.
type shownRun struct {
	tracker.Run
	Pictures []tracker.Picture `json:"pictures"`
	Files    []tracker.File    `json:"files"`
	// Again is the command that paints the run again from the store, for a shell, and CommandLine the one that made it.
	Again       string `json:"again,omitempty"`
	CommandLine string `json:"command_line,omitempty"`
	// Changed are the run's input files whose content has changed since.
	Changed []string `json:"changed_inputs"`
}

func showRun(ctx context.Context, store tracker.Reader, ref string) (*shownRun, error) {
	ids, err := findRuns(ctx, store, []string{ref})
	if err != nil {
		return nil, err
	}
	run, err := store.Run(ctx, ids[0])
	if err != nil {
		return nil, err
	}
	shown := &shownRun{Run: *run, CommandLine: run.Provenance.CommandLine(), Changed: []string{}}
	if shown.Pictures, err = store.Pictures(ctx, run.ID, tracker.PictureQuery{}); err != nil {
		return nil, err
	}
	if shown.Files, err = store.Files(ctx, run.ID); err != nil {
		return nil, err
	}
	for _, p := range shown.Pictures {
		if p.Source == "" {
			continue
		}
		if !isAsBefore(&p) {
			shown.Changed = append(shown.Changed, p.Source)
		}
	}
	return shown, nil
}

// isAsBefore reports whether a picture's source is what it was. The store may be somebody else's, and name a pipe, on
// which one would wait for ever, or the largest file of this machine.
func isAsBefore(p *tracker.Picture) bool {
	if info, err := os.Stat(p.Source); err == nil && (!info.Mode().IsRegular() || info.Size() != p.Bytes) {
		return false
	}
	data, err := picture.ReadFile(p.Source)
	return err == nil && fmt.Sprintf("%x", sha256.Sum256(data)) == p.Hash
}

// priorityText is a priority, or "" for the usual one.
func priorityText(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func printRun(w *terminal.Table, s *shownRun) {
	trial := ""
	if s.Sweep != "" {
		trial = fmt.Sprintf("%s, trial %d", s.Sweep, s.Trial)
	}
	printFields(w, "run", s.ID, "name", s.Name, "experiment", s.Experiment, "sweep", trial,
		"status", strings.TrimSuffix(string(s.Status)+": "+s.Reason, ": "), "needs", s.Needs, "priority", priorityText(s.Priority), "damaged", strings.Join(s.Damaged, ", "),
		"started", format.Time(s.StartedAt)+", took "+format.Duration(s.Duration()), "rating", format.Stars(s.Rating),
		"tags", strings.Join(s.Tags, ", "))
	for i, line := range strings.Split(s.Note, "\n") {
		if i == 0 {
			printFields(w, "note", line)
		} else {
			w.Row("", line)
		}
	}
	printFields(w, "note written", noteOrigin(&s.Run))
	w.Printf("\nsettings\n")
	for _, name := range slices.Sorted(maps.Keys(s.Params)) {
		printFields(w, "  "+name, format.Value(s.Params[name]))
	}
	w.Printf("\nlast values\n")
	for _, name := range slices.Sorted(maps.Keys(s.Final)) {
		printFields(w, "  "+name, format.Rounded(s.Final[name], 4))
	}
	s.printPictures(w)
	s.printFiles(w)
	s.printProvenance(w)
	if s.Again != "" {
		w.Printf("\nto paint it again, as it was or with other settings\n  %s\n", s.Again)
	}
	if s.CommandLine != "" && s.Sweep == "" { // a sweep's trials have the sweep's
		heading := "the command that made it"
		if s.Provenance.Imported {
			heading += ", as another store has it: read it first"
		}
		w.Printf("\n%s\n  %s\n", heading, s.CommandLine)
	}
	for _, name := range s.Changed {
		w.Printf("  %s is not what it was: gouache runs again has the picture that was used\n", name)
	}
}

// noteOrigin says when and by whom a run's note was written last, as far as that is known.
func noteOrigin(r *tracker.Run) string {
	var known []string
	if !r.NoteAt.IsZero() {
		known = append(known, format.Time(r.NoteAt))
	}
	if r.NoteBy != "" {
		known = append(known, "by "+r.NoteBy)
	}
	return strings.Join(known, " ")
}

// printPictures writes a line for each picture, and one for the number of snapshots.
func (s *shownRun) printPictures(w *terminal.Table) {
	if len(s.Pictures) == 0 {
		return
	}
	w.Printf("\npictures\n")
	snapshots := 0
	for _, p := range s.Pictures {
		if p.Role == tracker.RoleSnapshot {
			snapshots++
			continue
		}
		w.Printf("  %s\t%d×%d %s, %s, sha256 %s  %s\n", p.Role, p.Width, p.Height, p.Format, format.Bytes(p.Bytes), p.Hash[:12],
			cmp.Or(p.Source, p.Name))
	}
	if snapshots > 0 {
		w.Printf("  snapshots\t%d\n", snapshots)
	}
}

// printFiles writes a line for each file beside the pictures.
func (s *shownRun) printFiles(w *terminal.Table) {
	if len(s.Files) == 0 {
		return
	}
	w.Printf("\nfiles\n")
	for _, f := range s.Files {
		w.Printf("  %s\t%s, %s, %s\n", f.Name, format.Bytes(f.Bytes), f.Type, format.Time(f.At))
	}
}

func (s *shownRun) printProvenance(w *terminal.Table) {
	p := s.Provenance
	seed, memory := "", ""
	if p.Seed != nil {
		seed = fmt.Sprint(*p.Seed)
	}
	if p.PeakMemory > 0 {
		memory = format.Bytes(p.PeakMemory)
	}
	host := s.Process.Host
	if host != "" { // else nobody has begun the run
		host += fmt.Sprintf(", process %d", s.Process.PID)
	}
	w.Printf("\nmade by\n")
	printFields(w, "  version", p.Version, "  commit", p.Commit, "  go", strings.TrimSpace(p.Go+" "+p.Platform), "  xla", p.XLA,
		"  device", p.Device, "  weights", strings.TrimSpace(p.Weights+" "+p.Network),
		"  weights' sha256", p.WeightsSHA256, "  seed", seed,
		"  host", host, "  peak memory", memory, "  folder", p.Dir)
}

func newRunsCompare() *cobra.Command {
	var f storeFlags
	return f.add(&cobra.Command{
		Use:   "compare ID ID... [flags]",
		Short: "Put runs side by side: what differs, and how they ended",
		Args:  atLeast(2, fmt.Sprintf("the ids of 2 to %d runs", tracker.MaxContrast)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return showFrom(cmd, &f, reading, func(ctx context.Context, store tracker.Store) (*tracker.Contrast, error) {
				ids, err := findRuns(ctx, store, args)
				if err != nil {
					return nil, err
				}
				return tracker.NewContrast(ctx, store, ids)
			}, printContrast)
		},
	}, "print JSON")
}

func printContrast(w *terminal.Table, c *tracker.Contrast) {
	row := func(name string, text func(i int) string) {
		cells := []string{name}
		for i := range c.Runs {
			cells = append(cells, text(i))
		}
		w.Row(cells...)
	}
	row("run", func(i int) string { return c.Runs[i].ID })
	row("name", func(i int) string { return c.Runs[i].Name })
	row("status", func(i int) string { return string(c.Runs[i].Status) })
	row("time", func(i int) string { return format.Duration(c.Runs[i].Duration()) })
	row("rating", func(i int) string { return orDash(format.Stars(c.Runs[i].Rating)) })
	heading := "what differs"
	if len(c.Differs) == 0 {
		heading = "no setting differs"
	}
	w.Printf("\n%s\n", heading)
	for _, r := range c.Differs {
		row("  "+r.Name, func(i int) string { return format.Value(r.Distinct(r.Values[i])) })
	}
	w.Printf("\nlast values\n")
	for _, r := range c.Final {
		row("  "+r.Name, func(i int) string { return valueText(r.Values[i]) })
	}
	if len(c.Unfair) > 0 {
		w.Printf("\nnot a fair comparison:\n")
	}
	for _, reason := range c.Unfair {
		w.Printf("  %s\n", reason)
	}
}
