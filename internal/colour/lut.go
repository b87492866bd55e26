package colour

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/kovidgoyal/imaging/prism/meta/icc"
)

// lut converts through tables, which printers' and scanners' profiles have.
type lut struct{ pipeline *icc.Pipeline }

func (l *lut) toSRGB(row [][4]float32, m model) {
	var in, out [4]float64
	for i := range row {
		p := &row[i]
		for c, v := range p {
			in[c] = float64(v) / 255
		}
		l.pipeline.TransformGeneral(out[:], in[:])
		for c, v := range out[:3] {
			p[c] = float32(255 * max(0, min(v, 1)))
		}
		if m == cmyk {
			p[3] = 255
		}
	}
}

// lutTags are the tables to the profile's connection space, for the intents perceptual and relative
// colorimetric. The second is used if there is one, as in LittleCMS.
var lutTags = []string{"A2B0", "A2B1"}

func (p *profile) hasLUT() bool { return p.tags["A2B0"] != nil || p.tags["A2B1"] != nil }

// fillLUT leaves tables to package icc of github.com/kovidgoyal/imaging, which agrees with
// LittleCMS to 1 grey level. It takes a profile's word for lengths and counts, so these are checked
// before, and the profile that it gets has these tables only.
func (p *profile) fillLUT(s *Space) (err error) {
	if !p.hasLUT() {
		return errors.New("it has no tables")
	}
	channels := map[model]int{grey: 1, rgb: 3, cmyk: 4}[s.model]
	for _, name := range lutTags {
		if tag := p.tags[name]; tag != nil {
			if err := checkLUT(tag, channels); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	defer func() {
		if r := recover(); r != nil { // what the checks have missed
			err = fmt.Errorf("its tables are damaged: %v", r)
		}
	}()
	whole, err := icc.DecodeProfile(bytes.NewReader(p.with(lutTags)))
	if err != nil {
		return err
	}
	pipeline, err := whole.CreateTransformerToSRGB(icc.RelativeColorimetricRenderingIntent, false, channels, true, false, true)
	if err != nil {
		return err
	}
	s.lut = &lut{pipeline}
	s.lut.toSRGB([][4]float32{{}, {255, 255, 255, 255}, {255, 0, 0, 0}, {0, 127.5, 255, 63}}, s.model)
	return nil
}

// with returns a profile with some of the tags.
func (p *profile) with(names []string) []byte {
	icc := bytes.Clone(p.header)
	var n uint32
	var table, data []byte
	for _, name := range names {
		if p.tags[name] != nil {
			n++
		}
	}
	icc = binary.BigEndian.AppendUint32(icc, n)
	for _, name := range names {
		tag := p.tags[name]
		if tag == nil {
			continue
		}
		table = append(table, name...)
		table = binary.BigEndian.AppendUint32(table, uint32(len(icc)+12*int(n)+len(data)))
		table = binary.BigEndian.AppendUint32(table, uint32(len(tag)))
		data = append(data, tag...)
	}
	return slices.Concat(icc, table, data)
}

// maxEntries bounds a curve beside a table (ICC.1:2022, section 10.10).
const maxEntries = 4096

// checkLUT checks that a lut8Type, lut16Type or lutAToBType is whole.
func checkLUT(tag []byte, channels int) error {
	if len(tag) < 32 || int(tag[8]) != channels || tag[9] != 3 {
		return errors.New("a table does not fit the colours")
	}
	switch kind := string(tag[:4]); kind {
	case "mft1", "mft2":
		return checkPlainLUT(tag, channels)
	case "mAB ":
		return checkModularLUT(tag, channels)
	default:
		return fmt.Errorf("a table has the unknown type %q", kind)
	}
}

func checkPlainLUT(tag []byte, channels int) error {
	const header = 48
	size, width, in, out := header, 1, 256, 256
	if string(tag[:4]) == "mft2" {
		size, width = header+4, 2
		if len(tag) < size {
			return errCut
		}
		in, out = int(binary.BigEndian.Uint16(tag[48:])), int(binary.BigEndian.Uint16(tag[50:]))
	}
	if in < 2 || in > maxEntries || out < 2 || out > maxEntries {
		return errors.New("a table has curves of a wrong length")
	}
	return checkSize(len(tag)-size, width, channels*in+3*out, repeat(tag[10], channels))
}

func checkModularLUT(tag []byte, channels int) error {
	offset := func(i int) int64 { return int64(binary.BigEndian.Uint32(tag[12+4*i:])) }
	counts := []int{3, 0, 3, 0, channels} // of the curves B, M and A
	for i, n := range counts {
		at := offset(i)
		if at > int64(len(tag)) {
			return errCut
		}
		if n > 0 && at > 0 {
			if err := checkCurves(tag[at:], n); err != nil {
				return err
			}
		}
	}
	if at := offset(1); at > 0 && len(tag)-int(at) < 48 {
		return errCut
	}
	at := offset(3)
	if at == 0 {
		return nil
	}
	table := tag[at:]
	if len(table) < 20 {
		return errCut
	}
	width := int(table[16])
	if width != 1 && width != 2 {
		return errors.New("a table has numbers of an unknown size")
	}
	return checkSize(len(table)-20, width, 0, table[:channels])
}

var errCut = errors.New("a table is cut off")

// checkSize checks that a table of a grid, and other numbers, fit into a number of bytes.
func checkSize(bytes, width, others int, grid []byte) error {
	n := int64(3)
	for _, points := range grid {
		if points < 2 {
			return errors.New("a table has too few points")
		}
		n *= int64(points) // 3·255⁴ at most
	}
	if int64(width)*(n+int64(others)) > int64(bytes) {
		return errCut
	}
	return nil
}

// checkCurves checks curves that follow each other.
func checkCurves(b []byte, n int) error {
	for range n {
		if _, err := parseCurve(b); err != nil {
			return err
		}
		size := 12
		if string(b[:4]) == "curv" {
			entries := int(binary.BigEndian.Uint32(b[8:]))
			if entries > maxEntries {
				return errors.New("a table has curves of a wrong length")
			}
			size += 2 * entries
		} else {
			size += 4 * parameters[binary.BigEndian.Uint16(b[8:])]
		}
		b = b[min(len(b), (size+3)/4*4):]
	}
	return nil
}

func repeat(b byte, n int) []byte {
	list := make([]byte, n)
	for i := range list {
		list[i] = b
	}
	return list
}
