package weights

import (
	"path/filepath"
	"testing"
)

// BenchmarkLoad reads VGG19's convolutions, 80 MB, from a .safetensors file, checksum included.
func BenchmarkLoad(b *testing.B) {
	path := filepath.Join(b.TempDir(), "vgg19.safetensors")
	set := Random(VGG19, 1)
	if err := WriteSafetensors(path, set); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Load(b.Context(), path, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
