package imagefile

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/zlib"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"hash/adler32"
	"hash/crc32"
	"image"
	"image/png"
	"io"
)

const pngSignature = "\x89PNG\r\n\x1a\n"

// Colour types of PNG.
const (
	pngGrey, pngRGB, pngPalette, pngGreyAlpha, pngRGBA = 0, 2, 3, 4, 6
)

// pngFile is what the chunks of a PNG file say.
type pngFile struct {
	width, height                int
	depth, colour                int
	interlaced                   bool
	header, palette, transparent []byte
	pixels                       [][]byte // data of the IDAT chunks
	begun, wrong                 bool     // there is one; the checksum of one is wrong
	exif, xmp                    []byte
	texts                        [2]bool // with EXIF and with XMP, of which the first counts
}

// openPNG reads the chunks of a file. As in libpng, ancillary ones with wrong checksums are left out, and those that
// image/png would refuse for their place or length.
func openPNG(data []byte) (*pngFile, error) {
	f := &pngFile{}
	for at := len(pngSignature); at+8 <= len(data); {
		n := int(binary.BigEndian.Uint32(data[at:]))
		name := string(data[at+4 : at+8])
		from := at + 8
		to := min(from+n, len(data))
		right := to+4 <= len(data) && crc32.ChecksumIEEE(data[at+4:to]) == binary.BigEndian.Uint32(data[to:])
		if name == "IEND" {
			break
		}
		if err := f.chunk(name, data[from:to], right, from+n+4 > len(data)); err != nil {
			return nil, err
		}
		at = from + n + 4
	}
	if f.header == nil {
		return nil, cutOff()
	}
	return f, nil
}

// chunk reads a chunk. Right is whether its checksum is, and cut whether it reaches beyond the file's end.
func (f *pngFile) chunk(name string, data []byte, right, cut bool) error {
	switch {
	case name == "IDAT":
		f.wrong = f.wrong || !right && !cut
		if f.begun = true; len(data) > 0 {
			f.pixels = append(f.pixels, data)
		}
	case name == "CgBI":
		return unread("a PNG for Apple's devices only")
	case f.header == nil && name != "IHDR":
		return damaged(errors.New("its header is missing"))
	case name[0]&0x20 == 0 && cut:
		return cutOff()
	case name[0]&0x20 == 0 && !right:
		return damaged(errors.New("a checksum is wrong"))
	case name == "IHDR" && f.header == nil:
		return f.ihdr(data)
	case name == "PLTE" && f.palette == nil:
		f.palette = data
	case !right:
	case name == "tRNS" && f.transparent == nil && !f.begun:
		if n, ok := map[int]int{pngGrey: 2, pngRGB: 6}[f.colour]; ok && len(data) == n ||
			f.colour == pngPalette && f.palette != nil && len(data) <= len(f.palette)/3 {
			f.transparent = data
		}
	case name == "eXIf":
		f.exif = bytes.TrimPrefix(data, []byte("Exif\x00\x00"))
	case name == "tEXt", name == "zTXt", name == "iTXt":
		f.text(name, data)
	}
	return nil
}

func (f *pngFile) ihdr(data []byte) error {
	if len(data) != 13 {
		return damaged(errors.New("its header is too short"))
	}
	f.header = data
	w, h := binary.BigEndian.Uint32(data), binary.BigEndian.Uint32(data[4:])
	if w == 0 || h == 0 || w > 1<<31-1 || h > 1<<31-1 {
		return damaged(errors.New("it has no pixels"))
	}
	f.width, f.height = int(w), int(h)
	f.depth, f.colour, f.interlaced = int(data[8]), int(data[9]), data[12] == 1
	return nil
}

// maxText is how much of a compressed text is read: metadata of cameras have some 100 kB.
const maxText = 1 << 20

// text reads a chunk of text if it has metadata: EXIF as ImageMagick writes it, or XMP.
func (f *pngFile) text(name string, data []byte) {
	key, value, _ := bytes.Cut(data, []byte{0})
	const profile, xmp = "Raw profile type ", "XML:com.adobe.xmp"
	isEXIF := string(key) == profile+"exif" || string(key) == profile+"APP1"
	if !isEXIF && string(key) != xmp {
		return
	}
	seen := &f.texts[0]
	if !isEXIF {
		seen = &f.texts[1]
	}
	if *seen {
		return // a file may have more than there is time to unpack
	}
	*seen = true
	compressed := name == "zTXt"
	if name == "iTXt" && len(value) > 2 {
		compressed = value[0] == 1
		value = value[2:]
		for range 2 { // the language, and the keyword in it
			_, value, _ = bytes.Cut(value, []byte{0})
		}
	} else if compressed && len(value) > 0 {
		value = value[1:] // the method
	}
	if compressed {
		r, err := zlib.NewReader(bytes.NewReader(value))
		if err != nil {
			return
		}
		value, _ = io.ReadAll(io.LimitReader(r, maxText))
	}
	if !isEXIF {
		f.xmp = value
		return
	}
	// A line break, the name, the length, and hexadecimal digits.
	fields := bytes.Fields(value)
	if len(fields) < 3 {
		return
	}
	digits := bytes.Join(fields[2:], nil)
	block := make([]byte, hex.DecodedLen(len(digits)))
	n, _ := hex.Decode(block, digits)
	if block = bytes.TrimPrefix(block[:n], []byte("Exif\x00\x00")); f.exif == nil {
		f.exif = block
	}
}

// bits returns how many bits a pixel has.
func (f *pngFile) bits() int64 {
	channels := map[int]int{pngGrey: 1, pngRGB: 3, pngPalette: 1, pngGreyAlpha: 2, pngRGBA: 4}
	return int64(channels[f.colour] * f.depth)
}

// size returns how many bytes the pixels have when they are not compressed, with a byte for each line.
func (f *pngFile) size() int64 {
	lines := func(w, h int) int64 {
		if w == 0 {
			return 0
		}
		return int64(h) * (1 + (int64(w)*f.bits()+7)/8)
	}
	if !f.interlaced {
		return lines(f.width, f.height)
	}
	var sum int64
	for _, p := range [7][4]int{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}} {
		sum += lines((f.width-p[0]+p[2]-1)/p[2], (f.height-p[1]+p[3]-1)/p[3])
	}
	return sum
}

func (f *pngFile) parsed() *parsed {
	bytes := int64(4) // of a pixel in memory
	switch {
	case f.colour == pngPalette, f.colour == pngGrey && f.transparent == nil && f.depth <= 8:
		bytes = 1
	case f.colour == pngGrey && f.transparent == nil:
		bytes = 2
	case f.depth == 16:
		bytes = 8
	}
	if f.interlaced {
		bytes += (bytes + 1) / 2 // the last pass has half of the pixels
	}
	return &parsed{
		Header: Header{Format: "png", Width: f.width, Height: f.height, Memory: bytes * int64(f.width) * int64(f.height)},
		exif:   f.exif,
		xmp:    f.xmp,
		codes:  jpegCodes,
		decode: f.decode,
	}
}

func (f *pngFile) decode(ctx context.Context) (image.Image, error) {
	if f.pixels == nil {
		return nil, cutOff()
	}
	m, err := f.decodeWith(ctx, &parts{f.pixels, func(data []byte) io.Reader { return chunkReader("IDAT", data) }, nil})
	if err == nil && f.wrong {
		return nil, damaged(errors.New("a checksum is wrong"))
	}
	if err == nil || f.wrong || ctx.Err() != nil || errors.As(err, new(png.UnsupportedError)) {
		return m, err
	}
	// All pixels may be there, with too little or too much behind them, which image/png refuses.
	whole := newStored(f.pixels, f.size())
	m, mended := f.decodeWith(ctx, whole)
	switch {
	case errors.Is(whole.err, io.ErrUnexpectedEOF):
		return nil, cutOff()
	case mended != nil:
		return nil, err
	}
	return m, whole.check()
}

// decodeWith decodes a file that has only what the pixels need.
func (f *pngFile) decodeWith(ctx context.Context, pixels io.Reader) (image.Image, error) {
	list := []io.Reader{bytes.NewReader([]byte(pngSignature)), chunkReader("IHDR", f.header)}
	if f.colour == pngPalette && f.palette != nil {
		list = append(list, chunkReader("PLTE", f.palette))
	}
	if f.transparent != nil {
		list = append(list, chunkReader("tRNS", f.transparent))
	}
	list = append(list, pixels, chunkReader("IEND", nil))
	return png.Decode(slowly{ctx, io.MultiReader(list...)})
}

// chunkReader reads a chunk with its length, name and checksum.
func chunkReader(name string, data []byte) io.Reader {
	head := append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), name...)
	sum := crc32.Update(crc32.ChecksumIEEE(head[4:]), crc32.IEEETable, data)
	return io.MultiReader(bytes.NewReader(head), bytes.NewReader(data), bytes.NewReader(binary.BigEndian.AppendUint32(nil, sum)))
}

// parts reads chunks one after the other, of which a file may have millions.
type parts struct {
	left   [][]byte
	reader func(data []byte) io.Reader
	now    io.Reader
}

func (p *parts) Read(b []byte) (int, error) {
	for {
		if p.now != nil {
			if n, err := p.now.Read(b); n > 0 || err != io.EOF {
				return n, err
			}
		}
		if len(p.left) == 0 {
			return 0, io.EOF
		}
		p.now, p.left = p.reader(p.left[0]), p.left[1:]
	}
}

// stored reads compressed pixels as IDAT chunks that are not compressed, and whose sums and lengths are right.
type stored struct {
	compressed *bufio.Reader
	pixels     io.Reader
	left       int64 // bytes of pixels
	sum        hash.Hash32
	begun      bool
	chunk      io.Reader
	block      [32 << 10]byte
	err        error // of the compressed pixels
}

func newStored(chunks [][]byte, size int64) *stored {
	compressed := &parts{chunks, func(data []byte) io.Reader { return bytes.NewReader(data) }, nil}
	s := &stored{compressed: bufio.NewReader(compressed), left: size, sum: adler32.New(), chunk: bytes.NewReader(nil)}
	_, _ = s.compressed.Discard(2) // the head of zlib: what follows says whether it is right
	s.pixels = flate.NewReader(s.compressed)
	return s
}

func (s *stored) Read(p []byte) (int, error) {
	n, err := s.chunk.Read(p)
	if n > 0 || err != io.EOF || s.left == 0 {
		return n, err
	}
	block := s.block[:min(s.left, int64(len(s.block)))]
	if _, s.err = io.ReadFull(s.pixels, block); s.err == io.EOF {
		s.err = io.ErrUnexpectedEOF
	}
	if s.err != nil {
		return 0, s.err
	}
	var data []byte
	if !s.begun {
		s.begun = true
		data = []byte{0x78, 0x01}
	}
	s.left -= int64(len(block))
	last := byte(0)
	if s.left == 0 {
		last = 1
	}
	data = binary.LittleEndian.AppendUint16(append(data, last), uint16(len(block)))
	data = append(binary.LittleEndian.AppendUint16(data, ^uint16(len(block))), block...)
	if s.sum.Write(block); last == 1 {
		data = s.sum.Sum(data)
	}
	s.chunk = chunkReader("IDAT", data)
	return s.chunk.Read(p)
}

// check compares the sum of the pixels with the file's, which it may lack. Bytes beyond the pixels have no sum of their
// own.
func (s *stored) check() error {
	var beyond [1]byte
	if n, err := s.pixels.Read(beyond[:]); n > 0 || err != io.EOF {
		return nil
	}
	var sum [4]byte
	if _, err := io.ReadFull(s.compressed, sum[:]); err == nil && binary.BigEndian.Uint32(sum[:]) != s.sum.Sum32() {
		return damaged(errors.New("the checksum of its pixels is wrong"))
	}
	return nil
}
