package trackertest

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

func addFile(t *testing.T, store tracker.Store, id string, n tracker.NewFile) *tracker.File {
	t.Helper()
	return must(store.AddFile(t.Context(), claim(t, store, id), n))(t)
}

func filesOf(t *testing.T, store tracker.Store, id string) []tracker.File {
	t.Helper()
	return must(store.Files(t.Context(), id))(t)
}

// testFiles adds files to a run, also after its end, and replaces one.
func testFiles(t *testing.T, store tracker.Store) {
	run := create(t, store, tracker.NewRun{})
	wantEqual(t, "files of a run without any", filesOf(t, store, run.ID), []tracker.File{})
	table := addFile(t, store, run.ID, tracker.NewFile{Name: "tables/täglich 1.csv", Type: "text/csv", Data: []byte("a,b\n")})
	failIf(t, table.Name != "tables/täglich 1.csv" || table.Type != "text/csv" || table.Bytes != 4 || time.Since(table.At).Abs() > time.Hour, "got %+v", table)
	finish(t, store, run.ID)
	empty := addFile(t, store, run.ID, tracker.NewFile{Name: "empty"})
	text := addFile(t, store, run.ID, tracker.NewFile{Name: "log.txt", Data: []byte("<script>")})
	failIf(t, !strings.HasPrefix(text.Type, "text/"), "the type of a text is %q", text.Type)
	before := changes(t, store, "")
	now := addFile(t, store, run.ID, tracker.NewFile{Name: "log.txt", Type: "text/plain", Data: []byte("more")})
	wantList(t, "changed runs", changes(t, store, before.Cursor).Runs, []string{run.ID})
	wantList(t, "files", filesOf(t, store, run.ID), []tracker.File{*empty, *now, *table})
	wantEqual(t, "the content", string(readPicture(t, store, now.Hash)), "more")
	wantEqual(t, "the empty content", len(readPicture(t, store, empty.Hash)), 0)
	wantCode(t, errorOf(store.OpenPicture(t.Context(), text.Hash)), tracker.CodeNotFound) // nobody has it any more
	report := must(store.Verify(t.Context(), tracker.VerifyOptions{}))(t)
	failIf(t, report.Files != 3 || report.Pictures != 0 || report.Bytes != 8, "verified: %+v", report)
	wantCode(t, errorOf(store.Files(t.Context(), "1k7q3f9abcde")), tracker.CodeNotFound)
}

// testFilesInvalid adds files that cannot be kept.
func testFilesInvalid(t *testing.T, store tracker.Store) {
	run := create(t, store, tracker.NewRun{})
	for _, name := range []string{
		"", ".", "..", "/", "/etc/passwd", "../x", "a/../b", "a/..", "a//b", "a/", "./a", `a\b`, `..\x`, "a\nb", "a\x00b", "\x1b[2J", "a\u202eb", "\xff",
		strings.Repeat("x", 501),
	} {
		wantCode(t, errorOf(store.AddFile(t.Context(), run.Claim(), tracker.NewFile{Name: name, Data: []byte("x")})), tracker.CodeInvalid)
	}
	for _, kind := range []string{"text", "text/html\r\nX: y", "a/b; c", strings.Repeat("x", 100) + "/" + strings.Repeat("y", 100)} {
		wantCode(t, errorOf(store.AddFile(t.Context(), run.Claim(), tracker.NewFile{Name: "a", Type: kind, Data: []byte("x")})), tracker.CodeInvalid)
	}
	wantCode(t, errorOf(store.AddFile(t.Context(), run.Claim(), tracker.NewFile{Name: "a", Data: make([]byte, tracker.MaxFile+1)})), tracker.CodeInvalid)
	other := tracker.Claim{Run: "1k7q3f9abcde", Attempt: 1}
	wantCode(t, errorOf(store.AddFile(t.Context(), other, tracker.NewFile{Name: "a"})), tracker.CodeNotFound)
	old := create(t, store, tracker.NewRun{Process: gone()})
	must(store.ContinueRun(t.Context(), old.ID, tracker.Process{}))(t)
	wantCode(t, errorOf(store.AddFile(t.Context(), old.Claim(), tracker.NewFile{Name: "a"})), tracker.CodeConflict) // an earlier attempt
	wantEqual(t, "files", len(filesOf(t, store, run.ID))+len(filesOf(t, store, old.ID)), 0)
	long := strings.Repeat("long/", 99) + "x.txt" // as long as a name may be
	wantEqual(t, "a long name", addFile(t, store, run.ID, tracker.NewFile{Name: long}).Name, long)
}

// testFilesMany adds as many files as a run may have, and one more.
func testFilesMany(t *testing.T, store tracker.Store) {
	run := finished(t, store, tracker.NewRun{})
	archive := must(tracker.Pack(t.Context(), store, run.ID))(t)
	for i := range tracker.MaxFiles {
		n := tracker.NewFile{Name: fmt.Sprintf("%04d", i), Data: []byte("the same")}
		archive.Files = append(archive.Files, must(n.Describe(archive.Run.SeenAt))(t))
	}
	addFile(t, store, run.ID, tracker.NewFile{Name: "0000", Data: []byte("the same")})
	ok(t, store.Refresh(t.Context(), archive, store.OpenPicture))
	wantEqual(t, "files", len(filesOf(t, store, run.ID)), tracker.MaxFiles)
	wantCode(t, errorOf(store.AddFile(t.Context(), run.Claim(), tracker.NewFile{Name: "one more"})), tracker.CodeInvalid)
	addFile(t, store, run.ID, tracker.NewFile{Name: "0000", Data: []byte("another")})
}

// testFilesShared deletes runs whose files have contents that other files, and pictures, have, too.
func testFilesShared(t *testing.T, store tracker.Store) {
	a, b := create(t, store, tracker.NewRun{}), create(t, store, tracker.NewRun{})
	picture, own := Picture(t, 1), []byte("own")
	hash := addFile(t, store, a.ID, tracker.NewFile{Name: "as a file.png", Data: picture}).Hash
	addPicture(t, store, b.ID, tracker.NewPicture{Role: tracker.RoleResult, Data: picture}) // the content is a file's so far
	wantEqual(t, "the picture of the run", get(t, store, b.ID).Picture, hash)
	all := must(store.Pictures(t.Context(), b.ID, tracker.PictureQuery{}))(t)
	failIf(t, len(all) != 1 || all[0].Format != "png" || all[0].Width != 8, "pictures: %+v", all)
	ownHash := addFile(t, store, a.ID, tracker.NewFile{Name: "own", Data: own}).Hash
	addFile(t, store, a.ID, tracker.NewFile{Name: "own twice", Data: own})
	addFile(t, store, a.ID, tracker.NewFile{Name: "own twice", Data: []byte("other")})
	failIf(t, !bytes.Equal(readPicture(t, store, ownHash), own), "a content that one file of two had does not stay with the other")
	addFile(t, store, b.ID, tracker.NewFile{Name: "as another file", Data: picture})
	finish(t, store, a.ID)
	finish(t, store, b.ID)
	plan := must(store.DeleteRuns(t.Context(), []string{a.ID}, tracker.DeleteOptions{Dry: true}))(t)
	freed := must(store.DeleteRuns(t.Context(), []string{a.ID}, tracker.DeleteOptions{}))(t)
	failIf(t, *plan != *freed || freed.Files != 2 || freed.Pictures != 0 || freed.Shared != 1 || freed.Bytes != int64(len(own)+len("other")),
		"planned %+v, freed %+v", plan, freed)
	wantCode(t, errorOf(store.OpenPicture(t.Context(), ownHash)), tracker.CodeNotFound)
	failIf(t, !bytes.Equal(readPicture(t, store, hash), picture), "a shared content is gone")
	freed = must(store.DeleteRuns(t.Context(), []string{b.ID}, tracker.DeleteOptions{}))(t)
	failIf(t, freed.Files+freed.Pictures != 1 || freed.Shared != 0, "the last run that has it: %+v", freed)
	wantCode(t, errorOf(store.OpenPicture(t.Context(), hash)), tracker.CodeNotFound)
}

// testFilesTogether replaces files of two runs by turns, from several goroutines, with contents that come and go. What is
// named at the end is there, and nothing else.
func testFilesTogether(t *testing.T, store tracker.Store) {
	runs := []*tracker.Run{create(t, store, tracker.NewRun{}), create(t, store, tracker.NewRun{})}
	var wait sync.WaitGroup
	for writer := range 4 {
		wait.Go(func() {
			for i := range 10 {
				n := tracker.NewFile{Name: fmt.Sprint("file ", i%2), Data: fmt.Append(nil, "content ", (writer+i)%3)}
				if _, err := store.AddFile(t.Context(), runs[(writer+i/2)%2].Claim(), n); err != nil {
					t.Errorf("writer %d: %v", writer, err)
				}
			}
		})
	}
	wait.Wait()
	contents := map[string]bool{}
	for _, run := range runs {
		files := filesOf(t, store, run.ID)
		wantEqual(t, "files", len(files), 2)
		for _, f := range files {
			contents[f.Hash] = true
			failIf(t, !strings.HasPrefix(string(readPicture(t, store, f.Hash)), "content "), "%s has another content", f.Name)
		}
	}
	report := must(store.Verify(t.Context(), tracker.VerifyOptions{}))(t)
	wantEqual(t, "contents", report.Files, len(contents))
}

// testImportFiles imports a run with files again and again. A file that was replaced last stays.
func testImportFiles(t *testing.T, into, from tracker.Store) {
	run := create(t, from, tracker.NewRun{Process: far()})
	addFile(t, from, run.ID, tracker.NewFile{Name: "a/log.txt", Type: "text/plain", Data: []byte("one")})
	addFile(t, from, run.ID, tracker.NewFile{Name: "picture.png", Data: Picture(t, 1)})
	addPicture(t, from, run.ID, tracker.NewPicture{Role: tracker.RoleResult, Data: Picture(t, 1)})
	importOne(t, into, from, "runs", run.ID)
	wantList(t, "files", filesOf(t, into, run.ID), filesOf(t, from, run.ID))
	importOne(t, into, from, "present", run.ID)

	finish(t, from, run.ID)
	importOne(t, into, from, "updated", run.ID)
	addFile(t, from, run.ID, tracker.NewFile{Name: "late", Data: []byte("late")})
	for range 2 { // after the end nothing else tells of a change
		addFile(t, from, run.ID, tracker.NewFile{Name: "a/log.txt", Type: "text/plain", Data: []byte(time.Now().String())})
		importOne(t, into, from, "updated", run.ID)
		wantSame(t, into, from, run.ID, nil)
		importOne(t, into, from, "present", run.ID)
		importOne(t, from, into, "present", run.ID)
	}
	here := addFile(t, into, run.ID, tracker.NewFile{Name: "a/log.txt", Data: []byte("replaced here")})
	importOne(t, into, from, "present", run.ID)
	wantEqual(t, "the file", filesOf(t, into, run.ID)[0], *here)

	archive := must(tracker.Pack(t.Context(), from, run.ID))(t)
	archive.Run.ID = tracker.NewID(run.StartedAt)
	for _, bad := range []func(*tracker.File){
		func(f *tracker.File) { f.Name = "../../x" }, func(f *tracker.File) { f.Hash = "x" }, func(f *tracker.File) { f.Type = "" },
		func(f *tracker.File) { f.Hash = strings.Repeat("0", 64) },
	} {
		damaged := *archive
		damaged.Files = []tracker.File{archive.Files[0]}
		bad(&damaged.Files[0])
		err := errorOf(into.Restore(t.Context(), &damaged, from.OpenPicture))
		failIf(t, tracker.ErrorCode(err) != tracker.CodeInvalid && tracker.ErrorCode(err) != tracker.CodeNotFound, "%+v is restored: %v", damaged.Files, err)
	}
	wantCode(t, errorOf(into.Run(t.Context(), archive.Run.ID)), tracker.CodeNotFound)
}
