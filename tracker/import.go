package tracker

import (
	"context"
	"slices"
)

// Imported is what Import did.
type Imported struct {
	Runs    []string `json:"runs"`    // ids of those that were added, the earliest first
	Updated []string `json:"updated"` // ids of those that were there already and had gone on since
	Present []string `json:"present"` // ids of those that were there already, and had nothing new
}

// Importer is the part of a store that takes the runs of another.
type Importer interface {
	RunReader
	PictureReader
	ArchiveStore
}

// Import adds the runs of another store, made on another machine say: those that a filter lets through, each whole
// or not at all. Runs keep their ids and times. One that was imported while it was still running is brought up to
// date when it is imported again, and keeps what people said about it here; see [Writer].Refresh. Import can be
// repeated after an error: what was added stays.
func Import(ctx context.Context, into Importer, from Reader, filter *Filter) (*Imported, error) {
	done := &Imported{Runs: []string{}, Updated: []string{}, Present: []string{}}
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
			list, err := importRun(ctx, into, from, &run, done)
			if err != nil {
				return done, err
			}
			*list = append(*list, run.ID)
		}
	}
}

// importRun brings one run over and returns the list of what was done that it belongs to.
func importRun(ctx context.Context, into Importer, from Reader, there *Run, done *Imported) (*[]string, error) {
	here, err := into.Run(ctx, there.ID)
	if ErrorCode(err) == CodeNotFound {
		archive, err := Pack(ctx, from, there.ID)
		if err != nil {
			return nil, err
		}
		return &done.Runs, into.Restore(ctx, archive, from.OpenPicture)
	}
	if err != nil {
		return nil, err
	}
	pictures, err := into.Pictures(ctx, there.ID, PictureQuery{})
	if err != nil {
		return nil, err
	}
	news, err := from.Pictures(ctx, there.ID, PictureQuery{})
	if err != nil {
		return nil, err
	}
	if !wentOn(here, there, len(lacking(pictures, news))) {
		return &done.Present, nil
	}
	archive, err := Pack(ctx, from, there.ID)
	if err != nil {
		return nil, err
	}
	archive.Pictures = lacking(pictures, archive.Pictures)
	return &done.Updated, into.Refresh(ctx, archive, from.OpenPicture)
}

// wentOn tells whether a run has something new there. What it logs moves its last sign of life, and so does its end,
// unless that is only that its process was found gone; a result may still be added after it.
func wentOn(here, there *Run, newPictures int) bool {
	switch there.SeenAt.Compare(here.SeenAt) {
	case -1:
		return false // an older copy
	case 1:
		return true
	}
	return newPictures > 0 || here.Status == StatusRunning && there.Status != StatusRunning
}

// lacking returns those of the pictures that a run does not have in their places.
func lacking(has, pictures []Picture) []Picture {
	return slices.DeleteFunc(slices.Clone(pictures), func(p Picture) bool {
		return slices.ContainsFunc(has, func(q Picture) bool { return q.Role == p.Role && q.Step == p.Step && q.Name == p.Name })
	})
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
