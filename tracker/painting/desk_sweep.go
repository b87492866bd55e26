package painting

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// ReadSweep reads the file that a sweep's record holds.
func (Desk) ReadSweep(s *tracker.Sweep) (*sweep.File, error) { return ReadSweep(s) }

// Begin adds a sweep to the store, from which workers then take trials. inputs are the pictures that its file names, but
// for samples. The error has CodeInvalid for a mistake in the file, or CodeConflict if the name is taken.
func (d Desk) Begin(ctx context.Context, text, name, experiment string, inputs []tracker.NewPicture) (*tracker.Sweep, error) {
	dir := storeFolder(inputs)
	file, err := ReadSweep(&tracker.Sweep{Name: name, Text: text, Dir: dir})
	if err != nil {
		return nil, err
	}
	painter := &Painter{File: file, Stored: true, Kept: func(_ context.Context, path string) ([]byte, error) {
		for _, in := range inputs {
			if filepath.Join(dir, in.Name) == path {
				return in.Data, nil
			}
		}
		return nil, nil
	}}
	if err := painter.Check(ctx, false); err != nil {
		return nil, err
	}
	room, err := d.room(ctx)
	if err == nil {
		err = file.Check(func(a sweep.Assignment) error {
			job, err := painter.Job(ctx, a)
			if err == nil {
				err = room(job)
			}
			return err
		})
	}
	if err != nil {
		return nil, err
	}
	begun, err := painter.Begin(ctx, d.Store, experiment, dir)
	if err != nil {
		return nil, invalid(err)
	}
	return begun, nil
}

// storeFolder returns the folder of a sweep whose pictures are in the store only: one that no machine has, and that other
// pictures have not.
func storeFolder(inputs []tracker.NewPicture) string {
	sum := sha256.New()
	for _, in := range inputs {
		fmt.Fprintf(sum, "%s %x\n", in.Name, sha256.Sum256(in.Data))
	}
	return "/gouache-store/" + hex.EncodeToString(sum.Sum(nil))[:16]
}
