package tensorboard_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"image"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/gouache-art/gouache/internal/pythontest"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/export"
	"github.com/gouache-art/gouache/tracker/sqlite"
	"github.com/gouache-art/gouache/tracker/tensorboard"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

func openStore(t testing.TB) tracker.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// paint records a run as a painting is.
func paint(t testing.TB, store tracker.Store, name string) *tracker.Run {
	t.Helper()
	n := tracker.NewRun{Name: name, Experiment: "night", Params: tracker.Params{"style_weight": 60.5, "size": 64, "pooling": "avg", "crop": true}}
	n.AddInput(tracker.RoleContent, "content.png", "", trackertest.Picture(t, 1))
	run, err := tracker.Start(t.Context(), store, n)
	if err != nil {
		t.Fatal(err)
	}
	for step := range int64(5) {
		values := tracker.Metrics{"total": 10 - float64(step), "loss.style": math.Inf(1), "seconds": float64(step) / 100}
		if step == 3 {
			values["total"] = math.NaN()
		}
		if err := run.Log(step+1, values); err != nil {
			t.Fatal(err)
		}
		if err := run.LogPicture(t.Context(), tracker.RoleSnapshot, step+1, image.NewGray(image.Rect(0, 0, 8, int(8+step)))); err != nil {
			t.Fatal(err)
		}
	}
	if err := run.LogPicture(t.Context(), tracker.RoleResult, 5, image.NewGray(image.Rect(0, 0, 9, 5))); err != nil {
		t.Fatal(err)
	}
	if err := run.Finish(t.Context(), tracker.Outcome{Status: tracker.StatusFinished}); err != nil {
		t.Fatal(err)
	}
	record, err := store.Run(t.Context(), run.ID())
	if err != nil {
		t.Fatal(err)
	}
	return record
}

// TestTensorBoard: TensorBoard's own reader finds scalars, pictures and hyperparameters.
func TestTensorBoard(t *testing.T) {
	store, dir := openStore(t), t.TempDir()
	run := paint(t, store, "cat")
	if err := tensorboard.Export(t.Context(), dir, store, []string{run.ID}); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Total  [][3]float64 // step, value, seconds since the beginning
		Images map[string][]int
		Size   [2]int
		Params map[string]any
		Status int
	}
	const script = `
import io, json, math, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata
a = EventAccumulator(sys.argv[1], size_guidance={"images": 0, "scalars": 0}).Reload()
begun = a.FirstEventTimestamp()
tags = a.SummaryMetadata
start = metadata.parse_session_start_info_plugin_data(tags("_hparams_/session_start_info").plugin_data.content)
end = metadata.parse_session_end_info_plugin_data(tags("_hparams_/session_end_info").plugin_data.content)
value = lambda v: getattr(v, v.WhichOneof("kind"))
number = lambda v: -1 if math.isnan(v) else v
first = a.Images("result")[0]
print(json.dumps({
    "Total": [[e.step, number(e.value), e.wall_time - begun] for e in a.Scalars("total")],
    "Images": {tag: [e.step for e in a.Images(tag)] for tag in a.Tags()["images"]},
    "Size": [first.width, first.height],
    "Params": {k: value(v) for k, v in start.hparams.items()},
    "Status": end.status,
}))`
	out := pythontest.Run(t, script, filepath.Join(dir, export.Folder(run)))
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	if len(got.Total) != 5 || got.Total[1][0] != 2 || got.Total[1][1] != 9 || got.Total[3][1] != -1 || math.Abs(got.Total[1][2]-0.01) > 1e-3 {
		t.Errorf("the total is %v", got.Total)
	}
	if len(got.Images["snapshot"]) != 5 || len(got.Images["result"]) != 1 || len(got.Images["content"]) != 1 || got.Size != [2]int{9, 5} {
		t.Errorf("the pictures are %v, the result %v", got.Images, got.Size)
	}
	p := got.Params
	if p["style_weight"] != 60.5 || p["size"] != 64.0 || p["pooling"] != "avg" || p["crop"] != true || got.Status != 1 {
		t.Errorf("the parameters are %v, the status %d", p, got.Status)
	}
}

// imported imports a folder into a store, and returns what that did.
func imported(t *testing.T, store tracker.Store, dir string) *tracker.Imported {
	t.Helper()
	source, err := tensorboard.Open(t.Context(), dir, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	done, err := tracker.Import(t.Context(), store, source, nil)
	if err != nil || len(done.Refused) > 0 {
		t.Fatal(err, done.Refused)
	}
	return done
}

// TestRoundTrip: what was exported comes back, to the precision of the file, and only once.
func TestRoundTrip(t *testing.T) {
	from, into, dir := openStore(t), openStore(t), t.TempDir()
	run := paint(t, from, "cat")
	if err := tensorboard.Export(t.Context(), dir, from, []string{run.ID}); err != nil {
		t.Fatal(err)
	}
	done := imported(t, into, dir)
	if len(done.Runs) != 1 {
		t.Fatalf("%+v", done)
	}
	here, err := into.Run(t.Context(), done.Runs[0])
	if err != nil {
		t.Fatal(err)
	}
	if here.Status != run.Status || here.Params["size"] != int64(64) || here.Params["crop"] != true || here.Picture != run.Picture || here.Final["total"] != 6 {
		t.Errorf("came back as %+v", here)
	}
	pictures, err := into.Pictures(t.Context(), here.ID, tracker.PictureQuery{})
	if err != nil || len(pictures) != 7 {
		t.Errorf("%d pictures, %v", len(pictures), err)
	}
	if again := imported(t, into, dir); len(again.Present) != 1 || len(again.Runs) != 0 {
		t.Errorf("again: %+v", again)
	}
}

// TestForeign: files of PyTorch's and TensorFlow's forms are read: numbers as tensors, pictures as tensors, several files.
func TestForeign(t *testing.T) {
	dir := t.TempDir()
	const script = `
import sys, io, numpy, struct, zlib
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.util import tensor_util
from tensorboard.plugins.scalar import metadata as scalars
from tensorboard.plugins.image import metadata as images
png = open(sys.argv[2], "rb").read()
w = EventFileWriter(sys.argv[1] + "/train")
def add(step, value):
    w.add_event(event_pb2.Event(wall_time=1700000000 + step, step=step, summary=summary_pb2.Summary(value=[value])))
for step in range(3):
    add(step, summary_pb2.Summary.Value(tag="val loss", tensor=tensor_util.make_tensor_proto(numpy.float32(step) / 2), metadata=scalars.create_summary_metadata("", "") if step == 0 else None))
    add(step, summary_pb2.Summary.Value(tag="double", tensor=tensor_util.make_tensor_proto(numpy.float64(0.1)), metadata=scalars.create_summary_metadata("", "")))
    add(step, summary_pb2.Summary.Value(tag="gen/fake", tensor=tensor_util.make_tensor_proto([b"8", b"8", png]), metadata=images.create_summary_metadata("", "", converted_to_tensor=False) if step == 0 else None))
w.close()`
	picture := filepath.Join(t.TempDir(), "p.png")
	if err := os.WriteFile(picture, trackertest.Picture(t, 1), 0o600); err != nil {
		t.Fatal(err)
	}
	pythontest.Run(t, script, dir, picture)
	store := openStore(t)
	done := imported(t, store, dir)
	if len(done.Runs) != 1 {
		t.Fatalf("%+v", done)
	}
	run, err := store.Run(t.Context(), done.Runs[0])
	if err != nil || run.Name != "train" || run.StartedAt.Unix() > 1700000000 && run.Final["double"] != 0.1 || run.Final["val_loss"] != 1 {
		t.Errorf("%+v, %v", run, err)
	}
	pictures, err := store.Pictures(t.Context(), run.ID, tracker.PictureQuery{})
	if err != nil || len(pictures) != 3 || pictures[0].Name != "gen/fake" || pictures[0].Role != tracker.RoleSnapshot {
		t.Errorf("%+v, %v", pictures, err)
	}
}

// TestCut: a file that is cut anywhere is read as far as it goes, and one whose bytes were flipped to where it is damaged.
func TestCut(t *testing.T) {
	store, dir := openStore(t), t.TempDir()
	run := paint(t, store, "cat")
	if err := tensorboard.Export(t.Context(), dir, store, []string{run.ID}); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*tfevents*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	whole, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		data []byte
		warn bool
	}{
		{"cut", whole[:len(whole)/2], false},
		{"flipped", append(append(bytes.Clone(whole[:len(whole)/2]), whole[len(whole)/2]^1), whole[len(whole)/2+1:]...), true},
	} {
		if err := os.WriteFile(files[0], c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		warned := false
		source, err := tensorboard.Open(t.Context(), dir, func(error) { warned = true })
		if err != nil || warned != c.warn {
			t.Fatal(c.name, err, warned)
		}
		done, err := tracker.Import(t.Context(), openStore(t), source, nil)
		if err != nil || len(done.Runs) != 1 {
			t.Errorf("%s: %+v, %v", c.name, done, err)
		}
	}
}

// TestHostile: event files whose tags or pictures would take more memory than there is are refused.
func TestHostile(t *testing.T) {
	text := func(m []byte, field protowire.Number, v []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(m, field, protowire.BytesType), v)
	}
	value := func(tag string, rest []byte) []byte { return text(nil, 1, append(text(nil, 1, []byte(tag)), rest...)) }
	sum := func(data []byte) uint32 {
		c := crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
		return (c>>15 | c<<17) + 0xa282ead8
	}
	var many []byte // tiny pictures
	for step := range 1_100_000 {
		many = append(many, value(fmt.Sprint(step%9), text(nil, 4, text(nil, 4, []byte{1})))...)
	}
	order := binary.LittleEndian
	for name, summary := range map[string][]byte{
		"tag":      value(strings.Repeat("x", 70<<20), protowire.AppendFixed32(protowire.AppendTag(nil, 2, protowire.Fixed32Type), 0)),
		"pictures": many,
	} {
		event := protowire.AppendFixed64(protowire.AppendTag(nil, 1, protowire.Fixed64Type), math.Float64bits(1e9))
		event = text(event, 5, summary)
		file := order.AppendUint64(nil, uint64(len(event)))
		file = order.AppendUint32(file, sum(file))
		file = order.AppendUint32(append(file, event...), sum(event))
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "events.out.tfevents.1.x"), file, 0o600); err != nil {
			t.Fatal(err)
		}
		source, err := tensorboard.Open(t.Context(), dir, func(error) {})
		if err == nil {
			var page *tracker.RunPage
			if page, err = source.Runs(t.Context(), tracker.RunQuery{}); err == nil {
				_, err = source.Pictures(t.Context(), page.Runs[0].ID, tracker.PictureQuery{})
			}
		}
		if tracker.ErrorCode(err) != tracker.CodeInvalid || !strings.Contains(err.Error(), "more than") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzOpen: no file makes reading panic, or take more memory than it has bytes.
func FuzzOpen(f *testing.F) {
	store, dir := openStore(f), f.TempDir()
	run := paint(f, store, "cat")
	if err := tensorboard.Export(f.Context(), dir, store, []string{run.ID}); err != nil {
		f.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*", "*tfevents*"))
	whole, err := os.ReadFile(files[0])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:100])
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "events.out.tfevents.1.x"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		source, err := tensorboard.Open(t.Context(), dir, func(error) {})
		if err != nil {
			return
		}
		page, err := source.Runs(t.Context(), tracker.RunQuery{})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Runs {
			_, _ = source.Curves(t.Context(), r.ID, tracker.CurveQuery{})
		}
	})
}
