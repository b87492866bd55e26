// Package tracker is a store for experiments whose result is a picture. It keeps every run's
// settings, curves, pictures and other files, so that a person sees later which settings made the good picture.
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
// A [Recorder] does this for a Stylize. [Continue] resumes a run that was interrupted, from the checkpoint that it
// saved last. A [Sweep] is a number of runs, its trials. A [Judgement] says which of two runs a person finds better.
//
// Any program may record its runs, but the package knows what style transfers have: a content, a
// style and an initial picture ([Picture]), a network and its weights ([Provenance]), and what
// makes comparing two of them fair ([Contrast]).
//
// A [Store] keeps all of this and answers questions about it. Programs ask with a [Filter] built
// from values; [ParseFilter] and [ParseSort] read what a person types. Errors have a [Code].
package tracker
