package imagefile

import (
	"encoding/binary"
	"errors"
	"math"
)

// Tags of TIFF 6.0, of its supplements and of EXIF.
const (
	tagSubfileType     = 254
	tagWidth           = 256
	tagHeight          = 257
	tagBits            = 258
	tagCompression     = 259
	tagPhotometric     = 262
	tagFillOrder       = 266
	tagStripOffsets    = 273
	tagOrientation     = 274
	tagSamples         = 277
	tagRowsPerStrip    = 278
	tagStripByteCounts = 279
	tagPlanar          = 284
	tagT4Options       = 292
	tagPredictor       = 317
	tagColorMap        = 320
	tagTileWidth       = 322
	tagTileHeight      = 323
	tagTileOffsets     = 324
	tagTileByteCounts  = 325
	tagInkSet          = 332
	tagExtraSamples    = 338
	tagSampleFormat    = 339
	tagJPEGTables      = 347
	tagSubsampling     = 530
	tagXMP             = 700
	tagProfile         = 34675
	tagDNGVersion      = 50706
)

// tiffDir is the first directory of a TIFF file, of a BigTIFF file, or of a block of EXIF.
type tiffDir struct {
	data    []byte
	order   binary.ByteOrder
	entries map[uint16]tiffEntry
}

type tiffEntry struct {
	kind uint16
	data []byte // count values of the kind
}

// tiffSizes are the bytes of a value, by kind; 0 is a kind that does not exist.
var tiffSizes = [...]uint64{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}

// openTIFF reads the first directory. Entries that lie outside of the file are left out, and those whose tag comes again.
func openTIFF(data []byte) (*tiffDir, error) {
	d := &tiffDir{data: data, entries: map[uint16]tiffEntry{}}
	if len(data) < 8 {
		return nil, cutOff()
	}
	d.order = binary.ByteOrder(binary.LittleEndian)
	if data[0] == 'M' {
		d.order = binary.BigEndian
	}
	// A directory is a count, entries of a tag, a kind, a count and a value or its place, and the next one's place.
	word, countSize := 4, 2
	place := uint64(d.order.Uint32(data[4:]))
	if d.order.Uint16(data[2:]) == 43 {
		if word, countSize = 8, 8; len(data) < 16 {
			return nil, cutOff()
		}
		place = d.order.Uint64(data[8:])
	}
	at := func(from, n uint64) []byte {
		if from > uint64(len(data)) || n > uint64(len(data))-from {
			return nil
		}
		return data[from : from+n]
	}
	number := func(b []byte) uint64 {
		switch len(b) {
		case 2:
			return uint64(d.order.Uint16(b))
		case 4:
			return uint64(d.order.Uint32(b))
		}
		return d.order.Uint64(b)
	}
	head := at(place, uint64(countSize))
	if head == nil {
		return nil, cutOff()
	}
	size := uint64(4 + 2*word)
	for i := range min(number(head), math.MaxUint16) {
		entry := at(place+uint64(countSize)+i*size, size)
		if entry == nil {
			return nil, cutOff()
		}
		tag, kind := d.order.Uint16(entry), d.order.Uint16(entry[2:])
		count := number(entry[4 : 4+word])
		if int(kind) >= len(tiffSizes) || tiffSizes[kind] == 0 || count > uint64(len(data)) {
			continue
		}
		value := entry[4+word:]
		if n := count * tiffSizes[kind]; n <= uint64(word) {
			value = value[:n]
		} else if value = at(number(value), n); value == nil {
			continue
		}
		if _, again := d.entries[tag]; !again {
			d.entries[tag] = tiffEntry{kind, value}
		}
	}
	if len(d.entries) == 0 {
		return nil, damaged(errors.New("its directory is empty"))
	}
	return d, nil
}

// maxValues is how many values of a tag are read: enough for the smallest tiles of the largest pictures.
const maxValues = 1 << 22

// uints returns the values of a tag that are whole numbers, whatever kind of number they are.
func (d *tiffDir) uints(tag uint16) []uint64 {
	e := d.entries[tag]
	read := map[uint16]func(b []byte) uint64{
		1: func(b []byte) uint64 { return uint64(b[0]) }, 3: func(b []byte) uint64 { return uint64(d.order.Uint16(b)) },
		4: func(b []byte) uint64 { return uint64(d.order.Uint32(b)) }, 16: d.order.Uint64,
	}
	for signed, unsigned := range map[uint16]uint16{6: 1, 8: 3, 9: 4, 13: 4, 17: 16, 18: 16} {
		read[signed] = read[unsigned]
	}
	f, ok := read[e.kind]
	if !ok {
		return nil
	}
	size := int(tiffSizes[e.kind])
	list := make([]uint64, min(len(e.data)/size, maxValues))
	for i := range list {
		list[i] = f(e.data[i*size:])
	}
	return list
}

// uint returns the first value of a tag, or what it is without the tag. It is at most 2³¹ - 1.
func (d *tiffDir) uint(tag uint16, otherwise int) int {
	if list := d.uints(tag); len(list) > 0 {
		return int(min(list[0], math.MaxInt32))
	}
	return otherwise
}
