// Package export takes runs out of a store in forms that other programs and people read.
//
// [CSV] writes a table of runs, one in each row, and [Curves] a table of all their points, for
// pandas, R and spreadsheets. [JSON] writes everything except the pictures' files. [Gallery] writes
// one HTML file that shows the runs without the store and this program, and [Pictures] fills a
// folder with the pictures' files:
//
//	err = export.Gallery(ctx, file, store, ids, export.GalleryOptions{LongerSide: 1024})
//
// Each takes whole ids, as Find of [tracker.RunReader] returns them, and keeps their order. The
// records of the runs are held in memory, and one curve or one picture at a time. After an error
// the output is incomplete: replace a file only after success.
package export

import (
	"context"
	"io"
	"slices"

	"github.com/gouache-art/gouache/tracker"
)

// entry is a run with its inputs and results.
type entry struct {
	tracker.Run
	pictures []tracker.Picture // without snapshots, except one that replaces a result
}

// collect reads the part of the runs that is held in memory.
func collect(ctx context.Context, reader tracker.Reader, ids []string) (entries []entry, err error) {
	err = Each(ctx, reader, ids, func(run *tracker.Run, pictures []tracker.Picture) error {
		pictures = slices.DeleteFunc(pictures, func(p tracker.Picture) bool {
			return p.Role == tracker.RoleSnapshot && p.Hash != run.Picture
		})
		entries = append(entries, entry{*run, slices.Clip(pictures)})
		return nil
	})
	return entries, err
}

// Each calls do with each of the runs and its pictures, in the order of their ids, and holds one at a time. Ids that are
// missing or given twice are CodeInvalid.
func Each(ctx context.Context, reader tracker.Reader, ids []string, do func(*tracker.Run, []tracker.Picture) error) error {
	if err := checkIDs(ids); err != nil {
		return err
	}
	for _, id := range ids {
		run, err := reader.Run(ctx, id)
		if err != nil {
			return err
		}
		pictures, err := reader.Pictures(ctx, id, tracker.PictureQuery{})
		if err != nil {
			return err
		}
		if err := do(run, pictures); err != nil {
			return err
		}
	}
	return nil
}

func checkIDs(ids []string) error {
	if len(ids) == 0 {
		return tracker.Errorf(tracker.CodeInvalid, "there is no run to export: name at least one")
	}
	seen := make(map[string]bool, len(ids))
	for _, id := range ids {
		if seen[id] {
			return tracker.Errorf(tracker.CodeInvalid, "run %s is named twice: name each run to export once", id)
		}
		seen[id] = true
	}
	return nil
}

// main returns the picture that shows the run: its last result, else its last snapshot, else nil.
func (e *entry) main() *tracker.Picture {
	for i, p := range e.pictures { // sorted by role: a result comes before a snapshot with the same file
		if p.Hash == e.Picture && (p.Role == tracker.RoleResult || p.Role == tracker.RoleSnapshot) {
			return &e.pictures[i]
		}
	}
	return nil
}

func (e *entry) inputs() []tracker.Picture {
	var list []tracker.Picture
	for _, p := range e.pictures {
		if p.Role != tracker.RoleResult && p.Role != tracker.RoleSnapshot {
			list = append(list, p)
		}
	}
	return list
}

// names collects names over all runs, sorted.
func names(entries []entry, of func(*entry) []string) []string {
	var all []string
	for i := range entries {
		all = append(all, of(&entries[i])...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// sink is the writer of an export. Its errors have CodeUnavailable.
type sink struct{ io.Writer }

func (s sink) Write(p []byte) (int, error) {
	n, err := s.Writer.Write(p)
	if err != nil {
		return n, tracker.Errorf(tracker.CodeUnavailable, "the export could not be written: %w", err)
	}
	return n, nil
}
