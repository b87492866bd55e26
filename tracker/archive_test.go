package tracker

import (
	"strings"
	"testing"
	"time"
)

// archived is a run as another store may have had it.
func archived(now time.Time) *Archive {
	process := ThisProcess()
	process.Host += "-far"
	process.StartedAt = now
	return &Archive{
		Run: Run{
			ID: NewID(now), Name: "night", Status: StatusFinished, StartedAt: now, EndedAt: now, SeenAt: now, Process: process,
		},
		Pictures: []Picture{{Role: RoleResult, Hash: strings.Repeat("0", 64), At: now}},
	}
}

// TestArchiveRefused: what no store can have made is refused, in a sentence that names the run.
func TestArchiveRefused(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	late, early := now.Add(25*time.Hour), time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC)
	for what, change := range map[string]func(*Archive){
		`"../../x" is no run's id`:               func(a *Archive) { a.Run.ID = "../../x" },
		`"1ABCDEFGH" is no run's id`:             func(a *Archive) { a.Run.ID = "1ABCDEFGH" },
		"unknown status":                         func(a *Archive) { a.Run.Status = `"><img>` },
		"it began on 30 November 2026":           func(a *Archive) { a.Run.StartedAt = late },
		"it was seen on 1 January 10000":         func(a *Archive) { a.Run.SeenAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"it ended on 31 December 1969":           func(a *Archive) { a.Run.EndedAt = early },
		"it ended on 1 January 0001":             func(a *Archive) { a.Run.EndedAt = time.Time{} },
		"its process began on 31 December 1969":  func(a *Archive) { a.Run.Process.StartedAt = early },
		"its process has the number -1":          func(a *Archive) { a.Run.Process.PID = -1 },
		"its process has the number 4294967297":  func(a *Archive) { a.Run.Process.PID = 1<<32 + 1 },
		"host has 201 bytes":                     func(a *Archive) { a.Run.Process.Host = strings.Repeat("h", 201) },
		"its provenance has":                     func(a *Archive) { a.Run.Provenance.Command = []string{strings.Repeat("x", 1<<20)} },
		"it used -1 bytes":                       func(a *Archive) { a.Run.Provenance.PeakMemory = -1 },
		"trial -1":                               func(a *Archive) { a.Run.Trial = -1 },
		"rating 6":                               func(a *Archive) { a.Run.Rating = 6 },
		"it was idle for":                        func(a *Archive) { a.Run.Idle = -1 },
		"note has":                               func(a *Archive) { a.Run.Note = strings.Repeat("x", 1<<20) },
		`parameter "a b"`:                        func(a *Archive) { a.Run.Params = Params{"a b": 1} },
		"parameter x is a []uint8":               func(a *Archive) { a.Run.Params = Params{"x": []byte("blob")} },
		"metric x at step -1":                    func(a *Archive) { a.Series = []Series{{"x", []Point{{Step: -1}}}} },
		`role "<img>"`:                           func(a *Archive) { a.Pictures[0].Role = "<img>" },
		"picture result at step -5":              func(a *Archive) { a.Pictures[0].Step = -5 },
		"a hash is 64 hexadecimal digits":        func(a *Archive) { a.Pictures[0].Hash = "../../etc/passwd" },
		"picture result was added on 30 Novembe": func(a *Archive) { a.Pictures[0].At = late },
	} {
		a := archived(now)
		change(a)
		_, err := a.Normal(now)
		if ErrorCode(err) != CodeInvalid || !strings.Contains(err.Error(), what) || !strings.Contains(err.Error(), a.Run.ID) {
			t.Errorf("%s: the error is %v", what, err)
		}
	}
}

// TestArchiveNormal: what earlier versions may have recorded is kept, with what is not printable escaped.
func TestArchiveNormal(t *testing.T) {
	const hostile, harmless = "a\x1b]0;\a\u202eb\xff\n\tc\r\nd\x00", `a\x1b]0;\x07\u202eb\xff`
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	a := archived(now)
	r := &a.Run
	r.Name, r.Experiment, r.Sweep, r.Tags, r.Process.Host, r.Process.Boot = hostile, hostile, hostile, []string{hostile, "", "👩‍🎨"}[:1], hostile, hostile
	r.Note, r.Reason, r.Params = hostile, hostile, Params{"x": hostile, "n": 3, "family": "👩‍🎨"}
	r.Provenance = Provenance{Version: hostile, Command: []string{"gouache", hostile}, Dir: hostile, Labels: map[string]string{"label": hostile}}
	a.Pictures[0].Name, a.Pictures[0].Source = hostile, hostile
	before := *r
	n, err := a.Normal(now)
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{
		"name": n.Run.Name, "experiment": n.Run.Experiment, "sweep": n.Run.Sweep, "tag": n.Run.Tags[0], "host": n.Run.Process.Host, "boot": n.Run.Process.Boot,
		"version": n.Run.Provenance.Version, "command": n.Run.Provenance.Command[1], "folder": n.Run.Provenance.Dir,
		"a picture's name": n.Pictures[0].Name, "a picture's source": n.Pictures[0].Source,
	} {
		if want := harmless + `\n\tc\r\nd\x00`; text != want {
			t.Errorf("the %s is %q, want %q", what, text, want)
		}
	}
	for what, text := range map[string]any{"note": n.Run.Note, "reason": n.Run.Reason, "parameter": n.Run.Params["x"], "label": n.Run.Provenance.Labels["label"]} {
		if want := harmless + "\n\tc\nd" + `\x00`; text != want {
			t.Errorf("the %s is %q, want %q", what, text, want)
		}
	}
	if n.Run.Params["family"] != "👩‍🎨" || n.Run.Params["n"] != int64(3) {
		t.Errorf("the parameters are %v", n.Run.Params)
	}
	if r.Name != before.Name || a.Pictures[0].Name != hostile || r.Provenance.Command[1] != hostile || r.Provenance.Labels["label"] != hostile {
		t.Error("the archive itself was changed")
	}
}

// TestArchiveRunning: a run is only running here if its process is.
func TestArchiveRunning(t *testing.T) {
	now := time.Now()
	a := archived(now)
	a.Run.Status, a.Run.EndedAt, a.Run.SeenAt = StatusRunning, time.Time{}, now.Add(time.Hour)
	n, err := a.Normal(now)
	if err != nil || n.Run.Status != StatusInterrupted || n.Run.Reason != reasonImported || n.Run.EndedAt != a.Run.SeenAt {
		t.Errorf("elsewhere: %+v, %v", n, err)
	}
	a.Run.Process = ThisProcess()
	if n, err = a.Normal(now); err != nil || n.Run.Status != StatusRunning || !n.Run.EndedAt.IsZero() {
		t.Errorf("here: %+v, %v", n, err)
	}
}
