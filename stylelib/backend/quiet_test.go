package backend

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestQuiet: a program for a user without a home begins without a word.
func TestQuiet(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.list=^$")
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "HOME=") || strings.HasPrefix(v, "PJRT_PLUGIN_LIBRARY_PATH=")
	})
	var messages strings.Builder
	cmd.Stderr = &messages
	if err := cmd.Run(); err != nil || messages.Len() > 0 {
		t.Errorf("it says %q (%v)", messages.String(), err)
	}
}
