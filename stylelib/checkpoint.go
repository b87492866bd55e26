package stylelib

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"time"

	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/optimize"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/stylelib/spectrum"
	"github.com/gouache-art/gouache/stylelib/vgg/conv"
)

// Checkpoint is a job between two iterations: the picture, the optimiser's history, the scale. It is written by
// [progress.Iteration.Checkpoint], read by [ReadCheckpoint], and continued by [Studio.Resume].
type Checkpoint struct {
	head  checkpointHead
	state optimize.State
	start *picture.Picture // what the scale began with, with its margin; nil if nothing of the job depends on it
}

// checkpointHead is the part of a checkpoint that is written as JSON.
type checkpointHead struct {
	Job         string          `json:"job"`            // its fingerprint
	Scale       int             `json:"scale"`          // index of the current one
	Tile        int             `json:"tile,omitempty"` // the side of its tiles; zero for whole
	Iterations  int             `json:"iterations"`     // at the scales before
	Evaluations int             `json:"evaluations"`    // likewise
	Elapsed     time.Duration   `json:"elapsed"`
	Total       float64         `json:"total"`
	Terms       []progress.Term `json:"terms"`
	Start       bool            `json:"start,omitempty"` // whether what the scale began with follows
	// Weights are those that an observer changed, by setting. They are not in the fingerprint, which is the job's.
	Weights map[string]float64 `json:"weights,omitempty"`
	// Refined says that the scale was computed in float32, although the precision is less.
	Refined bool `json:"refined,omitempty"`
	// Law is that of the variables of the optimiser's state, and of the scales after it; nil if they are the pixels.
	Law *spectrum.Law `json:"law,omitempty"`
	// Convolutions are the methods that the result depends on by rounding.
	Convolutions *conv.Choices `json:"convolutions,omitempty"`
}

// checkpointKey is the head's key in the metadata of the optimiser's file, which is the checkpoint.
const checkpointKey = "checkpoint"

// Iterations returns the number of iterations before the checkpoint.
func (c *Checkpoint) Iterations() int { return c.head.Iterations + c.state.Iterations() }

// Picture returns the picture as the optimiser has it: with the preset's margin, and with grey levels beyond 0 and
// 255, which are clamped elsewhere. It must be called before the checkpoint is resumed.
func (c *Checkpoint) Picture() (*picture.Picture, error) {
	x, err := c.state.X()
	if err != nil {
		return nil, err
	}
	defer x.FinalizeAll()
	return tensorPicture(x)
}

// checkpoint returns a function that writes a checkpoint of the run as it is now. State writes the optimiser's.
func (s *stage) checkpoint(state func(io.Writer, map[string]string) error) func(io.Writer) error {
	head := checkpointHead{
		Job: s.fingerprint, Scale: s.scale, Tile: s.tile, Iterations: s.run.iterations, Evaluations: s.run.evaluations,
		Elapsed: time.Since(s.run.began), Total: s.run.total, Terms: s.run.terms, Weights: s.run.weights, Refined: s.refined, Law: s.run.law,
	}
	if tuner := s.run.studio.tuner; tuner != nil {
		used := tuner.Used()
		head.Convolutions = &used
	}
	keep := s.run.job.dependsOnStart()
	if head.Start = keep; !keep {
		return func(w io.Writer) error { return head.write(w, state) }
	}
	return func(w io.Writer) error {
		if err := head.write(w, state); err != nil {
			return err
		}
		return writeStart(w, s.start)
	}
}

func (h checkpointHead) write(w io.Writer, state func(io.Writer, map[string]string) error) error {
	text, err := json.Marshal(h)
	if err == nil {
		err = state(w, map[string]string{checkpointKey: string(text)})
	}
	if err != nil {
		return fmt.Errorf("writing a checkpoint: %w", err)
	}
	return nil
}

// ReadCheckpoint reads a checkpoint. It returns an error for anything else, for one that was damaged, and for one
// that an earlier version of this package wrote in its own format (optimize.ErrEarlierVersion).
func ReadCheckpoint(r io.Reader) (*Checkpoint, error) {
	state, metadata, err := optimize.ReadState(r)
	c := &Checkpoint{state: state}
	if head, ok := metadata[checkpointKey]; err == nil && ok {
		err = json.Unmarshal([]byte(head), &c.head)
	} else if err == nil {
		err = errors.New("it is the state of an optimiser only, without the job that it belongs to")
	}
	if err == nil && c.head.Start {
		c.start, err = readStart(r)
	}
	if err != nil {
		return nil, fmt.Errorf("reading a checkpoint: %w", err)
	}
	return c, nil
}

// fits returns an error unless the checkpoint is one of the job that r paints. The caller's own
// terms, which are not built yet, are compared later.
func (c *Checkpoint) fits(r *run) error {
	if r.job.Terms == nil {
		if job, err := r.fingerprint(nil); err != nil || c.head.Job != job {
			return errors.New("the checkpoint is one of another job: it can be resumed with the same pictures, settings and weights only")
		}
	}
	if c.head.Start != r.job.dependsOnStart() {
		return errors.New("the checkpoint does not hold what the job's terms are made from: it is of another job, or of another version of Gouache")
	}
	if c.start != nil && c.head.Scale >= 0 && c.head.Scale < len(r.scales) {
		s, margin := r.scales[c.head.Scale], 2*r.job.Preset.Margin
		if w, h := s.Width+margin, s.Height+margin; c.start.Width != w || c.start.Height != h {
			return fmt.Errorf("the checkpoint's scale began with a picture of %d×%d pixels, which must have %d×%d", c.start.Width, c.start.Height, w, h)
		}
	}
	if law := c.head.Law; law != nil && !law.Valid() {
		return fmt.Errorf("the checkpoint has variables with %+v, which no run has", *law)
	}
	var before, planned int
	for i, s := range r.scales {
		if i < c.head.Scale {
			before += s.Iterations
		} else if i == c.head.Scale {
			planned = s.Iterations // at least one
		}
	}
	if planned == 0 || c.state.Iterations() > planned || c.head.Elapsed < 0 ||
		c.head.Iterations < 0 || c.head.Iterations > before || c.head.Evaluations < c.head.Iterations {
		return fmt.Errorf("the checkpoint is at iteration %d and %d of scale %d, which the job does not have",
			c.head.Iterations, c.state.Iterations(), c.head.Scale+1)
	}
	return nil
}

// fingerprint identifies a job by everything that the painting depends on, except the device and
// the code of the caller's own terms.
func (r *run) fingerprint(own []loss.Term) (string, error) {
	h := sha256.New()
	settings := r.job.Settings()
	settings["scales"] = sizes(r.scales)
	delete(settings, "background") // it is in the pictures
	preset := r.job.Preset
	preset.Name, preset.Description = "", ""
	text, err := json.Marshal([]any{settings, preset})
	if err != nil {
		return "", fmt.Errorf("describing the job: %w", err)
	}
	fmt.Fprintf(h, "%s\n%s %s %s\n", withEarlierFields(text, preset), r.net.Name(), r.studio.weights.Name, r.studio.weights.SHA256)
	hash := func(p *picture.Picture) { hashPicture(h, r.job.laid(p, p.Width, p.Height)) }
	hash(r.job.Content)
	for _, s := range r.job.Styles {
		fmt.Fprintf(h, "style %v\n", s.Weight)
		hashPicture(h, r.job.laidStyle(s, s.Picture.Width, s.Picture.Height))
		hashMask(h, "region", s.Region)
	}
	hashMask(h, "protect", r.job.Protect)
	if r.job.StrokesOf != nil {
		fmt.Fprintln(h, "strokes")
		hash(r.job.StrokesOf)
	}
	if r.job.Start != nil {
		hash(r.job.Start)
	}
	for _, t := range own {
		fmt.Fprintf(h, "term %q %v %v %q\n", t.Name, t.Weight, t.Scale, t.Layers)
		for _, target := range t.Targets {
			fmt.Fprintln(h, target.Shape())
			if err := target.ConstBytes(func(data []byte) { h.Write(data) }); err != nil {
				return "", deviceError(fmt.Errorf("reading a target of term %s: %w", t.Name, err))
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// withEarlierFields returns the JSON of a preset with two fields in place of its Smoothness, as the checkpoints of
// earlier versions have it: so they still fit.
func withEarlierFields(text []byte, p loss.Preset) []byte {
	between := fmt.Sprintf(`"Statistic":%d,"Normalization":%d,`, p.Statistic, p.Normalization)
	ninePoint := p.Smoothness == loss.RelativeRoughness || p.Smoothness == loss.NinePointTV
	return bytes.Replace(text,
		fmt.Appendf(nil, `"Smoothness":%d,%s`, p.Smoothness, between),
		fmt.Appendf(nil, `"NinePoint":%t,%s"RelativeTV":%t,`, ninePoint, between, p.Smoothness.Relative()), 1)
}

// hashPicture adds a picture's size, pixels and alpha to a hash.
func hashPicture(h hash.Hash, p *picture.Picture) {
	fmt.Fprintf(h, "picture %d×%d\n", p.Width, p.Height)
	for chunk := range slices.Chunk(p.Pix, 1<<14) {
		_ = binary.Write(h, binary.LittleEndian, chunk) // a hash takes all
	}
	if p.Alpha != nil {
		fmt.Fprintln(h, "alpha")
		_ = binary.Write(h, binary.LittleEndian, p.Alpha)
	}
}
