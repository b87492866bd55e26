package tracker

// Archive is a whole run.
type Archive struct {
	Run      Run
	Series   []Series
	Pictures []Picture
}

// Check returns an error of CodeInvalid for an archive that no store can have made.
func (a *Archive) Check() error {
	r := &a.Run
	if id, err := CanonicalID(r.ID); err != nil || id != r.ID || len(id) != idLength {
		return Errorf(CodeInvalid, "%q is no run's id", r.ID)
	}
	n := NewRun{Experiment: r.Experiment, Name: r.Name, Sweep: r.Sweep, Trial: r.Trial, Params: r.Params, Tags: r.Tags, Note: r.Note}
	if _, err := n.Normal(); err != nil {
		return err
	}
	if r.Status != StatusRunning {
		if _, err := (Outcome{Status: r.Status}).Normal(); err != nil {
			return err
		}
	}
	if err := checkText("reason", r.Reason, maxText); err != nil {
		return err
	}
	if _, err := (Update{Rating: &r.Rating}).Normal(); err != nil {
		return err
	}
	if r.Idle < 0 || r.Tries < 0 {
		return Errorf(CodeInvalid, "run %s was idle for %v and tried again %d times: both must be 0 or more", r.ID, r.Idle, r.Tries)
	}
	return CheckSeries(a.Series)
}
