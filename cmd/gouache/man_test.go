package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestManual: the options of the pages look as in the program's help.
func TestManual(t *testing.T) {
	folder := t.TempDir()
	if _, _, code := gouache(t.Context(), "man", folder); code != exitDone {
		t.Fatal("no manual")
	}
	page := string(read(t, filepath.Join(folder, "gouache-stylize.1")))
	for _, want := range []string{
		".TP\n\\fB--background\\fP=COLOUR\nCOLOUR behind transparent parts", "(default white)", ".TP\n\\fB-q\\fP, \\fB--quiet\\fP\n", ".TP\n\\fB-o\\fP, \\fB--out\\fP=FILE\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("gouache-stylize.1 lacks %q", want)
		}
	}
	if strings.Contains(page, "\\fP=\n") || strings.Contains(page, `\fP=""`) || strings.Contains(page, "\n\tCOLOUR") {
		t.Error("gouache-stylize.1 has flags with an empty value")
	}
	if files, err := os.ReadDir(folder); err != nil || len(files) < 40 {
		t.Errorf("%d pages: %v", len(files), err)
	}
}
