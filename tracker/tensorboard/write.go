package tensorboard

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path"
	"slices"
	"time"

	"github.com/gouache-art/gouache/internal/atomicfile"
	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/export"
)

// Export writes runs below a folder, which it creates if necessary: a folder for each run, named NAME-ID, with one event
// file. Existing files of these names are replaced, others stay. Each metric is a scalar of single precision, as
// TensorBoard has them. Pictures have their role as tag. Parameters are hyperparameters, so that the page HParams
// compares the runs. Each point has the time that [export.Clock] gives it.
//
// TensorBoard shows ten pictures of a tag unless it is started with --samples_per_plugin images=100.
func Export(ctx context.Context, dir string, reader tracker.Reader, ids []string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return unwritten(err)
	}
	root, err := os.OpenRoot(dir) // no name in a store made elsewhere may lead out of the folder
	if err != nil {
		return unwritten(err)
	}
	defer root.Close()
	return export.Each(ctx, reader, ids, func(run *tracker.Run, pictures []tracker.Picture) error {
		folder := export.Folder(run)
		if err := root.MkdirAll(folder, 0o755); err != nil {
			return unwritten(err)
		}
		// The name is the same at each export, so that a later one replaces it.
		name := fmt.Sprintf("events.out.tfevents.%010d.gouache", run.StartedAt.Unix())
		var failed error // of the store
		err := atomicfile.WriteIn(root, path.Join(folder, name), func(w io.Writer) error {
			buffered := bufio.NewWriter(w)
			out := &writer{w: buffered}
			if failed = out.run(ctx, reader, run, pictures); failed != nil {
				return failed
			}
			return buffered.Flush()
		})
		if failed == nil && err != nil {
			return unwritten(err)
		}
		return failed
	})
}

func unwritten(err error) error {
	return tracker.Errorf(tracker.CodeUnavailable, "the event files cannot be written: %w", err)
}

// writer writes records. It keeps its first error, which the buffer below it returns too.
type writer struct{ w *bufio.Writer }

func (w *writer) run(ctx context.Context, reader tracker.Reader, run *tracker.Run, pictures []tracker.Picture) error {
	at, err := export.Clock(ctx, reader, run)
	if err != nil {
		return err
	}
	w.record(message{}.fixed64(eventWallTime, seconds(run.StartedAt)).text(eventFileVersion, version))
	w.value(run.StartedAt, 0, hparams(tagSessionStart, message{}.bytes(hparamsStart, sessionStart(run))))
	err = export.EachCurve(ctx, reader, run, 0, func(c *tracker.Curve) error {
		for _, p := range c.Points {
			w.value(at(p.Step), p.Step, message{}.text(valueTag, c.Name).fixed32(valueSimple, math.Float32bits(float32(p.Value))))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range pictures {
		p := &pictures[i]
		data, err := export.Shown(ctx, reader, p)
		if err != nil {
			return err
		}
		picture := message{}.number(imageHeight, int64(p.Height)).number(imageWidth, int64(p.Width)).
			number(imageColorspace, colorspaceRGB).bytes(imageData, data)
		w.value(p.At, p.Step, message{}.text(valueTag, p.Role).bytes(valueImage, picture))
	}
	status := map[tracker.Status]int64{tracker.StatusFinished: statusSuccess, tracker.StatusFailed: statusFailure, tracker.StatusInterrupted: statusFailure}[run.Status]
	if status == 0 {
		return nil // it may become any
	}
	end := message{}.number(endStatus, status).fixed64(endTime, seconds(run.EndedAt))
	w.value(run.EndedAt, 0, hparams(tagSessionEnd, message{}.bytes(hparamsEnd, end)))
	return nil
}

// sessionStart returns the SessionStartInfo of a run.
func sessionStart(run *tracker.Run) message {
	var start message
	for _, name := range slices.Sorted(maps.Keys(run.Params)) {
		var value message
		switch v := run.Params[name].(type) {
		case bool:
			bit := int64(0)
			if v {
				bit = 1
			}
			value = value.number(jsonBool, bit)
		case int64:
			value = value.fixed64(jsonNumber, math.Float64bits(float64(v)))
		case float64:
			value = value.fixed64(jsonNumber, math.Float64bits(v))
		default:
			value = value.text(jsonText, format.Value(v))
		}
		start = start.bytes(startHParams, message{}.text(mapKey, name).bytes(mapValue, value))
	}
	return start.text(startGroup, run.ID).fixed64(startTime, seconds(run.StartedAt))
}

// hparams returns a value whose metadata are data of the plugin hparams.
func hparams(tag string, data message) message {
	plugin := message{}.text(pluginName, pluginHParams).bytes(pluginBytes, data)
	return message{}.text(valueTag, tag).bytes(valueMetadata, message{}.bytes(metadataPlugin, plugin))
}

func seconds(t time.Time) uint64 { return math.Float64bits(float64(t.UnixMicro()) / 1e6) }

// value writes an event with one value of a summary.
func (w *writer) value(at time.Time, step int64, value message) {
	w.record(message{}.fixed64(eventWallTime, seconds(at)).number(eventStep, step).
		bytes(eventSummary, message{}.bytes(summaryValue, value)))
}

func (w *writer) record(data message) {
	var head [12]byte
	binary.LittleEndian.PutUint64(head[:8], uint64(len(data)))
	binary.LittleEndian.PutUint32(head[8:], checksum(head[:8]))
	var foot [4]byte
	binary.LittleEndian.PutUint32(foot[:], checksum(data))
	w.w.Write(head[:]) // Flush returns the errors
	w.w.Write(data)
	w.w.Write(foot[:])
}
