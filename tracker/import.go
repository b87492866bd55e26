package tracker

import "context"

// Imported is what Import did.
type Imported struct {
	Runs    []string `json:"runs"`    // ids of those that were added, the earliest first
	Present []string `json:"present"` // ids of those that were there already
}

// Import adds the runs of another store, made on another machine say: those that a filter lets through, each whole
// or not at all. Runs keep their ids and times, and those whose id is there already are left as they are. It can be
// repeated after an error: what was added stays.
func Import(ctx context.Context, into Store, from Reader, filter *Filter) (*Imported, error) {
	done := &Imported{Runs: []string{}, Present: []string{}}
	order := Sort{{Name: "started"}}
	for offset := 0; ; offset += DefaultLimit {
		page, err := from.Runs(ctx, RunQuery{Filter: filter, Sort: order, Offset: offset, Limit: DefaultLimit})
		if err != nil {
			return done, err
		}
		if len(page.Runs) == 0 {
			return done, nil
		}
		for _, run := range page.Runs {
			if err := importRun(ctx, into, from, run, done); err != nil {
				return done, err
			}
		}
	}
}

func importRun(ctx context.Context, into Store, from Reader, run Run, done *Imported) error {
	_, err := into.Run(ctx, run.ID)
	if err == nil {
		done.Present = append(done.Present, run.ID)
		return nil
	}
	if ErrorCode(err) != CodeNotFound {
		return err
	}
	archive, err := Pack(ctx, from, run.ID)
	if err != nil {
		return err
	}
	if err := into.Restore(ctx, archive, from.OpenPicture); err != nil {
		return err
	}
	done.Runs = append(done.Runs, run.ID)
	return nil
}

// Pack reads all of a run but its pictures' files.
func Pack(ctx context.Context, from Reader, id string) (*Archive, error) {
	run, err := from.Run(ctx, id)
	if err != nil {
		return nil, err
	}
	curves, err := from.Curves(ctx, id, CurveQuery{})
	if err != nil {
		return nil, err
	}
	pictures, err := from.Pictures(ctx, id, PictureQuery{})
	if err != nil {
		return nil, err
	}
	a := &Archive{Run: *run, Pictures: pictures}
	for _, c := range curves {
		a.Series = append(a.Series, c.Series)
	}
	return a, nil
}
