package main

import (
	"errors"
	"fmt"
	"image/png"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/atomicfile"
	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/suggest"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib/mask"
	"github.com/gouache-art/gouache/stylelib/picture"
)

type maskFlags struct {
	selections []selection
	combine    string
	invert     bool
	feather    length
	background string
	out        string
	json       bool
	quiet      bool
}

// selection is a flag that selects a part of the photograph. Regions without chosen numbers are to
// be shown.
type selection struct {
	flag, text string
	sel        func(*picture.Picture) (*picture.Mask, error)
	regions    func(*picture.Picture) (*mask.Regions, error)
	numbers    []int
}

func newMask() *cobra.Command {
	var f maskFlags
	cmd := &cobra.Command{
		Use:   "mask FILE --out FILE.png [flags]",
		Short: "Make a mask of a photograph without drawing",
		Long: `Make a mask of a photograph: a grey picture that is white where something is selected and black
elsewhere. Masks say where a style is used (--style FILE@REGION) and where the photograph counts more
(--protect MASK) in gouache stylize.

Each of --luminance, --colour, --rectangle, --ellipse, --polygon, --kmeans, --superpixels and --mask
selects a part, and may be given several times. --combine says what becomes of several. Then --invert
and --feather work on the whole.

--kmeans and --superpixels divide the photograph into regions. Without numbers they write the photograph
with the regions' numbers on it. Look at it, and choose: --superpixels 100:3,17,20-25.

Lengths are pixels, or with a % parts of the photograph's width, or height.`,
		Example: `  gouache mask photo.jpg --superpixels 100 --out numbers.jpg
  gouache mask photo.jpg --superpixels 100:3,17,20-25 --feather 4 --out cat.png
  gouache mask photo.jpg --luminance 0.6..1 --rectangle 0,0,100%,50% \
    --combine intersection --out sky.png
  gouache mask photo.jpg --colour skyblue:0.15 --mask cat.png \
    --combine difference --out sky.png`,
		Args: exactly("a photograph: a FILE or sample:NAME"),
		RunE: func(cmd *cobra.Command, args []string) error { return runMask(cmd, filename.Expand(args[0]), &f) },
	}
	flags := cmd.Flags()
	add := func(name, usage string, parse func(text string) (selection, error)) {
		flags.Func(name, usage, func(text string) error {
			s, err := parse(text)
			if err != nil {
				return fmt.Errorf("%s is %q: %w", name, text, err)
			}
			s.flag, s.text = name, text
			f.selections = append(f.selections, s)
			return nil
		})
	}
	add("luminance", "select by luminance, `FROM..TO`: 0 is black and 1 white", parseLuminance)
	add("colour", "select what is near a colour, `COLOUR:TOLERANCE`: a name of CSS or six hexadecimal digits, and a distance in OKLab (default 0.1)", parseColour)
	add("rectangle", "select a rectangle, `LEFT,TOP,WIDTH,HEIGHT`", parseBox(mask.Rectangle))
	add("ellipse", "select the ellipse in a rectangle, `LEFT,TOP,WIDTH,HEIGHT`", parseBox(mask.Ellipse))
	add("polygon", "select a polygon with three corners or more, `X,Y,X,Y,X,Y...`", parsePolygon)
	add("kmeans", "divide the colours into `N` by k-means, and select :NUMBERS of them", parseRegions(mask.KMeans))
	add("superpixels", "divide the photograph into about `N` superpixels, and select :NUMBERS of them", parseRegions(mask.Superpixels))
	add("mask", "select what the mask in a `FILE` selects", parseMaskFile)
	flags.StringVar(&f.combine, "combine", "union", "`WAY` to combine several: union, intersection, or difference (the first without the others)")
	flags.BoolVar(&f.invert, "invert", false, "select what was not selected")
	flags.Func("feather", "soften the edges over a `LENGTH` to either side", func(text string) (err error) {
		if f.feather, err = parseLength(text); err == nil && f.feather.value < 0 {
			err = fmt.Errorf("%q is less than 0", text)
		}
		if err != nil {
			return fmt.Errorf("feather: %w", err)
		}
		return nil
	})
	flags.StringVar(&f.background, "background", "white", "`COLOUR` behind transparent parts of the photograph")
	flags.VarP((*path)(&f.out), "out", "o", "where the mask goes, a .png `FILE`, or - for standard output; numbered regions may go to a .jpg, too")
	flags.BoolVar(&f.json, "json", false, "print the result as JSON")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "print no messages")
	return cmd
}

// length is a number of pixels, or a part of a side.
type length struct {
	value   float64
	percent bool
}

func (l length) of(side int) float64 {
	if l.percent {
		return l.value / 100 * float64(side)
	}
	return l.value
}

func parseLength(text string) (length, error) {
	number, percent := strings.CutSuffix(text, "%")
	value, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsNaN(value) || math.Abs(value) > 1e6 {
		return length{}, fmt.Errorf("%q is no length: write pixels, such as 40, or a part of the side, such as 10%%", text)
	}
	return length{value, percent}, nil
}

// parseLengths reads lengths with commas between them.
func parseLengths(text string) ([]length, error) {
	var lengths []length
	for part := range strings.SplitSeq(text, ",") {
		l, err := parseLength(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		lengths = append(lengths, l)
	}
	return lengths, nil
}

func parseLuminance(text string) (s selection, err error) {
	bad := errors.New("it must be FROM..TO with numbers from 0 to 1, such as 0.6..1")
	first, last, ok := strings.Cut(text, "..")
	from, err1 := strconv.ParseFloat(first, 64)
	to, err2 := strconv.ParseFloat(last, 64)
	if !ok || err1 != nil || err2 != nil || !(0 <= from && from <= to && to <= 1) {
		return s, bad
	}
	s.sel = func(p *picture.Picture) (*picture.Mask, error) { return mask.Luminance(p, from, to), nil }
	return s, nil
}

func parseColour(text string) (s selection, err error) {
	const usual = 0.1
	name, given, ok := strings.Cut(text, ":")
	tolerance := usual
	if ok {
		if tolerance, err = strconv.ParseFloat(given, 64); err != nil || !(tolerance >= 0 && tolerance <= 1) {
			return s, errors.New("the tolerance must be a number from 0 to 1, such as 0.1")
		}
	}
	colour, err := picture.ParseColour(name)
	s.sel = func(p *picture.Picture) (*picture.Mask, error) { return mask.Colour(p, colour, tolerance), nil }
	return s, err
}

func parseBox(shape func(width, height int, x, y, w, h float64) (*picture.Mask, error)) func(string) (selection, error) {
	return func(text string) (s selection, err error) {
		l, err := parseLengths(text)
		switch {
		case err != nil:
			return s, err
		case len(l) != 4 || !(l[2].value > 0 && l[3].value > 0):
			return s, errors.New("it must be LEFT,TOP,WIDTH,HEIGHT with a width and a height above 0")
		}
		s.sel = func(p *picture.Picture) (*picture.Mask, error) {
			return shape(p.Width, p.Height, l[0].of(p.Width), l[1].of(p.Height), l[2].of(p.Width), l[3].of(p.Height))
		}
		return s, nil
	}
}

func parsePolygon(text string) (s selection, err error) {
	l, err := parseLengths(text)
	switch {
	case err != nil:
		return s, err
	case len(l)%2 != 0 || len(l) < 6:
		return s, fmt.Errorf("it has %s: it must be X,Y,X,Y,X,Y with three corners or more", format.Count(len(l), "number", "numbers"))
	}
	s.sel = func(p *picture.Picture) (*picture.Mask, error) {
		var corners []mask.Point
		for i := 0; i < len(l); i += 2 {
			corners = append(corners, mask.Point{X: l[i].of(p.Width), Y: l[i+1].of(p.Height)})
		}
		return mask.Polygon(p.Width, p.Height, corners...)
	}
	return s, nil
}

// parseRegions reads N, or N:NUMBERS with ranges, as in 100:3,17,20-25.
func parseRegions(divide func(*picture.Picture, int) (*mask.Regions, error)) func(string) (selection, error) {
	return func(text string) (s selection, err error) {
		count, chosen, ok := strings.Cut(text, ":")
		n, err := strconv.Atoi(count)
		if err != nil {
			return s, errors.New("it must begin with a whole number, such as 5, or 5:1,3 to select two of them")
		}
		if ok {
			if s.numbers, err = parseNumbers(chosen); err != nil {
				return s, err
			}
		}
		s.regions = func(p *picture.Picture) (*mask.Regions, error) { return divide(p, n) }
		return s, nil
	}
}

func parseNumbers(text string) (numbers []int, err error) {
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		from, err := strconv.Atoi(first)
		to := from
		if err == nil && isRange {
			to, err = strconv.Atoi(last)
		}
		if err != nil || from < 1 || to < from || to > mask.MaxSuperpixels*2 {
			return nil, fmt.Errorf("%q is no region: write numbers and ranges, such as 3,17,20-25", part)
		}
		for n := from; n <= to; n++ {
			numbers = append(numbers, n)
		}
	}
	return numbers, nil
}

func parseMaskFile(text string) (s selection, err error) {
	name := filename.Expand(text)
	s.sel = func(p *picture.Picture) (*picture.Mask, error) {
		m, err := picture.LoadMask(name)
		if err != nil {
			return nil, err
		}
		if err := m.Check(p); err != nil {
			return nil, fmt.Errorf("%s %w", name, err)
		}
		return m.Resize(p.Width, p.Height), nil
	}
	return s, nil
}

func runMask(cmd *cobra.Command, photo string, f *maskFlags) error {
	ways := map[string]func(...*picture.Mask) (*picture.Mask, error){
		"union": mask.Union, "intersection": mask.Intersection, "difference": mask.Difference,
	}
	combine, ok := ways[f.combine]
	if !ok {
		return usage(fmt.Errorf("--combine: %w", suggest.Unknown("way", f.combine, []string{"union", "intersection", "difference"})))
	}
	if err := require(cmd, "out"); err != nil {
		return err
	}
	shown, err := f.shown()
	if err != nil {
		return usage(err)
	}
	background, err := picture.ParseColour(f.background)
	if err != nil {
		return usage(fmt.Errorf("--background: %w", err))
	}
	if err := f.checkOut(shown != nil); err != nil {
		return err
	}
	p, err := picture.LoadContext(cmd.Context(), photo)
	if err != nil {
		return err
	}
	if p.Warning != nil {
		terminal.Fprintf(messages(cmd, f.quiet), "warning: %v\n", p.Warning)
	}
	p = p.On(background)
	if shown != nil {
		return f.showRegions(cmd, p, shown)
	}
	var masks []*picture.Mask
	for _, s := range f.selections {
		m, err := s.mask(p)
		if err != nil {
			return fmt.Errorf("--%s %s: %w", s.flag, s.text, err)
		}
		masks = append(masks, m)
	}
	m, err := combine(masks...)
	if err != nil {
		return err
	}
	if f.invert {
		mask.Invert(m)
	}
	mask.Feather(m, f.feather.of(max(p.Width, p.Height)))
	if m.Mean() == 0 {
		return errors.New("nothing is selected: the mask would be black everywhere")
	}
	return f.save(cmd, m)
}

// mask selects what the flag selects.
func (s *selection) mask(p *picture.Picture) (*picture.Mask, error) {
	if s.regions == nil {
		return s.sel(p)
	}
	regions, err := s.regions(p)
	if err != nil {
		return nil, err
	}
	return regions.Mask(s.numbers...)
}

// shown returns the regions that are to be shown with their numbers, or nil.
func (f *maskFlags) shown() (*selection, error) {
	if len(f.selections) == 0 {
		return nil, errors.New("nothing says what to select: give --luminance, --colour, --rectangle, --ellipse, --polygon, --kmeans, --superpixels or --mask")
	}
	for i, s := range f.selections {
		switch {
		case s.regions == nil || s.numbers != nil:
			continue
		case len(f.selections) > 1:
			return nil, fmt.Errorf("--%s %s chooses no regions: add their numbers, as in %s:1,2, or give it alone to see them", s.flag, s.text, s.text)
		}
		return &f.selections[i], nil
	}
	return nil, nil
}

func (f *maskFlags) checkOut(shown bool) error {
	if err := checkStdout(f.out, f.json); err != nil {
		return err
	}
	check := func(path string) error { return checkOutput(path, ".png") }
	if shown {
		check = picture.CheckOutput
	}
	if err := check(f.out); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	return nil
}

// maskReport is what `mask --json` prints.
type maskReport struct {
	Out    string  `json:"out"`
	Width  int     `json:"width"`
	Height int     `json:"height"`
	Share  float64 `json:"share,omitempty"`   // the mask's mean, 0 to 1
	Shown  int     `json:"regions,omitempty"` // how many regions there are to choose from
}

func (f *maskFlags) showRegions(cmd *cobra.Command, p *picture.Picture, s *selection) error {
	regions, err := s.regions(p)
	if err != nil {
		return usage(fmt.Errorf("--%s: %w", s.flag, err))
	}
	drawn, err := regions.Draw(p)
	if err != nil {
		return err
	}
	if err := drawn.Save(f.out); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	terminal.Fprintf(messages(cmd, f.quiet), "%s: look at their numbers, and choose with --%s %s:NUMBERS\n",
		format.Count(regions.Count, "region", "regions"), s.flag, s.text)
	return showOut(cmd, f.json, maskReport{Out: f.out, Width: p.Width, Height: p.Height, Shown: regions.Count}, f.out)
}

// save writes the mask as a grey PNG of 8 bits.
func (f *maskFlags) save(cmd *cobra.Command, m *picture.Mask) error {
	if err := atomicfile.Write(f.out, func(w io.Writer) error { return png.Encode(w, m.Image()) }); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	return showOut(cmd, f.json, maskReport{Out: f.out, Width: m.Width, Height: m.Height, Share: m.Mean()}, f.out)
}
