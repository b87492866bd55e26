package remote

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

// pathOf is the path of a run. No run has an id that is none.
func pathOf(id, rest string) (string, error) {
	if tracker.CheckID(id) != nil {
		return "", tracker.NoSuchRun(id)
	}
	return "/runs/" + id + rest, nil
}

// askRun asks for something of a run with GET.
func (s *Store) askRun(ctx context.Context, id, rest string, query url.Values, result any) error {
	path, err := pathOf(id, rest)
	if err != nil {
		return err
	}
	return s.get(ctx, path, query, result)
}

// sendRun sends JSON about a run; see send.
func (s *Store) sendRun(ctx context.Context, q request, id, rest string, v, result any) (err error) {
	if q.path, err = pathOf(id, rest); err != nil {
		return err
	}
	return s.send(ctx, q, v, result)
}

// changed sends JSON about a run, and returns the run that the server answers with.
func (s *Store) changed(ctx context.Context, method, id, rest string, v any) (*tracker.Run, error) {
	var run tracker.Run
	if err := s.sendRun(ctx, request{method: method}, id, rest, v, &run); err != nil {
		return nil, err
	}
	return mendRun(&run, id)
}

// mendRun returns a run that the server sent, with what no store keeps replaced. id is the one that was asked for, or "".
func mendRun(run *tracker.Run, id string) (*tracker.Run, error) {
	if tracker.CheckID(run.ID) != nil || id != "" && run.ID != id {
		return nil, tracker.Errorf(tracker.CodeInternal, "the server sent the run %.40q, and was asked for %q", run.ID, id)
	}
	run.Mend()
	return run, nil
}

// Find implements tracker.Store.
func (s *Store) Find(ctx context.Context, ref string) (string, error) {
	var f found
	if err := s.get(ctx, "/find", url.Values{"ref": {ref}}, &f); err != nil {
		return "", err
	}
	if tracker.CheckID(f.ID) != nil {
		return "", tracker.Errorf(tracker.CodeInternal, "the server sent the id %.40q", f.ID)
	}
	return f.ID, nil
}

// Run implements tracker.Store.
func (s *Store) Run(ctx context.Context, id string) (*tracker.Run, error) {
	var run tracker.Run
	if err := s.askRun(ctx, id, "", nil, &run); err != nil {
		return nil, err
	}
	return mendRun(&run, id)
}

// Runs implements tracker.Store. A date in the filter means a day of the server's time zone.
func (s *Store) Runs(ctx context.Context, q tracker.RunQuery) (*tracker.RunPage, error) {
	q, err := q.Normal()
	if err != nil {
		return nil, err
	}
	query := url.Values{"offset": {strconv.Itoa(q.Offset)}, "limit": {strconv.Itoa(q.Limit)}}
	setIf(query, "filter", q.Filter.String())
	setIf(query, "sort", q.Sort.String())
	var page tracker.RunPage
	if err := s.get(ctx, "/runs", query, &page); err != nil {
		return nil, err
	}
	if len(page.Runs) > q.Limit || page.Total < len(page.Runs) {
		return nil, tracker.Errorf(tracker.CodeInternal, "the server sent %d runs of %d, and was asked for %d", len(page.Runs), page.Total, q.Limit)
	}
	for i := range page.Runs {
		if _, err := mendRun(&page.Runs[i], ""); err != nil {
			return nil, err
		}
	}
	return &page, nil
}

// setIf sets a part of a query that is not empty.
func setIf(query url.Values, name, value string) {
	if value != "" {
		query.Set(name, value)
	}
}

// took is mendRun for a run that this client was given. It remembers the claim.
func (s *Store) took(run *tracker.Run, id string) (*tracker.Run, error) {
	run, err := mendRun(run, id)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claims[run.ID] = run.Attempt
	return run, nil
}

// isNew reports whether a run is a process's by a claim that this client was not told of, since the answer was lost.
func (s *Store) isNew(run *tracker.Run, p tracker.Process) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return run.Process.Equal(p) && s.claims[run.ID] != run.Attempt
}

// CreateRun implements tracker.Store. Its NoteBy becomes the person whose token this is, if the server knows people.
func (s *Store) CreateRun(ctx context.Context, n tracker.NewRun) (*tracker.Run, error) {
	n, err := n.Normal()
	if err != nil {
		return nil, err
	}
	for i := range n.Inputs {
		if n.Inputs[i], err = normalPicture(n.Inputs[i]); err != nil {
			return nil, err
		}
	}
	n.ID = cmp.Or(n.ID, tracker.NewID(time.Now()))
	s.mu.Lock()
	s.claims[n.ID] = 1 // before the run is there: see take
	s.mu.Unlock()
	b, err := formOf(n, func(write part) error {
		for _, input := range n.Inputs {
			if err := write(filePart, "", bytes.NewReader(input.Data)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var run tracker.Run
	settle := func() (bool, error) {
		made, err := s.Run(ctx, n.ID)
		if tracker.ErrorCode(err) == tracker.CodeNotFound {
			return false, nil
		}
		if err == nil {
			run = *made
		}
		return err == nil, err
	}
	if err := s.do(ctx, request{method: "POST", path: "/runs", body: b, settle: settle}, &run); err != nil {
		return nil, err
	}
	return s.took(&run, n.ID)
}

// normalPicture returns a picture with its texts as they are kept. JSON has no place for others.
func normalPicture(n tracker.NewPicture) (tracker.NewPicture, error) {
	p, err := n.Describe(time.Now())
	n.Name, n.Source = p.Name, p.Source
	return n, err
}

// UpdateRun implements tracker.Store. Its NoteBy becomes the person whose token this is, if the server knows people.
func (s *Store) UpdateRun(ctx context.Context, id string, u tracker.Update) (*tracker.Run, error) {
	u, err := u.Normal()
	if err != nil {
		return nil, err
	}
	return s.changed(ctx, "PATCH", id, "", u)
}

// Heartbeat implements tracker.Store.
func (s *Store) Heartbeat(ctx context.Context, c tracker.Claim) (stopped bool, err error) {
	var p pulse
	err = s.sendRun(ctx, request{}, c.Run, "/heartbeat", attempt{c.Attempt}, &p)
	return p.Stopped, err
}

// FinishRun implements tracker.Store.
func (s *Store) FinishRun(ctx context.Context, c tracker.Claim, o tracker.Outcome) error {
	o, err := o.Normal()
	if err != nil {
		return err
	}
	settle := func() (bool, error) {
		run, err := s.Run(ctx, c.Run)
		return err == nil && run.Status != tracker.StatusRunning && run.Attempt == c.Attempt, err
	}
	return s.sendRun(ctx, request{settle: settle}, c.Run, "/finish", outcome{c.Attempt, o}, nil)
}

// ContinueRun implements tracker.Store.
func (s *Store) ContinueRun(ctx context.Context, id string, p tracker.Process) (*tracker.Run, error) {
	path, err := pathOf(id, "/continue")
	if err != nil {
		return nil, err
	}
	return s.take(ctx, path, id, p, tracker.Wanted{}, func(p tracker.Process) (*tracker.Run, error) {
		run, err := s.Run(ctx, id)
		if err != nil || !s.isNew(run, p) {
			return nil, err
		}
		return run, nil
	})
}

// ClaimRun implements tracker.Store.
func (s *Store) ClaimRun(ctx context.Context, p tracker.Process, w tracker.Wanted) (*tracker.Run, error) {
	return s.take(ctx, "/claim", "", p, w, func(p tracker.Process) (*tracker.Run, error) {
		running := tracker.All(tracker.Where("status", tracker.Equal, tracker.StatusRunning), tracker.Where("host", tracker.Equal, p.Host))
		runs, err := tracker.AllRuns(ctx, s, running, tracker.Sort{{Name: "id"}})
		for i := range runs {
			if s.isNew(&runs[i], p) {
				return &runs[i], nil
			}
		}
		return nil, err
	})
}

// take asks for a run for a process; the zero value means this one. given returns the run that the process was given by an
// earlier request whose answer was lost, or nil. One request is made after the other: a run whose answer is still on its way
// to another one looks as if it were lost.
func (s *Store) take(ctx context.Context, path, id string, p tracker.Process, w tracker.Wanted, given func(tracker.Process) (*tracker.Run, error)) (*tracker.Run, error) {
	if p == (tracker.Process{}) {
		p = tracker.ThisProcess()
	}
	select {
	case s.taking <- struct{}{}:
		defer func() { <-s.taking }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	var run tracker.Run
	settle := func() (bool, error) {
		taken, err := given(p)
		if taken != nil {
			run = *taken
		}
		return taken != nil, err
	}
	if err := s.send(ctx, request{path: path, settle: settle}, claimer{taker{p}, w}, &run); err != nil {
		return nil, err
	}
	return s.took(&run, id)
}

// QueueRun implements tracker.Store.
func (s *Store) QueueRun(ctx context.Context, id string) (*tracker.Run, error) {
	return s.changed(ctx, "POST", id, "/queue", nil)
}

// StopRun implements tracker.Store.
func (s *Store) StopRun(ctx context.Context, id string) (*tracker.Run, error) {
	return s.changed(ctx, "POST", id, "/stop", nil)
}

// DeleteRuns implements tracker.Store.
func (s *Store) DeleteRuns(ctx context.Context, ids []string, o tracker.DeleteOptions) (*tracker.Deletion, error) {
	var d tracker.Deletion
	err := s.send(ctx, request{path: "/delete", slow: true}, deletion{ids, o}, &d)
	return orNil(&d, err)
}

// orNil returns a result, or nil with an error.
func orNil[T any](v *T, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	return v, nil
}

// Curves implements tracker.Store.
func (s *Store) Curves(ctx context.Context, id string, q tracker.CurveQuery) ([]tracker.Curve, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	query := url.Values{"from": {strconv.FormatInt(q.From, 10)}, "points": {strconv.Itoa(q.Points)}}
	if len(q.Metrics) > 0 {
		query["metric"] = q.Metrics
	}
	var list []curve
	if err := s.askRun(ctx, id, "/curves", query, &list); err != nil {
		return nil, err
	}
	curves := make([]tracker.Curve, len(list))
	for i := range list {
		if err := tracker.CheckSeries([]tracker.Series{list[i].Series}); err != nil || list[i].Total < 0 {
			return nil, tracker.Errorf(tracker.CodeInternal, "the server sent a curve that is none of %d points: %w", list[i].Total, err)
		}
		curves[i] = list[i].curve()
	}
	return curves, nil
}

// AppendPoints implements tracker.Store.
func (s *Store) AppendPoints(ctx context.Context, c tracker.Claim, series []tracker.Series) error {
	if err := tracker.CheckSeries(series); err != nil {
		return err
	}
	return s.sendRun(ctx, request{}, c.Run, "/points", points{c.Attempt, series}, nil)
}

// Pictures implements tracker.Store.
func (s *Store) Pictures(ctx context.Context, id string, q tracker.PictureQuery) ([]tracker.Picture, error) {
	query := url.Values{}
	if len(q.Roles) > 0 {
		query["role"] = q.Roles
	}
	var list []tracker.Picture
	if err := s.askRun(ctx, id, "/pictures", query, &list); err != nil {
		return nil, err
	}
	pictures := []tracker.Picture{}
	for _, p := range list {
		if p.Mend(); p.Check() == nil {
			pictures = append(pictures, p)
		}
	}
	return pictures, nil
}

// OpenPicture implements tracker.Store. The picture is in a temporary file then.
func (s *Store) OpenPicture(ctx context.Context, hash string) (io.ReadSeekCloser, error) {
	if err := tracker.CheckHash(hash); err != nil {
		return nil, err
	}
	var file *os.File
	err := s.get(ctx, "/pictures/"+hash, nil, func(from io.Reader) (err error) {
		sum := sha256.New()
		file, err = keep(io.TeeReader(from, sum), tracker.MaxPicture, tracker.Errorf(tracker.CodeNotFound, "picture %s is larger than any that is kept", hash))
		if err == nil && hex.EncodeToString(sum.Sum(nil)) != hash {
			file.Close()
			err = tracker.Errorf(tracker.CodeNotFound, "picture %s is damaged: the server sent another file", hash)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return file, nil
}

// AddPicture implements tracker.Store.
func (s *Store) AddPicture(ctx context.Context, c tracker.Claim, n tracker.NewPicture) (*tracker.Picture, error) {
	n, err := normalPicture(n)
	if err != nil {
		return nil, err
	}
	path, err := pathOf(c.Run, "/pictures")
	if err != nil {
		return nil, err
	}
	b, err := formOf(newPicture{c.Attempt, n}, func(write part) error { return write(filePart, "", bytes.NewReader(n.Data)) })
	if err != nil {
		return nil, err
	}
	var p tracker.Picture
	if err := s.do(ctx, request{method: "POST", path: path, body: b}, &p); err != nil {
		return nil, err
	}
	if err := p.Check(); err != nil {
		return nil, tracker.Errorf(tracker.CodeInternal, "the server described the picture otherwise: %w", err)
	}
	p.Mend()
	return &p, nil
}

// Files implements tracker.Store.
func (s *Store) Files(ctx context.Context, id string) ([]tracker.File, error) {
	var list []tracker.File
	if err := s.askRun(ctx, id, "/files", nil, &list); err != nil {
		return nil, err
	}
	files := []tracker.File{}
	for _, f := range list {
		if f.Mend(); f.Check() == nil {
			files = append(files, f)
		}
	}
	return files, nil
}

// AddFile implements tracker.Store.
func (s *Store) AddFile(ctx context.Context, c tracker.Claim, n tracker.NewFile) (*tracker.File, error) {
	if _, err := n.Describe(time.Now()); err != nil {
		return nil, err
	}
	path, err := pathOf(c.Run, "/files")
	if err != nil {
		return nil, err
	}
	b, err := formOf(newFile{c.Attempt, n}, func(write part) error { return write(filePart, "", bytes.NewReader(n.Data)) })
	if err != nil {
		return nil, err
	}
	var f tracker.File
	if err := s.do(ctx, request{method: "POST", path: path, body: b}, &f); err != nil {
		return nil, err
	}
	if err := f.Check(); err != nil {
		return nil, tracker.Errorf(tracker.CodeInternal, "the server described the file otherwise: %w", err)
	}
	f.Mend()
	return &f, nil
}

// OpenCheckpoint implements tracker.Store. The state is in a temporary file then.
func (s *Store) OpenCheckpoint(ctx context.Context, id string) (io.ReadCloser, error) {
	var file *os.File
	err := s.askRun(ctx, id, "/checkpoint", nil, func(from io.Reader) (err error) {
		file, err = keep(from, tracker.MaxCheckpoint, tracker.Errorf(tracker.CodeInternal, "the checkpoint of run %s is larger than any that is kept", id))
		return err
	})
	if err != nil {
		return nil, err
	}
	return file, nil
}

// SaveCheckpoint implements tracker.Store. The state is written to a temporary file first, so that it can be sent again.
func (s *Store) SaveCheckpoint(ctx context.Context, c tracker.Claim, write func(io.Writer) error) error {
	path, err := pathOf(c.Run, "/checkpoint")
	if err != nil {
		return err
	}
	file, err := temporary()
	if err != nil {
		return err
	}
	defer file.Close()
	if err := tracker.LimitCheckpoint(c.Run, tracker.MaxCheckpoint, write)(file); err != nil {
		return err
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	b := &body{"application/octet-stream", size, func() io.ReadCloser { return io.NopCloser(io.NewSectionReader(file, 0, size)) }}
	query := url.Values{"attempt": {strconv.Itoa(c.Attempt)}}
	return s.do(ctx, request{method: "PUT", path: path, query: query, body: b, slow: true}, nil)
}

// Sweep implements tracker.Store.
func (s *Store) Sweep(ctx context.Context, name string) (*tracker.Sweep, error) {
	var one sweepRecord
	if err := s.get(ctx, "/sweep", url.Values{"name": {name}}, &one); err != nil {
		return nil, err
	}
	return mendSweep(one), nil
}

func mendSweep(one sweepRecord) *tracker.Sweep {
	s := one.sweep()
	s.Mend()
	return &s
}

// Sweeps implements tracker.Store.
func (s *Store) Sweeps(ctx context.Context) ([]tracker.Sweep, error) {
	var list []sweepRecord
	if err := s.get(ctx, "/sweeps", nil, &list); err != nil {
		return nil, err
	}
	sweeps := make([]tracker.Sweep, len(list))
	for i := range list {
		sweeps[i] = *mendSweep(list[i])
	}
	return sweeps, nil
}

// CreateSweep implements tracker.Store.
func (s *Store) CreateSweep(ctx context.Context, n tracker.Sweep) (*tracker.Sweep, error) {
	if err := n.Check(); err != nil {
		return nil, err
	}
	var one sweepRecord
	if err := s.send(ctx, request{path: "/sweeps", once: true}, newSweep(n), &one); err != nil {
		return nil, err
	}
	return mendSweep(one), nil
}

// ActivateSweep implements tracker.Store.
func (s *Store) ActivateSweep(ctx context.Context, name string, active bool) (*tracker.Sweep, error) {
	var one sweepRecord
	if err := s.send(ctx, request{path: "/sweep/activate"}, activation{name, active}, &one); err != nil {
		return nil, err
	}
	return mendSweep(one), nil
}

// DeleteSweep implements tracker.Store.
func (s *Store) DeleteSweep(ctx context.Context, name string) error {
	return s.do(ctx, request{method: "DELETE", path: "/sweep", query: url.Values{"name": {name}}}, nil)
}

// Workers implements tracker.Store.
func (s *Store) Workers(ctx context.Context) ([]tracker.Worker, error) {
	workers := []tracker.Worker{}
	if err := s.get(ctx, "/workers", nil, &workers); err != nil {
		return nil, err
	}
	for i := range workers {
		workers[i].Mend()
	}
	return workers, nil
}

// SeeWorker implements tracker.Store.
func (s *Store) SeeWorker(ctx context.Context, w tracker.Worker) (draining bool, err error) {
	if w, err = w.Normal(time.Now()); err != nil {
		return false, err
	}
	var seen sight
	err = s.send(ctx, request{path: "/workers"}, w, &seen)
	return seen.Draining, err
}

// DrainWorker implements tracker.Store.
func (s *Store) DrainWorker(ctx context.Context, p tracker.Process, on bool) error {
	if p == (tracker.Process{}) {
		p = tracker.ThisProcess()
	}
	return s.send(ctx, request{path: "/workers/drain"}, drain{taker{p}, on}, nil)
}

// RemoveWorker implements tracker.Store.
func (s *Store) RemoveWorker(ctx context.Context, p tracker.Process) error {
	if p == (tracker.Process{}) {
		p = tracker.ThisProcess()
	}
	return s.send(ctx, request{path: "/workers/remove"}, taker{p}, nil)
}

// Judgements implements tracker.Store.
func (s *Store) Judgements(ctx context.Context, q tracker.JudgementQuery) ([]tracker.Judgement, error) {
	query := url.Values{}
	setIf(query, "sweep", q.Sweep)
	setIf(query, "experiment", q.Experiment)
	var list []tracker.Judgement
	if err := s.get(ctx, "/judgements", query, &list); err != nil {
		return nil, err
	}
	judgements := []tracker.Judgement{}
	for _, j := range list {
		if j.Known() && tracker.CheckID(j.Left) == nil && tracker.CheckID(j.Right) == nil {
			j.Mend()
			judgements = append(judgements, j)
		}
	}
	return judgements, nil
}

// AddJudgement implements tracker.Store. Its Rater becomes the person whose token this is.
func (s *Store) AddJudgement(ctx context.Context, n tracker.Judgement) (*tracker.Judgement, error) {
	if err := n.Check(); err != nil {
		return nil, err
	}
	var j tracker.Judgement
	if err := s.send(ctx, request{path: "/judgements", once: true}, n, &j); err != nil {
		return nil, err
	}
	j.Mend()
	return &j, nil
}

// DeleteJudgement implements tracker.Store.
func (s *Store) DeleteJudgement(ctx context.Context, id int64) error {
	return s.do(ctx, request{method: "DELETE", path: "/judgements/" + strconv.FormatInt(id, 10)}, nil)
}

// Restore implements tracker.Store.
func (s *Store) Restore(ctx context.Context, a *tracker.Archive, open tracker.OpenPicture) (*tracker.Run, error) {
	var run tracker.Run
	if err := s.bring(ctx, "/restore", a, open, &run); err != nil {
		return nil, err
	}
	return mendRun(&run, a.Run.ID)
}

// Refresh implements tracker.Store.
func (s *Store) Refresh(ctx context.Context, a *tracker.Archive, open tracker.OpenPicture) error {
	return s.bring(ctx, "/refresh", a, open, nil)
}

// bring sends an archive with its files. Its checkpoint can be read once only, and goes to a temporary file first.
func (s *Store) bring(ctx context.Context, path string, a *tracker.Archive, open tracker.OpenPicture, result any) error {
	a, err := a.Normal(time.Now())
	if err != nil {
		return err
	}
	var state *os.File
	var size int64
	if a.Checkpoint != nil {
		tooLarge := tracker.Errorf(tracker.CodeInvalid, "the checkpoint of run %s has more than %d bytes", a.Run.ID, int64(tracker.MaxCheckpoint))
		if state, err = keep(a.Checkpoint, tracker.MaxCheckpoint, tooLarge); err != nil {
			return err
		}
		defer state.Close()
		if size, err = sizeOf(state); err != nil {
			return err
		}
	}
	b, err := formOf(a, func(write part) error {
		written := map[string]bool{}
		send := func(hash string, read func() ([]byte, error)) error {
			if written[hash] {
				return nil
			}
			written[hash] = true
			data, err := read()
			if err != nil {
				return err
			}
			return write(filePart, hash, bytes.NewReader(data))
		}
		for _, p := range a.Pictures {
			err := send(p.Hash, func() (data []byte, err error) { _, data, err = tracker.ReadPicture(ctx, p, open); return data, err })
			if err != nil {
				return err
			}
		}
		for _, f := range a.Files {
			err := send(f.Hash, func() (data []byte, err error) { _, data, err = tracker.ReadFile(ctx, f, open); return data, err })
			if err != nil {
				return err
			}
		}
		if state != nil {
			return write(statePart, "", io.NewSectionReader(state, 0, size))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.do(ctx, request{method: "POST", path: path, body: b, slow: true}, result)
}

// RestoreSweep implements tracker.Store.
func (s *Store) RestoreSweep(ctx context.Context, n tracker.Sweep) error {
	if err := n.Check(); err != nil {
		return err
	}
	return s.send(ctx, request{path: "/restore/sweep"}, newSweep(n), nil)
}

// RestoreJudgements implements tracker.Store.
func (s *Store) RestoreJudgements(ctx context.Context, judgements []tracker.Judgement) (int, error) {
	var n added
	err := s.send(ctx, request{path: "/restore/judgements"}, judgements, &n)
	return n.Added, err
}

// Groups implements tracker.Store.
func (s *Store) Groups(ctx context.Context, by tracker.GroupBy) ([]tracker.Group, error) {
	if err := by.Check(); err != nil {
		return nil, err
	}
	var groups []tracker.Group
	if err := s.get(ctx, "/groups", url.Values{"by": {string(by)}}, &groups); err != nil {
		return nil, err
	}
	for _, g := range groups {
		if g.Latest == nil {
			return nil, tracker.Errorf(tracker.CodeInternal, "the server sent a group without a run")
		}
		if _, err := mendRun(g.Latest, ""); err != nil {
			return nil, err
		}
	}
	return groups, nil
}

// Names implements tracker.Store.
func (s *Store) Names(ctx context.Context) (*tracker.Names, error) {
	var names tracker.Names
	err := s.get(ctx, "/names", nil, &names)
	return orNil(&names, err)
}

// Changes implements tracker.Store.
func (s *Store) Changes(ctx context.Context, since tracker.Cursor) (*tracker.Changes, error) {
	return s.changes(ctx, since, 0)
}

// changes is Changes, but waits for the first change on the server, for a number of seconds at most.
func (s *Store) changes(ctx context.Context, since tracker.Cursor, wait int) (*tracker.Changes, error) {
	query := url.Values{}
	setIf(query, "since", string(since))
	if wait > 0 {
		query.Set("wait", strconv.Itoa(wait))
	}
	var changes tracker.Changes
	if err := s.get(ctx, "/changes", query, &changes); err != nil {
		return nil, err
	}
	for _, ids := range [][]string{changes.Runs, changes.Deleted} {
		for _, id := range ids {
			if tracker.CheckID(id) != nil {
				return nil, tracker.Errorf(tracker.CodeInternal, "the server sent the id %.40q", id)
			}
		}
	}
	return &changes, nil
}

// Verify implements tracker.Store.
func (s *Store) Verify(ctx context.Context, o tracker.VerifyOptions) (*tracker.Report, error) {
	var report tracker.Report
	err := s.send(ctx, request{path: "/verify", slow: true}, o, &report)
	return orNil(&report, err)
}
