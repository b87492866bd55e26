package live

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	gosync "sync"

	"github.com/gouache-art/gouache/internal/colour"
	"github.com/gouache-art/gouache/internal/fetch"
	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/internal/interrupt"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/stores"
)

// cell is what this process, which is a cell, has opened.
var cell = &session{}

// session opens a store and a studio when they are first needed. They stay open until the process ends.
type session struct {
	mu     gosync.Mutex
	store  tracker.Store
	studio *stylelib.Studio
	told   narrator // of the studio's preparations; may be nil

	files map[any]tracker.NewPicture // of pictures and masks that were loaded
}

// narrator shows what takes a while before something is painted.
type narrator interface {
	transfer(fetch.Progress)
	measuring(done, total int)
}

// Context returns a context that ends when the kernel is interrupted or its server stops. A second interrupt ends the
// cell at once, and GoNB kills it five seconds after the first. The functions of this package end with it.
func Context() context.Context { return interrupted() }

var interrupted = gosync.OnceValue(func() context.Context {
	ctx, _ := interrupt.Context(context.Background()) // until the cell's process ends
	return ctx
})

// Store returns the store of the cell, for functions of other packages: that of UseStore, or the one where gouache
// stylize records, which is $GOUACHE_STORE, or gouache in the XDG data folder. The latter is opened, and created if it
// does not exist, when the cell first needs it. It needs no closing: a write has reached the disk when its call returns.
func Store() tracker.Store { return Must(cell.openStore()) }

func (c *session) openStore() (tracker.Store, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.store != nil {
		return c.store, nil
	}
	place, err := stores.Place("")
	if err != nil {
		return nil, err
	}
	c.store, err = stores.Open(Context(), place, stores.Options{})
	return c.store, err
}

// UseStore has the cell use another store, which the caller closes.
func UseStore(store tracker.Store) {
	cell.mu.Lock()
	defer cell.mu.Unlock()
	cell.store = store
}

// Studio returns the studio of the cell, for functions of other packages: that of UseStudio, or the best available
// weights on the device that $GOMLX_BACKEND names, or else the best. These are opened, and installed and fetched if they
// are missing, when the cell first needs them.
// They are the process's, and end with it.
func Studio() *stylelib.Studio { return Must(cell.openStudio(nil)) }

func (c *session) openStudio(told narrator) (*stylelib.Studio, error) {
	c.mu.Lock()
	c.told = told
	defer c.mu.Unlock()
	if c.studio != nil {
		return c.studio, nil
	}
	device, err := backend.DeviceOfGoMLX()
	if err != nil {
		return nil, fmt.Errorf("%w; unset it and restart the kernel", err)
	}
	options := stylelib.OpenOptions{Device: device, Options: stylelib.Options{Tune: true, Measuring: c.measuring}}
	if told != nil {
		options.Progress = told.transfer
	}
	studio, err := stylelib.Open(Context(), options)
	if err == nil {
		c.studio = studio
	}
	return studio, err
}

// measuring tells of the measuring for whatever is painted now.
func (c *session) measuring(done, total int) {
	c.mu.Lock()
	told := c.told
	c.mu.Unlock()
	if told != nil {
		told.measuring(done, total)
	}
}

// UseStudio has the cell use another studio, for example one of another device or of other weights, which the caller
// closes.
func UseStudio(studio *stylelib.Studio) {
	cell.mu.Lock()
	defer cell.mu.Unlock()
	cell.studio = studio
}

// Must returns the value of a call. If the call failed, it ends the cell with the error's sentence; a panic would add a
// page of goroutines.
func Must[T any](value T, err error) T {
	Check(err)
	return value
}

// Check ends the cell with the error's sentence if there is an error.
func Check(err error) {
	if err != nil {
		fail(err)
	}
}

// fail ends the cell. Tests replace it.
var fail = func(err error) {
	sync()
	terminal.Fprintf(os.Stderr, "%v\n", err)
	os.Exit(1)
}

// Load loads a picture from a file, or a sample such as sample:chelsea. A run that is painted from it keeps the file.
func Load(name string) *picture.Picture { return Must(cell.load(name)) }

func (c *session) load(name string) (*picture.Picture, error) {
	data, err := picture.ReadFile(name)
	if err != nil {
		return nil, err
	}
	p, err := picture.Decode(Context(), name, data)
	if err == nil {
		c.keep(p, tracker.NewPicture{Name: filepath.Base(name), Source: name, Data: data})
	}
	return p, err
}

// LoadMask loads a mask from a file, as picture.LoadMask does. A run that is painted with it keeps the file.
func LoadMask(name string) *picture.Mask { return Must(cell.loadMask(name)) }

func (c *session) loadMask(name string) (*picture.Mask, error) {
	p, err := c.load(name)
	if err != nil {
		return nil, err
	}
	m := p.Mask()
	c.keep(m, c.file(p))
	return m, nil
}

// Styles loads the paintings of a job, each named as for gouache stylize: FILE, FILE:WEIGHT, FILE@REGION or
// FILE@REGION@PART, where a FILE may be a sample.
func Styles(names ...string) []stylelib.Style {
	var styles []stylelib.Style
	for _, text := range names {
		s := Must(filename.ParseStyle("", text))
		style := stylelib.Style{Picture: Load(s.File), Weight: s.Weight}
		if s.Region != "" {
			style.Region = LoadMask(s.Region)
		}
		if s.Part != "" {
			style.Part = LoadMask(s.Part)
		}
		styles = append(styles, style)
	}
	return styles
}

// keep remembers the file that a *picture.Picture or a *picture.Mask was made of.
func (c *session) keep(of any, file tracker.NewPicture) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.files == nil {
		c.files = map[any]tracker.NewPicture{}
	}
	c.files[of] = file
}

// file returns the file of a *picture.Picture or a *picture.Mask. It has no data if there is none.
func (c *session) file(of any) tracker.NewPicture {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.files[of]
}

// record adds the files of a job's pictures to what is recorded of its run. What came from no file becomes one, a PNG with
// eight bits a channel, and the job is painted from that, so that the record is of what is painted.
func (c *session) record(job *stylelib.Job, n *tracker.NewRun) error {
	job.Styles = slices.Clone(job.Styles)
	var errs []error
	add := func(step int, role string, p **picture.Picture) {
		if *p == nil {
			return
		}
		file := c.file(*p)
		if file.Data == nil {
			var err error
			file, *p, err = asFile(role, (*p).Image())
			errs = append(errs, err)
		}
		n.AddInputOf(int64(step), role, file.Name, file.Source, file.Data)
	}
	addMask := func(step int, role string, m **picture.Mask) {
		if *m == nil {
			return
		}
		file := c.file(*m)
		if file.Data == nil {
			var p *picture.Picture
			var err error
			if file, p, err = asFile(role, (*m).Image()); err == nil {
				*m = p.Mask()
			}
			errs = append(errs, err)
		}
		n.AddInputOf(int64(step), role, file.Name, file.Source, file.Data)
	}
	add(0, tracker.RoleContent, &job.Content)
	for i := range job.Styles {
		s := &job.Styles[i]
		add(i, tracker.RoleStyle, &s.Picture)
		addMask(i, tracker.RoleRegion, &s.Region)
		addMask(i, tracker.RolePart, &s.Part)
	}
	add(0, tracker.RoleInit, &job.Start)
	add(0, tracker.RoleStrokes, &job.StrokesOf)
	addMask(0, tracker.RoleProtect, &job.Protect)
	return errors.Join(errs...)
}

// asFile makes a file of an image, and reads it.
func asFile(role string, m image.Image) (tracker.NewPicture, *picture.Picture, error) {
	var data bytes.Buffer
	file := tracker.NewPicture{Name: role + ".png"}
	if err := png.Encode(colour.SRGB.Tag(&data, "png"), m); err != nil {
		return file, nil, fmt.Errorf("the %s picture cannot be recorded: %w", role, err)
	}
	file.Data = data.Bytes()
	p, err := picture.Decode(Context(), file.Name, file.Data)
	return file, p, err
}
