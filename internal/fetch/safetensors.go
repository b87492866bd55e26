package fetch

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/gouache-art/gouache/internal/tensorfile"
)

// Safetensors is a file on the web, in the format of package tensorfile, of which only some tensors are fetched: those
// whose names begin with Prefix. They become a file of their own.
type Safetensors struct {
	Address string
	Prefix  string
}

// maxTensorHeader bounds the header of such a file, in bytes. That of VGG19 has about 4 kB.
const maxTensorHeader = 1 << 20

// String describes the source.
func (s Safetensors) String() string { return s.Address }

// ByHand says to download the whole file, which other programs read as well.
func (s Safetensors) ByHand(facts string) string {
	return fmt.Sprintf("download %s where there is a network (only its tensors %s… are needed, %s)", s.Address, s.Prefix, facts)
}

// Fetch requests the file's header, and then the bytes of the tensors. The same file gives the same bytes at part.
func (s Safetensors) Fetch(ctx context.Context, part string, _ Checksums, progress func(Progress)) (resumed bool, err error) {
	header, err := s.header(ctx, part+".header", progress)
	if err != nil {
		return false, err
	}
	kept := slices.DeleteFunc(slices.Clone(header.Tensors), func(t tensorfile.Tensor) bool { return !strings.HasPrefix(t.Name, s.Prefix) })
	if len(kept) == 0 {
		return false, fmt.Errorf("%s has no tensors %s…", s, s.Prefix)
	}
	slices.SortFunc(kept, func(a, b tensorfile.Tensor) int { return slices.Compare(a.Offsets[:], b.Offsets[:]) })
	var begin bytes.Buffer
	if _, err := tensorfile.NewWriter(&begin, header.Metadata, kept, false); err != nil {
		return false, err
	}
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if resumed, err = continues(f, begin.Bytes()); err != nil {
		return false, err
	}
	return resumed, s.fetch(ctx, f, int64(begin.Len()), header.Start, kept, progress)
}

// header fetches the file's header into a file of its own, which it removes when it is read.
func (s Safetensors) header(ctx context.Context, file string, progress func(Progress)) (h *tensorfile.Header, err error) {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o666)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(file)) }()
	t := transfer{url: URL{s.Address}, size: 8, section: true, file: f, progress: progress}
	if err := t.run(ctx); err != nil {
		return nil, err
	}
	var length [8]byte
	if _, err := f.ReadAt(length[:], 0); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > maxTensorHeader {
		return nil, fmt.Errorf("%s is no safetensors file: its header would have %d bytes, expected %d at most", s, n, maxTensorHeader)
	}
	t.size = 8 + int64(n)
	if err := t.run(ctx); err != nil {
		return nil, err
	}
	if h, err = tensorfile.ReadHeader(io.NewSectionReader(f, 0, t.size)); err != nil {
		return nil, fmt.Errorf("%s: %w", s, err)
	}
	return h, nil
}

// continues reports whether a file begins as the one that is fetched does. Otherwise it makes it hold the beginning only.
func continues(f *os.File, begin []byte) (bool, error) {
	there := make([]byte, len(begin))
	if n, err := f.ReadAt(there, 0); err == nil && n == len(begin) && bytes.Equal(there, begin) {
		return true, nil
	}
	if err := f.Truncate(0); err != nil {
		return false, err
	}
	_, err := f.Write(begin)
	return false, err
}

// fetch appends the tensors' bytes to the file, whose first before bytes are its beginning. Tensors that lie one after the
// other are one request. start is the position of the first tensor in the file on the web.
func (s Safetensors) fetch(ctx context.Context, f *os.File, before, start int64, kept []tensorfile.Tensor, progress func(Progress)) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	total := int64(0)
	for _, t := range kept {
		total += t.Size()
	}
	message, first := "downloading "+path.Base(s.Address), before
	for len(kept) > 0 {
		n := 1
		for n < len(kept) && kept[n].Offsets[0] == kept[n-1].Offsets[1] {
			n++
		}
		t := transfer{url: URL{s.Address}, from: start + kept[0].Offsets[0], size: kept[n-1].Offsets[1] - kept[0].Offsets[0], section: true, file: f, before: before}
		t.progress = func(p Progress) {
			if p.Message == message {
				p.Done, p.Total = p.Done+before-first, total
			}
			progress(p)
		}
		if kept = kept[n:]; t.size > 0 && (info.Size() < before+t.size || len(kept) == 0) {
			if err := t.run(ctx); err != nil {
				return err
			}
		}
		before += t.size
	}
	return nil
}
