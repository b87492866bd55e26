package web

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/painting"
)

// part is a text of a form, or a file if it has a file's name.
type part struct{ name, file, text string }

// send sends the form as a browser does without scripts, and sendTo that of a sweep.
func send(t *testing.T, h http.Handler, parts ...part) *httptest.ResponseRecorder {
	t.Helper()
	return sendTo(t, h, "/paint", parts...)
}

func sendTo(t *testing.T, h http.Handler, address string, parts ...part) *httptest.ResponseRecorder {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, p := range parts {
		var to io.Writer
		var err error
		if p.file == "" {
			to, err = w.CreateFormField(p.name)
		} else {
			to, err = w.CreateFormFile(p.name, p.file)
		}
		if err == nil {
			_, err = io.WriteString(to, p.text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	return ask(h, "POST", address, nil, func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(&body), int64(body.Len())
		r.Header.Set("Content-Type", w.FormDataContentType())
	})
}

// sampleFile returns a picture that is none of the samples.
func sampleFile(t *testing.T, name string) string {
	t.Helper()
	data, err := picture.ReadFile("sample:" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data) + "\x00" // which makes another file of it
}

func paintsHere(t *testing.T, store tracker.Store) *Handler {
	return handle(t, store, Options{Desk: painting.Desk{Store: store}, WorkerCommand: "gouache worker"})
}

// Two photographs are two queued runs with the settings, the mix, the masks and the files of the form.
func TestPaintForm(t *testing.T) {
	store := emptyStore(t)
	h := paintsHere(t, store)
	swirl := keyOf(t, h, "style", "swirl.jpg", sampleFile(t, "swirl"))
	answer := send(t, h,
		part{"content.file", "cat.jpg", sampleFile(t, "chelsea")}, part{"content.file", "cup.jpg", sampleFile(t, "coffee")},
		part{"style", "", swirl + " swirl.jpg"}, part{"style.file", "prints/woodcut.jpg", sampleFile(t, "woodcut")},
		part{"weight." + swirl, "", "0.5"}, part{"part." + swirl + ".file", "mask.jpg", sampleFile(t, "glass")},
		part{"set.size", "", "128"}, part{"set.strength", "", "1"}, part{"set.colour", "", "keep"}, part{"set.smooth", "", ""},
		part{"experiment", "", "two"}, part{"device", "", "cuda"}, part{"priority", "", "-7"}, part{"do", "", "paint"})
	if answer.Code != http.StatusSeeOther {
		t.Fatalf("%d: %s", answer.Code, errorsIn(answer.Body.String()))
	}
	runs := all(t, store)
	if len(runs) != 2 || answer.Header().Get("Location") != "/runs/"+named(t, store, "cat – swirl").ID {
		t.Fatalf("%d runs, and on to %s", len(runs), answer.Header().Get("Location"))
	}
	run := named(t, store, "cup – swirl")
	for name, want := range map[string]any{
		"size": int64(128), "style_weight": int64(18), "freedom": 0.8, "colour": "keep", "style_mix": "0.5:1",
		"content_picture": "cup.jpg", "style_picture": "swirl.jpg + woodcut.jpg", "part_picture": "mask.jpg", "strength": nil,
	} {
		if got := run.Params[name]; got != want {
			t.Errorf("%s is %v, not %v", name, got, want)
		}
	}
	if run.Status != tracker.StatusQueued || run.Experiment != "two" || run.Needs != "cuda" || run.Priority != -7 {
		t.Errorf("the run is %s, of the experiment %q, needs %q and has the priority %d", run.Status, run.Experiment, run.Needs, run.Priority)
	}
	again := ask(h, "GET", "/paint?from="+run.ID, nil, nil).Body.String()
	for _, want := range []string{`value="` + swirl + ` swirl.jpg" id="well-style-0" checked`, `name="set.size" value="128"`, `max="1" step="0.01" value="1"`,
		`value="keep" checked`, `name="weight.` + swirl + `" id="weight-` + swirl + `" value="0.5"`, `mask.jpg`, `<option selected>cuda</option>`} {
		if !strings.Contains(again, want) {
			t.Errorf("the form filled in from the run has no %s", want)
		}
	}
	if set := `name="set.freedom" value="0.8"`; strings.Contains(again, set) {
		t.Error("the form says what strength says already: " + set)
	}
}

// keyOf uploads a picture and returns its key.
func keyOf(t *testing.T, h http.Handler, field, file, data string) string {
	t.Helper()
	page := send(t, h, part{field + ".file", file, data}).Body.String()
	_, rest, _ := strings.Cut(page, `name="`+field+`" value="`)
	key, _, ok := strings.Cut(rest, " "+file)
	if !ok {
		t.Fatalf("no %s in %s", file, errorsIn(page))
	}
	return key
}

// A mistake is shown at its field, and what was chosen stays.
func TestPaintMistakes(t *testing.T) {
	store := emptyStore(t)
	h := paintsHere(t, store)
	cat, swirl := part{"content.file", "cat.jpg", sampleFile(t, "chelsea")}, part{"style.file", "swirl.jpg", sampleFile(t, "swirl")}
	paint := part{"do", "", "paint"}
	for _, c := range []struct {
		parts []part
		want  string
	}{
		{[]part{swirl}, "Choose a photograph."},
		{[]part{cat}, "Choose a painting."},
		{[]part{cat, swirl, {"content.file", "page.jpg", "<!doctype html><title>Cats</title>"}}, "page.jpg is a web page, not a picture"},
		{[]part{cat, swirl, {"style.file", "half.jpg", sampleFile(t, "glass")[:2000]}}, "half.jpg"},
		{[]part{cat, swirl, {"style.file", "none.png", ""}}, "none.png is empty"},
		{[]part{cat, swirl, {"set.size", "", "20"}}, "Size is 20: choose 64 to 16384."},
		{[]part{cat, swirl, {"set.iterations", "", "many"}}, "must be a whole number"},
		{[]part{cat, swirl, {"set.style_layers", "", "relu9"}}, "Style-layers: "},
		{[]part{cat, swirl, {"protect.file", "tall.jpg", sampleFile(t, "swirl")}}, "mask of what is protected"},
		{[]part{cat, swirl, {"device", "", "tpu"}}, "There is no device &#34;tpu&#34;: choose one of the list."},
		{[]part{cat, swirl, {"priority", "", "101"}}, "The priority is a whole number from -100 to 100, not &#34;101&#34;."},
		{[]part{cat, swirl, {"priority", "", "soon"}}, "The priority is a whole number"},
		{[]part{cat, swirl, {"style", "", strings.Repeat("0", 64) + " gone.jpg"}}, "gone.jpg: this picture is not kept any more"},
	} {
		answer := send(t, h, append(c.parts, paint)...)
		page := answer.Body.String()
		if answer.Code != http.StatusBadRequest || !strings.Contains(page, c.want) {
			t.Errorf("%d, without %q in %s", answer.Code, c.want, errorsIn(page))
		}
		if c.parts[0] == cat && !strings.Contains(page, `cat.jpg" id="well-content-0" checked`) {
			t.Errorf("%s: the photograph is not chosen any more", c.want)
		}
	}
	if runs := all(t, store); len(runs) > 0 {
		t.Errorf("%d runs are queued", len(runs))
	}
}

// errorsIn returns the lines of a page that are errors.
func errorsIn(page string) string {
	var list []string
	for line := range strings.Lines(page) {
		if strings.Contains(line, "error") || strings.Contains(line, "alert") || strings.Contains(line, "<p>") {
			list = append(list, line)
		}
	}
	return strings.Join(list, "")
}

// What a form may not be: another site's, or without an end, or of a view that changes nothing.
func TestPaintIsGuarded(t *testing.T) {
	store := emptyStore(t)
	h := paintsHere(t, store)
	if code := send(t, h, part{"name", "", strings.Repeat("x", maxBody+1)}).Code; code != http.StatusBadRequest {
		t.Errorf("a text of %d bytes: %d", maxBody+1, code)
	}
	if code := send(t, h, part{"style", "", "../../etc/passwd"}).Code; code != http.StatusBadRequest {
		t.Errorf("a path for a picture: %d", code)
	}
	foreign := ask(h, "POST", "/paint", nil, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") })
	if foreign.Code != http.StatusForbidden {
		t.Errorf("from another site: %d", foreign.Code)
	}
	reader := handle(t, store, Options{Desk: painting.Desk{Store: store}, ReadOnly: true})
	for _, code := range []int{ask(reader, "GET", "/paint", nil, nil).Code, send(t, reader, part{"do", "", "paint"}).Code} {
		if code != http.StatusForbidden {
			t.Errorf("a view that is read only: %d", code)
		}
	}
	if strings.Contains(ask(reader, "GET", "/runs", nil, nil).Body.String(), `href="/paint"`) {
		t.Error("a view that is read only offers to paint")
	}
}

// Uploads that arrive slowly keep nobody waiting.
func TestSlowUploads(t *testing.T) {
	store := emptyStore(t)
	h := paintsHere(t, store)
	head := "--x\r\nContent-Disposition: form-data; name=\"content.file\"; filename=\"slow.jpg\"\r\n\r\n"
	var answers sync.WaitGroup
	defer answers.Wait()
	for range 2 * maxChecked {
		body, slow := io.Pipe()
		defer slow.Close()
		answers.Go(func() {
			ask(h, "POST", "/paint", nil, func(r *http.Request) {
				r.Body, r.ContentLength = body, -1
				r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
			})
		})
		if _, err := io.WriteString(slow, head+strings.Repeat("\xff", 10_000)); err != nil { // until the server has read it
			t.Fatal(err)
		}
	}
	keyOf(t, h, "content", "cat.jpg", sampleFile(t, "chelsea"))
	if arriving := h.frame.shelf.arriving.Load(); arriving == 0 {
		t.Error("the slow uploads have ended")
	}
}

// Weights are chosen by their names. A file is never named: a run's own is taken from its record.
func TestPaintWeights(t *testing.T) {
	store := emptyStore(t)
	h := paintsHere(t, store)
	pictures := []part{{"content", "", sampleKey(t, h, "content", "chelsea")}, {"style", "", sampleKey(t, h, "style", "swirl")}, {"do", "", "paint"}}
	paint := func(more ...part) *httptest.ResponseRecorder {
		return send(t, h, append(slices.Clone(pictures), more...)...)
	}
	for _, name := range []string{"/etc/passwd", "same", "vgg20"} {
		if w := paint(part{"weights", "", name}); w.Code != http.StatusBadRequest || !strings.Contains(errorsIn(w.Body.String()), "choose one of the list") {
			t.Errorf("weights %s: %d %s", name, w.Code, errorsIn(w.Body.String()))
		}
	}
	if w := paint(part{"weights", "", "vgg16"}, part{"name", "", "by name"}); w.Code != http.StatusSeeOther {
		t.Fatalf("%d: %s", w.Code, errorsIn(w.Body.String()))
	}
	run := named(t, store, "by name")
	if run.Provenance.Weights != "vgg16" {
		t.Errorf("the weights are %q", run.Provenance.Weights)
	}
	wantText(t, get(t, h, "/paint?from="+run.ID, http.StatusOK), `<option value="vgg16" selected>`)

	own := run.Provenance
	own.Weights = "/home/ada/mine.h5"
	if _, err := store.UpdateRun(t.Context(), run.ID, tracker.Update{Provenance: &own}); err != nil {
		t.Fatal(err)
	}
	wantText(t, get(t, h, "/paint?from="+run.ID, http.StatusOK), `<option value="same" selected>as the run: mine.h5</option>`)
	if w := paint(part{"weights", "", "same"}, part{"from", "", run.ID}, part{"name", "", "as before"}); w.Code != http.StatusSeeOther || named(t, store, "as before").Provenance.Weights != own.Weights {
		t.Errorf("%d: %s", w.Code, errorsIn(w.Body.String()))
	}
}

// sampleKey returns what a form sends for a picture that comes with the program.
func sampleKey(t *testing.T, h http.Handler, field, name string) string {
	t.Helper()
	page := get(t, h, "/paint", http.StatusOK).Body.String()
	before, _, ok := strings.Cut(page, " sample:"+name+`" id="well-`+field)
	if !ok {
		t.Fatalf("the form offers no %s", name)
	}
	return before[strings.LastIndexByte(before, '"')+1:] + " sample:" + name
}

// Several photographs and paintings, and strength, are axes of a sweep; a setting that is chosen brings its values.
func TestSweepForm(t *testing.T) {
	store := emptyStore(t)
	h := paintsHere(t, store)
	pictures := []part{
		{"content", "", sampleKey(t, h, "content", "chelsea")}, {"content.file", "cup.jpg", sampleFile(t, "coffee")},
		{"style", "", sampleKey(t, h, "style", "swirl")}, {"style", "", sampleKey(t, h, "style", "glass")}, {"sampler", "", "grid"}, {"trials", "", ""},
	}
	ask := func(more ...part) string {
		return sendTo(t, h, "/paint/sweep", append(slices.Clone(pictures), more...)...).Body.String()
	}
	page := ask(part{"search.0.name", "", "pooling"}, part{"search.0.values", "", "1, 30"}, part{"search.0.was", "", "style_weight"}, part{"search.0.had", "", "1, 30"})
	for _, want := range []string{
		`name="search.0.values" id="search-0-max" value="max" checked`, `name="search.0.values" id="search-0-avg" value="avg" checked`, "12 trials</b>",
		"search:\n  content:\n    - cup.jpg\n", "  pooling:\n    - max\n    - avg\n    - l2\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the form lacks %s; errors: %s", want, errorsIn(page))
		}
	}
	strong := []part{{"search.0.name", "", "strength"}, {"search.0.values", "", "0, 1"}, {"search.0.spacing", "", "linear"}, {"search.0.steps", "", "3"}}
	if page := ask(strong...); !strings.Contains(page, "12 trials</b>") || !strings.Contains(page, "  strength:\n    linear:\n      - 0.0\n      - 1.0\n    steps: 3\n") {
		t.Errorf("a search over strength: %s", errorsIn(page))
	}
	if page := ask(append(strong, part{"paintings", "", "mixed"})...); !strings.Contains(page, "6 trials</b>") {
		t.Errorf("paintings that are mixed: %s", errorsIn(page))
	}
	queue := []part{{"device", "", "cuda"}, {"priority", "", "-5"}}
	if page := ask(append(queue, strong...)...); !strings.Contains(page, "device: cuda\npriority: -5\n") || !strings.Contains(page, "12 trials</b>") {
		t.Errorf("a sweep for GPUs: %s", errorsIn(page))
	}
	masked := part{"protect.file", "face.jpg", sampleFile(t, "glass")}
	if page := ask(append(strong, masked)...); !strings.Contains(errorsIn(page), "one photograph") {
		t.Errorf("a mask for two photographs: %s", errorsIn(page))
	}
	w := sendTo(t, h, "/paint/sweep", append(slices.Clone(pictures), part{"name", "", "pairs"}, part{"do", "", "paint"}, part{"search.0.name", "", ""})...)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/sweeps/pairs" {
		t.Errorf("a sweep over pictures alone: %d %s", w.Code, errorsIn(w.Body.String()))
	}
}
