package colour

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf16"
)

// maxProfile bounds a profile, in bytes: what the 255 segments of a JPEG can hold. Printers'
// profiles have 3 MB.
const maxProfile = 255 * (1<<16 - 1)

// profile is an ICC profile (ICC.1:2022), divided into its tags.
type profile struct {
	name       string
	header     []byte // of 128 bytes
	class      string // signatures of the device's class, and of the colour spaces on both sides
	space, pcs string
	tags       map[string][]byte
}

// Parse reads an ICC profile of a picture's or screen's colours. An error is the end of a sentence
// that begins with the file's name.
func Parse(icc []byte) (*Space, error) {
	p, err := parseProfile(icc)
	if err != nil {
		return nil, fmt.Errorf("has a colour profile that cannot be read (%w)", err)
	}
	s := &Space{name: p.name, icc: icc}
	if err := p.fill(s); err != nil {
		return nil, fmt.Errorf("has the colour profile %q, which cannot be applied (%w)", p.name, err)
	}
	return s, nil
}

func parseProfile(icc []byte) (*profile, error) {
	const header, entry = 128, 12
	switch {
	case len(icc) > maxProfile:
		return nil, fmt.Errorf("it is larger than %d MB", maxProfile/1_000_000)
	case len(icc) < header+4:
		return nil, errors.New("it is cut off")
	case string(icc[36:40]) != "acsp":
		return nil, errors.New("it is no ICC profile")
	}
	p := &profile{header: icc[:header], class: string(icc[12:16]), space: string(icc[16:20]), pcs: string(icc[20:24]), tags: map[string][]byte{}}
	n := binary.BigEndian.Uint32(icc[header:])
	const most = 100 // as in LittleCMS; profiles have about 15
	if n > most || header+4+entry*int(n) > len(icc) {
		return nil, fmt.Errorf("its table of %d tags is cut off", n)
	}
	for i := range int(n) {
		e := icc[header+4+entry*i:]
		from, size := int64(binary.BigEndian.Uint32(e[4:])), int64(binary.BigEndian.Uint32(e[8:]))
		if from+size <= int64(len(icc)) { // LittleCMS skips others, too
			p.tags[string(e[:4])] = icc[from : from+size]
		}
	}
	p.name = p.described()
	return p, nil
}

// described returns the profile's description, which may be of any length and have any characters,
// as text of a line.
func (p *profile) described() string {
	tag := p.tags["desc"]
	var text string
	switch {
	case len(tag) < 16:
	case string(tag[:4]) == "desc":
		text = string(tag[12:min(len(tag), 12+int(binary.BigEndian.Uint32(tag[8:])&0xffff))])
	case string(tag[:4]) == "mluc" && len(tag) >= 28: // the first language's
		size, from := uint64(binary.BigEndian.Uint32(tag[20:])), uint64(binary.BigEndian.Uint32(tag[24:]))
		if from+size <= uint64(len(tag)) {
			text = utf16Text(tag[from : from+size])
		}
	}
	const most = 60 // runes
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most])
	}
	if text = strings.TrimSpace(text); text == "" {
		return "unnamed"
	}
	return text
}

func utf16Text(b []byte) string {
	units := make([]uint16, min(len(b)/2, 1000))
	for i := range units {
		units[i] = binary.BigEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}

// fill sets what a space needs of the profile.
func (p *profile) fill(s *Space) error {
	switch p.class {
	case "scnr", "mntr", "prtr", "spac":
	default:
		return fmt.Errorf("its class is %q", p.class)
	}
	switch p.space {
	case "RGB ":
		s.model = rgb
	case "GRAY":
		s.model = grey
	case "CMYK":
		s.model = cmyk
	default:
		return fmt.Errorf("its colours are %q", p.space)
	}
	if p.hasLUT() || s.model == cmyk {
		return p.fillLUT(s)
	}
	if s.model == grey {
		return p.fillGrey(s)
	}
	return p.fillRGB(s)
}

// fillRGB takes three curves and the colours of the primaries (ICC.1:2022, section F.3).
func (p *profile) fillRGB(s *Space) error {
	if p.pcs != "XYZ " {
		return fmt.Errorf("its curves lead to %q", p.pcs)
	}
	for i, channel := range []string{"r", "g", "b"} {
		xyz := p.tags[channel+"XYZ"]
		if len(xyz) < 20 || string(xyz[:4]) != "XYZ " {
			return fmt.Errorf("its %sXYZ is missing", channel)
		}
		for j := range 3 {
			s.pcs[j][i] = fixed(xyz[8+4*j:])
		}
		name := channel + "TRC"
		if i > 0 && bytes.Equal(p.tags[name], p.tags["rTRC"]) {
			s.curves[i] = s.curves[0]
			continue
		}
		t, err := parseCurve(p.tags[name])
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		s.curves[i] = newCurve(t)
	}
	s.matrix = product(fromD50(), s.pcs)
	return nil
}

// fillGrey takes the one curve of a grey profile, which leads to the lightness of a neutral grey
// (ICC.1:2022, section F.2). It applies to red, green and blue alike, which are equal in a grey
// picture.
func (p *profile) fillGrey(s *Space) error {
	t, err := parseCurve(p.tags["kTRC"])
	if err != nil {
		return fmt.Errorf("kTRC: %w", err)
	}
	switch p.pcs {
	case "XYZ ":
	case "Lab ":
		t = composed{t, func(y float64) float64 { return luminance(100 * y) }}
	default:
		return fmt.Errorf("its curve leads to %q", p.pcs)
	}
	c := newCurve(t)
	s.curves = [3]*curve{c, c, c}
	s.matrix = [3][3]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}
	return nil
}

// luminance returns Y of CIE's lightness L*, from 0 to 100.
func luminance(lightness float64) float64 {
	f := (lightness + 16) / 116
	if f <= 24./116 {
		return (108. / 841) * (f - 16./116)
	}
	return math.Pow(f, 3)
}
