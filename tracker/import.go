package tracker

import (
	"cmp"
	"context"
	"io"
	"slices"
)

// Archive is a whole run, without its pictures' files.
type Archive struct {
	Run      Run
	Series   []Series
	Pictures []Picture
}

// Check returns an error of CodeInvalid for an archive that no store can have made.
func (a *Archive) Check() error {
	r := &a.Run
	id, _ := CanonicalID(r.ID)
	_, run := NewRun{
		Experiment: r.Experiment, Name: r.Name, Sweep: r.Sweep, Trial: r.Trial, Params: r.Params, Tags: r.Tags, Note: r.Note,
	}.Normal()
	_, rating := Update{Rating: &r.Rating}.Normal()
	return cmp.Or(
		invalidIf(id != r.ID || len(id) != idLength, "%q is no run's id", r.ID),
		run,
		invalidIf(!slices.Contains(Statuses, r.Status), "run %s has the unknown status %q", r.ID, r.Status),
		checkText("reason", r.Reason, maxText),
		rating,
		invalidIf(r.Idle < 0 || r.Tries < 0, "run %s was idle for %v and tried again %d times: both must be 0 or more",
			r.ID, r.Idle, r.Tries),
		CheckSeries(a.Series),
	)
}

// Pack reads an archive of a run.
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

// ReadPicture reads the file of an archive's picture. A file that does not match the picture's hash is CodeInvalid.
func ReadPicture(ctx context.Context, p Picture, open OpenPicture) ([]byte, error) {
	file, err := open(ctx, p.Hash)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, MaxPicture+1))
	if err != nil {
		return nil, err
	}
	read, err := NewPicture{Role: p.Role, Step: p.Step, Name: p.Name, Source: p.Source, Data: data}.Describe(p.At)
	if err != nil {
		return nil, err
	}
	if read.Hash != p.Hash {
		return nil, Errorf(CodeInvalid, "picture %s is damaged: its hash is %s", p.Hash, read.Hash)
	}
	return data, nil
}

// Imported is the result of Import.
type Imported struct {
	Runs    []string `json:"runs"`    // ids of runs that were added, the earliest first
	Updated []string `json:"updated"` // ids of runs that existed and were brought up to date
	Present []string `json:"present"` // ids of runs that existed and had nothing new
}

// Import adds the runs of another store that pass a filter, for example one made on another machine. Each run is
// added whole or not at all, and keeps its id and times. A run that was imported while it was still running is
// brought up to date when it is imported again, and keeps what people said about it here; see [ArchiveStore]. Import
// can be repeated after an error: what was added stays.
func Import(ctx context.Context, into Store, from Reader, filter *Filter) (*Imported, error) {
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

// importRun imports one run and returns the list of done that it belongs to.
func importRun(ctx context.Context, into Store, from Reader, there *Run, done *Imported) (*[]string, error) {
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
	if !hasNews(here, there, len(missing(pictures, news))) {
		return &done.Present, nil
	}
	archive, err := Pack(ctx, from, there.ID)
	if err != nil {
		return nil, err
	}
	archive.Pictures = missing(pictures, archive.Pictures)
	return &done.Updated, into.Refresh(ctx, archive, from.OpenPicture)
}

// hasNews reports whether a run has something new there. Logging and ending move the time at which a run was last
// seen, except an end that only means that its process was found gone. A result may be added after the end.
func hasNews(here, there *Run, newPictures int) bool {
	switch there.SeenAt.Compare(here.SeenAt) {
	case -1:
		return false // an older copy
	case 1:
		return true
	}
	return newPictures > 0 || here.Status == StatusRunning && there.Status != StatusRunning
}

// missing returns those of the pictures for which a run has none with the same role, step and name.
func missing(has, pictures []Picture) []Picture {
	return slices.DeleteFunc(slices.Clone(pictures), func(p Picture) bool {
		return slices.ContainsFunc(has, func(q Picture) bool { return q.Role == p.Role && q.Step == p.Step && q.Name == p.Name })
	})
}
