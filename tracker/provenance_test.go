package tracker

import (
	"os/exec"
	"strings"
	"testing"
)

// TestCommandLine: a real shell takes the command line apart into the arguments that it was made of.
func TestCommandLine(t *testing.T) {
	p := Provenance{Command: []string{"printf", `%s\n`, "plain", "", "it's", `"$HOME" \ & * ?`, "ünï", "a=b", "~", "#no", "sample:chelsea,x", "-"}}
	out, err := exec.Command("sh", "-c", p.CommandLine()).Output()
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Join(p.Command[2:], "\n") + "\n"; string(out) != want {
		t.Errorf("%s prints\n%s, want\n%s", p.CommandLine(), out, want)
	}
}
