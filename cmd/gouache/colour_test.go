package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/internal/colour"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/tracker"
)

// coloured writes the pictures of package colour's tests: one in Display P3, one with a grey profile, and one whose
// profile cannot be applied.
func coloured(t *testing.T) (wide, grey, odd string) {
	t.Helper()
	var r struct {
		Files struct{ PNG, Grey, JPEG []byte }
	}
	if err := json.Unmarshal(read(t, "../../internal/colour/testdata/reference.json"), &r); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	broken := bytes.Replace(r.Files.JPEG, []byte("RGB XYZ "), []byte("HSV XYZ "), 1)
	return write(t, filepath.Join(dir, "wide.png"), r.Files.PNG), write(t, filepath.Join(dir, "grey.png"), r.Files.Grey), write(t, filepath.Join(dir, "odd.jpg"), broken)
}

// TestColours: a result in the content's profile and with 16 bits has them, the recorded command says so, the recorded
// picture is in sRGB, and a profile that cannot be applied is one warning.
func TestColours(t *testing.T) {
	wide, _, odd := coloured(t)
	dir := t.TempDir()
	out, store := filepath.Join(dir, "out.png"), filepath.Join(dir, "store")
	_, stderr, code := gouache(t.Context(), quick(out, "--content", wide, "--style", odd, "--style", odd, "--store", store, "--keep-profile", "--depth", "16", "--iterations", "1")...)
	if code != 0 || strings.Count(stderr, "warning: "+odd+` has the colour profile "Display P3", which cannot be applied`) != 1 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	content, err := picture.Load(wide)
	if err != nil {
		t.Fatal(err)
	}
	result, err := picture.Load(out)
	if err != nil || result.Profile == nil || !bytes.Equal(result.Profile, content.Profile) || read(t, out)[24] != 16 {
		t.Errorf("the result's profile has %d bytes, and its channels %d bits, %v", len(result.Profile), read(t, out)[24], err)
	}
	runs := decode[[]tracker.Run](t, first(gouache(t.Context(), "runs", "list", "--store", store, "--json")))
	run := shown(t, store, runs[0].ID)
	if command := strings.Join(run.Provenance.Command, " "); !strings.Contains(command, "--depth 16 --keep-profile") {
		t.Errorf("the command is %s", command)
	}
	files, err := os.OpenRoot(store)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	for _, p := range run.Pictures {
		if p.Role != tracker.RoleResult {
			continue
		}
		data, err := files.ReadFile("blobs/" + p.Hash[:2] + "/" + p.Hash)
		if err != nil || !bytes.Contains(data, []byte("sRGB\x01")) {
			t.Errorf("the recorded result does not say that it is in sRGB: %v", err)
			continue
		}
		recorded, err := picture.Decode(t.Context(), "", data)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range result.Image().Pix {
			if off := int(v) - int(recorded.Image().Pix[i]); off < -1 || off > 1 {
				t.Fatalf("the recorded result has other colours: %d and %d", v, recorded.Image().Pix[i])
			}
		}
	}
	if _, err := colour.Parse(result.Profile); err != nil {
		t.Error(err)
	}
}

// TestColourMistakes: what cannot be written is found before anything is painted.
func TestColourMistakes(t *testing.T) {
	wide, grey, odd := coloured(t)
	dir := t.TempDir()
	png, jpg := filepath.Join(dir, "out.png"), filepath.Join(dir, "out.jpg")
	for _, c := range []struct {
		args []string
		want string
	}{
		{quick(jpg, "--depth", "16"), "gouache: --depth: " + jpg + " cannot be written: a JPEG has 8 bits a channel and not 16: write a .png or .tiff\n"},
		{quick(png, "--depth", "12"), "gouache: --depth: " + png + " cannot be written: 12 bits a channel are not possible: choose 8 or 16\n"},
		{quick(jpg, "--content", wide, "--keep-profile", "--depth", "16"), "gouache: --depth: " + jpg + " cannot be written: a JPEG has 8 bits a channel and not 16: write a .png or .tiff\n"},
		{quick(png, "--content", grey, "--keep-profile"), "gouache: --keep-profile: " + png + ` cannot be written: the profile cannot be kept, since the picture it comes from has the colour profile "Gray Gamma 2.2", which is for grey: a painting needs one for RGB` + "\n"},
		{quick(png, "--content", odd, "--keep-profile"), "gouache: --keep-profile: the profile cannot be kept: " + odd + ` has the colour profile "Display P3", which cannot be applied (its colours are "HSV "), so that its colours are taken as sRGB and may look wrong: convert it to sRGB first` + "\n"},
	} {
		if _, stderr, code := gouache(t.Context(), c.args...); code != exitUsage || stderr != c.want {
			t.Errorf("exit code %d: %s want %s", code, stderr, c.want)
		}
	}
	if left := list(t, dir); len(left) != 0 {
		t.Errorf("left %q", left)
	}
}
