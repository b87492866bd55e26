package tracker

import (
	"math"
	"time"

	"github.com/gouache-art/gouache/stylelib/progress"
)

// DefaultSnapshots is how many snapshots a Recorder keeps of a run.
const DefaultSnapshots = 24

// snapshotShare is how much of a run's time snapshots may take. What recording costs in all is to stay below 1%.
const snapshotShare = 0.005

// findSnapshots takes the snapshots up where the run left them, if it is one that is continued.
func (r *Recorder) findSnapshots() error {
	pictures, err := r.run.store.Pictures(r.ctx, r.run.id, PictureQuery{Roles: []string{RoleSnapshot}})
	for _, p := range pictures {
		r.kept[p.Step] = true
		if p.Step <= r.last {
			r.next = nextSnapshot(int(p.Step), r.begun.Iterations(), r.options)
		}
	}
	r.taken = len(r.kept)
	return err
}

// due tells whether to keep a snapshot: at the iterations that are chosen, and at the last, but only as long as they
// have taken less than their share of the run's time. The last is kept in any case.
func (r *Recorder) due(i progress.Iteration) bool {
	if r.options.Snapshots < 0 || i.Picture == nil {
		return false
	}
	if i.Iteration == r.begun.Iterations() {
		return true
	}
	return i.Iteration >= r.next && r.taken < r.options.Snapshots-1 && float64(r.spent) <= snapshotShare*float64(i.Elapsed)
}

// snapshot brings a picture over and hands it to the goroutine that writes it; while that is busy with an earlier
// one, the next iteration's picture will do.
func (r *Recorder) snapshot(i progress.Iteration) {
	last := i.Iteration == r.begun.Iterations()
	if r.kept[int64(i.Iteration)] {
		r.next = nextSnapshot(i.Iteration, r.begun.Iterations(), r.options)
		return
	}
	if len(r.jobs) > 0 && !last {
		return
	}
	began := time.Now()
	picture, err := i.Picture()
	if err != nil {
		return // the run itself will fail for the same reason, and says so
	}
	r.spent += time.Since(began)
	r.taken++
	r.kept[int64(i.Iteration)] = true
	r.jobs <- func() { r.check(r.run.LogPicture(r.ctx, RoleSnapshot, int64(i.Iteration), picture)) }
	r.next = nextSnapshot(i.Iteration, r.begun.Iterations(), r.options)
}

// nextSnapshot returns the iteration of the snapshot after one, so that there are at most o.Snapshots of them.
func nextSnapshot(now, planned int, o RecorderOptions) int {
	if o.Every > 0 {
		every := max(o.Every, (planned+o.Snapshots-2)/(o.Snapshots-1))
		return now - now%every + every
	}
	return max(now+1, int(float64(now)*ratio(planned, o.Snapshots)))
}

// ratio returns by how much the iterations of snapshots grow from one to the next, so that from 1 to the last
// planned there are at most as many as wanted. The first ones are consecutive, as there is nothing between, so the
// plain root of the length would make fewer: of 24 wanted for 500 iterations only 17.
func ratio(planned, wanted int) float64 {
	least, most := 1.0, float64(max(planned, 2))
	for range 40 {
		middle := math.Sqrt(least * most)
		if countSnapshots(planned, middle) > wanted {
			least = middle
		} else {
			most = middle
		}
	}
	return most
}

func countSnapshots(planned int, ratio float64) int {
	n := 1 // the last
	for at := 1; at < planned; n++ {
		at = max(at+1, int(float64(at)*ratio))
	}
	return n
}
