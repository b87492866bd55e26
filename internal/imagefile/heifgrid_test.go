package imagefile

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// gridFile returns testdata/grid.heic, of 3×2 tiles, with a size, without the boxes that are not named, and turned.
func gridFile(t testing.TB, width, height int, clap bool, turns, mirror int) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/grid.heic")
	if err != nil {
		t.Fatal(err)
	}
	size := func(bits, width, height int) []byte {
		if bits == 16 {
			return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, uint16(width)), uint16(height))
		}
		return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(width)), uint32(height))
	}
	for _, bits := range []int{16, 32} {
		data = bytes.Replace(data, size(bits, 150, 101), size(bits, width, height), 1)
	}
	change := func(name string, keep bool, value int) {
		at := bytes.Index(data, []byte(name))
		if !keep {
			copy(data[at:], "free")
		} else if value >= 0 {
			data[at+4] = byte(value)
		}
	}
	change("clap", clap, -1)
	if at := bytes.Index(data, []byte("clap")); clap { // from 32, 20 on, whatever the size
		binary.BigEndian.PutUint32(data[at+20:], uint32(2*32-(width-78)))
		binary.BigEndian.PutUint32(data[at+24:], 2)
		binary.BigEndian.PutUint32(data[at+28:], uint32(2*20-(height-50)))
	}
	change("irot", turns > 0, turns)
	change("imir", mirror >= 0, mirror)
	return data
}

// decodedAs decodes what is open.
func decodedAs(t testing.TB, f *heifFile) *File {
	t.Helper()
	p := f.parsed()
	m, err := p.decode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return &File{Header: p.Header, Image: m, Orientation: p.orientation, codes: p.codes}
}

// TestGrid: tiles that are decoded one by one have the pixels that libheif makes of the whole file.
func TestGrid(t *testing.T) {
	compare := func(width, height int, clap bool, turns, mirror int) {
		t.Run(fmt.Sprint(width, height, clap, turns, mirror), func(t *testing.T) {
			t.Parallel()
			f, err := openHEIF(gridFile(t, width, height, clap, turns, mirror))
			if err != nil || f.grid == nil {
				t.Fatal(f, err)
			}
			got, width, height := upright(decodedAs(t, f))
			f.grid = nil
			want, w, h := upright(decodedAs(t, f))
			if w != width || h != height || !slices.Equal(got, want) {
				t.Errorf("%d×%d pixels differ from %d×%d", width, height, w, h)
			}
		})
	}
	for turns := range 4 {
		for mirror := -1; mirror < 2; mirror++ {
			if testing.Short() && turns != mirror {
				continue
			}
			compare(150, 102, turns&1 != mirror&1, turns, mirror)
		}
	}
	compare(192, 128, false, 0, -1)
	compare(149, 101, false, 0, -1)
	compare(150, 101, true, 0, -1)
}

// TestGridUnusual: what a decoder that cannot be stopped might spend long on is left to the one that can.
func TestGridUnusual(t *testing.T) {
	data := gridFile(t, 150, 102, true, 1, 1)
	for name, change := range map[string][2]string{
		"order":         {"irot\x01", "imir\x01"},
		"parts turned":  {"\x00\x02\x02\x81\x02", "\x00\x02\x02\x81\x05"},
		"parts missing": {"\x00\x05\x00\x00", "\x00\x09\x00\x00"},
		"version":       {"\x00\x00\x01\x02\x00\x96", "\x01\x00\x01\x02\x00\x96"},
		"rows":          {"\x00\x00\x01\x02\x00\x96", "\x00\x00\x00\x02\x00\x96"},
		"size":          {"\x00\x00\x01\x02\x00\x96", "\x00\x00\x01\x02\x00\x56"},
		"tile's size":   {"\x00\x00\x00\x40\x00\x00\x00\x40", "\x00\x00\x08\x00\x00\x00\x08\x00"},
		"tile's kind":   {"hvc1", "hvc2"},
		"clap":          {"\x00\x00\x00\x4e\x00\x00\x00\x01", "\x00\x00\x00\x4e\x00\x00\x00\x04"},
	} {
		if !bytes.Contains(data, []byte(change[0])) {
			t.Errorf("%s: not there", name)
		}
		f, err := openHEIF(bytes.Replace(data, []byte(change[0]), []byte(change[1]), 1))
		if err != nil || f.grid != nil {
			t.Errorf("%s: %v, %v", name, f, err)
		}
	}
	f, err := openHEIF(data)
	if err != nil {
		t.Fatal(err)
	}
	tile := f.grid.tiles[0]
	other := slices.Clone(tile.data)
	other[4] = 1 << 1 // it refers to others
	short := slices.Clone(tile.config)
	short[21] &^= 3
	for name, c := range map[string]heifTile{
		"two slices":     {tile.config, slices.Concat(tile.data, tile.data)},
		"hidden slice":   {slices.Concat(tile.config[:22], []byte{4, 0x20, 0, 1, 0, 5, 0x28, 1, 0x80, 0, 0}, tile.config[23:]), tile.data},
		"other pictures": {tile.config, other},
		"lengths":        {short, tile.data},
		"none":           {tile.config, nil},
	} {
		if hevcTile(c.config, c.data) {
			t.Errorf("%s would be decoded", name)
		}
	}
	for _, c := range []struct {
		chroma, width, height int64
		want                  bool
	}{{1, 1024, 64, true}, {1, 1025, 64, false}, {1, 64, 8192, false}, {3, 64, 64, false}} {
		bits := ""
		for _, n := range []int64{0, c.chroma, c.width, c.height} {
			digits := strconv.FormatInt(n+1, 2)
			bits += strings.Repeat("0", len(digits)-1) + digits
		}
		unit := make([]byte, 15)
		for bits += "1111111"; len(bits) > 7; bits = bits[8:] {
			n, _ := strconv.ParseUint(bits[:8], 2, 8)
			unit = append(unit, byte(n))
		}
		if smallSPS(unit) != c.want {
			t.Errorf("%+v", c)
		}
	}
}

// TestGridEnds: decoding ends with its context between tiles, and with a tile that cannot be decoded.
func TestGridEnds(t *testing.T) {
	f, err := openHEIF(gridFile(t, 192, 128, false, 0, -1))
	if err != nil {
		t.Fatal(err)
	}
	decodedAs(t, f) // it is compiled
	f.grid.tiles = slices.Repeat(f.grid.tiles, 1000)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := f.decodeGrid(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	f.grid.tiles[1].data = f.grid.tiles[1].data[:9]
	_, err = f.decodeGrid(t.Context())
	wantError(t, "a tile", err, "is damaged, or of a kind that cannot be read (")
}
