package imagefile

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestWasmSums: the decoders and their licences are those that the README names.
func TestWasmSums(t *testing.T) {
	readme, err := os.ReadFile("wasm/README.md")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"README.md": ""}
	for lines := bufio.NewScanner(bytes.NewReader(readme)); lines.Scan(); {
		if sum, name, ok := strings.Cut(lines.Text(), "  "); ok && len(sum) == 64 {
			want[name] = sum
		}
	}
	files, err := filepath.Glob("wasm/*")
	if err != nil || len(files) != len(want) {
		t.Errorf("%d files, and the README names %d (%v)", len(files), len(want), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if name := filepath.Base(file); name != "README.md" && want[name] != fmt.Sprintf("%x", sha256.Sum256(data)) {
			t.Errorf("%s is not what the README says", name)
		}
	}
}

// TestHEIFEnds: a decoder that is busy ends with its context.
func TestHEIFEnds(t *testing.T) {
	file := readFiles(t)["heic"].File
	if _, err := Decode(t.Context(), file, Limits{}); err != nil { // it is compiled
		t.Fatal(err)
	}
	cause := errors.New("enough")
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, cause)
	defer cancel()
	if _, err := Decode(ctx, file, Limits{}); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
}
