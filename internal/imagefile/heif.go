package imagefile

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"slices"
)

// heifFile is what the boxes of a HEIF file say of its main picture (ISO/IEC 14496-12 and 23008-12): HEIC has HEVC
// pixels, AVIF those of AV1.
type heifFile struct {
	data          []byte
	format        string    // heic or avif
	width, height int       // as stored
	deep          bool      // more than 8 bits a channel
	hasAlpha      bool      // another picture is its alpha
	turns         int       // quarters to the left
	mirror        int       // then: -1 none, 0 top with bottom, 1 left with right
	nclx          []byte    // how numbers become colours, if the file says
	profile       []byte    // ICC
	grid          *heifGrid // its tiles, if they can be decoded one by one
}

// eachBox calls f with the boxes that follow each other in data.
func eachBox(data []byte, f func(name string, body []byte) error) error {
	for len(data) >= 8 {
		head, n := 8, uint64(binary.BigEndian.Uint32(data))
		switch {
		case n == 0: // to the end
			n = uint64(len(data))
		case n == 1 && len(data) >= 16:
			head, n = 16, binary.BigEndian.Uint64(data[8:])
		}
		if n < uint64(head) {
			return damaged(errors.New("a box is too short"))
		}
		body := data[head:min(n, uint64(len(data)))]
		if err := f(string(data[4:8]), body); err != nil {
			return err
		}
		data = data[min(n, uint64(len(data))):]
	}
	return nil
}

// heifItems is what the meta box lists.
type heifItems struct {
	main       uint32
	kinds      map[uint32]string   // of items
	properties []heifProperty      // by number less 1
	have       map[uint32][]uint64 // properties of an item
	auxiliary  map[uint32][]uint32 // items that belong to another
	parts      map[uint32][]uint32 // items that another is made of
	places     map[uint32]heifPlace
	idat       []byte // data of items that lie in the meta box
}

type heifProperty struct {
	name string
	body []byte
}

// heifKind returns what a file's brands say: heic, avif, or "" for others in the same boxes, such as videos. Its items
// have the last word.
func heifKind(data []byte) string {
	kind := ""
	for at := 8; at+4 <= min(int(binary.BigEndian.Uint32(data)), len(data)); at += 4 {
		switch string(data[at : at+4]) {
		case "avif", "avis":
			return "avif"
		case "heic", "heix", "heim", "heis", "mif1":
			kind = "heic"
		}
	}
	return kind
}

func openHEIF(data []byte) (*heifFile, error) {
	items := heifItems{
		kinds: map[uint32]string{}, have: map[uint32][]uint64{}, auxiliary: map[uint32][]uint32{},
		parts: map[uint32][]uint32{}, places: map[uint32]heifPlace{},
	}
	found := false
	err := eachBox(data, func(name string, body []byte) error {
		if name != "meta" || len(body) < 4 || found {
			return nil
		}
		found = true
		return eachBox(body[4:], items.box)
	})
	if err != nil {
		return nil, err
	}
	if !found || items.main == 0 && len(items.kinds) == 0 {
		return nil, cutOff()
	}
	return items.file(data)
}

// box reads a box of the meta box. Boxes that are too short are left out, as what they say is.
func (h *heifItems) box(name string, body []byte) error {
	b := boxReader{body}
	switch name {
	case "pitm":
		version := b.number(4) >> 24
		h.main = uint32(b.id(version > 0))
	case "iinf":
		size := 2
		if b.number(4)>>24 > 0 {
			size = 4
		}
		b.number(size)
		return eachBox(b.data, func(name string, body []byte) error {
			if name != "infe" {
				return nil
			}
			return h.box(name, body)
		})
	case "infe":
		version := b.number(4) >> 24
		id := uint32(b.id(version > 2))
		b.number(2) // protection
		h.kinds[id] = string(b.bytes(4))
	case "iref":
		wide := b.number(4)>>24 > 0
		return eachBox(b.data, func(name string, body []byte) error {
			if b := (boxReader{body}); name == "auxl" || name == "dimg" {
				from := uint32(b.id(wide))
				for range min(b.number(2), uint64(len(b.data)/2)) {
					to := uint32(b.id(wide))
					if name == "auxl" {
						h.auxiliary[to] = append(h.auxiliary[to], from)
					} else {
						h.parts[from] = append(h.parts[from], to)
					}
				}
			}
			return nil
		})
	case "iloc":
		h.locate(b)
	case "idat":
		h.idat = body
	case "iprp":
		return eachBox(body, func(name string, body []byte) error {
			if name != "ipco" && name != "ipma" { // in itself it could lie as deep as the file is long
				return nil
			}
			return h.box(name, body)
		})
	case "ipco":
		return eachBox(body, func(name string, body []byte) error {
			h.properties = append(h.properties, heifProperty{name, body})
			return nil
		})
	case "ipma":
		head := b.number(4)
		for range b.number(4) {
			id := uint32(b.id(head>>24 > 0))
			for range b.number(1) {
				n := b.number(1 + int(head&1))
				n &= 1<<(7+8*(head&1)) - 1 // without the bit that says that it is essential
				h.have[id] = append(h.have[id], n)
			}
			if len(b.data) == 0 {
				break
			}
		}
	}
	return nil
}

// boxReader reads numbers; beyond the end they are 0.
type boxReader struct{ data []byte }

func (b *boxReader) bytes(n int) []byte {
	taken := b.data[:min(n, len(b.data))]
	b.data = b.data[len(taken):]
	return taken
}

func (b *boxReader) number(n int) (v uint64) {
	for _, c := range b.bytes(n) {
		v = v<<8 | uint64(c)
	}
	return v
}

func (b *boxReader) id(wide bool) uint64 {
	if wide {
		return b.number(4)
	}
	return b.number(2)
}

// of returns the properties of an item.
func (h *heifItems) of(item uint32) (list []heifProperty) {
	for _, n := range h.have[item] {
		if n > 0 && n <= uint64(len(h.properties)) {
			list = append(list, h.properties[n-1])
		}
	}
	return list
}

// file gathers what is said of the main picture.
func (h *heifItems) file(data []byte) (*heifFile, error) {
	f := &heifFile{data: data, mirror: -1}
	kinds := func(list ...string) bool {
		for _, kind := range h.kinds {
			if slices.Contains(list, kind) {
				return true
			}
		}
		return false
	}
	switch {
	case kinds("av01"):
		f.format = "avif"
	case kinds("hvc1"):
		f.format = "heic"
	default:
		return nil, unread("a HEIF file without HEVC or AV1 pixels")
	}
	isAlpha := func(p heifProperty) bool {
		return p.name == "auxC" && (bytes.Contains(p.body, []byte(":auxid:1")) || bytes.Contains(p.body, []byte(":alpha")))
	}
	f.hasAlpha = slices.ContainsFunc(h.auxiliary[h.main], func(item uint32) bool { return slices.ContainsFunc(h.of(item), isAlpha) })
	for _, p := range h.of(h.main) {
		b := boxReader{p.body}
		switch p.name {
		case "ispe":
			b.number(4)
			f.width, f.height = int(b.number(4)), int(b.number(4))
		case "clap": // a part, as fractions
			w, wide, h, high := b.number(4), b.number(4), b.number(4), b.number(4)
			if f.format == "heic" && w > 0 && wide > 0 && h > 0 && high > 0 { // libavif leaves the whole
				f.width, f.height = int(w/wide), int(h/high)
			}
		case "irot":
			f.turns = int(b.number(1) & 3)
		case "imir":
			f.mirror = int(b.number(1) & 1)
		case "pixi":
			b.number(5)
			f.deep = b.number(1) > 8
		case "colr":
			switch kind := string(b.bytes(4)); {
			case kind == "nclx" && len(b.data) >= 7:
				f.nclx = b.data
			case kind == "prof", kind == "rICC":
				f.profile = b.data
			}
		}
	}
	if f.width == 0 || f.height == 0 {
		return nil, damaged(errors.New("it does not say how large it is"))
	}
	if f.format == "heic" {
		f.grid = h.grid(data)
	}
	if f.grid != nil {
		f.width, f.height = f.grid.crop.Dx(), f.grid.crop.Dy()
	}
	return f, nil
}

// orientation returns how pixels of AVIF and of a grid are to be turned. Others come turned.
func (f *heifFile) orientation() Orientation {
	if f.mirror < 0 {
		return []Orientation{1, 8, 3, 6}[f.turns]
	}
	// To mirror left and right is to turn by half, and to mirror top and bottom.
	return []Orientation{4, 5, 2, 7}[(f.turns+2*f.mirror)%4]
}

// cicp returns what the colours are as a cICP chunk says it: of red, green and blue, in the whole range, since that is
// what is decoded. It is nil if the file does not say.
func (f *heifFile) cicp() []byte {
	if f.nclx == nil || f.nclx[1] == 2 || f.nclx[3] == 2 {
		return nil
	}
	return []byte{f.nclx[1], f.nclx[3], 0, 1}
}

func (f *heifFile) parsed() *parsed {
	p := &parsed{
		Header:      Header{Format: f.format, Width: f.width, Height: f.height},
		orientation: f.orientation(),
		icc:         f.profile,
		cicp:        f.cicp(),
		codes:       jpegCodes,
	}
	pixels := int64(f.width) * int64(f.height)
	switch {
	case f.format == "avif":
		p.Memory = 16 * pixels
		if f.deep {
			p.Memory *= 2
		}
		p.decode = f.decodeAVIF
	case f.grid != nil:
		p.Memory = f.grid.memory()
		p.codes = codesOf(f.nclx)
		p.decode = f.decodeGrid
	default:
		if f.turns%2 == 1 {
			p.Width, p.Height = f.height, f.width
		}
		p.Memory = 16 * pixels
		p.orientation = Upright
		p.codes = codesOf(f.nclx)
		p.decode = f.decodeHEIC
	}
	p.Memory += wasmMemory
	return p
}

// decodeHEIC decodes with libheif and libde265, to 8 bits a channel.
func (f *heifFile) decodeHEIC(ctx context.Context) (image.Image, error) {
	if f.hasAlpha {
		return nil, unread("a HEIC photograph with transparency")
	}
	data := bytes.Clone(f.data)
	copy(data[8:], "heic") // libheif looks at the first brand only
	m, err := heifModule.open(ctx, data, f.parsed().Memory)
	if err != nil {
		return nil, err
	}
	defer m.close()
	return m.heic(f.width, f.height)
}

// heic decodes a file whose picture is at most as wide and high as given.
func (m *wasmCall) heic(most, high int) (image.Image, error) {
	numbers, err := m.alloc(5 * 4) // width, height, colour space, subsampling, premultiplied
	if err != nil {
		return nil, err
	}
	args := []uint64{m.data, m.size, 1, numbers, numbers + 4, numbers + 8, numbers + 12, numbers + 16, 0}
	if err := m.call(args...); err != nil {
		return nil, err
	}
	width, height := int(m.uint32(numbers)), int(m.uint32(numbers+4))
	if width <= 0 || height <= 0 || int64(width)*int64(height) > int64(most)*int64(high) {
		return nil, undecoded(errors.New("its size is not what it says"))
	}
	// Lines are as long as a multiple of 16 pixels, and at least 64.
	aligned := func(n int) int { return max(64, (n+15)&^15) }
	w, cw, ch := aligned(width), aligned(width), height
	ratio := image.YCbCrSubsampleRatio444
	space := m.uint32(numbers + 8)
	if space == 0 {
		switch m.uint32(numbers + 12) {
		case 1:
			ratio, cw, ch = image.YCbCrSubsampleRatio420, aligned((width+1)/2), (height+1)/2
		case 2:
			ratio, cw = image.YCbCrSubsampleRatio422, aligned((width+1)/2)
		}
	}
	size := map[uint32]int{0: w*height + 2*cw*ch, 1: 4 * w * height, 2: w * height}[space]
	if size == 0 {
		return nil, unread("a HEIC photograph of a rare kind")
	}
	out, err := m.alloc(size)
	if err != nil {
		return nil, err
	}
	args[2], args[8] = 0, out
	if err := m.call(args...); err != nil {
		return nil, err
	}
	pix := m.bytes(out, size)
	r := image.Rect(0, 0, width, height)
	switch {
	case pix == nil:
		return nil, undecoded(errors.New("it has no pixels"))
	case space == 0:
		y, c := w*height, cw*ch
		return &image.YCbCr{
			Y: pix[:y:y], Cb: pix[y : y+c : y+c], Cr: pix[y+c:], YStride: w, CStride: cw, SubsampleRatio: ratio, Rect: r,
		}, nil
	case space == 1:
		return &image.NRGBA{Pix: pix, Stride: 4 * w, Rect: r}, nil
	}
	return &image.Gray{Pix: pix, Stride: w, Rect: r}, nil
}

// decodeAVIF decodes with libavif and libaom. Files of more than 8 bits keep them.
func (f *heifFile) decodeAVIF(ctx context.Context) (image.Image, error) {
	m, err := avifModule.open(ctx, f.data, f.parsed().Memory)
	if err != nil {
		return nil, err
	}
	defer m.close()
	numbers, err := m.alloc(4*4 + 8) // width, height, depth, count, delay
	if err != nil {
		return nil, err
	}
	args := []uint64{m.data, m.size, 1, 0, numbers, numbers + 4, numbers + 8, numbers + 12, numbers + 16, 0}
	if err := m.call(args...); err != nil {
		return nil, err
	}
	width, height, deep := int(m.uint32(numbers)), int(m.uint32(numbers+4)), m.uint32(numbers+8) > 8
	if width != f.width || height != f.height {
		return nil, damaged(errors.New("its size is not what it says"))
	}
	size := 4 * width * height
	if deep {
		size *= 2
	}
	out, err := m.alloc(size)
	if err != nil {
		return nil, err
	}
	args[2], args[9] = 0, out
	if err := m.call(args...); err != nil {
		return nil, err
	}
	pix := m.bytes(out, size)
	r := image.Rect(0, 0, width, height)
	switch {
	case pix == nil:
		return nil, undecoded(errors.New("it has no pixels"))
	case !deep:
		return &image.RGBA{Pix: pix, Stride: 4 * width, Rect: r}, nil
	}
	for i := 0; i+1 < len(pix); i += 2 {
		pix[i], pix[i+1] = pix[i+1], pix[i] // image.RGBA64 has the high byte first
	}
	return &image.RGBA64{Pix: pix, Stride: 8 * width, Rect: r}, nil
}
