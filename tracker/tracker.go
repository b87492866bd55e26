// Package tracker keeps experiments: every run's settings, curves and pictures, so that a person sees later which
// settings made the good picture. It serves any experiment, and knows style transfer only through what an observer
// of one is told.
//
//	store, err := sqlite.Open(ctx, dir, sqlite.Options{})
//	...
//	run, err := tracker.Start(ctx, store, tracker.NewRun{
//		Experiment: "night", Params: tracker.Params{"style_weight": 50, "pooling": "avg"},
//	})
//	...
//	for step := range int64(500) {
//		err = run.Log(step, tracker.Metrics{"content": c, "style": s})
//	}
//	err = run.LogPicture(ctx, tracker.RoleResult, 500, picture)
//	err = run.Finish(ctx, tracker.Outcome{Status: tracker.StatusFinished})
//
// A [Recorder] does this for a Stylize. A run that was interrupted goes on with [Continue], from the checkpoint that it
// saved last. A [Sweep] is a number of runs, its trials, and a [Judgement] says which of two runs a person finds better.
// A [Store] keeps all of them and answers questions about them: [ParseFilter] and [ParseSort] read what a person types.
// Errors have a [Code].
package tracker
