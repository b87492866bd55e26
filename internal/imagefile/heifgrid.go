package imagefile

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
)

// heifGrid is a picture of tiles side by side, as phones write them (ISO/IEC 23008-12, section 6.6.2.3). Its tiles are
// decoded one by one, by several decoders at once that cannot be stopped, and so only if none can take long: anything
// unusual is left to decodeHEIC, which stops.
type heifGrid struct {
	tile    image.Point // size of each
	tiles   []heifTile  // row after row
	columns int
	crop    image.Rectangle // of the tiles put together
}

// heifTile is what an HEVC decoder needs.
type heifTile struct{ config, data []byte }

const (
	minHEVC, maxHEVC = 64, 1024 // pixels
	// gridWorkers bounds the memory that a picture takes, whatever machine decodes it.
	gridWorkers = 8
)

// heifPlace is where an item's data lie.
type heifPlace struct {
	inside       bool // the meta box's idat
	from, length uint64
}

// locate reads where items lie, up to one that lies in pieces or in another file.
func (h *heifItems) locate(b boxReader) {
	version := b.number(4) >> 24
	sizes := int(b.number(2)) // of an offset, a length, a base and an index, in four bits each
	if version == 0 {
		sizes &^= 15
	}
	for range b.number(2 + 2*int(version/2&1)) {
		id, kind := uint32(b.id(version > 1)), uint64(0)
		if version > 0 {
			kind = b.number(2) & 15
		}
		elsewhere, base := b.number(2), b.number(sizes>>4&15)
		if elsewhere != 0 || kind > 1 || b.number(2) != 1 {
			return
		}
		b.number(sizes & 15)
		h.places[id] = heifPlace{kind == 1, base + b.number(sizes>>12), b.number(sizes >> 8 & 15)}
	}
}

// data returns an item's data, or nothing if they do not lie in the file.
func (h *heifItems) data(item uint32, file []byte) []byte {
	p := h.places[item]
	if p.inside {
		file = h.idat
	}
	if p.from > uint64(len(file)) || p.length > uint64(len(file))-p.from {
		return nil
	}
	return file[p.from:][:p.length]
}

// grid returns the main picture's tiles, or nil if they are not as phones write them.
func (h *heifItems) grid(file []byte) *heifGrid {
	b := boxReader{h.data(h.main, file)}
	head := b.number(2) // a version, and whether the size is wide
	rows, columns := int(b.number(1))+1, int(b.number(1))+1
	size := image.Pt(int(b.number(2+2*int(head&1))), int(b.number(2+2*int(head&1))))
	items := h.parts[h.main]
	if h.kinds[h.main] != "grid" || head > 1 || len(items) != rows*columns {
		return nil
	}
	g := &heifGrid{columns: columns, crop: image.Rectangle{Max: size}}
	for i, item := range items {
		tile, size := h.tile(item, file)
		if tile.data == nil || i > 0 && size != g.tile {
			return nil
		}
		g.tile, g.tiles = size, append(g.tiles, tile)
	}
	// They cover the picture, and each is seen.
	if columns != (size.X+g.tile.X-1)/g.tile.X || rows != (size.Y+g.tile.Y-1)/g.tile.Y {
		return nil
	}
	steps, turned := []string{"clap", "irot", "imir"}, false // in this order, or they mean something else
	for _, p := range h.of(h.main) {
		b := boxReader{p.body}
		switch p.name {
		case "ispe":
			b.number(4)
			if size != image.Pt(int(b.number(4)), int(b.number(4))) {
				return nil
			}
		case "clap", "irot", "imir":
			at := slices.Index(steps, p.name)
			if at < 0 || p.name == "clap" && !g.clap(b) {
				return nil
			}
			steps, turned = steps[at+1:], p.name != "clap"
		}
	}
	if turned && (g.crop.Dx()|g.crop.Dy())&1 != 0 {
		return nil // libheif would move the colours by half of theirs
	}
	return g
}

// clap crops to what a clap box says: a width, a height, and how far the middle lies right and below, as fractions. It
// returns false if it is no whole number of pixels, or would part pixels that share a colour.
func (g *heifGrid) clap(b boxReader) bool {
	var n [8]int
	for i := range n {
		n[i] = int(int32(b.number(4)))
	}
	side := func(whole, side, parts, off, offParts int) (from, to int) {
		if side <= 0 || parts <= 0 || offParts <= 0 || side%parts != 0 {
			return 0, 0
		}
		side /= parts
		twice := 2*off + offParts*(whole-side)
		if from = twice / (2 * offParts); twice%(4*offParts) != 0 || from < 0 || from > whole-side {
			return 0, 0
		}
		return from, from + side
	}
	r := &g.crop
	r.Min.X, r.Max.X = side(r.Dx(), n[0], n[1], n[4], n[5])
	r.Min.Y, r.Max.Y = side(r.Dy(), n[2], n[3], n[6], n[7])
	return !r.Empty()
}

// tile returns a tile and its size, without data if decoding it might take long: if it is not one slice of a picture of
// its size, with a colour for four pixels.
func (h *heifItems) tile(item uint32, file []byte) (t heifTile, size image.Point) {
	var config []byte
	for _, p := range h.of(item) {
		b := boxReader{p.body}
		switch p.name {
		case "ispe":
			b.number(4)
			size = image.Pt(int(b.number(4)), int(b.number(4)))
		case "hvcC":
			config = p.body
		case "clap", "irot", "imir":
			return t, size
		}
	}
	data := h.data(item, file)
	if h.kinds[item] != "hvc1" || min(size.X, size.Y) < minHEVC || max(size.X, size.Y) > maxHEVC || (size.X|size.Y)&1 != 0 ||
		len(config) > 4<<10 || len(data) > 3*size.X*size.Y || !hevcTile(config, data) {
		return t, size
	}
	return heifTile{config, data}, size
}

// Kinds of HEVC's units (ITU-T H.265, table 7-1).
const (
	hevcFirstKey, hevcLastKey          = 16, 21 // slices of pictures that need no others
	hevcVPS, hevcSPS, hevcPPS, hevcSEI = 32, 33, 34, 39
)

// hevcTile tells whether a decoder's configuration (ISO/IEC 14496-15, section 8.3.3.1) and data are those of a single
// slice of a small picture. A slice ends where the picture does, so that the size bounds the work. Many of them, or
// pictures that refer to others, take a few bytes for each pass over the pixels. Of 1456 tiles of 512×512 with wrong
// bytes, the slowest took 0.2 s, three times as long as without. Noise of 1024×1024 took 0.5 s.
func hevcTile(config, data []byte) bool {
	if len(config) < 23 || config[21]&3 != 3 { // libheif knows lengths of four bytes only
		return false
	}
	found := map[int]int{}
	b := boxReader{config[22:]}
	for range b.number(1) {
		b.number(1)
		for range b.number(2) {
			unit := b.bytes(int(b.number(2)))
			kind := hevcKind(unit)
			switch kind {
			case hevcVPS, hevcPPS, hevcSEI:
			case hevcSPS:
				if !smallSPS(unit) {
					return false
				}
			default:
				return false
			}
			found[kind]++
		}
	}
	for b = (boxReader{data}); len(b.data) > 0; {
		kind := hevcKind(b.bytes(int(b.number(4))))
		if kind >= hevcFirstKey && kind <= hevcLastKey {
			kind = hevcFirstKey
		} else if kind != hevcSEI {
			return false
		}
		found[kind]++
	}
	return found[hevcVPS] == 1 && found[hevcSPS] == 1 && found[hevcPPS] == 1 && found[hevcFirstKey] == 1 && found[hevcSEI] < 3
}

// hevcKind returns a unit's kind, or 0, which is none that a tile has.
func hevcKind(unit []byte) int {
	if len(unit) < 3 {
		return 0
	}
	return int(unit[0] >> 1 & 63)
}

// smallSPS tells whether a sequence parameter set (ITU-T H.265, section 7.3.2.2) has pictures of a tile's size, and a
// colour for four pixels.
func smallSPS(unit []byte) bool {
	unit = bytes.ReplaceAll(unit, []byte{0, 0, 3}, []byte{0, 0}) // no start code lies in a unit
	if len(unit) < 15 || unit[2]&0x0e != 0 {                     // further layers would come first
		return false
	}
	// Behind the profile, numbers of n bits have n zeros before them, and are one too large.
	bits := unit[15:]
	at := 0
	bit := func() int {
		at++
		if (at-1)/8 >= len(bits) {
			return 1
		}
		return int(bits[(at-1)/8]) >> (7 - (at-1)%8) & 1
	}
	number := func() int {
		zeros, n := 0, 1
		for bit() == 0 {
			zeros++
		}
		for range min(zeros, 30) {
			n = 2*n + bit()
		}
		return n - 1
	}
	number() // which set it is
	return number() == 1 && number() <= maxHEVC && number() <= maxHEVC
}

// file returns the tile as a file of its own: a grid of one, since libheif makes colours at the edges of a picture
// greyer if it is none.
func (t heifTile) file(size image.Point) []byte {
	wide := func(numbers ...int) (b []byte) {
		for _, n := range numbers {
			b = binary.BigEndian.AppendUint32(b, uint32(n))
		}
		return b
	}
	grid := slices.Concat([]byte{0, 1, 0, 0}, wide(size.X, size.Y)) // 1×1
	place := []byte("\x00\x01\x00\x00\x00\x01")                     // in idat, in one piece
	return slices.Concat(
		box("ftyp", []byte("heic\x00\x00\x00\x00heicmif1")),
		box("meta", wide(0),
			box("hdlr", wide(0, 0), []byte("pict"), make([]byte, 13)),
			box("pitm", wide(0), []byte{0, 1}),
			box("iloc", []byte{1, 0, 0, 0, 0x44, 0, 0, 2},
				[]byte{0, 1}, place, wide(0, len(grid)),
				[]byte{0, 2}, place, wide(len(grid), len(t.data))),
			box("iinf", wide(0), []byte{0, 2},
				box("infe", []byte("\x02\x00\x00\x00\x00\x01\x00\x00grid\x00")),
				box("infe", []byte("\x02\x00\x00\x00\x00\x02\x00\x00hvc1\x00"))),
			box("iref", wide(0), box("dimg", []byte{0, 1, 0, 1, 0, 2})),
			box("iprp",
				box("ipco", box("hvcC", t.config), box("ispe", wide(0, size.X, size.Y))),
				box("ipma", wide(0, 2), []byte{0, 1, 1, 2}, []byte{0, 2, 2, 0x81, 2})),
			box("idat", grid, t.data)))
}

// box returns a box of ISO/IEC 14496-12.
func box(name string, bodies ...[]byte) []byte {
	body := slices.Concat(bodies...)
	return slices.Concat(binary.BigEndian.AppendUint32(nil, uint32(8+len(body))), []byte(name), body)
}

// tileMemory is what decoding a tile takes at most: one of 512×512 took 3 MB.
func (g *heifGrid) tileMemory() int64 { return 8<<20 + 16*int64(g.tile.X*g.tile.Y) }

// canvas returns the size of the tiles put together.
func (g *heifGrid) canvas() image.Rectangle {
	return image.Rect(0, 0, g.columns*g.tile.X, len(g.tiles)/g.columns*g.tile.Y)
}

func (g *heifGrid) memory() int64 {
	size := g.canvas().Size()
	return 2*int64(size.X)*int64(size.Y) + int64(min(gridWorkers, len(g.tiles)))*g.tileMemory()
}

// decodeGrid decodes the tiles with libheif and libde265. It ends with its context, after a tile.
func (f *heifFile) decodeGrid(ctx context.Context) (image.Image, error) {
	g := f.grid
	if f.hasAlpha {
		return nil, unread("a HEIC photograph with transparency")
	}
	d, err := heifModule.start(ctx, g.tileMemory(), false)
	if err != nil {
		return nil, err
	}
	defer d.close()
	canvas := image.NewYCbCr(g.canvas(), image.YCbCrSubsampleRatio420)
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(min(gridWorkers, runtime.GOMAXPROCS(0)))
	for i, t := range g.tiles {
		work.Go(func() (err error) {
			defer recovered(&err)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return g.decode(ctx, d, t, canvas, image.Pt(i%g.columns*g.tile.X, i/g.columns*g.tile.Y))
		})
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}
	m := canvas.SubImage(g.crop).(*image.YCbCr)
	m.Rect = m.Rect.Sub(m.Rect.Min) // it begins with a colour
	return m, nil
}

// decode decodes a tile to its place.
func (g *heifGrid) decode(ctx context.Context, d *wasmDecoder, t heifTile, canvas *image.YCbCr, place image.Point) error {
	c, err := d.open(ctx, t.file(g.tile))
	if err != nil {
		return err
	}
	defer c.close()
	decoded, err := c.heic(g.tile.X, g.tile.Y)
	if err != nil {
		return err
	}
	m, ok := decoded.(*image.YCbCr)
	if !ok || m.Rect.Size() != g.tile || m.SubsampleRatio != canvas.SubsampleRatio {
		return undecoded(errors.New("a tile is not what it says"))
	}
	to := canvas.SubImage(image.Rectangle{Max: g.tile}.Add(place)).(*image.YCbCr)
	for y := range g.tile.Y {
		copy(to.Y[y*to.YStride:], m.Y[y*m.YStride:][:g.tile.X])
	}
	for y := range g.tile.Y / 2 {
		copy(to.Cb[y*to.CStride:], m.Cb[y*m.CStride:][:g.tile.X/2])
		copy(to.Cr[y*to.CStride:], m.Cr[y*m.CStride:][:g.tile.X/2])
	}
	return nil
}
