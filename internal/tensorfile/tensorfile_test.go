package tensorfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// raw makes a safetensors file of a header and bytes.
func raw(header string, data ...byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

// TestReadFloats: 1, -2.5 and 2⁻¹⁴ are exact in all four types.
func TestReadFloats(t *testing.T) {
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
		got, err := ReadFloats(bytes.NewReader(data), Tensor{DType: c.dtype, Shape: []int{3}})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, %v, want %v", c.dtype, got, err, want)
		}
	}
	if _, err := ReadFloats(bytes.NewReader([]byte{1, 2, 3, 4}), Tensor{DType: "I32"}); err == nil || !strings.Contains(err.Error(), "I32") {
		t.Errorf("whole numbers gave %v", err)
	}
	if _, err := ReadFloats(bytes.NewReader([]byte{1, 2, 3, 4}), Tensor{DType: "F32", Shape: []int{2}}); err == nil || !strings.Contains(err.Error(), "truncated") {
		t.Errorf("half of the numbers gave %v", err)
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

func TestDamagedHeader(t *testing.T) {
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
		{"long header", raw("{" + strings.Repeat(" ", 20_000_000) + "}"), "20000002 bytes"},
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
		h, err := ReadHeader(bytes.NewReader(c.content))
		if err == nil {
			err = h.CheckSize(int64(len(c.content)))
		}
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v does not mention %q", c.name, err, c.says)
		}
	}
}

// FuzzReadHeader checks that no header makes the reader panic or promise a tensor outside the file.
func FuzzReadHeader(f *testing.F) {
	f.Add(raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 1, 2, 3, 4))
	f.Add(raw(`{"__metadata__":{"network":"vgg16"},"b":{"dtype":"BF16","shape":[2,0],"data_offsets":[0,0]}}  `))
	f.Fuzz(func(t *testing.T, content []byte) {
		h, err := ReadHeader(bytes.NewReader(content))
		if err != nil || h.CheckSize(int64(len(content))) != nil {
			return
		}
		for _, tensor := range h.Tensors {
			if tensor.Offsets[0] < 0 || tensor.Size() < 0 || h.Start+tensor.Offsets[1] > int64(len(content)) {
				t.Errorf("%+v does not fit a file of %d bytes", tensor, len(content))
			}
		}
	})
}

// written returns a summed file of two tensors.
func written(t testing.TB) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := NewWriter(&file, map[string]string{"note": "a test"}, []Tensor{
		{Name: "numbers", DType: "F32", Shape: []int{2, 3}}, {Name: "bytes", DType: "U8", Shape: []int{5}},
	}, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteFloats(w, []float32{1, 2, 3, 4, 5, 6}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("12345")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// readAll reads a summed file to its end.
func readAll(r io.Reader) (names []string, data [][]byte, err error) {
	in, err := NewReader(r)
	if err != nil {
		return nil, nil, err
	}
	for {
		tensor, b, err := in.Next()
		if errors.Is(err, io.EOF) {
			return names, data, nil
		}
		if err != nil {
			return nil, nil, err
		}
		names, data = append(names, tensor.Name), append(data, b)
	}
}

// A summed file comes back as it was written, is a .safetensors file, and is read to its end and no further.
func TestStream(t *testing.T) {
	file := written(t)
	rest := bytes.NewReader(append(slices.Clone(file), "more"...))
	names, data, err := readAll(iotest.OneByteReader(rest))
	if err != nil || rest.Len() != 4 || !slices.Equal(names, []string{"numbers", "bytes"}) || len(data[0]) != 24 || string(data[1]) != "12345" {
		t.Errorf("read %v, %v, %v with %d bytes left", names, data, err, rest.Len())
	}
	h, err := ReadHeader(bytes.NewReader(file))
	if err != nil || h.CheckSize(int64(len(file))) != nil || h.Metadata["note"] != "a test" || len(h.Tensors) != 3 || h.Start%8 != 0 {
		t.Errorf("header %+v, %v", h, err)
	}
	if !bytes.Equal(file, written(t)) {
		t.Error("the same tensors give another file")
	}
}

func TestStreamDamaged(t *testing.T) {
	file := written(t)
	for cut := range file {
		if _, _, err := readAll(bytes.NewReader(file[:cut])); err == nil || errors.Is(err, io.EOF) {
			t.Fatalf("the first %d of %d bytes: error %v", cut, len(file), err)
		}
	}
	for i := range file {
		damaged := slices.Clone(file)
		damaged[i] ^= 1
		if _, _, err := readAll(bytes.NewReader(damaged)); err == nil {
			t.Fatalf("no error with byte %d changed", i)
		}
	}
	if _, _, err := readAll(bytes.NewReader(raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 1, 2, 3, 4))); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("a file without a checksum: error %v", err)
	}
}

// A huge tensor is refused when the bytes end, without the memory for it.
func TestStreamHuge(t *testing.T) {
	header := `{"a":{"dtype":"F64","shape":[1000000,1000000],"data_offsets":[0,8000000000000]},` +
		`"crc32c":{"dtype":"U8","shape":[4],"data_offsets":[8000000000000,8000000000004]}}`
	if _, _, err := readAll(bytes.NewReader(raw(header, 1, 2, 3))); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v", err)
	}
}

// full is a disk with room for n bytes.
type full struct{ n int }

func (f *full) Write(p []byte) (int, error) {
	if len(p) > f.n {
		return 0, errors.New("no space left")
	}
	f.n -= len(p)
	return len(p), nil
}

func TestWriterFails(t *testing.T) {
	list := []Tensor{{Name: "a", DType: "F32", Shape: []int{2}}}
	if _, err := NewWriter(&full{10}, nil, list, true); err == nil {
		t.Error("no error without room for the header")
	}
	w, err := NewWriter(&full{1 << 10}, nil, list, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(WriteFloats(w, []float32{1}), w.Close()); err == nil || !strings.Contains(err.Error(), "4 bytes of tensors were written, expected 8") {
		t.Errorf("half of a tensor: error %v", err)
	}
	for _, bad := range [][]Tensor{
		{{Name: "a", DType: "F7"}}, {{Name: "a", DType: "F32"}, {Name: "a", DType: "F32"}}, {{Name: Checksum, DType: "F32"}},
	} {
		if _, err := NewWriter(io.Discard, nil, bad, true); err == nil {
			t.Errorf("no error for %v", bad)
		}
	}
}
