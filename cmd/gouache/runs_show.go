package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/tracker"
)

func newRunsShow() *cobra.Command {
	var f storeFlags
	cmd := &cobra.Command{
		Use:   "show ID [flags]",
		Short: "Show a run: settings, losses, pictures, and the command that makes its picture again",
		Args:  exactly("the ID of a run"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return showFrom(cmd, &f, reading, func(ctx context.Context, store tracker.Store) (*shownRun, error) {
				return showRun(ctx, store, args[0])
			}, printRun)
		},
	}
	f.add(cmd, "print JSON")
	return cmd
}

// shownRun is what show prints.
type shownRun struct {
	tracker.Run
	Pictures []tracker.Picture `json:"pictures"`
	// CommandLine is the command for a shell.
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
	for _, p := range shown.Pictures {
		if p.Source != "" && !unchanged(p) {
			shown.Changed = append(shown.Changed, p.Source)
		}
	}
	return shown, nil
}

// unchanged says whether the file that a picture was read from is still the same.
func unchanged(p tracker.Picture) bool {
	data, err := picture.ReadFile(p.Source)
	if err != nil {
		return false
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]) == p.Hash
}

func printRun(w io.Writer, s *shownRun) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(table, "%s\t%s\n", name, text)
		}
	}
	line("run", s.ID)
	line("name", s.Name)
	line("experiment", s.Experiment)
	if s.Sweep != "" {
		line("sweep", fmt.Sprintf("%s, trial %d", s.Sweep, s.Trial))
	}
	line("status", strings.TrimSuffix(string(s.Status)+": "+s.Reason, ": "))
	line("started", format.Time(s.StartedAt)+", took "+format.Duration(s.Duration()))
	if s.Rating > 0 {
		line("rating", orDash(format.Stars(s.Rating)))
	}
	line("tags", strings.Join(s.Tags, ", "))
	line("note", strings.ReplaceAll(s.Note, "\n", "\n\t"))
	fmt.Fprintln(table, "\nsettings")
	for _, name := range slices.Sorted(maps.Keys(s.Params)) {
		line("  "+name, format.Value(s.Params[name]))
	}
	fmt.Fprintln(table, "\nlast values")
	for _, name := range slices.Sorted(maps.Keys(s.Final)) {
		line("  "+name, format.Rounded(s.Final[name], 4))
	}
	s.printPictures(table)
	s.printProvenance(line, table)
	if s.CommandLine != "" {
		fmt.Fprintf(table, "\nto make it again\n  %s\n", s.CommandLine)
	}
	for _, name := range s.Changed {
		fmt.Fprintf(table, "  %s is not what it was: gouache runs export %s --format pictures --out FOLDER writes the picture that was used\n", name, s.ID)
	}
	return table.Flush()
}

// printPictures writes a line for each picture, and one for the number of snapshots.
func (s *shownRun) printPictures(w io.Writer) {
	if len(s.Pictures) == 0 {
		return
	}
	fmt.Fprintln(w, "\npictures")
	snapshots := 0
	for _, p := range s.Pictures {
		if p.Role == tracker.RoleSnapshot {
			snapshots++
			continue
		}
		name := p.Source
		if name == "" {
			name = p.Name
		}
		fmt.Fprintf(w, "  %s\t%d×%d %s, %s, sha256 %s  %s\n", p.Role, p.Width, p.Height, p.Format, format.Bytes(p.Bytes), p.Hash[:12], name)
	}
	if snapshots > 0 {
		fmt.Fprintf(w, "  snapshots\t%d\n", snapshots)
	}
}

func (s *shownRun) printProvenance(line func(name, text string), w io.Writer) {
	p := s.Provenance
	fmt.Fprintln(w, "\nmade by")
	line("  version", p.Version)
	line("  commit", p.Commit)
	line("  go", strings.TrimSpace(p.Go+" "+p.Platform))
	line("  xla", p.XLA)
	line("  device", p.Device)
	line("  weights", strings.TrimSpace(p.Weights+" "+p.Network))
	line("  weights' sha256", p.WeightsSHA256)
	if p.Seed != nil {
		line("  seed", fmt.Sprint(*p.Seed))
	}
	line("  host", fmt.Sprintf("%s, process %d", s.Process.Host, s.Process.PID))
	if p.PeakMemory > 0 {
		line("  peak memory", format.Bytes(p.PeakMemory))
	}
	line("  folder", p.Dir)
}

func newRunsCompare() *cobra.Command {
	var f storeFlags
	cmd := &cobra.Command{
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
	}
	f.add(cmd, "print JSON")
	return cmd
}

func printContrast(w io.Writer, c *tracker.Contrast) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name string, text func(i int) string) {
		fmt.Fprint(table, name)
		for i := range c.Runs {
			fmt.Fprint(table, "\t", text(i))
		}
		fmt.Fprintln(table)
	}
	row("run", func(i int) string { return c.Runs[i].ID })
	row("name", func(i int) string { return c.Runs[i].Name })
	row("status", func(i int) string { return string(c.Runs[i].Status) })
	row("time", func(i int) string { return format.Duration(c.Runs[i].Duration()) })
	row("rating", func(i int) string { return orDash(format.Stars(c.Runs[i].Rating)) })
	heading := "\nwhat differs"
	for _, r := range c.Differs {
		if heading != "" {
			fmt.Fprintln(table, heading)
			heading = ""
		}
		row("  "+r.Name, func(i int) string { return format.Value(r.Values[i]) })
	}
	if heading != "" {
		fmt.Fprintln(table, "\nno setting differs")
	}
	fmt.Fprintln(table, "\nlast values")
	for _, r := range c.Final {
		row("  "+r.Name, func(i int) string { return valueText(r.Values[i]) })
	}
	for i, reason := range c.Unfair {
		if i == 0 {
			fmt.Fprintln(table, "\nnot a fair comparison:")
		}
		fmt.Fprintln(table, "  "+reason)
	}
	return table.Flush()
}
