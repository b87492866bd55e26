package tracker

import "context"

// Follower is notified of the runs that a process works on; see [Follow]. Its methods return at once, and may be called
// from several goroutines.
type Follower interface {
	// Began is called when a run begins, or is continued.
	Began(run *Run)
	// Ended is called with a run as it ended, or as it was given back to the queue.
	Ended(run *Run)
	// SweepEnded is called when all trials of a sweep have ended.
	SweepEnded(s *Sweep)
	// Close waits a few seconds at most for what is still to be done. The caller of Follow calls it at the end.
	Close()
}

// Follow returns the store, and notifies a follower of the runs that this process works on in it. What a follower does
// never changes what the store's methods return.
func Follow(store Store, f Follower) Store { return &followed{store, f} }

type followed struct {
	Store
	follower Follower
}

// Woken implements [Waker], if the store does.
func (s *followed) Woken(ctx context.Context) <-chan struct{} { return Woken(ctx, s.Store) }

func (s *followed) began(run *Run, err error) (*Run, error) {
	if err == nil && run.Status == StatusRunning {
		s.follower.Began(run)
	}
	return run, err
}

func (s *followed) CreateRun(ctx context.Context, n NewRun) (*Run, error) {
	return s.began(s.Store.CreateRun(ctx, n))
}

func (s *followed) ContinueRun(ctx context.Context, id string, p Process) (*Run, error) {
	return s.began(s.Store.ContinueRun(ctx, id, p))
}

func (s *followed) ClaimRun(ctx context.Context, p Process, w Wanted) (*Run, error) {
	return s.began(s.Store.ClaimRun(ctx, p, w))
}

func (s *followed) FinishRun(ctx context.Context, c Claim, o Outcome) error {
	err := s.Store.FinishRun(ctx, c, o)
	if err != nil {
		return err
	}
	if run, err := s.Run(ctx, c.Run); err == nil { // else it was deleted
		s.follower.Ended(run)
	}
	return nil
}

// ActivateSweep is how a process says that it has ended the last trial; others pause a sweep with it in theirs.
func (s *followed) ActivateSweep(ctx context.Context, name string, active bool) (*Sweep, error) {
	sweep, err := s.Store.ActivateSweep(ctx, name, active)
	if err == nil && !active {
		s.follower.SweepEnded(sweep)
	}
	return sweep, err
}
