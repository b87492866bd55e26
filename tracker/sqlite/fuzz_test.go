package sqlite_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
	"github.com/gouache-art/gouache/tracker/sqlite/hostiletest"
)

// FuzzOpen opens a database of which bytes were changed, reads all that it has, verifies it, and changes it. A patch is a
// list of places, in four bytes each, and of the bytes there.
func FuzzOpen(f *testing.F) {
	s := hostiletest.Sound(f)
	database := s.Bytes(f)
	for _, patch := range [][]byte{
		{},
		{18, 0, 0, 0, 9}, // the version of the format
		{60, 0, 0, 0, 0xff},
		{16, 0, 0, 0, 2, 17, 0, 0, 0, 0}, // the size of a page
		{100, 0, 0, 0, 2},                // the kind of the first page
		{105, 0, 0, 0, 0xff, 106, 0, 0, 0, 0xff},
		{0, 0x10, 0, 0, 5, 3, 0x10, 0, 0, 0xff},
		{0, 0x30, 0, 0, 0x0d, 8, 0x30, 0, 0, 0, 9, 0x30, 0, 0, 0},
	} {
		f.Add(patch)
	}
	for k := range 8 { // the first bytes of tables' pages
		var patch []byte
		for i := range 12 {
			patch = binary.LittleEndian.AppendUint32(patch, uint32(len(database)/8*k/4096*4096+i))
			patch = append(patch, byte(0x55*i+k))
		}
		f.Add(patch)
	}
	f.Fuzz(func(t *testing.T, patch []byte) {
		data := slices.Clone(database)
		for ; len(patch) >= 5; patch = patch[5:] {
			data[int(binary.LittleEndian.Uint32(patch))%len(data)] = patch[4]
		}
		s.Write(t, data)
		readAll(t, "patched", s.Dir)
		store, err := sqlite.Open(t.Context(), s.Dir, sqlite.Options{})
		if err != nil {
			return
		}
		defer store.Close()
		_, _ = store.Verify(t.Context(), tracker.VerifyOptions{Repair: true})
		_, _ = store.UpdateRun(t.Context(), s.Runs[0], tracker.Update{Tag: []string{"new"}})
		_, _ = store.DeleteRuns(t.Context(), s.Runs[1:2], tracker.DeleteOptions{})
	})
}
