package colour

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"sync"
	"unicode/utf16"
)

// ICC returns the space's profile: that of the file, or one made of what the file's chunks say. It
// is nil for a high dynamic range, which no such profile can say.
func (s *Space) ICC() []byte {
	switch {
	case s == nil:
		return standardProfile()
	case s.icc != nil:
		return s.icc
	case s.curves[0].formula == nil:
		return nil
	}
	return made(s.name, s.pcs, *s.curves[0].formula)
}

// standardProfile is sRGB's.
var standardProfile = sync.OnceValue(func() []byte {
	pcs, _ := standardPrimaries.toD50()
	return made("sRGB", pcs, standardTransfer)
})

// made returns a profile of version 4.3 for three primaries and one curve. It has no date, so that
// equal pictures are equal files.
func made(name string, pcs [3][3]float64, f parametric) []byte {
	number := func(b []byte, v float64) []byte {
		return binary.BigEndian.AppendUint32(b, uint32(int32(math.Round(v*(1<<16)))))
	}
	numbers := func(kind string, values ...float64) []byte {
		b := append([]byte(kind), 0, 0, 0, 0)
		for _, v := range values {
			b = number(b, v)
		}
		return b
	}
	text := func(s string) []byte {
		b := append([]byte("mluc\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x0cenUS"), 0, 0, 0, 0, 0, 0, 0, 28)
		units := utf16.Encode([]rune(s))
		binary.BigEndian.PutUint32(b[20:], uint32(2*len(units)))
		for _, u := range units {
			b = binary.BigEndian.AppendUint16(b, u)
		}
		return b
	}
	column := func(i int) []byte { return numbers("XYZ ", pcs[0][i], pcs[1][i], pcs[2][i]) }
	curve := slices.Concat([]byte("para\x00\x00\x00\x00\x00\x04\x00\x00"), numbers("", f.g, f.a, f.b, f.c, max(f.d, 0), f.e, f.f)[4:])
	tags := []struct {
		names string
		data  []byte
	}{
		{"desc", text(name)}, {"cprt", text("CC0")}, {"wtpt", numbers("XYZ ", d50[:]...)},
		{"rXYZ", column(0)}, {"gXYZ", column(1)}, {"bXYZ", column(2)}, {"rTRCgTRCbTRC", curve},
	}
	const header, entry = 128, 12
	table := binary.BigEndian.AppendUint32(nil, 9)
	at := header + 4 + 9*entry
	var body []byte
	for _, t := range tags {
		for names := t.names; names != ""; names = names[4:] {
			table = append(table, names[:4]...)
			table = binary.BigEndian.AppendUint32(table, uint32(at+len(body)))
			table = binary.BigEndian.AppendUint32(table, uint32(len(t.data)))
		}
		body = append(body, t.data...)
		body = append(body, make([]byte, -len(t.data)&3)...)
	}
	head := make([]byte, header)
	binary.BigEndian.PutUint32(head, uint32(at+len(body)))
	copy(head[8:], "\x04\x30\x00\x00mntrRGB XYZ ")
	copy(head[36:], "acsp")
	head[67] = 1 // relative colorimetric
	copy(head[68:], numbers("", d50[:]...)[4:])
	return slices.Concat(head, table, body)
}

// Tag returns a writer that adds the space to the PNG or JPEG that is written to w.
func (s *Space) Tag(w io.Writer, format string) io.Writer {
	if format == "jpeg" {
		return &inserter{w: w, after: 2, text: jpegSegments(s.ICC())} // the first two bytes are its signature
	}
	const signature, header = 8, 25
	return &inserter{w: w, after: signature + header, text: s.pngChunk()}
}

// inserter inserts a text after a number of bytes.
type inserter struct {
	w     io.Writer
	after int
	text  []byte
}

func (i *inserter) Write(p []byte) (int, error) {
	if i.text == nil || len(p) < i.after {
		i.after -= len(p)
		return i.w.Write(p)
	}
	n, err := i.w.Write(p[:i.after])
	if err == nil {
		_, err = i.w.Write(i.text)
	}
	if err != nil {
		return n, err
	}
	rest := p[i.after:]
	i.after, i.text = 0, nil
	m, err := i.w.Write(rest)
	return n + m, err
}

// pngChunk returns sRGB for it, and iCCP for other spaces.
func (s *Space) pngChunk() []byte {
	if s == nil {
		return chunk("sRGB", []byte{1}) // relative colorimetric
	}
	var b bytes.Buffer
	b.WriteString("ICC profile\x00\x00")
	z := zlib.NewWriter(&b)
	_, _ = z.Write(s.ICC()) // writing to a buffer cannot fail
	_ = z.Close()
	return chunk("iCCP", b.Bytes())
}

func chunk(name string, data []byte) []byte {
	c := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	c = append(append(c, name...), data...)
	return binary.BigEndian.AppendUint32(c, crc32.ChecksumIEEE(c[4:]))
}

// jpegSegments divides a profile into APP2 segments.
func jpegSegments(icc []byte) (segments []byte) {
	const most = 1<<16 - 1 - 2 - len(jpegMarker) - 2
	parts := (len(icc) + most - 1) / most
	for number := 1; len(icc) > 0; number++ {
		part := icc[:min(most, len(icc))]
		icc = icc[len(part):]
		segments = append(segments, 0xff, 0xe2)
		segments = binary.BigEndian.AppendUint16(segments, uint16(2+len(jpegMarker)+2+len(part)))
		segments = append(append(segments, jpegMarker...), byte(number), byte(parts))
		segments = append(segments, part...)
	}
	return segments
}

// TagTIFF returns a TIFF that golang.org/x/image/tiff wrote, with the space's profile in its first
// directory. The directory moves to the end, since it becomes longer.
func (s *Space) TagTIFF(file []byte) []byte {
	order := binary.LittleEndian
	at := order.Uint32(file[4:])
	n := order.Uint16(file[at:])
	fields := bytes.Clone(file[at+2:][:12*int(n)])
	icc := s.ICC()
	const undefined = 7
	entry := order.AppendUint16(nil, tiffProfileTag)
	entry = order.AppendUint16(entry, undefined)
	entry = order.AppendUint32(entry, uint32(len(icc)))
	entry = order.AppendUint32(entry, uint32(len(file)))
	file = append(file, icc...)
	file = append(file, make([]byte, len(file)&1)...) // directories begin at even addresses
	order.PutUint32(file[4:], uint32(len(file)))
	file = order.AppendUint16(file, n+1)
	return append(append(append(file, fields...), entry...), 0, 0, 0, 0) // none follows
}
