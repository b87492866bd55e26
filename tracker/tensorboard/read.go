package tensorboard

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/foreign"
)

// inName is part of the name of each event file.
const inName = "tfevents"

// Has reports whether there is an event file in a folder or below it. A folder that cannot be read has none.
func Has(dir string) bool {
	found := errors.New("found")
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, _ error) error {
		if e != nil && !e.IsDir() && strings.Contains(e.Name(), inName) {
			return found
		}
		return nil
	})
	return err == found
}

// Open returns the runs below a folder: each folder with event files is one, in the experiment that has the name of the
// outermost folder. A run's name is the path of its folder. Scalars are its metrics, pictures are snapshots whose name is
// their tag, or have the tag as role if it is one of Gouache's, and hyperparameters are its parameters. A file that is
// cut, as one that is being written, is read as far as it goes. warn is called for what is left out.
func Open(ctx context.Context, dir string, warn func(error)) (*foreign.Source, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	folders := map[string][]string{} // files of each folder, as paths below dir
	err = filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.Type().IsRegular() && strings.Contains(e.Name(), inName) {
			below, err := filepath.Rel(dir, name)
			if err != nil {
				return err
			}
			folder := path.Dir(filepath.ToSlash(below))
			folders[folder] = append(folders[folder], name)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var runs []foreign.Run
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		files := folders[folder]
		slices.Sort(files) // by the time in their names
		log, err := read(ctx, files, false)
		if err != nil {
			return nil, err
		}
		if log.first == 0 {
			warn(fmt.Errorf("%s has no events", files[0]))
			continue
		}
		if log.damaged != nil {
			warn(log.damaged)
		}
		runs = append(runs, log.foreign(dir, folder, files))
	}
	return foreign.NewSource(runs, nil, warn), nil
}

// foreign returns the run of a log.
func (l *log) foreign(dir, folder string, files []string) foreign.Run {
	name := folder
	if folder == "." {
		name = filepath.Base(dir)
	}
	record := tracker.Run{
		Name: name, Experiment: filepath.Base(dir), Status: l.status, Params: l.params,
		StartedAt: clock(l.first), SeenAt: clock(l.last),
		Provenance: tracker.Provenance{Version: "TensorBoard", Dir: filepath.Join(dir, filepath.FromSlash(folder))},
	}
	return foreign.Run{
		// The name of a file has the host and the time, so that a run is known again in another folder.
		Origin: fmt.Sprintf("tensorboard %s %s %v", name, filepath.Base(files[0]), l.first),
		Record: record,
		Read: func(ctx context.Context) (*foreign.Content, error) {
			whole, err := read(ctx, files, true)
			if err != nil {
				return nil, err
			}
			content := &whole.content
			for _, tag := range slices.Sorted(maps.Keys(whole.series)) {
				content.Series = append(content.Series, tracker.Series{Name: tag, Points: whole.series[tag]})
			}
			return content, nil
		},
	}
}

// clock returns the time of a number of seconds since 1970.
func clock(seconds float64) time.Time { return time.UnixMicro(int64(seconds * 1e6)).UTC() }

// log is what a folder's event files say.
type log struct {
	whole       bool    // keep points and pictures
	first, last float64 // seconds since 1970 of the first and the latest event; 0 without one
	status      tracker.Status
	params      tracker.Params
	plugins     map[string]string // by tag: only a tag's first value names its plugin
	series      map[string][]tracker.Point
	content     foreign.Content // the pictures
	texts       int             // bytes of tags and parameters, with what they take besides
	damaged     error           // why a file was not read to its end
}

// Bounds on what is read, in bytes. A file may have holes, so that it costs nothing to make it long.
const (
	maxEvent = 256 << 20
	maxTexts = 64 << 20 // of a run's tags and parameters
	perText  = 100      // what each takes besides its bytes
)

// text counts a tag, or a parameter's name or value, that is kept.
func (l *log) text(bytes []byte) error {
	if l.texts += len(bytes) + perText; l.texts > maxTexts {
		return tracker.Errorf(tracker.CodeInvalid, "its tags and parameters have more than %d bytes", maxTexts)
	}
	return nil
}

// read reads event files in their order.
func read(ctx context.Context, files []string, whole bool) (*log, error) {
	l := &log{whole: whole, status: tracker.StatusFinished, params: tracker.Params{}, plugins: map[string]string{}, series: map[string][]tracker.Point{}}
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		err = l.file(ctx, bufio.NewReaderSize(file, 1<<20))
		file.Close()
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case tracker.ErrorCode(err) == tracker.CodeInvalid:
			return nil, tracker.Errorf(tracker.CodeInvalid, "%s: %w", name, err)
		case err != nil && !errors.Is(err, io.ErrUnexpectedEOF): // it may be being written
			l.damaged = fmt.Errorf("%s is read up to where it is damaged: %w", name, err)
		}
	}
	return l, nil
}

// file reads one file. An error of CodeInvalid is about all of it, any other about what follows.
func (l *log) file(ctx context.Context, r io.Reader) error {
	for ctx.Err() == nil {
		data, err := record(r)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := l.event(data); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// record reads one record. A length is not believed before its data are there.
func record(r io.Reader) (message, error) {
	var head [12]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	if checksum(head[:8]) != binary.LittleEndian.Uint32(head[8:]) {
		return nil, errors.New("the checksum of a length is wrong")
	}
	length := binary.LittleEndian.Uint64(head[:8])
	if length > maxEvent {
		return nil, fmt.Errorf("an event has %d bytes: at most %d are read", length, maxEvent)
	}
	var data bytes.Buffer
	if _, err := io.CopyN(&data, r, int64(length)); err != nil {
		return nil, unexpected(err)
	}
	var foot [4]byte
	if _, err := io.ReadFull(r, foot[:]); err != nil {
		return nil, unexpected(err)
	}
	if checksum(data.Bytes()) != binary.LittleEndian.Uint32(foot[:]) {
		return nil, errors.New("the checksum of an event is wrong")
	}
	return data.Bytes(), nil
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (l *log) event(data message) error {
	var wall float64
	var step int64
	err := data.each(func(f field) error {
		switch f.number {
		case eventWallTime:
			wall = math.Float64frombits(f.bits)
		case eventStep:
			step = int64(f.bits)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if latest := float64(time.Now().Add(24 * time.Hour).Unix()); !(wall > 0 && wall < latest) {
		return fmt.Errorf("an event has the time %v", wall)
	}
	if l.first == 0 {
		l.first = wall
	}
	l.last = max(l.last, wall)
	return data.each(func(f field) error {
		if f.number != eventSummary {
			return nil
		}
		return f.data.each(func(f field) error {
			if f.number != summaryValue {
				return nil
			}
			return l.value(wall, step, f.data)
		})
	})
}

// value takes one value of a summary.
func (l *log) value(wall float64, step int64, value message) error {
	var tag string
	var image, tensor, plugin message
	var scalar *float64
	err := value.each(func(f field) error {
		switch f.number {
		case valueTag:
			tag = string(f.data)
		case valueSimple:
			v := float64(math.Float32frombits(uint32(f.bits)))
			scalar = &v
		case valueImage:
			image = f.data
		case valueTensor:
			tensor = f.data
		case valueMetadata:
			return f.data.each(func(f field) error {
				if f.number == metadataPlugin {
					plugin = f.data
				}
				return nil
			})
		}
		return nil
	})
	if err != nil {
		return err
	}
	var name string
	var data message
	err = plugin.each(func(f field) error {
		switch f.number {
		case pluginName:
			name = string(f.data)
		case pluginBytes:
			data = f.data
		}
		return nil
	})
	if err != nil {
		return err
	}
	if _, known := l.plugins[tag]; !known {
		if err := cmp.Or(l.text([]byte(tag)), l.text([]byte(name))); err != nil {
			return err
		}
		l.plugins[tag] = name
	}
	switch kind := l.plugins[tag]; {
	case scalar != nil:
		l.point(tag, step, *scalar)
	case image != nil:
		return image.each(func(f field) error {
			if f.number == imageData {
				return l.picture(tag, step, wall, f.data)
			}
			return nil
		})
	case kind == pluginHParams:
		return l.hparams(data)
	case tensor != nil && (kind == pluginScalars || kind == pluginImages):
		return l.tensor(kind, tag, step, wall, tensor)
	}
	return nil
}

func (l *log) point(tag string, step int64, v float64) {
	if l.whole {
		l.series[tag] = append(l.series[tag], tracker.Point{Step: step, Value: v})
	}
}

func (l *log) picture(tag string, step int64, wall float64, data []byte) error {
	if !l.whole || step < 0 {
		return nil
	}
	return l.content.Add(foreign.PictureOf(tag, step, clock(wall), bytes.Clone(data))) // the event may be much larger
}

// tensor takes a scalar as a tensor of one number, and pictures as one of strings: width, height and the pictures.
func (l *log) tensor(kind, tag string, step int64, wall float64, tensor message) error {
	var dtype uint64
	var content message
	var number *float64
	var texts []message
	set := func(v float64) { number = &v }
	err := tensor.each(func(f field) error {
		switch f.number {
		case tensorType:
			dtype = f.bits
		case tensorContent:
			content = f.data
		case tensorText:
			texts = append(texts, f.data)
		case tensorFloat: // packed, or one by one
			if bits, n := protowire.ConsumeFixed32(f.data); n > 0 {
				set(float64(math.Float32frombits(bits)))
			} else {
				set(float64(math.Float32frombits(uint32(f.bits))))
			}
		case tensorDouble:
			if bits, n := protowire.ConsumeFixed64(f.data); n > 0 {
				set(math.Float64frombits(bits))
			} else {
				set(math.Float64frombits(f.bits))
			}
		case tensorInt, tensorLong:
			if bits, n := protowire.ConsumeVarint(f.data); n > 0 {
				set(float64(int64(bits)))
			} else {
				set(float64(int64(f.bits)))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if kind == pluginImages {
		for _, data := range texts[min(2, len(texts)):] {
			if err := l.picture(tag, step, wall, data); err != nil {
				return err
			}
		}
		return nil
	}
	order := binary.LittleEndian
	switch {
	case number != nil:
	case dtype == typeFloat && len(content) >= 4:
		set(float64(math.Float32frombits(order.Uint32(content))))
	case dtype == typeDouble && len(content) >= 8:
		set(math.Float64frombits(order.Uint64(content)))
	case dtype == typeInt && len(content) >= 4:
		set(float64(int32(order.Uint32(content))))
	case dtype == typeLong && len(content) >= 8:
		set(float64(int64(order.Uint64(content))))
	default:
		return nil
	}
	l.point(tag, step, *number)
	return nil
}

// hparams takes what the plugin hparams keeps: the parameters, and how the run ended.
func (l *log) hparams(data message) error {
	return data.each(func(f field) error {
		switch f.number {
		case hparamsStart:
			return f.data.each(func(f field) error {
				if f.number == startHParams {
					return l.param(f.data)
				}
				return nil
			})
		case hparamsEnd:
			return f.data.each(func(f field) error {
				if f.number == endStatus {
					switch f.bits {
					case statusFailure:
						l.status = tracker.StatusFailed
					case statusRunning:
						l.status = tracker.StatusRunning
					default:
						l.status = tracker.StatusFinished
					}
				}
				return nil
			})
		}
		return nil
	})
}

// param takes one entry of a map to google.protobuf.Value.
func (l *log) param(entry message) error {
	var name string
	var value any
	err := entry.each(func(f field) error {
		switch f.number {
		case mapKey:
			name = string(f.data)
		case mapValue:
			return f.data.each(func(f field) error {
				switch f.number {
				case jsonNumber:
					v := math.Float64frombits(f.bits)
					if value = v; v == math.Trunc(v) && math.Abs(v) < 1<<53 {
						value = int64(v)
					}
				case jsonText:
					value = string(f.data)
					return l.text(f.data)
				case jsonBool:
					value = f.bits != 0
				}
				return nil
			})
		}
		return nil
	})
	if err == nil && value != nil {
		err = l.text([]byte(name))
		l.params[name] = value
	}
	return err
}
