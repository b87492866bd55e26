package imagefile

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/jpeg"
	"io"

	"github.com/gouache-art/gouache/internal/format"
)

// Markers of JPEG (ITU-T T.81, table B.1).
const (
	markSOF0, markSOF2, markSOF15 = 0xc0, 0xc2, 0xcf
	markDHT, markJPG, markDAC     = 0xc4, 0xc8, 0xcc
	markRST0, markRST7            = 0xd0, 0xd7
	markSOI, markEOI, markSOS     = 0xd8, 0xd9, 0xda
	markDQT, markDHP              = 0xdb, 0xde
	markAPP0, markAPP1, markAPP14 = 0xe0, 0xe1, 0xee
	markAPP15, markCOM            = 0xef, 0xfe
)

// Bounds of the work that a JPEG takes. A scan over all blocks may cost 110 bytes of file, and as much time as any other.
// Encoders write 10 scans or so; libjpeg-turbo's authors advise decoders to stop at 500.
const (
	maxScans  = 500
	maxCoding = 1 << 31 // values of channels of all scans together: 2 ns each
)

// jpegFile is what the segments of a JPEG file say.
type jpegFile struct {
	data          []byte
	sof           byte
	precision     int
	width, height int
	components    []jpegComponent
	scans         int
	coding        int64 // values of channels that the scans are about
	end           int   // where the end marker is, or belongs
	ended         bool  // the marker is there
	adobe         bool
	exif, xmp     []byte
}

// jpegComponent is a channel.
type jpegComponent struct {
	id   byte
	h, v int
	// left is, for each coefficient, the number of low bits that no scan has brought yet; none has brought any if it
	// is negative.
	left [64]int8
}

// openJPEG reads the segments of a file.
func openJPEG(data []byte) (*jpegFile, error) {
	f := &jpegFile{data: data, end: len(data)}
	at := 2
	for at < len(data) {
		skip := bytes.IndexByte(data[at:], 0xff)
		if skip < 0 {
			break
		}
		at += skip
		from := at
		for at < len(data) && data[at] == 0xff {
			at++
		}
		if at == len(data) {
			break
		}
		marker := data[at]
		at++
		switch {
		case marker == markEOI:
			if f.scans == 0 {
				return nil, damaged(errors.New("it has no pixels"))
			}
			f.end, f.ended = from, true
			return f, nil
		case marker == 0, marker >= markRST0 && marker <= markRST7:
			continue // no segment: what does not belong here
		}
		if f.scans > 0 && f.end == len(data) {
			f.end = from // unless more scans follow
		}
		if marker < markSOF0 || at+2 > len(data) {
			break
		}
		n := int(binary.BigEndian.Uint16(data[at:]))
		if n < 2 || at+n > len(data) {
			break
		}
		segment := data[at+2 : at+n]
		at += n
		if err := f.segment(marker, segment); err != nil {
			return nil, err
		}
		if marker == markSOS {
			at = scanEnd(data, at)
			f.end = at
		}
	}
	if f.components == nil || f.scans == 0 {
		return nil, cutOff()
	}
	return f, nil
}

// scanEnd returns where the data of a scan ends: at a marker other than those within it.
func scanEnd(data []byte, at int) int {
	for {
		skip := bytes.IndexByte(data[at:], 0xff)
		if skip < 0 || at+skip+1 >= len(data) {
			return len(data)
		}
		at += skip
		if next := data[at+1]; next != 0 && (next < markRST0 || next > markRST7) {
			return at
		}
		at += 2
	}
}

func (f *jpegFile) segment(marker byte, segment []byte) error {
	exifHead, xmpHead := []byte("Exif\x00\x00"), []byte("http://ns.adobe.com/xap/1.0/\x00")
	switch {
	case marker >= markSOF0 && marker <= markSOF15 && marker != markDHT && marker != markJPG && marker != markDAC:
		return f.frame(marker, segment)
	case marker == markSOS:
		return f.scan(segment)
	case marker == markAPP1 && f.exif == nil && bytes.HasPrefix(segment, exifHead):
		f.exif = segment[len(exifHead):]
	case marker == markAPP1 && f.xmp == nil && bytes.HasPrefix(segment, xmpHead):
		f.xmp = segment[len(xmpHead):]
	case marker == markAPP14 && len(segment) >= 12 && bytes.HasPrefix(segment, []byte("Adobe")):
		f.adobe = true
	case marker == markDHP:
		return unread("a hierarchical JPEG")
	}
	return nil
}

// frame reads what the file says of its pixels (T.81, B.2.2).
func (f *jpegFile) frame(marker byte, s []byte) error {
	switch {
	case f.components != nil:
		return damaged(errors.New("it has two frames"))
	case len(s) < 6 || len(s) < 6+3*int(s[5]):
		return damaged(errors.New("its frame is too short"))
	}
	f.sof, f.precision = marker, int(s[0])
	f.height, f.width = int(binary.BigEndian.Uint16(s[1:])), int(binary.BigEndian.Uint16(s[3:]))
	switch {
	case marker == 0xc3 || marker == 0xc7 || marker == 0xcb || marker == 0xcf:
		return unread("a lossless JPEG")
	case marker > 0xc8:
		return unread("a JPEG with arithmetic coding")
	case marker > markSOF2:
		return unread("a hierarchical JPEG")
	case f.precision != 8:
		return unread("a JPEG of %d bits a channel", f.precision)
	case f.width == 0 || f.height == 0:
		return damaged(errors.New("it has no pixels"))
	}
	f.components = make([]jpegComponent, s[5])
	for i := range f.components {
		c := &f.components[i]
		c.id, c.h, c.v = s[6+3*i], int(s[7+3*i]>>4), int(s[7+3*i]&15)
		for k := range c.left {
			c.left[k] = -1
		}
	}
	return nil
}

// scan notes what a scan brings (B.2.3).
func (f *jpegFile) scan(s []byte) error {
	f.scans++
	if f.components == nil || len(s) < 1 || len(s) < 4+2*int(s[0]) {
		return damaged(errors.New("a scan comes before its frame, or is too short"))
	}
	n := int(s[0])
	first, last, low := int(s[1+2*n]), int(s[2+2*n]), int8(s[3+2*n]&15)
	if f.sof != markSOF2 {
		first, last, low = 0, 63, 0
	}
	for i := range n {
		for k := range f.components {
			if c := &f.components[k]; c.id == s[1+2*i] {
				f.coding += f.values(c)
				for j := first; j <= min(last, 63); j++ {
					c.left[j] = low
				}
			}
		}
	}
	return nil
}

// values returns how many values a channel has, with those of the blocks at the right and at the bottom.
func (f *jpegFile) values(c *jpegComponent) int64 {
	most := 1
	for _, other := range f.components {
		most = max(most, other.h*other.v)
	}
	return (int64(f.width) + 32) * (int64(f.height) + 32) * int64(c.h*c.v) / int64(most)
}

// whole reports whether the scans bring all bits of all coefficients.
func (f *jpegFile) whole() bool {
	for _, c := range f.components {
		for _, left := range c.left {
			if left != 0 {
				return false
			}
		}
	}
	return true
}

func (f *jpegFile) parsed() (*parsed, error) {
	pixels := int64(f.width) * int64(f.height)
	if f.scans > maxScans || f.coding > maxCoding {
		return nil, &fault{"is a JPEG of " + format.Count(f.scans, "scan", "scans") + ", too many for its size", nil, convertIt}
	}
	var samples int64
	for i := range f.components {
		samples += f.values(&f.components[i])
	}
	memory := samples
	if f.sof == markSOF2 {
		memory += 4 * samples // the coefficients of all blocks
	}
	if len(f.components) != 1 {
		memory += 4 * pixels // unless it is YCbCr
	}
	return &parsed{
		Header: Header{Format: "jpeg", Width: f.width, Height: f.height, Memory: memory},
		exif:   f.exif,
		xmp:    f.xmp,
		codes:  jpegCodes,
		decode: f.decode,
	}, nil
}

func (f *jpegFile) decode(ctx context.Context) (image.Image, error) {
	if !f.ended && !f.whole() {
		return nil, cutOff()
	}
	bare := len(f.components) == 4 && !f.adobe
	parts := []io.Reader{bytes.NewReader(f.data[:2])}
	if bare { // image/jpeg asks for the segment that says how colours are stored
		parts = append(parts, bytes.NewReader(adobeSegment(0)))
	}
	parts = append(parts, bytes.NewReader(f.data[2:f.end]), bytes.NewReader([]byte{0xff, markEOI}))
	m, err := jpeg.Decode(slowly{ctx, io.MultiReader(parts...)})
	if err != nil && !f.ended && ctx.Err() == nil {
		return nil, cutOff()
	}
	return m, err
}

// adobeSegment returns a segment that says how the colours are stored: 0 as they are, 1 as YCbCr.
func adobeSegment(transform byte) []byte {
	return append([]byte{0xff, markAPP14, 0, 14}, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, transform)
}
