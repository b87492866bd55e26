package remote

import (
	"cmp"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

// route is one of the requests that the server answers, usually with one method of the store.
type route struct {
	pattern string // its method, its path below Prefix, and what may be in its query
	writes  bool   // it needs a token that may write
	// answer returns what is sent as JSON: nil for nothing, or sent if it has sent the answer itself.
	answer func(c *call) (any, error)
}

// routes is the table of all of them.
var routes = []route{
	{"GET /{$}", false, func(c *call) (any, error) {
		_, err := c.admitted(c.Request, true)
		return about{c.person, err == nil, c.options.Version}, nil
	}},

	{"GET /find?ref", false, func(c *call) (any, error) {
		id, err := c.store.Find(c.Context(), c.query.Get("ref"))
		return found{id}, err
	}},
	{"GET /runs?filter&sort&offset&limit", false, func(c *call) (any, error) {
		q, err := c.runQuery()
		if err != nil {
			return nil, err
		}
		return c.store.Runs(c.Context(), q)
	}},
	{"POST /runs", true, func(c *call) (run any, err error) {
		var n tracker.NewRun
		err = c.pictures(&n, func(files [][]byte) error {
			if len(files) != len(n.Inputs) {
				return tracker.Errorf(tracker.CodeInvalid, "there are %d inputs and %d files", len(n.Inputs), len(files))
			}
			for i := range files {
				n.Inputs[i].Data = files[i]
			}
			n.NoteBy = cmp.Or(c.person, n.NoteBy) // whatever the request says, where the server knows
			if !n.Queued {
				if err := named(n.Process); err != nil {
					return err
				}
			}
			run, err = c.store.CreateRun(c.Context(), n)
			return err
		})
		return run, err
	}},
	{"GET /runs/{id}", false, func(c *call) (any, error) { return c.store.Run(c.Context(), c.id()) }},
	{"PATCH /runs/{id}", true, func(c *call) (any, error) {
		var u tracker.Update
		if err := c.read(&u, maxRequest); err != nil {
			return nil, err
		}
		u.NoteBy = cmp.Or(c.person, u.NoteBy) // as above
		return c.store.UpdateRun(c.Context(), c.id(), u)
	}},
	{"POST /runs/{id}/heartbeat", true, func(c *call) (any, error) {
		var a attempt
		if err := c.read(&a, maxRequest); err != nil {
			return nil, err
		}
		stopped, err := c.store.Heartbeat(c.Context(), c.claim(a.Attempt))
		return pulse{stopped}, err
	}},
	{"POST /runs/{id}/finish", true, func(c *call) (any, error) {
		var o outcome
		if err := c.read(&o, maxRequest); err != nil {
			return nil, err
		}
		return nil, c.store.FinishRun(c.Context(), c.claim(o.Attempt), o.Outcome)
	}},
	{"POST /runs/{id}/continue", true, func(c *call) (any, error) {
		p, err := c.taker()
		if err != nil {
			return nil, err
		}
		return c.store.ContinueRun(c.Context(), c.id(), p)
	}},
	{"POST /runs/{id}/queue", true, func(c *call) (any, error) { return c.store.QueueRun(c.Context(), c.id()) }},
	{"POST /runs/{id}/stop", true, func(c *call) (any, error) { return c.store.StopRun(c.Context(), c.id()) }},
	{"POST /claim", true, func(c *call) (any, error) {
		var by claimer
		if err := c.read(&by, maxRequest); err != nil {
			return nil, err
		}
		if err := named(by.Process); err != nil {
			return nil, err
		}
		return c.store.ClaimRun(c.Context(), by.Process, by.Wanted)
	}},
	{"POST /delete", true, func(c *call) (any, error) {
		var d deletion
		if err := c.read(&d, maxRequest); err != nil {
			return nil, err
		}
		return c.store.DeleteRuns(c.Context(), d.Runs, d.DeleteOptions)
	}},

	{"GET /runs/{id}/curves?metric&from&points", false, func(c *call) (any, error) {
		from, fromErr := c.number("from")
		most, err := c.number("points")
		if err := cmp.Or(fromErr, err); err != nil {
			return nil, err
		}
		curves, err := c.store.Curves(c.Context(), c.id(), tracker.CurveQuery{Metrics: c.query["metric"], From: from, Points: int(most)})
		list := make([]curve, len(curves))
		for i := range curves {
			list[i] = newCurve(curves[i])
		}
		return list, err
	}},
	{"POST /runs/{id}/points", true, func(c *call) (any, error) {
		var p points
		if err := c.read(&p, maxPoints); err != nil {
			return nil, err
		}
		return nil, c.store.AppendPoints(c.Context(), c.claim(p.Attempt), p.Series)
	}},

	{"GET /runs/{id}/pictures?role", false, func(c *call) (any, error) {
		return c.store.Pictures(c.Context(), c.id(), tracker.PictureQuery{Roles: c.query["role"]})
	}},
	{"POST /runs/{id}/pictures", true, func(c *call) (picture any, err error) {
		var n newPicture
		err = c.pictures(&n, func(files [][]byte) error {
			if len(files) != 1 {
				return tracker.Errorf(tracker.CodeInvalid, "there are %d files: send one picture", len(files))
			}
			n.Data = files[0]
			picture, err = c.store.AddPicture(c.Context(), c.claim(n.Attempt), n.NewPicture)
			return err
		})
		return picture, err
	}},
	{"GET /runs/{id}/files", false, func(c *call) (any, error) { return c.store.Files(c.Context(), c.id()) }},
	{"POST /runs/{id}/files", true, func(c *call) (file any, err error) {
		var n newFile
		err = c.pictures(&n, func(files [][]byte) error {
			if len(files) != 1 {
				return tracker.Errorf(tracker.CodeInvalid, "there are %d files: send one", len(files))
			}
			n.Data = files[0]
			file, err = c.store.AddFile(c.Context(), c.claim(n.Attempt), n.NewFile)
			return err
		})
		return file, err
	}},
	{"GET /pictures/{hash}", false, func(c *call) (any, error) {
		hash := c.PathValue("hash")
		file, err := c.store.OpenPicture(c.Context(), hash)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		c.writer.Header().Set("ETag", strconv.Quote(hash))
		kind, err := imageType(file)
		if err != nil {
			return nil, err
		}
		c.writer.Header().Set("Content-Type", kind)
		http.ServeContent(c.slowly(c.writer), c.Request, "", time.Time{}, file)
		return sent, nil
	}},
	{"GET /runs/{id}/checkpoint", false, func(c *call) (any, error) {
		file, err := c.store.OpenCheckpoint(c.Context(), c.id())
		if err != nil {
			return nil, err
		}
		defer file.Close()
		c.writer.Header().Set("Content-Type", "application/octet-stream")
		if _, err := io.Copy(c.slowly(c.writer), file); err != nil {
			panic(http.ErrAbortHandler) // the client must see that the state is not whole
		}
		return sent, nil
	}},
	{"PUT /runs/{id}/checkpoint?attempt", true, func(c *call) (any, error) {
		attempt, err := c.number("attempt")
		if err != nil {
			return nil, err
		}
		return nil, c.store.SaveCheckpoint(c.Context(), c.claim(int(attempt)), func(w io.Writer) error {
			if _, err := io.Copy(w, c.paced()); err != nil {
				return err
			}
			c.arrived()
			return c.stillAdmitted()
		})
	}},

	{"GET /sweeps", false, func(c *call) (any, error) {
		sweeps, err := c.store.Sweeps(c.Context())
		list := make([]sweepRecord, len(sweeps))
		for i := range sweeps {
			list[i] = newSweep(sweeps[i])
		}
		return list, err
	}},
	{"GET /sweep?name", false, func(c *call) (any, error) { return sweepOr(c.store.Sweep(c.Context(), c.query.Get("name"))) }},
	{"POST /sweeps", true, func(c *call) (any, error) {
		var s sweepRecord
		if err := c.read(&s, maxRequest); err != nil {
			return nil, err
		}
		return sweepOr(c.store.CreateSweep(c.Context(), s.sweep()))
	}},
	{"POST /sweep/activate", true, func(c *call) (any, error) {
		var a activation
		if err := c.read(&a, maxRequest); err != nil {
			return nil, err
		}
		return sweepOr(c.store.ActivateSweep(c.Context(), a.Name, a.Active))
	}},
	{"DELETE /sweep?name", true, func(c *call) (any, error) { return nil, c.store.DeleteSweep(c.Context(), c.query.Get("name")) }},

	{"GET /workers", false, func(c *call) (any, error) { return c.store.Workers(c.Context()) }},
	{"POST /workers", true, func(c *call) (any, error) {
		var w tracker.Worker
		if err := c.read(&w, maxRequest); err != nil {
			return nil, err
		}
		if err := named(w.Process); err != nil {
			return nil, err
		}
		draining, err := c.store.SeeWorker(c.Context(), w)
		return sight{draining}, err
	}},
	{"POST /workers/drain", true, func(c *call) (any, error) {
		var d drain
		if err := c.read(&d, maxRequest); err != nil {
			return nil, err
		}
		if err := named(d.Process); err != nil {
			return nil, err
		}
		return nil, c.store.DrainWorker(c.Context(), d.Process, d.Drain)
	}},
	{"POST /workers/remove", true, func(c *call) (any, error) {
		p, err := c.taker()
		if err != nil {
			return nil, err
		}
		return nil, c.store.RemoveWorker(c.Context(), p)
	}},

	{"GET /judgements?sweep&experiment", false, func(c *call) (any, error) {
		return c.store.Judgements(c.Context(), tracker.JudgementQuery{Sweep: c.query.Get("sweep"), Experiment: c.query.Get("experiment")})
	}},
	{"POST /judgements", true, func(c *call) (any, error) {
		var j tracker.Judgement
		if err := c.read(&j, maxRequest); err != nil {
			return nil, err
		}
		j.Rater = cmp.Or(c.person, j.Rater) // whatever the request says, where the server knows
		return c.store.AddJudgement(c.Context(), j)
	}},
	{"DELETE /judgements/{id}", true, func(c *call) (any, error) {
		id, err := strconv.ParseInt(c.id(), 10, 64)
		if err != nil {
			return nil, tracker.Errorf(tracker.CodeNotFound, "there is no judgement %.40q", c.id())
		}
		return nil, c.store.DeleteJudgement(c.Context(), id)
	}},

	{"POST /restore", true, func(c *call) (run any, err error) {
		err = c.archive(func(a *tracker.Archive, open tracker.OpenPicture) error {
			run, err = c.store.Restore(c.Context(), a, open)
			return err
		})
		return run, err
	}},
	{"POST /refresh", true, func(c *call) (any, error) {
		return nil, c.archive(func(a *tracker.Archive, open tracker.OpenPicture) error {
			return c.store.Refresh(c.Context(), a, open)
		})
	}},
	{"POST /restore/sweep", true, func(c *call) (any, error) {
		var s sweepRecord
		if err := c.read(&s, maxRequest); err != nil {
			return nil, err
		}
		return nil, c.store.RestoreSweep(c.Context(), s.sweep())
	}},
	{"POST /restore/judgements", true, func(c *call) (any, error) {
		var list []tracker.Judgement
		if err := c.read(&list, maxRequest); err != nil {
			return nil, err
		}
		n, err := c.store.RestoreJudgements(c.Context(), list)
		return added{n}, err
	}},

	{"GET /groups?by", false, func(c *call) (any, error) {
		return c.store.Groups(c.Context(), tracker.GroupBy(c.query.Get("by")))
	}},
	{"GET /names", false, func(c *call) (any, error) { return c.store.Names(c.Context()) }},
	{"GET /changes?since&wait", false, func(c *call) (any, error) {
		seconds, err := c.number("wait")
		if err != nil {
			return nil, err
		}
		return c.changes(tracker.Cursor(c.query.Get("since")), time.Duration(min(max(seconds, 0), mostWait))*time.Second)
	}},
	{"POST /verify", true, func(c *call) (any, error) {
		var o tracker.VerifyOptions
		if err := c.read(&o, maxRequest); err != nil {
			return nil, err
		}
		return c.store.Verify(c.Context(), o)
	}},
}

// runQuery reads the query of a list of runs.
func (c *call) runQuery() (q tracker.RunQuery, err error) {
	if q.Filter, err = tracker.ReadFilter(c.query.Get("filter")); err != nil {
		return q, err
	}
	if q.Sort, err = tracker.ParseSort(c.query.Get("sort")); err != nil {
		return q, err
	}
	offset, err := c.number("offset")
	if err != nil {
		return q, err
	}
	limit, err := c.number("limit")
	q.Offset, q.Limit = int(offset), int(limit)
	return q, err
}

// imageType returns the media type of a picture. Of anything else it is only said that it is data: it may be anybody's page,
// which no browser shall show.
func imageType(file io.ReadSeeker) (string, error) {
	head := make([]byte, 512)
	n, err := io.ReadFull(file, head)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if kind := http.DetectContentType(head[:n]); strings.HasPrefix(kind, "image/") {
		return kind, err
	}
	return "application/octet-stream", err
}

// taker reads the process that takes a run, or a worker.
func (c *call) taker() (tracker.Process, error) {
	var t taker
	if err := c.read(&t, maxRequest); err != nil {
		return t.Process, err
	}
	return t.Process, named(t.Process)
}

// sweepOr is the answer with a sweep.
func sweepOr(s *tracker.Sweep, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return newSweep(*s), nil
}
