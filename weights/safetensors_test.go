package weights

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
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
	want.Source, want.License = "a test", "CC0"
	if err := WriteSafetensors(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	checkLayers(t, got, want)
	if got.Name != "out" || got.Path != path || got.Source != "a test" || got.License != "CC0" || len(got.SHA256) != 64 {
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

// raw makes a safetensors file of a header and bytes.
func raw(header string, data ...byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

func openBytes(t *testing.T, content []byte) (*safetensorsFile, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := openSafetensors(path)
	if err == nil {
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return s, err
}

func TestSafetensorsTypes(t *testing.T) {
	// 1, -2.5 and 2⁻¹⁴ are exact in all four types.
	want := []float32{1, -2.5, 0x1p-14}
	for _, c := range []struct {
		dtype string
		put   func([]byte, float32) []byte
	}{
		{"F32", func(b []byte, v float32) []byte { return binary.LittleEndian.AppendUint32(b, math.Float32bits(v)) }},
		{"F64", func(b []byte, v float32) []byte {
			return binary.LittleEndian.AppendUint64(b, math.Float64bits(float64(v)))
		}},
		{"BF16", func(b []byte, v float32) []byte {
			return binary.LittleEndian.AppendUint16(b, uint16(math.Float32bits(v)>>16))
		}},
		{"F16", func(b []byte, v float32) []byte {
			return binary.LittleEndian.AppendUint16(b, map[float32]uint16{1: 0x3c00, -2.5: 0xc100, 0x1p-14: 0x0400}[v])
		}},
	} {
		var data []byte
		for _, v := range want {
			data = c.put(data, v)
		}
		s, err := openBytes(t, raw(fmt.Sprintf(`{"a":{"dtype":%q,"shape":[3],"data_offsets":[0,%d]}}`, c.dtype, len(data)), data...))
		if err != nil {
			t.Fatal(c.dtype, err)
		}
		got, err := s.Read(0)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, %v, want %v", c.dtype, got, err, want)
		}
	}
	s, err := openBytes(t, raw(`{"a":{"dtype":"I32","shape":[],"data_offsets":[0,4]}}`, 1, 2, 3, 4))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(0); err == nil || !strings.Contains(err.Error(), "I32") {
		t.Errorf("whole numbers gave %v", err)
	}
}

func TestHalf(t *testing.T) {
	for bits, want := range map[uint16]float32{
		0x0000: 0, 0x0001: 0x1p-24, 0x03ff: 1023 * 0x1p-24, 0x0400: 0x1p-14, 0x3555: 1365 * 0x1p-12,
		0x7bff: 65504, 0xfbff: -65504, 0x7c00: float32(math.Inf(1)), 0xfc00: float32(math.Inf(-1)),
	} {
		if got := half(bits); got != want {
			t.Errorf("half(%#04x) = %v, want %v", bits, got, want)
		}
	}
	if got := half(0x7e00); got == got {
		t.Errorf("half(0x7e00) = %v, want NaN", got)
	}
	if got := half(0x8000); got != 0 || !math.Signbit(float64(got)) {
		t.Errorf("half(0x8000) = %v, want -0", got)
	}
}

func TestDamagedSafetensors(t *testing.T) {
	const one = `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`
	huge := raw(one, 1, 2, 3, 4)
	binary.LittleEndian.PutUint64(huge, 1<<40)
	for _, c := range []struct {
		name    string
		content []byte
		says    string
	}{
		{"header's length cut", []byte{1, 2}, "truncated"},
		{"header cut", raw(one)[:20], "truncated"},
		{"numbers cut", raw(one, 1, 2, 3), "truncated: its tensors need 4 bytes, and 3 are there"},
		{"bytes too many", raw(one, 1, 2, 3, 4, 5), "1 bytes follow"},
		{"huge header", huge, "1099511627776 bytes"},
		{"no JSON", raw("{]"), "header is damaged"},
		{"after the JSON", raw("{} x"), "follow its end"},
		{"twice", raw(`{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`), "twice"},
		{"overlap", raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 1, 2, 3, 4), "begins at byte 0, expected 4"},
		{"gap", raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 1, 2, 3, 4, 5, 6, 7, 8), "begins at byte 4, expected 0"},
		{"shape and place differ", raw(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 1, 2, 3, 4), "takes 8 bytes"},
		{"negative dimension", raw(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, 1, 2, 3, 4), "impossible"},
		{"negative place", raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}`), "from -4 to 0"},
		{"overflow", raw(`{"a":{"dtype":"F32","shape":[2147483647,2147483647,2147483647],"data_offsets":[0,4]}}`, 1, 2, 3, 4), "impossible"},
		{"unknown type", raw(`{"a":{"dtype":"F7","shape":[1],"data_offsets":[0,4]}}`, 1, 2, 3, 4), `unknown type "F7"`},
		{"metadata that is no text", raw(`{"__metadata__":{"a":1}}`), "header is damaged"},
	} {
		if _, err := openBytes(t, c.content); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v does not mention %q", c.name, err, c.says)
		}
	}
}

// FuzzSafetensors checks that no header makes the reader panic or promise a tensor outside the file.
func FuzzSafetensors(f *testing.F) {
	f.Add(raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 1, 2, 3, 4))
	f.Add(raw(`{"__metadata__":{"network":"vgg16"},"b":{"dtype":"BF16","shape":[2,0],"data_offsets":[0,0]}}  `))
	f.Fuzz(func(t *testing.T, content []byte) {
		s, err := parseSafetensors(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			return
		}
		for i, e := range s.entries {
			n := dtypeBytes[e.DType]
			for _, dim := range s.tensors[i].Shape {
				n *= int64(dim)
			}
			if e.Offsets[0] < 0 || e.Offsets[1]-e.Offsets[0] != n || s.start+e.Offsets[1] > int64(len(content)) {
				t.Errorf("%+v does not fit a file of %d bytes", e, len(content))
			}
		}
	})
}
