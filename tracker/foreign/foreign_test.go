package foreign_test

import (
	"testing"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/foreign"
)

// TestBounds: what a run has is bounded in all, whatever each part has.
func TestBounds(t *testing.T) {
	data := make([]byte, 400<<20)
	var c foreign.Content
	for i := range 3 {
		add := func() error { return c.Add(foreign.Picture{NewPicture: tracker.NewPicture{Data: data}}) }
		if i == 1 {
			add = func() error { return c.AddFile(foreign.File{NewFile: tracker.NewFile{Data: data}}) }
		}
		err := add()
		if want := i == 2; want != (tracker.ErrorCode(err) == tracker.CodeInvalid) {
			t.Errorf("file %d: %v", i, err)
		}
	}
	if left := c.Left(); left != 0 {
		t.Errorf("%d bytes are left", left)
	}
	var empty foreign.Content
	for n := 0; empty.Add(foreign.Picture{}) == nil; n++ {
		if n > 2<<20 {
			t.Fatal("there are millions of empty pictures")
		}
	}
}
