package export

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/tracker"
)

func describe(settings []setting) string {
	var list []string
	for _, s := range settings {
		list = append(list, fmt.Sprintf("%s=%s", s.Name, s.Value))
	}
	return strings.Join(list, " ")
}

// TestContrast compares more runs than tracker.MaxContrast.
func TestContrast(t *testing.T) {
	hash := func(c string) string { return strings.Repeat(c, 64) }
	var entries []entry
	for i := range 40 {
		e := entry{Run: tracker.Run{Params: tracker.Params{"size": int64(512), "weight": float64(i), "seed": int64(0)}}}
		e.Provenance = tracker.Provenance{Version: "v1", Commit: "abc"}
		e.pictures = []tracker.Picture{
			{Role: tracker.RoleContent, Name: "cat.jpg", Hash: hash("a")},
			{Role: tracker.RoleResult, Hash: hash("f")},
			{Role: tracker.RoleStyle, Name: "style.jpg", Hash: hash("b")},
		}
		entries = append(entries, e)
	}
	entries[1].pictures[2].Hash = hash("c")
	entries[2].pictures[2].Name = ""
	entries[2].Provenance.Version = "v2"
	delete(entries[3].Params, "seed")
	entries[4].Params["only"] = true
	g := gallery{entries: entries, contrast: contrast(entries)}
	if got, want := describe(settings(0, g.contrast.Common...)), "content=cat.jpg size=512 commit=abc"; got != want {
		t.Errorf("all share %s, want %s", got, want)
	}
	for i, want := range []string{
		"style=style.jpg bbbbbbbb seed=0 weight=0 version=v1",
		"style=style.jpg cccccccc seed=0 weight=1 version=v1",
		"style=bbbbbbbb seed=0 weight=2 version=v2",
		"style=style.jpg bbbbbbbb weight=3 version=v1",
		"style=style.jpg bbbbbbbb only=true seed=0 weight=4 version=v1",
	} {
		if got := describe(g.differs(i)); got != want {
			t.Errorf("run %d is told apart by %s, want %s", i, got, want)
		}
	}
	alone := gallery{entries: entries[:1], contrast: contrast(entries[:1])}
	if got, want := describe(alone.differs(0)), "seed=0 size=512 weight=0"; got != want {
		t.Errorf("a run that is alone has %s, want %s", got, want)
	}
}
