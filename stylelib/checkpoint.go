package stylelib

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"time"

	"github.com/gouache-art/gouache/stylelib/lbfgs"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/progress"
)

// Checkpoint is a job between two iterations: the picture, the optimiser's memory, the scale. It is written by
// [progress.Iteration.Checkpoint], read by [ReadCheckpoint], and continued by [Studio.Resume].
type Checkpoint struct {
	head  checkpointHead
	state *lbfgs.State
}

// checkpointHead is the part of a checkpoint that is written as JSON.
type checkpointHead struct {
	Job         string          `json:"job"`            // its fingerprint
	Scale       int             `json:"scale"`          // index of the one at hand
	Tile        int             `json:"tile,omitempty"` // its tiles' side; zero is whole
	Iterations  int             `json:"iterations"`     // at the scales before
	Evaluations int             `json:"evaluations"`    // likewise
	Elapsed     time.Duration   `json:"elapsed"`
	Total       float64         `json:"total"`
	Terms       []progress.Term `json:"terms"`
}

// A checkpoint is written as: the magic, which ends in the version; the head's length, uint32, little-endian; the
// head; its SHA-256; the optimiser's state.
const (
	checkpointMagic   = "gouache checkpoint 1\n"
	maxCheckpointHead = 1 << 20 // bytes
)

// Iterations returns how many iterations led to the checkpoint.
func (c *Checkpoint) Iterations() int { return c.head.Iterations + c.state.Iterations() }

// Picture returns the picture as the optimiser has it: with the preset's margin, and with grey levels beyond 0 and 255,
// which are clamped in whatever else shows it. It must be called before the checkpoint is resumed.
func (c *Checkpoint) Picture() (*picture.Picture, error) {
	x, err := c.state.X()
	if err != nil {
		return nil, err
	}
	defer x.MustFinalizeAll()
	return tensorPicture(x)
}

// writeTo writes a checkpoint that was kept.
func (c *Checkpoint) writeTo(w io.Writer) error {
	return c.write(w, func(w io.Writer) error { _, err := c.state.WriteTo(w); return err })
}

// write writes a checkpoint whose state another function writes.
func (c *Checkpoint) write(w io.Writer, state func(io.Writer) error) error {
	text, err := json.Marshal(c.head)
	if err != nil {
		return fmt.Errorf("writing a checkpoint: %w", err)
	}
	start := binary.LittleEndian.AppendUint32([]byte(checkpointMagic), uint32(len(text)))
	sum := sha256.Sum256(text)
	for _, part := range [][]byte{start, text, sum[:]} {
		if _, err := w.Write(part); err != nil {
			return fmt.Errorf("writing a checkpoint: %w", err)
		}
	}
	if err := state(w); err != nil {
		return fmt.Errorf("writing a checkpoint: %w", err)
	}
	return nil
}

// ReadCheckpoint reads a checkpoint. It returns an error for anything else, and for one that was damaged.
func ReadCheckpoint(r io.Reader) (*Checkpoint, error) {
	c, err := readCheckpoint(r)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("reading a checkpoint: %w", err)
	}
	return c, nil
}

func readCheckpoint(r io.Reader) (*Checkpoint, error) {
	start := make([]byte, len(checkpointMagic)+4)
	if _, err := io.ReadFull(r, start); err != nil {
		return nil, err
	}
	if string(start[:len(checkpointMagic)]) != checkpointMagic {
		return nil, errors.New("this is no checkpoint, or one of another version")
	}
	size := binary.LittleEndian.Uint32(start[len(checkpointMagic):])
	if size > maxCheckpointHead {
		return nil, fmt.Errorf("a head of %d bytes, expected %d at most", size, maxCheckpointHead)
	}
	text := make([]byte, size+sha256.Size)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, err
	}
	if sha256.Sum256(text[:size]) != [sha256.Size]byte(text[size:]) {
		return nil, errors.New("the checksum is wrong: the bytes were damaged")
	}
	c := &Checkpoint{}
	if err := json.Unmarshal(text[:size], &c.head); err != nil {
		return nil, err
	}
	var err error
	c.state, err = lbfgs.ReadState(r)
	return c, err
}

// fits returns an error unless the checkpoint is one of the job that r paints.
func (c *Checkpoint) fits(r *run) error {
	if c.head.Job != r.fingerprint() {
		return errors.New("the checkpoint is one of another job: it can be resumed with the same pictures, settings and weights only")
	}
	var before int
	if c.head.Scale >= 0 && c.head.Scale < len(r.scales) {
		for _, s := range r.scales[:c.head.Scale] {
			before += s.Iterations
		}
	}
	if c.head.Scale < 0 || c.head.Scale >= len(r.scales) || c.head.Iterations < 0 || c.head.Iterations > before ||
		c.head.Evaluations < c.head.Iterations || c.state.Iterations() > r.scales[c.head.Scale].Iterations || c.head.Elapsed < 0 {
		return fmt.Errorf("the checkpoint is at iteration %d and %d of scale %d, which the job does not have",
			c.head.Iterations, c.state.Iterations(), c.head.Scale+1)
	}
	return nil
}

// fingerprint tells jobs apart: it covers all that the painting depends on but the device.
func (r *run) fingerprint() string {
	if r.identity != "" {
		return r.identity
	}
	h := sha256.New()
	text, err := json.Marshal(r.job.Settings()) // sorted by name
	if err != nil {
		panic(err) // texts by names
	}
	fmt.Fprintf(h, "%s\n%s %s %s\n", text, r.net.Name(), r.studio.weights.Name, r.studio.weights.SHA256)
	hashPicture(h, r.job.Content)
	for _, s := range r.job.Styles {
		fmt.Fprintf(h, "style %v\n", s.Weight)
		hashPicture(h, s.Picture)
	}
	if r.job.Start != nil {
		hashPicture(h, r.job.Start)
	}
	r.identity = hex.EncodeToString(h.Sum(nil))
	return r.identity
}

// hashPicture adds a picture's size and pixels, without its alpha, to a hash.
func hashPicture(h hash.Hash, p *picture.Picture) {
	fmt.Fprintf(h, "picture %d×%d\n", p.Width, p.Height)
	row := make([]byte, 0, 12*p.Width)
	for i, v := range p.Pix {
		row = binary.LittleEndian.AppendUint32(row, math.Float32bits(v))
		if len(row) == cap(row) || i == len(p.Pix)-1 {
			h.Write(row)
			row = row[:0]
		}
	}
}
