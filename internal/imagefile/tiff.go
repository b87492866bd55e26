package imagefile

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"math/bits"
	"slices"

	"golang.org/x/image/tiff/lzw"
)

// Values of PhotometricInterpretation.
const (
	whiteIsZero, blackIsZero, photometricRGB, photometricPalette = 0, 1, 2, 3
	photometricInks, photometricYCbCr                            = 5, 6
)

// Values of Compression.
const (
	packNone, packRLE, packG3, packG4, packLZW = 1, 2, 3, 4, 5
	packJPEG, packDeflate, packBits            = 7, 8, 32773
	packDeflateOld                             = 32946
)

// packNames are the compressions that are not read.
var packNames = map[int]string{
	6: "old JPEG", 9: "JBIG", 10: "JBIG", 32809: "ThunderScan", 33003: "JPEG 2000", 33005: "JPEG 2000", 34661: "JBIG",
	34676: "SGILog", 34677: "SGILog", 34712: "JPEG 2000", 34887: "LERC", 34892: "lossy JPEG of raw photographs", 34925: "LZMA",
	50000: "Zstandard", 50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL",
}

// Bounds of the work that a TIFF takes.
const (
	maxChannels  = 64
	minTile      = 8       // pixels: the standard asks for 16
	maxPacked    = 1 << 31 // bytes of all strips or tiles, which may share theirs
	maxTileWaste = 1 << 24 // pixels of tiles beyond four times the picture's
)

// tiffFile is the first picture of a TIFF file. golang.org/x/image/tiff reads chunky files of 1, 8 and 16 bits without
// further channels, calls others damaged, and inverts fax with BlackIsZero; the files that are read here are those of
// libtiff, but for a few compressions and colours.
type tiffFile struct {
	*tiffDir
	width, height   int
	bits            int // of a sample: 1, 2, 4, 8 or 16
	samples         int // of a pixel
	photometric     int
	pack, predictor int
	planar          bool
	colours         int  // samples that are colours
	alpha           int  // the sample that is alpha, or -1
	associated      bool // colours are multiplied by alpha
	tiled           bool
	blockW, blockH  int // of a strip or tile
	across, down    int // blocks
	offsets, counts []uint64
	share           [2]int // pixels that share a value of colour, across and down
	palette         color.Palette
	zlib            io.ReadCloser
}

func (d *tiffDir) parsed() (*parsed, error) {
	f, err := d.file()
	if err != nil {
		return nil, err
	}
	pixels := int64(f.width) * int64(f.height)
	memory := pixels * int64(f.pixelBytes())
	if f.pack != packNone || f.predictor != 1 {
		memory += int64(f.rowBytes()) * int64(f.blockH)
	}
	if f.pack == packJPEG {
		memory += 8 * int64(f.blockW) * int64(f.blockH)
	}
	p := &parsed{
		Header:      Header{Format: "tiff", Width: f.width, Height: f.height, Memory: memory},
		orientation: orientationOf(d.data, d.entries[tagXMP].data),
		icc:         d.entries[tagProfile].data,
		codes:       jpegCodes,
		decode:      f.decode,
	}
	return p, nil
}

// file reads what the directory says of the pixels.
func (d *tiffDir) file() (*tiffFile, error) {
	f := &tiffFile{
		tiffDir: d,
		width:   d.uint(tagWidth, 0), height: d.uint(tagHeight, 0),
		samples: d.uint(tagSamples, 1), photometric: d.uint(tagPhotometric, -1),
		pack: d.uint(tagCompression, packNone), predictor: d.uint(tagPredictor, 1),
		planar: d.uint(tagPlanar, 1) == 2,
	}
	if f.pack == 0 {
		f.pack = packNone
	}
	switch {
	case len(d.entries[tagDNGVersion].data) > 0, bytes.HasPrefix(d.data[8:], []byte("CR\x02")):
		return nil, unread("a camera's raw photograph")
	case d.uint(tagSubfileType, 0)&1 != 0:
		return nil, unread("a TIFF that begins with a small preview, as cameras' raw photographs do")
	case f.width == 0 || f.height == 0 || f.samples == 0:
		return nil, damaged(errors.New("it has no pixels"))
	case f.samples > maxChannels:
		return nil, unread("a TIFF of %d channels", f.samples)
	}
	if err := f.readDepth(); err != nil {
		return nil, err
	}
	if err := f.readColours(); err != nil {
		return nil, err
	}
	if f.planar = f.planar && f.samples > 1; f.pack == packJPEG && (f.predictor != 1 || f.bits != 8) {
		return nil, unread("a TIFF with JPEG compression of %d bits a channel", f.bits)
	}
	if err := f.readBlocks(); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *tiffFile) readDepth() error {
	bits := f.uints(tagBits)
	if len(bits) == 0 {
		bits = []uint64{1}
	}
	if slices.ContainsFunc(bits, func(b uint64) bool { return b != bits[0] }) {
		return unread("a TIFF with channels of different depths")
	}
	f.bits = int(bits[0])
	if format := f.uint(tagSampleFormat, 1); format == 3 {
		return unread("a TIFF with floating-point numbers")
	} else if format != 1 && format != 4 {
		return unread("a TIFF with signed or complex numbers")
	}
	if !slices.Contains([]int{1, 2, 4, 8, 16}, f.bits) {
		return unread("a TIFF of %d bits a channel", f.bits)
	}
	if _, ok := packNames[f.pack]; ok {
		return unread("a TIFF with %s compression", packNames[f.pack])
	}
	if !slices.Contains([]int{packNone, packRLE, packG3, packG4, packLZW, packJPEG, packDeflate, packDeflateOld, packBits}, f.pack) {
		return unread("a TIFF with the unknown compression %d", f.pack)
	}
	if fax := f.pack == packRLE || f.pack == packG3 || f.pack == packG4; fax && (f.bits != 1 || f.samples != 1) {
		return damaged(errors.New("it has fax compression, and colours"))
	}
	if f.predictor != 1 && (f.predictor != 2 || f.bits < 8) {
		return unread("a TIFF with the predictor %d for %d bits", f.predictor, f.bits)
	}
	return nil
}

func (f *tiffFile) readColours() error {
	switch f.photometric {
	case whiteIsZero, blackIsZero, photometricPalette:
		f.colours = 1
	case photometricRGB:
		f.colours = 3
	case photometricInks:
		if f.colours = 4; f.uint(tagInkSet, 1) != 1 {
			return unread("a TIFF with inks other than CMYK")
		}
	case photometricYCbCr:
		if f.colours = 3; f.pack != packJPEG && (f.samples != 3 || f.bits != 8 || f.predictor != 1 || f.uint(tagPlanar, 1) == 2) {
			return unread("a TIFF with YCbCr colours of a rare kind")
		}
		f.share[0], f.share[1] = 2, 2
		if list := f.uints(tagSubsampling); len(list) == 2 {
			f.share[0], f.share[1] = int(list[0]), int(list[1])
		}
		if !slices.Contains([]int{1, 2, 4}, f.share[0]) || !slices.Contains([]int{1, 2, 4}, f.share[1]) {
			return damaged(fmt.Errorf("its subsampling is %d×%d", f.share[0], f.share[1]))
		}
	case -1:
		return damaged(errors.New("it does not say what its colours are"))
	case 8, 9, 10:
		return unread("a TIFF with Lab colours")
	default:
		return unread("a TIFF with the colours %d", f.photometric)
	}
	if f.colours > 1 && f.bits < 8 {
		return unread("a TIFF of %d bits a channel", f.bits)
	}
	if f.samples < f.colours {
		return damaged(fmt.Errorf("it has %d channels, and its colours need %d", f.samples, f.colours))
	}
	if f.alpha = -1; f.photometric != photometricPalette && f.photometric != photometricInks && f.bits >= 8 {
		extra := f.uints(tagExtraSamples)
		if f.samples == 4 && f.colours == 3 && len(extra) == 0 {
			extra = []uint64{2} // as Pillow reads a fourth channel that is not described
		}
		for i, kind := range extra[:min(len(extra), f.samples-f.colours)] {
			if kind == 1 || kind == 2 {
				f.alpha, f.associated = f.colours+i, kind == 1
				break
			}
		}
	}
	if f.photometric == photometricPalette {
		return f.readPalette()
	}
	return nil
}

func (f *tiffFile) readPalette() error {
	values, n := f.uints(tagColorMap), 1<<f.bits
	if f.bits > 8 || len(values) < 3*n {
		return damaged(errors.New("its palette is too short"))
	}
	scale := uint64(1)
	if slices.Max(values) < 256 { // some programs write 8 bits, as libtiff knows
		scale = 257
	}
	for i := range n {
		c := func(k int) uint16 { return uint16(values[k*n+i] * scale) }
		f.palette = append(f.palette, color.RGBA64{c(0), c(1), c(2), 0xffff})
	}
	return nil
}

// readBlocks reads where the strips or tiles are.
func (f *tiffFile) readBlocks() error {
	f.blockW, f.blockH = f.width, min(f.height, max(1, f.uint(tagRowsPerStrip, f.height)))
	offsets, counts := uint16(tagStripOffsets), uint16(tagStripByteCounts)
	if _, f.tiled = f.entries[tagTileWidth]; f.tiled {
		f.blockW, f.blockH = f.uint(tagTileWidth, 0), f.uint(tagTileHeight, 0)
		offsets, counts = tagTileOffsets, tagTileByteCounts
		if min(f.blockW, f.blockH) < minTile {
			return unread("a TIFF with tiles of %d×%d pixels", f.blockW, f.blockH)
		}
	}
	f.across, f.down = (f.width-1)/f.blockW+1, (f.height-1)/f.blockH+1
	padded := float64(f.across) * float64(f.blockW) * float64(f.down) * float64(f.blockH)
	if f.tiled && padded > 4*float64(f.width)*float64(f.height)+maxTileWaste {
		return unread("a TIFF with tiles of %d×%d pixels", f.blockW, f.blockH)
	}
	f.offsets, f.counts = f.uints(offsets), f.uints(counts)
	parts := float64(f.across) * float64(f.down) // a file may claim more than an int holds
	if f.planar {
		parts *= float64(f.samples)
	}
	if f.offsets == nil {
		return cutOff()
	}
	if parts > float64(len(f.offsets)) {
		return damaged(fmt.Errorf("it has %d parts of %.0f", len(f.offsets), parts))
	}
	n := int(parts)
	if len(f.counts) < n && (f.pack == packNone || n == 1) { // some old programs do not write them
		f.counts = slices.Repeat([]uint64{uint64(len(f.data))}, n)
	} else if sum := f.packed(); sum > maxPacked {
		return damaged(errors.New("its parts lie over each other"))
	}
	if len(f.counts) < n {
		return damaged(fmt.Errorf("it has the lengths of %d parts of %d", len(f.counts), n))
	}
	return nil
}

// packed returns how many bytes all blocks have.
func (f *tiffFile) packed() (sum uint64) {
	for _, n := range f.counts {
		sum += min(n, uint64(len(f.data)))
	}
	return sum
}

// channels returns how many samples a block has for a pixel.
func (f *tiffFile) channels() int {
	if f.planar {
		return 1
	}
	return f.samples
}

// rowBytes returns how long a line of a block is.
func (f *tiffFile) rowBytes() int { return (f.blockW*f.channels()*f.bits + 7) / 8 }

// pixelBytes returns how long a pixel is in the image.
func (f *tiffFile) pixelBytes() int {
	bytes := max(f.bits, 8) / 8
	switch {
	case f.photometric == photometricInks:
		return 4
	case f.colours == 1 && f.alpha < 0:
		return bytes
	}
	return 4 * bytes
}

// canvas is the image that blocks are drawn on.
type canvas struct {
	image  image.Image
	pix    []byte
	stride int
	pixel  int // bytes
	sample int // bytes
}

func (f *tiffFile) canvas() canvas {
	r := image.Rect(0, 0, f.width, f.height)
	switch deep := f.bits == 16; {
	case f.photometric == photometricPalette:
		m := image.NewPaletted(r, f.palette)
		return canvas{m, m.Pix, m.Stride, 1, 1}
	case f.photometric == photometricInks:
		m := image.NewCMYK(r)
		return canvas{m, m.Pix, m.Stride, 4, 1}
	case f.colours == 1 && f.alpha < 0 && deep:
		m := image.NewGray16(r)
		return canvas{m, m.Pix, m.Stride, 2, 2}
	case f.colours == 1 && f.alpha < 0:
		m := image.NewGray(r)
		return canvas{m, m.Pix, m.Stride, 1, 1}
	case f.alpha >= 0 && !f.associated && deep:
		m := image.NewNRGBA64(r)
		return canvas{m, m.Pix, m.Stride, 8, 2}
	case f.alpha >= 0 && !f.associated:
		m := image.NewNRGBA(r)
		return canvas{m, m.Pix, m.Stride, 4, 1}
	case deep:
		m := image.NewRGBA64(r)
		return canvas{m, m.Pix, m.Stride, 8, 2}
	default:
		m := image.NewRGBA(r)
		return canvas{m, m.Pix, m.Stride, 4, 1}
	}
}

func (f *tiffFile) decode(ctx context.Context) (image.Image, error) {
	c := f.canvas()
	if c.pixel >= 4 && f.photometric != photometricInks && f.alpha < 0 {
		for i := range c.pix {
			c.pix[i] = 0xff // opaque
		}
	}
	planes := 1
	if f.planar {
		planes = f.samples
	}
	var buffer []byte
	for plane := range planes {
		targets := f.targets(plane)
		for down := range f.down {
			rows := f.blockH
			if !f.tiled {
				rows = min(rows, f.height-down*f.blockH)
			}
			for across := range f.across {
				if err := ctx.Err(); err != nil {
					return nil, err
				}
				if !slices.ContainsFunc(targets, func(t []int) bool { return t != nil }) {
					continue // a channel that means nothing here
				}
				var err error
				buffer, err = f.unpack(ctx, (plane*f.down+down)*f.across+across, rows, buffer)
				if err != nil {
					return nil, err
				}
				f.draw(c, buffer, across*f.blockW, down*f.blockH, rows, targets)
			}
		}
	}
	return c.image, nil
}

// targets returns, for each sample of a block's pixel, the channels of the image that it is.
func (f *tiffFile) targets(plane int) [][]int {
	list := make([][]int, f.samples)
	for s := range list {
		switch {
		case s == f.alpha:
			list[s] = []int{3}
		case s >= f.colours:
		case f.colours == 1 && f.alpha >= 0:
			list[s] = []int{0, 1, 2}
		default:
			list[s] = []int{s}
		}
	}
	if f.planar {
		return list[plane : plane+1]
	}
	return list
}

// unpack returns the lines of a block. The buffer may hold them, and is returned with them.
func (f *tiffFile) unpack(ctx context.Context, block, rows int, buffer []byte) ([]byte, error) {
	offset, count := f.offsets[block], f.counts[block]
	if offset >= uint64(len(f.data)) {
		return nil, cutOff()
	}
	packed := f.data[offset:]
	packed = packed[:min(count, uint64(len(packed)))]
	size := f.rowBytes() * rows
	if f.pack == packNone && f.predictor == 1 && f.photometric != photometricYCbCr {
		if len(packed) < size {
			return nil, cutOff()
		}
		return packed[:size:size], nil
	}
	if f.pack == packNone || cap(buffer) < size {
		buffer = make([]byte, size)
	}
	buffer = buffer[:size]
	if f.photometric == photometricYCbCr && f.pack != packJPEG {
		return buffer, f.unpackYCbCr(ctx, buffer, packed, rows)
	}
	if err := f.unpackTo(ctx, buffer, packed, rows); err != nil {
		return nil, err
	}
	if f.predictor == 2 {
		f.addUp(buffer)
	}
	return buffer, nil
}

func (f *tiffFile) unpackTo(ctx context.Context, buffer, packed []byte, rows int) error {
	from := slowly{ctx, bytes.NewReader(packed)}
	switch f.pack {
	case packLZW:
		r := lzw.NewReader(from, lzw.MSB, 8)
		defer r.Close()
		return full(r, buffer)
	case packDeflate, packDeflateOld:
		var err error
		if f.zlib == nil {
			f.zlib, err = zlib.NewReader(from)
		} else {
			err = f.zlib.(zlib.Resetter).Reset(from, nil)
		}
		if err != nil {
			return err
		}
		return full(f.zlib, buffer)
	case packBits:
		return unpackBits(buffer, packed)
	case packRLE, packG3, packG4:
		if f.uint(tagFillOrder, 1) == 2 {
			packed = reversed(packed)
		}
		return unpackFax(ctx, buffer, packed, f.blockW, rows, f.pack, f.uint(tagT4Options, 0))
	case packJPEG:
		return f.unpackJPEG(ctx, buffer, packed, rows)
	}
	return full(from, buffer)
}

// full fills a buffer.
func full(r io.Reader, buffer []byte) error {
	_, err := io.ReadFull(r, buffer)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return cutOff()
	}
	return err
}

// unpackBits fills a buffer with what PackBits has packed (TIFF 6.0, section 9).
func unpackBits(buffer, packed []byte) error {
	for len(buffer) > 0 {
		if len(packed) < 2 {
			return cutOff()
		}
		switch n := int(int8(packed[0])); {
		case n >= 0:
			if len(packed) < n+2 {
				return cutOff()
			}
			buffer = buffer[copy(buffer, packed[1:n+2]):]
			packed = packed[n+2:]
		case n == -128:
			packed = packed[1:]
		default:
			n = min(1-n, len(buffer))
			for i := range n {
				buffer[i] = packed[1]
			}
			buffer, packed = buffer[n:], packed[2:]
		}
	}
	return nil
}

// addUp undoes the predictor: each sample is the difference to that of the pixel before (section 14).
func (f *tiffFile) addUp(buffer []byte) {
	step := f.channels()
	for ; len(buffer) > 0; buffer = buffer[f.rowBytes():] {
		row := buffer[:f.rowBytes()]
		if f.bits == 8 {
			for i := step; i < len(row); i++ {
				row[i] += row[i-step]
			}
			continue
		}
		for i := 2 * step; i+1 < len(row); i += 2 {
			f.order.PutUint16(row[i:], f.order.Uint16(row[i:])+f.order.Uint16(row[i-2*step:]))
		}
	}
}

// unpackJPEG decodes a block that is a JPEG, whose tables may be the directory's.
func (f *tiffFile) unpackJPEG(ctx context.Context, buffer, packed []byte, rows int) error {
	data := slices.Concat([]byte{0xff, markSOI})
	if tables := f.entries[tagJPEGTables].data; len(tables) > 4 {
		data = append(data, bytes.TrimSuffix(tables[2:], []byte{0xff, markEOI})...)
	}
	// The colours are what the directory says, whatever image/jpeg would guess.
	transform := byte(0)
	if f.photometric == photometricYCbCr && !f.planar {
		transform = 1
	}
	data = append(data, adobeSegment(transform)...)
	data = append(data, packed[min(2, len(packed)):]...)
	j, err := openJPEG(data)
	if err != nil {
		return err
	}
	switch {
	case j.sof == markSOF2 || j.scans > len(j.components):
		return unread("a TIFF with progressive JPEG compression")
	case len(j.components) != f.channels():
		return damaged(fmt.Errorf("its JPEG has %d channels, not %d", len(j.components), f.channels()))
	case j.width < min(f.blockW, f.width) || j.height < rows && !f.tiled || j.width > f.blockW+16 || j.height > f.blockH+16:
		return damaged(fmt.Errorf("its JPEG has %d×%d pixels, not %d×%d", j.width, j.height, f.blockW, rows))
	}
	m, err := jpeg.Decode(slowly{ctx, io.MultiReader(bytes.NewReader(j.data[:j.end]), bytes.NewReader([]byte{0xff, markEOI}))})
	if err != nil {
		return err
	}
	n := f.channels()
	if inks, ok := m.(*image.CMYK); ok { // image/jpeg takes them for Adobe's, which are inverted
		for i := range inks.Pix {
			inks.Pix[i] = ^inks.Pix[i]
		}
		for y := range min(rows, j.height) {
			copy(buffer[y*f.rowBytes():(y+1)*f.rowBytes()], inks.Pix[y*inks.Stride:][:4*j.width])
		}
		return nil
	}
	source := RowsOf(m)
	row := make([][4]float32, source.Bounds.Dx())
	for y := range min(rows, j.height) {
		source.Read(source.Bounds.Min.Y+y, row)
		line := buffer[y*f.rowBytes() : (y+1)*f.rowBytes()]
		for x, c := range row[:min(len(row), f.blockW)] {
			for k := range n {
				line[n*x+k] = byte(level(c[k]))
			}
		}
	}
	return nil
}

// unpackYCbCr fills a buffer with red, green and blue. A block has units of luma and two colour differences for the pixels
// that share them (section 21).
func (f *tiffFile) unpackYCbCr(ctx context.Context, buffer, packed []byte, rows int) error {
	h, v := f.share[0], f.share[1]
	across, down := (f.blockW+h-1)/h, (rows+v-1)/v
	units := make([]byte, across*down*(h*v+2))
	if err := f.unpackTo(ctx, units, packed, rows); err != nil {
		return err
	}
	for i := 0; len(units) > 0; i++ {
		cb, cr := float32(units[h*v]), float32(units[h*v+1])
		for k, luma := range units[:h*v] {
			x, y := i%across*h+k%h, i/across*v+k/h
			if x < f.blockW && y < rows {
				r, g, b := jpegCodes.rgb(float32(luma), cb, cr)
				pixel := buffer[y*f.rowBytes()+3*x:]
				pixel[0], pixel[1], pixel[2] = byte(r), byte(g), byte(b)
			}
		}
		units = units[h*v+2:]
	}
	return nil
}

// draw draws the lines of a block at a place.
func (f *tiffFile) draw(c canvas, buffer []byte, left, top, rows int, targets [][]int) {
	columns := min(f.blockW, f.width-left)
	most := 1<<f.bits - 1
	for y := range min(rows, f.height-top) {
		row := buffer[y*f.rowBytes():]
		line := c.pix[(top+y)*c.stride+left*c.pixel:]
		for s, channels := range targets {
			for _, k := range channels {
				invert := f.photometric == whiteIsZero && k < 3
				for x := range columns {
					i := x*len(targets) + s
					at := x*c.pixel + k*c.sample
					switch f.bits {
					case 16:
						v := f.order.Uint16(row[2*i:])
						if invert {
							v = ^v
						}
						line[at] = byte(v >> 8)
						if c.sample == 2 {
							line[at+1] = byte(v)
						}
					case 8:
						v := row[i]
						if invert {
							v = ^v
						}
						line[at] = v
					default:
						v := int(row[i*f.bits/8]) >> (8 - f.bits - i*f.bits%8) & most
						if invert {
							v = most - v
						}
						if f.palette == nil {
							v = v * 255 / most
						}
						line[at] = byte(v)
					}
				}
			}
		}
	}
}

// reversed returns bytes whose lowest bit was first.
func reversed(data []byte) []byte {
	out := make([]byte, len(data))
	for i, b := range data {
		out[i] = bits.Reverse8(b)
	}
	return out
}
