package tracker

import (
	"os/exec"
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
