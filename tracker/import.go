package tracker

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Imported is the result of Import.
type Imported struct {
	Runs       []string  `json:"runs"`       // ids of runs that were added, the earliest first
	Updated    []string  `json:"updated"`    // ids of runs that existed and were brought up to date
	Present    []string  `json:"present"`    // ids of runs that existed and had nothing new
	Refused    []Refused `json:"refused"`    // runs that were not added
	Sweeps     []string  `json:"sweeps"`     // the names that sweeps of imported runs have here
	Judgements int       `json:"judgements"` // that were added
	Notes      []string  `json:"notes"`      // sentences on what is not as it was in the other store
}

// Refused is a run that Import did not add.
type Refused struct {
	ID     string `json:"id"`
	Reason string `json:"reason"` // a sentence
}

// Import adds the runs of another store that pass a filter, for example one made on another machine, with their
// pictures, files and checkpoints, the sweeps that they are trials of, and the judgements of them.
//
// Each run is added whole or not at all, and keeps its id and times. A run that was imported while it was still running
// is brought up to date when it is imported again, and keeps what people said about it here; see [ArchiveStore]. A run
// that cannot be kept, for example because a picture of it is lost, is refused, and the others are imported. A sweep
// whose name a different one has here gets another name, the same at each import.
//
// Import can be repeated after an error: what was added stays, and is in the result. Several may run at once.
func Import(ctx context.Context, into Store, from Source, filter *Filter) (*Imported, error) {
	m := &importer{into: into, from: from, sweeps: map[string]string{}, Imported: Imported{
		Runs: []string{}, Updated: []string{}, Present: []string{}, Refused: []Refused{}, Sweeps: []string{}, Notes: []string{},
	}}
	err := m.runs(ctx, filter)
	if err == nil && filter == nil {
		err = m.otherSweeps(ctx)
	}
	if err == nil {
		err = m.judgements(ctx)
	}
	return &m.Imported, err
}

type importer struct {
	Imported
	into   Store
	from   Source
	sweeps map[string]string // the names that the other store's sweeps have here
}

func (m *importer) note(format string, args ...any) {
	m.Notes = append(m.Notes, fmt.Sprintf(format, args...))
}

// runs imports the runs in the order of their ids, which is that in which they began. All ids are read first, so that a
// run that is deleted there in the meantime keeps no other one back.
func (m *importer) runs(ctx context.Context, filter *Filter) error {
	var ids []string
	for order := (Sort{{Name: "id"}}); ; {
		page, err := m.from.Runs(ctx, RunQuery{Filter: filter, Sort: order, Offset: len(ids), Limit: DefaultLimit})
		if err != nil {
			return err
		}
		if len(page.Runs) == 0 {
			break
		}
		for _, run := range page.Runs {
			ids = append(ids, run.ID)
		}
	}
	for _, id := range slices.Compact(ids) {
		if err := m.run(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// run imports a run, or refuses it.
func (m *importer) run(ctx context.Context, id string) error {
	err := m.tryRun(ctx, id)
	if ErrorCode(err) == CodeConflict { // another process has added the run in the meantime
		err = m.tryRun(ctx, id)
	}
	if !aboutValue(ctx, err) {
		return err
	}
	reason := strings.TrimPrefix(err.Error(), "run "+id+": ")
	m.Refused = append(m.Refused, Refused{cleanLine(id), cleanLine(reason)})
	return nil
}

// aboutValue reports whether an error is about a value in the other store, so that others can be imported.
func aboutValue(ctx context.Context, err error) bool {
	return ctx.Err() == nil && slices.Contains([]Code{CodeInvalid, CodeNotFound, CodeConflict}, ErrorCode(err))
}

// reading is the error of reading a run of the other store, which may be damaged there and nowhere else.
func reading(ctx context.Context, err error) error {
	if ctx.Err() == nil && ErrorCode(err) == CodeInternal {
		return Errorf(CodeInvalid, "%w", err)
	}
	return err
}

func (m *importer) tryRun(ctx context.Context, id string) error {
	there, err := m.from.Run(ctx, id)
	if err != nil {
		return reading(ctx, err)
	}
	sweep, err := m.sweep(ctx, there.Sweep)
	if err != nil {
		return err
	}
	here, err := m.into.Run(ctx, id)
	if ErrorCode(err) == CodeNotFound {
		return m.withArchive(ctx, id, func(a *Archive) error {
			a.Run.Sweep = sweep
			kept, err := m.into.Restore(ctx, a, m.from.OpenPicture)
			if err != nil {
				return err
			}
			m.Runs = append(m.Runs, id)
			if kept.Trial != a.Run.Trial {
				m.note("run %s is no trial of sweep %q here, since another run is its trial %d", id, sweep, a.Run.Trial)
			}
			return nil
		})
	}
	if err != nil {
		return err
	}
	var has Archive // only its pictures and files
	if has.Pictures, err = m.into.Pictures(ctx, id, PictureQuery{}); err != nil {
		return err
	}
	if has.Files, err = m.into.Files(ctx, id); err != nil {
		return err
	}
	news, err := m.hasNews(ctx, here, there, &has)
	if err != nil {
		return err
	}
	if !news {
		m.Present = append(m.Present, id)
		return nil
	}
	return m.withArchive(ctx, id, func(a *Archive) error {
		a.Pictures, a.Files = missing(has.Pictures, a.Pictures), newer(has.Files, a.Files)
		if err := m.into.Refresh(ctx, a, m.from.OpenPicture); err != nil {
			return err
		}
		m.Updated = append(m.Updated, id)
		return nil
	})
}

// withArchive calls use with the archive of a run. The checkpoint is opened before the points are read: those of a run
// that is running are then never older than it, and a run continued from it has no gap in its curves.
func (m *importer) withArchive(ctx context.Context, id string, use func(*Archive) error) error {
	checkpoint, err := m.from.OpenCheckpoint(ctx, id)
	if err == nil {
		defer checkpoint.Close()
	} else if ErrorCode(err) != CodeNotFound {
		return reading(ctx, err)
	}
	a, packErr := Pack(ctx, m.from, id)
	if packErr != nil {
		return reading(ctx, packErr)
	}
	if err == nil && a.Run.Status != StatusFinished {
		a.Checkpoint = checkpoint
	}
	a.Run.Provenance.Imported = true
	return use(a)
}

// hasNews reports whether a run that is here, with the given pictures and files, has something new there. Logging and ending move
// the time at which a run was last seen, except an end that only means that its process was found gone. A result may be
// added after the end.
func (m *importer) hasNews(ctx context.Context, here, there *Run, has *Archive) (bool, error) {
	if here.Status == StatusQueued || here.Status == StatusRunning && !here.Process.Equal(there.Process) {
		return false, nil // it is continued here
	}
	switch there.SeenAt.Compare(here.SeenAt) {
	case -1:
		return false, nil // an older copy
	case 1:
		return true, nil
	}
	pictures, err := m.from.Pictures(ctx, there.ID, PictureQuery{})
	if err != nil {
		return false, reading(ctx, err)
	}
	files, err := m.from.Files(ctx, there.ID)
	if err != nil {
		return false, reading(ctx, err)
	}
	if len(missing(has.Pictures, pictures)) > 0 || len(newer(has.Files, files)) > 0 || here.Status == StatusRunning && there.Status != StatusRunning {
		return true, nil
	}
	hasCheckpoint := func(store CheckpointReader) bool {
		file, err := store.OpenCheckpoint(ctx, here.ID)
		if err == nil {
			file.Close()
		}
		return err == nil
	}
	return here.Status != StatusFinished && hasCheckpoint(m.from) && !hasCheckpoint(m.into), nil
}

// missing returns those of the pictures for which a run has none with the same role, step and name.
func missing(has, pictures []Picture) []Picture {
	return slices.DeleteFunc(slices.Clone(pictures), func(p Picture) bool {
		return slices.ContainsFunc(has, func(q Picture) bool {
			return q.Role == p.Role && q.Step == p.Step && q.Name == cleanLine(p.Name)
		})
	})
}

// newer returns those of the files that a run does not have, or has as they were before.
func newer(has, files []File) []File {
	return slices.DeleteFunc(slices.Clone(files), func(f File) bool {
		return slices.ContainsFunc(has, func(g File) bool { return g.Name == f.Name && (g.Hash == f.Hash || g.At.After(f.At)) })
	})
}

// sweep returns the name that a sweep of the other store has here, and adds the sweep when it is first asked for it.
func (m *importer) sweep(ctx context.Context, name string) (string, error) {
	if known, ok := m.sweeps[name]; ok || name == "" {
		return known, nil
	}
	var record Sweep
	s, err := m.from.Sweep(ctx, name)
	if err == nil {
		record = *s
	}
	record.Name, record.Experiment, record.Dir = cleanLine(name), cleanLine(record.Experiment), cleanLine(record.Dir)
	if err == nil {
		err = cmp.Or(record.Check(), checkTime("it began", record.StartedAt, time.Now()))
	}
	err = reading(ctx, err)
	if err != nil && !aboutValue(ctx, err) {
		return "", err
	}
	if err != nil && ErrorCode(err) != CodeNotFound {
		m.note("of sweep %q only the runs came along: %v", record.Name, err)
	}
	here, placeErr := m.place(ctx, name, record, err == nil)
	if placeErr == nil {
		m.sweeps[name] = here
	}
	return here, placeErr
}

// place adds a sweep under its name there, or under another one if there is a different sweep with that name, and
// returns the name. Of a sweep that is not recorded there are only runs.
func (m *importer) place(ctx context.Context, there string, s Sweep, recorded bool) (string, error) {
	other := s
	other.Name = s.otherName()
	choices := []Sweep{s, other}
	if here, err := m.into.Sweep(ctx, other.Name); err == nil && here.Same(&other) {
		choices = []Sweep{other} // since an earlier import
	}
	for _, choice := range choices {
		err := m.refuseStrangers(ctx, there, choice, recorded)
		if err == nil && recorded {
			err = m.into.RestoreSweep(ctx, choice)
		}
		if ErrorCode(err) == CodeConflict {
			continue
		}
		if err != nil {
			return "", err
		}
		if recorded {
			m.Sweeps = append(m.Sweeps, choice.Name)
		}
		if choice.Name != s.Name {
			m.note("sweep %q is called %q here, where there is another one with its name", s.Name, choice.Name)
		}
		return choice.Name, nil
	}
	m.note("there are different sweeps called %q and %q here: the runs came without a sweep", s.Name, other.Name)
	return "", nil
}

// refuseStrangers returns a conflict if runs here name a sweep, and are not those of one of the other store.
func (m *importer) refuseStrangers(ctx context.Context, there string, s Sweep, recorded bool) error {
	here, err := m.into.Sweep(ctx, s.Name)
	switch {
	case err == nil && recorded && here.Same(&s):
		return nil // it may have been continued here
	case err != nil && ErrorCode(err) != CodeNotFound:
		return err
	}
	conflict := Errorf(CodeConflict, "there is a different sweep %q", s.Name)
	runs, listErr := AllRuns(ctx, m.into, Where("sweep", Equal, s.Name), Sort{{Name: "id"}})
	if listErr != nil {
		return listErr
	}
	if err == nil && len(runs) == 0 {
		return conflict
	}
	for _, run := range runs {
		same, err := m.from.Run(ctx, run.ID)
		if err != nil && ErrorCode(err) != CodeNotFound {
			return reading(ctx, err)
		}
		if err != nil || same.Sweep != there {
			return conflict
		}
	}
	return nil
}

// otherSweeps imports the sweeps that have no runs.
func (m *importer) otherSweeps(ctx context.Context) error {
	sweeps, err := m.from.Sweeps(ctx)
	if err != nil {
		err = reading(ctx, err)
		if aboutValue(ctx, err) {
			m.note("sweeps without runs did not come along: %v", err)
			return nil
		}
		return err
	}
	for _, s := range sweeps {
		if _, err := m.sweep(ctx, s.Name); err != nil {
			return err
		}
	}
	return nil
}

// judgements imports the judgements of runs that are here.
func (m *importer) judgements(ctx context.Context) error {
	all, err := m.from.Judgements(ctx, JudgementQuery{})
	if err != nil {
		err = reading(ctx, err)
		if aboutValue(ctx, err) {
			m.note("judgements did not come along: %v", err)
			return nil
		}
		return err
	}
	var good []Judgement
	for _, j := range all {
		j.Rater = cleanLine(j.Rater)
		if cmp.Or(j.Check(), checkTime("it was made", j.At, time.Now())) == nil {
			good = append(good, j)
		}
	}
	if n := len(all) - len(good); n > 0 {
		m.note("%d judgements are damaged and did not come along", n)
	}
	const together = 1000
	for some := range slices.Chunk(good, together) {
		n, err := m.into.RestoreJudgements(ctx, some)
		m.Judgements += n
		if err != nil {
			return err
		}
	}
	return nil
}
