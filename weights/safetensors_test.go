package weights

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWriteSafetensorsRoundTrip(t *testing.T) {
	tinyNetworks(t)
	path := filepath.Join(t.TempDir(), "out.safetensors")
	if err := os.WriteFile(path, []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	want := distinct(VGG19)
	want.Source, want.License, want.Preprocessing = "a test", "CC0", Torchvision
	if err := WriteSafetensors(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadFile(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	checkLayers(t, got, want)
	if got.Name != "out" || got.Path != path || got.Source != "a test" || got.License != "CC0" || got.Preprocessing != Torchvision || len(got.SHA256) != 64 {
		t.Errorf("got %q, %q, %q, %q, %q", got.Name, got.Path, got.Source, got.License, got.SHA256)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("%d files in the folder, %v; want the one written", len(entries), err)
	}
}

func TestWriteSafetensorsRefuses(t *testing.T) {
	tinyNetworks(t)
	set := distinct(VGG16)
	set.Layers[3].Bias = set.Layers[3].Bias[1:]
	path := filepath.Join(t.TempDir(), "out.safetensors")
	if err := WriteSafetensors(path, set); err == nil || !strings.Contains(err.Error(), set.Layers[3].Name) {
		t.Errorf("a wrong bias gave %v", err)
	}
	if err := WriteSafetensors(filepath.Join(path, "no", "folder"), distinct(VGG16)); err == nil {
		t.Error("a folder that is not there gave no error")
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file was left behind")
	}
}

// TestSafetensorsCut: a file that ends too early is refused when it is opened.
func TestSafetensorsCut(t *testing.T) {
	tinyNetworks(t)
	path := filepath.Join(t.TempDir(), "cut.safetensors")
	if err := WriteSafetensors(path, distinct(VGG16)); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()-1); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(t.Context(), path); err == nil || !strings.Contains(err.Error(), path+": the file is truncated") {
		t.Errorf("error %v", err)
	}
}
