package tracker

import (
	"context"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestCommandLine: a real shell splits the command line into the original arguments.
func TestCommandLine(t *testing.T) {
	p := Provenance{Command: []string{"printf", `%s\0`, "plain", "", "two words", "it's", `"`, "$HOME `id` !!", "*", "~", "a=b", "line\nbreak", "é🎨", "-x", `\`, "100%\x1b[31m\u202e'\\", "-\t", "end\n", "#no", "sample:chelsea,x"}}
	out, err := exec.Command("sh", "-c", p.CommandLine()).Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"); !slices.Equal(got, p.Command[2:]) {
		t.Errorf("%s prints %q", p.CommandLine(), got)
	}
	if p.Command = []string{"gouache", "latin\ufffd.png"}; p.CommandLine() != "" {
		t.Errorf("a name that was lost is in %s", p.CommandLine())
	}
}

// TestStartFillsProvenance: a program that says nothing of itself is known all the same, and one that does is believed.
func TestStartFillsProvenance(t *testing.T) {
	for _, given := range []Provenance{{}, {Weights: "vgg19"}} {
		store := &described{}
		run, err := Start(t.Context(), store, NewRun{Provenance: given})
		if err != nil {
			t.Fatal(err)
		}
		run.stop()
		want := given
		if given.Weights == "" {
			want = NewProvenance()
		}
		if got := store.begun.Provenance; !reflect.DeepEqual(got, want) || want.Weights == "" && got.Platform == "" {
			t.Errorf("of %+v begins %+v", given, got)
		}
	}
}

// described is a store that keeps what the last run began with.
type described struct {
	memory
	begun NewRun
}

func (d *described) CreateRun(ctx context.Context, n NewRun) (*Run, error) {
	d.begun = n
	return d.memory.CreateRun(ctx, n)
}
