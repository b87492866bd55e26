package colour

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"
)

// declared returns the space that a file gives, or nil if it gives none.
func declared(data []byte, format string) (*Space, error) {
	var icc []byte
	var err error
	switch format {
	case "jpeg":
		icc, err = jpegProfile(data)
	case "png":
		return pngSpace(data)
	case "webp":
		icc = webpProfile(data)
	case "tiff":
		icc = tiffProfile(data)
	}
	if err != nil {
		return nil, fmt.Errorf("has a colour profile that cannot be read (%w)", err)
	}
	if len(icc) == 0 {
		return nil, nil
	}
	return Parse(icc)
}

// jpegMarker begins a segment with a part of a profile (ICC.1:2022, annex B.4). The number of the
// part, from 1, and the number of parts follow.
const jpegMarker = "ICC_PROFILE\x00"

// jpegProfile returns the profile in a JPEG's APP2 segments, which may come in any order.
func jpegProfile(data []byte) ([]byte, error) {
	parts := map[byte][]byte{}
	var count byte
	for at := 2; at+4 <= len(data) && data[at] == 0xff; {
		marker := data[at+1]
		if marker == 0xff { // a fill byte
			at++
			continue
		}
		if marker == 0xda || marker == 0xd9 { // the pixels begin, or the file ends
			break
		}
		end := at + 2 + int(binary.BigEndian.Uint16(data[at+2:]))
		if end < at+4 || end > len(data) {
			break
		}
		part, ok := bytes.CutPrefix(data[at+4:end], []byte(jpegMarker))
		if at = end; marker != 0xe2 || !ok || len(part) < 2 {
			continue
		}
		number, of := part[0], part[1]
		if count = cmp.Or(count, of); of != count || number == 0 || number > count || parts[number] != nil {
			return nil, errors.New("its parts do not fit together")
		}
		parts[number] = part[2:]
	}
	if len(parts) < int(count) {
		return nil, fmt.Errorf("%d of its %d parts are missing", int(count)-len(parts), count)
	}
	var icc []byte
	for number := range int(count) {
		icc = append(icc, parts[byte(number+1)]...)
	}
	return icc, nil
}

// webpProfile returns the ICCP chunk.
func webpProfile(data []byte) []byte {
	for at := 12; at+8 <= len(data); {
		size := int64(binary.LittleEndian.Uint32(data[at+4:]))
		if size > int64(len(data)-at-8) {
			return nil
		}
		if string(data[at:at+4]) == "ICCP" {
			return data[at+8 : at+8+int(size)]
		}
		at += 8 + int(size+size%2)
	}
	return nil
}

// tiffProfileTag is the field that holds a profile (ICC.1:2022, annex B.5).
const tiffProfileTag = 34675

// tiffProfile returns the profile of a TIFF's first picture.
func tiffProfile(data []byte) []byte {
	if len(data) < 8 {
		return nil
	}
	var order binary.ByteOrder = binary.LittleEndian
	if data[0] == 'M' {
		order = binary.BigEndian
	}
	const entry = 12
	at := int64(order.Uint32(data[4:]))
	if at+2 > int64(len(data)) {
		return nil
	}
	fields := data[at+2:]
	for range order.Uint16(data[at:]) {
		if len(fields) < entry {
			return nil
		}
		if order.Uint16(fields) == tiffProfileTag {
			size, from := int64(order.Uint32(fields[4:])), int64(order.Uint32(fields[8:]))
			if size <= 4 || from+size > int64(len(data)) {
				return nil
			}
			return data[from : from+size]
		}
		fields = fields[entry:]
	}
	return nil
}

// pngSpace returns the space of a PNG (third edition, section 4.3): of several chunks that give
// one, cICP comes first, then iCCP, sRGB, and gAMA with cHRM.
func pngSpace(data []byte) (*Space, error) {
	chunks := pngChunks(data, "cICP", "iCCP", "sRGB", "gAMA", "cHRM")
	var unknown error
	if c, ok := chunks["cICP"]; ok {
		s, err := cicpSpace(c)
		if err == nil {
			return s, nil
		}
		unknown = err
	}
	if c, ok := chunks["iCCP"]; ok {
		icc, err := inflated(c)
		if err != nil {
			return nil, fmt.Errorf("has a colour profile that cannot be read (%w)", err)
		}
		return Parse(icc)
	}
	if _, ok := chunks["sRGB"]; ok {
		return nil, nil
	}
	gama, withGamma := chunks["gAMA"]
	chrm, withPrimaries := chunks["cHRM"]
	if withGamma || withPrimaries {
		return chromaSpace(gama, chrm)
	}
	return nil, unknown
}

// pngChunks returns the data of chunks before the pixels by name, of each the first. A chunk with a
// wrong checksum does not count: libpng and browsers leave it out.
func pngChunks(data []byte, names ...string) map[string][]byte {
	const signature, frame = 8, 12 // of a chunk: length, name and checksum
	found := map[string][]byte{}
	for at := signature; len(data)-at >= frame; {
		size, name := int64(binary.BigEndian.Uint32(data[at:])), string(data[at+4:at+8])
		if name == "IDAT" || size > int64(len(data)-at-frame) {
			break
		}
		end := at + 8 + int(size)
		sum := binary.BigEndian.Uint32(data[end:])
		if found[name] == nil && slices.Contains(names, name) && crc32.ChecksumIEEE(data[at+4:end]) == sum {
			found[name] = data[at+8 : end : end]
		}
		at = end + 4
	}
	return found
}

// inflated returns the profile in an iCCP chunk: a name, a zero, the method, and a zlib stream.
func inflated(chunk []byte) ([]byte, error) {
	_, rest, ok := bytes.Cut(chunk, []byte{0})
	if !ok || len(rest) == 0 || rest[0] != 0 {
		return nil, errors.New("it is packed in an unknown way")
	}
	stream, err := zlib.NewReader(bytes.NewReader(rest[1:]))
	if err != nil {
		return nil, err
	}
	icc, err := io.ReadAll(io.LimitReader(stream, maxProfile+1)) // Parse refuses larger ones
	if err != nil {
		return nil, err
	}
	return icc, nil
}

// chromaSpace returns the space of gAMA and cHRM (section 11.3.2), each of which may be missing.
func chromaSpace(gama, chrm []byte) (*Space, error) {
	number := func(b []byte) float64 { return float64(binary.BigEndian.Uint32(b)) / 100_000 }
	p := standardPrimaries
	if len(chrm) == 32 {
		at := func(i int) chromaticity { return chromaticity{number(chrm[8*i:]), number(chrm[8*i+4:])} }
		p = primaries{white: at(0), red: at(1), green: at(2), blue: at(3)}
		for _, c := range []chromaticity{p.white, p.red, p.green, p.blue} {
			if c.y == 0 || c.x+c.y > 1 {
				return nil, errors.New("has a cHRM chunk with colours that do not exist")
			}
		}
	}
	curve := standardTransfer
	if len(gama) == 4 {
		gamma := number(gama)
		if gamma < 0.05 || gamma > 20 {
			return nil, fmt.Errorf("has a gAMA chunk of %g, which no picture has", gamma)
		}
		// Programs that mean sRGB wrote 1/2.2 alone; browsers take it for sRGB.
		if len(chrm) == 32 || math.Abs(gamma-1/2.2) > 0.001 {
			curve = power(1 / gamma)
		}
	}
	s, ok := spaceOf("of its gAMA and cHRM chunks", p, curve)
	if !ok {
		return nil, errors.New("has a cHRM chunk with colours that do not span a space")
	}
	return s, nil
}
