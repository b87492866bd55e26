package trackertest

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gouache-art/gouache/tracker"
)

func addPicture(t *testing.T, store tracker.Store, id string, n tracker.NewPicture) *tracker.Picture {
	t.Helper()
	return must(store.AddPicture(t.Context(), claim(t, store, id), n))(t)
}

func readPicture(t *testing.T, store tracker.Store, hash string) []byte {
	t.Helper()
	return readAll(t, must(store.OpenPicture(t.Context(), hash))(t))
}

func readAll(t *testing.T, file io.ReadCloser) []byte {
	t.Helper()
	defer file.Close()
	return must(io.ReadAll(file))(t)
}

func testPictures(t *testing.T, store tracker.Store) {
	run := create(t, store, tracker.NewRun{})
	data := Picture(t, 1)
	added := addPicture(t, store, run.ID, tracker.NewPicture{Role: tracker.RoleStyle, Name: "night", Source: "night.png", Data: data})
	addPicture(t, store, run.ID, tracker.NewPicture{Role: tracker.RoleSnapshot, Step: 10, Data: Picture(t, 2)})
	addPicture(t, store, run.ID, tracker.NewPicture{Role: tracker.RoleSnapshot, Step: 2, Data: data})
	addPicture(t, store, run.ID, tracker.NewPicture{Role: tracker.RoleSnapshot, Step: 2, Data: data}) // once more
	all := must(store.Pictures(t.Context(), run.ID, tracker.PictureQuery{}))(t)
	failIf(t, len(all) != 3 || all[0].Step != 2 || all[1].Step != 10 || all[2] != *added, "got %+v", all)
	want := tracker.Picture{
		Role: "style", Name: "night", Source: "night.png", Hash: added.Hash, Bytes: int64(len(data)), Format: "png", Width: 8, Height: 4, At: added.At,
	}
	wantEqual(t, "the picture", *added, want)
	failIf(t, !bytes.Equal(readPicture(t, store, added.Hash), data), "the picture has changed")
	some := must(store.Pictures(t.Context(), run.ID, tracker.PictureQuery{Roles: []string{"style", "mask"}}))(t)
	failIf(t, len(some) != 1, "styles: %+v", some)
	report := must(store.Verify(t.Context(), tracker.VerifyOptions{}))(t)
	failIf(t, report.Pictures != 2 || report.Runs != 1, "the same picture twice: %+v", report)
}

// testPictureNames begins a run with pictures whose files have names that no person would type.
func testPictureNames(t *testing.T, store tracker.Store) {
	long := strings.Repeat("長い写真", 20) + "2.png"
	names := []string{long, "latin\xe9.png", "new\nline.png", "esc\x1b[31m.png", "turned\u202egnp.png", strings.Repeat("\x80", 255), "", "  "}
	var n tracker.NewRun
	for i, name := range names {
		n.AddInput(tracker.RoleStyle, name, "/"+name, Picture(t, i))
	}
	for range 40 { // together they are longer than a parameter may be
		n.AddInput(tracker.RoleContent, long, "", Picture(t, 1))
	}
	run := create(t, store, n)
	all := must(store.Pictures(t.Context(), run.ID, tracker.PictureQuery{Roles: []string{tracker.RoleStyle}}))(t)
	wantEqual(t, "pictures", len(all), len(names))
	for i, p := range all {
		wantEqual(t, "name", p.Name, tracker.NameFrom(names[i]))
		failIf(t, len(p.Name) > 200 || strings.ContainsAny(p.Name, "\n\x1b\u202e"), "the name of %q is %q", names[i], p.Name)
	}
	failIf(t, !strings.HasPrefix(all[0].Name, "長い写真") || !strings.HasSuffix(all[0].Name, "真2.png"), "the long name is %q", all[0].Name)
	failIf(t, all[0].Source != "/"+long || all[1].Source != "" || all[2].Source != "/"+names[2], "sources %q, %q and %q", all[0].Source, all[1].Source, all[2].Source)
	for _, name := range []string{"style_picture", "content_picture"} {
		text, _ := run.Params[name].(string)
		failIf(t, len(text) < 200 || len(text) > 4096 || !utf8.ValidString(text), "%s is %q", name, text)
	}
}

func testPictureConflict(t *testing.T, store tracker.Store) {
	run := create(t, store, tracker.NewRun{})
	addPicture(t, store, run.ID, tracker.NewPicture{Role: "result", Data: Picture(t, 1)})
	other := tracker.NewPicture{Role: "result", Data: Picture(t, 2)}
	wantCode(t, errorOf(store.AddPicture(t.Context(), run.Claim(), other)), tracker.CodeConflict)
	other.Name = "other"
	addPicture(t, store, run.ID, other)
}

func testThumbnail(t *testing.T, store tracker.Store) {
	run := create(t, store, tracker.NewRun{})
	want := ""
	for i, n := range []tracker.NewPicture{
		{Role: tracker.RoleContent, Data: Picture(t, 1)},
		{Role: tracker.RoleSnapshot, Step: 9, Data: Picture(t, 2)},
		{Role: tracker.RoleSnapshot, Step: 10, Data: Picture(t, 3)},
		{Role: tracker.RoleResult, Step: 1, Data: Picture(t, 4)},
	} {
		p := addPicture(t, store, run.ID, n)
		if i > 0 {
			want = p.Hash
		}
		wantEqual(t, "the picture after "+n.Role, get(t, store, run.ID).Picture, want)
	}
}

func testDelete(t *testing.T, store tracker.Store) {
	own, shared := Picture(t, 1), Picture(t, 2)
	a, b := create(t, store, tracker.NewRun{Name: "a"}), create(t, store, tracker.NewRun{Name: "b"})
	ownHash := addPicture(t, store, a.ID, tracker.NewPicture{Role: "result", Data: own}).Hash
	sharedHash := addPicture(t, store, a.ID, tracker.NewPicture{Role: "content", Data: shared}).Hash
	addPicture(t, store, b.ID, tracker.NewPicture{Role: "style", Data: shared})
	appendPoints(t, store, a.ID, "x", tracker.Point{Step: 1, Value: 1})
	finish(t, store, a.ID)
	finish(t, store, b.ID)
	plan := must(store.DeleteRuns(t.Context(), []string{a.ID, a.ID}, tracker.DeleteOptions{Dry: true}))(t)
	get(t, store, a.ID)
	freed := must(store.DeleteRuns(t.Context(), []string{a.ID}, tracker.DeleteOptions{}))(t)
	if *plan != *freed || freed.Runs != 1 || freed.Pictures != 1 || freed.Shared != 1 || freed.Bytes < int64(len(own)) {
		t.Errorf("planned %+v, freed %+v", plan, freed)
	}
	wantCode(t, errorOf(store.Run(t.Context(), a.ID)), tracker.CodeNotFound)
	wantCode(t, errorOf(store.OpenPicture(t.Context(), ownHash)), tracker.CodeNotFound)
	failIf(t, !bytes.Equal(readPicture(t, store, sharedHash), shared), "a picture that another run shares is not what it was")
	freed = must(store.DeleteRuns(t.Context(), []string{b.ID}, tracker.DeleteOptions{}))(t)
	failIf(t, freed.Pictures != 1 || freed.Shared != 0, "the last run that shares it: %+v", freed)
	wantCode(t, errorOf(store.OpenPicture(t.Context(), sharedHash)), tracker.CodeNotFound)
}

// testDeleteKept deletes trials one after the other. The pictures that the first keeps for all stay with those that stay.
func testDeleteKept(t *testing.T, store tracker.Store) {
	var trials []*tracker.Run
	for trial := range 3 {
		run := create(t, store, tracker.NewRun{Sweep: "night", Trial: trial + 1})
		finish(t, store, run.ID)
		trials = append(trials, run)
	}
	other := create(t, store, tracker.NewRun{Sweep: "day", Trial: 1})
	finish(t, store, other.ID)
	kept := tracker.NewPicture{Role: tracker.RoleKept, Step: 2, Name: "a.png", Source: "/far/a.png", Data: Picture(t, 1)}
	hash := addPicture(t, store, trials[0].ID, kept).Hash
	addPicture(t, store, trials[0].ID, tracker.NewPicture{Role: tracker.RoleResult, Data: Picture(t, 2)})
	for _, deleted := range [][]*tracker.Run{trials[:1], trials[1:2]} {
		plan := must(store.DeleteRuns(t.Context(), []string{deleted[0].ID}, tracker.DeleteOptions{Dry: true}))(t)
		freed := must(store.DeleteRuns(t.Context(), []string{deleted[0].ID}, tracker.DeleteOptions{}))(t)
		failIf(t, *plan != *freed || freed.Shared != 1, "planned %+v, freed %+v", plan, freed)
		failIf(t, !bytes.Equal(readPicture(t, store, hash), kept.Data), "the picture is not what it was")
	}
	pictures := must(store.Pictures(t.Context(), trials[2].ID, tracker.PictureQuery{}))(t)
	failIf(t, len(pictures) != 1 || pictures[0].Role != kept.Role || pictures[0].Step != kept.Step || pictures[0].Name != kept.Name ||
		pictures[0].Source != kept.Source || pictures[0].Hash != hash, "the last trial has the pictures %+v", pictures)
	freed := must(store.DeleteRuns(t.Context(), []string{trials[2].ID}, tracker.DeleteOptions{}))(t)
	failIf(t, freed.Pictures != 1 || freed.Shared != 0, "with the last trial is freed %+v", freed)
	wantCode(t, errorOf(store.OpenPicture(t.Context(), hash)), tracker.CodeNotFound)
	get(t, store, other.ID)
}

func testDeleteRunning(t *testing.T, store tracker.Store) {
	run := create(t, store, tracker.NewRun{})
	for _, dry := range []bool{true, false} {
		wantCode(t, errorOf(store.DeleteRuns(t.Context(), []string{run.ID}, tracker.DeleteOptions{Dry: dry})), tracker.CodeConflict)
	}
	get(t, store, run.ID)
	plan := must(store.DeleteRuns(t.Context(), []string{run.ID}, tracker.DeleteOptions{Dry: true, Force: true}))(t)
	failIf(t, plan.Runs != 1, "planned %+v", plan)
	get(t, store, run.ID)
	must(store.DeleteRuns(t.Context(), nil, tracker.DeleteOptions{}))(t)
	must(store.DeleteRuns(t.Context(), []string{run.ID}, tracker.DeleteOptions{Force: true}))(t)
	wantCode(t, errorOf(store.Run(t.Context(), run.ID)), tracker.CodeNotFound)
	wantCode(t, store.AppendPoints(t.Context(), run.Claim(), onePoint), tracker.CodeNotFound)
}
