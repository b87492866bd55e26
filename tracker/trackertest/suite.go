// Package trackertest holds the checks that every implementation of tracker.Store passes, and a
// generator of large stores for benchmarks.
//
// The test of an implementation is one call:
//
//	func TestStore(t *testing.T) {
//		trackertest.Run(t, func(t *testing.T) tracker.Store { return open(t, t.TempDir()) })
//	}
//
// What the implementer supplies is open. Each call returns a new, empty store that shares nothing
// with the others: one check imports the runs of one store into another. open registers with
// t.Cleanup what closes the store, removes what it left behind, and checks what Verify does not.
// The store uses the real clock. If it lets tests set its clock, its own tests should also check
// that a silent process on another machine is presumed dead after tracker.SilentAfter.
//
// The parts that every store needs are in package tracker: the Normal and Check methods of what a store is given,
// Filter.Resolve and Sort.Resolve, NewID, CanonicalID and FindID, NoSuchRun and NoSuchSweep, Process.Gone and
// ReasonGone, StoredTime, Summary and NewCurve, LimitCheckpoint, NewPicture.Describe, NewFile.Describe, CheckFileCount, ReadPicture, ReadFile and Sweep.Same. A store
// maps its driver's errors to the codes of tracker.Error.
package trackertest

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gouache-art/gouache/tracker"
)

// done is the end of a run, and onePoint what can no longer be logged then.
var (
	done     = tracker.Outcome{Status: tracker.StatusFinished}
	onePoint = []tracker.Series{{Name: "x", Points: []tracker.Point{{Step: 1}}}}
)

type check struct {
	name string
	run  func(*testing.T, tracker.Store)
}

// groups are the checks by aggregate. The last group uses the store as programs do, through ActiveRun and Recorder.
var groups = []struct {
	name   string
	checks []check
}{
	{"Runs", []check{
		{"Create", testRun}, {"Invalid", testInvalid}, {"NotFound", testNotFound}, {"Find", testFind}, {"Update", testUpdate}, {"Note", testNote},
		{"Finish", testFinish}, {"Gone", testGone}, {"Delete", testDelete}, {"DeleteKept", testDeleteKept}, {"DeleteRunning", testDeleteRunning},
		{"Continue", testContinue}, {"Tries", testTries}, {"ContinueOnce", testContinueOnce}, {"Stranger", testStranger}, {"Claims", testClaims}, {"Heartbeat", testHeartbeat},
	}},
	{"Queue", []check{
		{"Queue", testQueue}, {"Gone", testQueueGone}, {"Once", testQueueOnce}, {"Again", testQueueAgain}, {"Stop", testStop},
		{"StopActive", testStopActive}, {"Order", testOrder}, {"Workers", testWorkers}, {"Drain", testDrain},
	}},
	{"Lists", []check{
		{"Paging", testPaging}, {"Filters", testFilters}, {"RandomFilters", testRandomFilters}, {"UnknownNames", testUnknownNames},
		{"Sort", testSort},
	}},
	{"Index", []check{{"Groups", testGroups}, {"Changes", testChanges}}},
	{"Curves", []check{
		{"Points", testPoints}, {"OutOfOrder", testPointsOutOfOrder}, {"NotFinite", testPointsNotFinite}, {"Many", testManyPoints},
		{"Continued", testContinuedCurve},
	}},
	{"Pictures", []check{{"Pictures", testPictures}, {"Conflict", testPictureConflict}, {"Names", testPictureNames}, {"Thumbnail", testThumbnail}}},
	{"Files", []check{{"Files", testFiles}, {"Invalid", testFilesInvalid}, {"Many", testFilesMany}, {"Shared", testFilesShared}, {"Together", testFilesTogether}}},
	{"Checkpoints", []check{{"Checkpoints", testCheckpoints}, {"Ends", testCheckpointEnds}}},
	{"Sweeps", []check{
		{"Sweeps", testSweeps}, {"Delete", testDeleteSweep}, {"Trials", testTrials}, {"TrialsOnce", testTrialsOnce},
	}},
	{"Judgements", []check{{"Judgements", testJudgements}}},
	{"Programs", []check{
		{"ActiveRun", testActiveRun}, {"Concurrent", testConcurrent}, {"Recorder", testRecorder},
		{"ContinuedRecorder", testContinuedRecorder},
	}},
}

// Run runs the checks, each on a new store, as subtests named GROUP/CHECK. open returns an empty
// store; see the package's documentation for what it does.
func Run(t *testing.T, open func(t *testing.T) tracker.Store) {
	for _, group := range groups {
		t.Run(group.name, func(t *testing.T) {
			for _, c := range group.checks {
				t.Run(c.name, func(t *testing.T) {
					store := open(t)
					c.run(t, store)
					Verify(t, store)
				})
			}
		})
	}
	t.Run("Archives", func(t *testing.T) {
		for name, run := range map[string]func(t *testing.T, into, from tracker.Store){
			"Import": testImport, "Again": testImportAgain, "Sweep": testImportSweep, "OtherSweep": testImportOtherSweep, "Old": testImportOld,
			"Refused": testImportRefused, "Files": testImportFiles, "Together": testImportTogether,
		} {
			t.Run(name, func(t *testing.T) {
				from, into := open(t), open(t)
				run(t, into, from)
				Verify(t, from)
				Verify(t, into)
			})
		}
	})
}

// Verify fails the test if a store finds anything wrong with itself.
func Verify(t *testing.T, store tracker.Verifier) {
	t.Helper()
	report := must(store.Verify(t.Context(), tracker.VerifyOptions{}))(t)
	for _, p := range report.Problems {
		t.Errorf("%s: %s", p.Kind, p.What)
	}
}

// Picture returns the PNG of a small picture. Different numbers give different pictures.
func Picture(t testing.TB, n int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 8, 4))
	for i := range 32 {
		m.Set(i%8, i/8, color.RGBA{uint8(n), uint8(n >> 8), uint8(n>>16 + i), 255})
	}
	var b bytes.Buffer
	ok(t, png.Encode(&b, m))
	return b.Bytes()
}

// must returns the result of a call, or fails the test: must(store.Run(ctx, id))(t).
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		ok(t, err)
		return v
	}
}

// errorOf returns the error of a call: wantCode(t, errorOf(store.Run(ctx, id)), code).
func errorOf[T any](_ T, err error) error { return err }

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, store tracker.Store, n tracker.NewRun) *tracker.Run {
	t.Helper()
	return must(store.CreateRun(t.Context(), n))(t)
}

func get(t *testing.T, store tracker.Store, id string) *tracker.Run {
	t.Helper()
	return must(store.Run(t.Context(), id))(t)
}

func changes(t *testing.T, store tracker.Store, since tracker.Cursor) *tracker.Changes {
	t.Helper()
	return must(store.Changes(t.Context(), since))(t)
}

// claim returns the claim of whoever has a run.
func claim(t *testing.T, store tracker.Store, id string) tracker.Claim {
	t.Helper()
	return get(t, store, id).Claim()
}

func appendPoints(t *testing.T, store tracker.Store, id, name string, points ...tracker.Point) {
	t.Helper()
	ok(t, store.AppendPoints(t.Context(), claim(t, store, id), []tracker.Series{{Name: name, Points: points}}))
}

func finish(t *testing.T, store tracker.Store, id string) {
	t.Helper()
	ok(t, store.FinishRun(t.Context(), claim(t, store, id), done))
}

func finished(t *testing.T, store tracker.Store, n tracker.NewRun) *tracker.Run {
	t.Helper()
	run := create(t, store, n)
	finish(t, store, run.ID)
	return run
}

// race calls do from many goroutines at once. It fails the test unless one call succeeds and the
// others are conflicts.
func race(t *testing.T, what string, do func() error) {
	t.Helper()
	var won atomic.Int32
	var wait sync.WaitGroup
	for range 16 {
		wait.Go(func() {
			if err := do(); err != nil {
				wantCode(t, err, tracker.CodeConflict)
			} else {
				won.Add(1)
			}
		})
	}
	wait.Wait()
	if n := won.Load(); n != 1 {
		t.Errorf("%s succeeded %d times", what, n)
	}
}

// list returns the names of the runs that pass a filter, in an order.
func list(t *testing.T, store tracker.Store, filter, sort string) []string {
	t.Helper()
	f := must(tracker.ParseFilter(filter))(t)
	s := must(tracker.ParseSort(sort))(t)
	page := must(store.Runs(t.Context(), tracker.RunQuery{Filter: f, Sort: s}))(t)
	names := []string{}
	for _, r := range page.Runs {
		names = append(names, r.Name)
	}
	failIf(t, len(names) != page.Total, "%q: a total of %d, and %d runs", filter, page.Total, len(names))
	return names
}

// wantCode fails the test if an error is of another kind.
func wantCode(t *testing.T, err error, want tracker.Code) {
	t.Helper()
	if got := tracker.ErrorCode(err); got != want {
		t.Errorf("the error %v has the code %q, want %q", err, got, want)
	}
}

// failIf fails the test if bad is set.
func failIf(t *testing.T, bad bool, format string, args ...any) {
	t.Helper()
	if bad {
		t.Errorf(format, args...)
	}
}

// wantEqual fails the test unless two values are deeply equal.
func wantEqual(t *testing.T, what string, got, want any) {
	t.Helper()
	failIf(t, !reflect.DeepEqual(got, want), "%s: got %+v, want %+v", what, got, want)
}

// wantList fails the test if two lists differ.
func wantList[T comparable](t *testing.T, what string, got, want []T) {
	t.Helper()
	failIf(t, !slices.Equal(got, want), "%s: got %v, want %v", what, got, want)
}
