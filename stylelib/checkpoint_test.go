package stylelib

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/optimize"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/stylelib/vgg/conv"
)

// checkpoints paints a job and keeps the checkpoint of each iteration.
func checkpoints(t *testing.T, job Job) (*progress.Result, [][]byte) {
	t.Helper()
	var files [][]byte
	result, err := tiny().Stylize(t.Context(), job, &recorder{each: func(i progress.Iteration) {
		var file bytes.Buffer
		if err := i.Checkpoint(&file); err != nil {
			t.Error(err)
		}
		files = append(files, file.Bytes())
	}})
	if err != nil {
		t.Fatal(err)
	}
	return result, files
}

func readBack(t *testing.T, file []byte) *Checkpoint {
	t.Helper()
	c, err := ReadCheckpoint(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestResume: from the checkpoint of any iteration a run continues as it would have, to the byte, with the same events.
func TestResume(t *testing.T) {
	job := tinyJob(t)
	job.Noise, job.Seed = true, 3
	checkResume(t, job)
}

// checkResume resumes a job from each of its checkpoints, and returns them.
func checkResume(t *testing.T, job Job) [][]byte {
	t.Helper()
	var straight recorder
	if _, err := tiny().Stylize(t.Context(), job, &straight); err != nil {
		t.Fatal(err)
	}
	whole, files := checkpoints(t, job)
	if len(files) != job.Iterations {
		t.Fatalf("%d checkpoints of %d iterations", len(files), job.Iterations)
	}
	for at, file := range files {
		c := readBack(t, file)
		if c.Iterations() != at+1 {
			t.Errorf("the checkpoint of iteration %d is of %d", at+1, c.Iterations())
		}
		var r recorder
		result, err := tiny().Resume(t.Context(), job, c, &r)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(result.Picture.Pix, whole.Picture.Pix) {
			t.Errorf("resumed after iteration %d: another picture", at+1)
		}
		if result.Iterations != whole.Iterations || result.Evaluations != whole.Evaluations || result.Total != whole.Total ||
			!slices.Equal(result.Terms, whole.Terms) || r.run.Done != at+1 {
			t.Errorf("resumed after iteration %d: %+v, done %d, want %+v", at+1, result, r.run.Done, whole)
		}
		for i, got := range r.iterations {
			want := straight.iterations[at+1+i]
			if got.Iteration != want.Iteration || got.Evaluations != want.Evaluations || got.Scale != want.Scale || !slices.Equal(got.Terms, want.Terms) {
				t.Errorf("resumed after iteration %d: %+v, want %+v", at+1, got, want)
			}
		}
		if len(r.iterations) != job.Iterations-at-1 {
			t.Errorf("resumed after iteration %d: %d more", at+1, len(r.iterations))
		}
	}
	return files
}

// TestResumeInterrupted: an interruption at any moment leaves a checkpoint, and a job that is interrupted again and again
// ends the same.
func TestResumeInterrupted(t *testing.T) {
	job := tinyJob(t)
	whole, err := tiny().Stylize(t.Context(), job, nil)
	if err != nil {
		t.Fatal(err)
	}
	var from *Checkpoint
	for round := range job.Iterations + 1 {
		ctx, cancel := context.WithCancel(t.Context())
		r := &recorder{each: func(progress.Iteration) { cancel() }}
		result, err := tiny().Resume(ctx, job, from, r)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		if result.Status == progress.Finished {
			if round < job.Iterations-1 || !slices.Equal(result.Picture.Pix, whole.Picture.Pix) {
				t.Errorf("after %d interruptions: another picture", round)
			}
			return
		}
		if r.result.Checkpoint == nil {
			// The end of a scale was no interruption for the optimiser.
			if n := result.Iterations % 4; n != 0 {
				t.Fatalf("interrupted after iteration %d, and no checkpoint", result.Iterations)
			}
			from = readBack(t, checkpointOf(t, job, result.Iterations))
			continue
		}
		var file bytes.Buffer
		if err := r.result.Checkpoint(&file); err != nil {
			t.Fatal(err)
		}
		from = readBack(t, file.Bytes())
	}
	t.Error("it never ends")
}

// checkpointOf returns the checkpoint of one iteration of a job.
func checkpointOf(t *testing.T, job Job, iteration int) []byte {
	t.Helper()
	_, files := checkpoints(t, job)
	return files[iteration-1]
}

// TestResumeRefuses: another job's checkpoint, and one that was damaged or is none.
func TestResumeRefuses(t *testing.T) {
	job := tinyJob(t)
	job.Iterations, job.Scales = 2, 1
	file := checkpointOf(t, job, 1)
	for name, change := range map[string]func(*Job){
		"weight":  func(j *Job) { j.Preset = loss.Gouache(); j.Preset.StyleWeight = 4 },
		"size":    func(j *Job) { j.Size = 96 },
		"content": func(j *Job) { j.Content = load(t, "sample:coffee") },
		"styles":  func(j *Job) { j.Styles = append(slices.Clone(j.Styles), j.Styles...) },
		"start":   func(j *Job) { j.Start = load(t, "sample:coffee") },
	} {
		other := job
		change(&other)
		if _, err := tiny().Resume(t.Context(), other, readBack(t, file), nil); err == nil || !strings.Contains(err.Error(), "another job") {
			t.Errorf("another %s: %v", name, err)
		}
	}
	for n := range file {
		if n > 600 && n < len(file)-600 && n%997 != 0 {
			continue // the vectors in between are the optimiser's matter
		}
		if _, err := ReadCheckpoint(bytes.NewReader(file[:n])); err == nil {
			t.Fatalf("the first %d of %d bytes are a checkpoint", n, len(file))
		}
		damaged := slices.Clone(file)
		damaged[n] ^= 0x20
		if _, err := ReadCheckpoint(bytes.NewReader(damaged)); err == nil {
			t.Fatalf("with byte %d changed it is a checkpoint", n)
		}
	}
	if err := rewrite(readBack(t, file), &full{room: 100}); err == nil {
		t.Error("writing to a full disk is no error")
	}
}

// rewrite writes a checkpoint that was read.
func rewrite(c *Checkpoint, w io.Writer) error { return c.head.write(w, c.state.Write) }

// full is a disk with room for a number of bytes.
type full struct{ room int }

func (f *full) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, fmt.Errorf("no space left")
	}
	return len(p), nil
}

// earlierCheckpoint is what the version before .safetensors began a checkpoint with; the rest is the optimiser's state of
// that version.
func earlierCheckpoint(t testing.TB) []byte {
	t.Helper()
	state, err := os.ReadFile("lbfgs/testdata/state-1")
	if err != nil {
		t.Fatal(err)
	}
	head := []byte(`{"job":"0f","scale":0,"iterations":0,"evaluations":0,"elapsed":1,"total":1,"terms":null}`)
	sum := sha256.Sum256(head)
	file := binary.LittleEndian.AppendUint32([]byte("gouache checkpoint 1\n"), uint32(len(head)))
	return slices.Concat(file, head, sum[:], state)
}

// TestEarlierCheckpoint: it is recognised, and refused with an error that says so.
func TestEarlierCheckpoint(t *testing.T) {
	_, err := ReadCheckpoint(bytes.NewReader(earlierCheckpoint(t)))
	if !errors.Is(err, optimize.ErrEarlierVersion) || !strings.Contains(err.Error(), "written by an earlier version of Gouache") {
		t.Errorf("error %v", err)
	}
}

// TestEarlierFields: a fingerprint has the two fields that a preset's smoothness was, where they were.
func TestEarlierFields(t *testing.T) {
	for smoothness, want := range map[loss.Smoothness]string{
		loss.AnisotropicTV:     `"NinePoint":false,"Statistic":2,"Normalization":0,"RelativeTV":false,"ScaleFactor":0`,
		loss.RelativeTV:        `"NinePoint":false,"Statistic":2,"Normalization":0,"RelativeTV":true,"ScaleFactor":0`,
		loss.RelativeRoughness: `"NinePoint":true,"Statistic":2,"Normalization":0,"RelativeTV":true,"ScaleFactor":0`,
		loss.NinePointTV:       `"NinePoint":true,"Statistic":2,"Normalization":0,"RelativeTV":false,"ScaleFactor":0`,
	} {
		p := loss.Preset{Smoothness: smoothness, Statistic: loss.Transport}
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(withEarlierFields(text, p)); !strings.Contains(got, `"ContentFalloff":0,`+want) || strings.Contains(got, "Smoothness") {
			t.Errorf("smoothness %d: %s", smoothness, got)
		}
	}
}

// TestStateIsNoCheckpoint: the optimiser's state alone lacks the job, and the error says so.
func TestStateIsNoCheckpoint(t *testing.T) {
	file, err := os.Open("lbfgs/testdata/state-2.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := ReadCheckpoint(file); err == nil || !strings.Contains(err.Error(), "state of an optimiser only") {
		t.Errorf("error %v", err)
	}
}

func FuzzReadCheckpoint(f *testing.F) {
	state, err := os.ReadFile("lbfgs/testdata/state-2.safetensors") // without the metadata of a checkpoint
	if err != nil {
		f.Fatal(err)
	}
	f.Add(state)
	f.Add(earlierCheckpoint(f))
	f.Fuzz(func(t *testing.T, file []byte) {
		if c, err := ReadCheckpoint(bytes.NewReader(file)); err == nil {
			if err := rewrite(c, io.Discard); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestResumeConvolutions: a checkpoint holds how the layers were convolved, so that a lost file of choices changes nothing:
// where the measurement would now find other methods, the picture is the same to the byte.
func TestResumeConvolutions(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	choices := filepath.Join(cache, "gouache", "convolutions.json")
	job := tinyJob(t)
	paint := func(options Options, from *Checkpoint, each func(progress.Iteration)) *progress.Result {
		t.Helper()
		s := NewStudio(device, tiny().weights, options)
		defer s.Close()
		result, err := s.Resume(t.Context(), job, from, &recorder{each: each})
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	var file bytes.Buffer
	measured := 0
	options := Options{Tune: true, Precision: conv.Mixed, Measuring: func(int, int) { measured++ }}
	whole := paint(options, nil, func(i progress.Iteration) {
		if i.Iteration == job.Iterations-1 { // all scales have their plans
			if err := i.Checkpoint(&file); err != nil {
				t.Error(err)
			}
		}
	})
	if measured == 0 {
		t.Fatal("nothing was measured")
	}
	before, err := os.ReadFile(choices)
	if err == nil {
		err = os.Remove(choices)
	}
	if err != nil {
		t.Fatal(err)
	}
	measured = 0
	resumed := paint(options, readBack(t, file.Bytes()), nil)
	if measured > 0 || !slices.Equal(resumed.Picture.Pix, whole.Picture.Pix) {
		t.Errorf("%d steps were measured again; the picture is the same: %v", measured, slices.Equal(resumed.Picture.Pix, whole.Picture.Pix))
	}
	// Where the file has other choices by now, it says so.
	another := "direct"
	if bytes.Contains(before, []byte(`"convolution": "direct"`)) {
		another = "winograd2"
	}
	other := bytes.ReplaceAll(before, []byte(`"convolution": "`), []byte(`"convolution": "`+another+`", "was": "`))
	if err := os.WriteFile(choices, other, 0o644); err != nil {
		t.Fatal(err)
	}
	var warnings []error
	options.Warn = func(err error) { warnings = append(warnings, err) }
	paint(options, readBack(t, file.Bytes()), nil)
	if len(warnings) != 1 || !strings.Contains(warnings[0].Error(), "differs by rounding") {
		t.Errorf("the warnings are %v", warnings)
	}
}
