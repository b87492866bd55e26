package export

import (
	"archive/zip"
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"io"
	"math"
	"slices"
	"testing"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

func TestZip(t *testing.T) {
	db, _ := openStore(t)
	ids := fill(t, db)
	var b bytes.Buffer
	if err := Zip(t.Context(), &b, db, ids); err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range archive.File {
		names = append(names, f.Name)
	}
	want := []string{"content-style-60.png", "_script_alert__1____script___--___amp__--___.png", "running-step-1.png"} // one has no picture
	if !slices.Equal(names, want) {
		t.Errorf("it has %q, want %q", names, want)
	}
	file, err := archive.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(file); err != nil || !bytes.Equal(data, trackertest.Picture(t, 3)) {
		t.Errorf("the result has other bytes (%v)", err)
	}
}

func TestFileName(t *testing.T) {
	inputs := []tracker.Picture{{Role: tracker.RoleContent, Name: "my cat.jpg"}, {Role: tracker.RoleStyle, Name: "../../étude.png"}, {Role: tracker.RoleStyle, Name: "b.png"}}
	result := &tracker.Picture{Role: tracker.RoleResult, Format: "png"}
	for _, c := range []struct {
		run    tracker.Run
		inputs []tracker.Picture
		p      *tracker.Picture
		want   string
	}{
		{tracker.Run{Params: tracker.Params{"style_weight": 3.0}}, inputs, result, "my_cat-étude-3.png"},
		{tracker.Run{Params: tracker.Params{"style_weight": 0.25}, Trial: 0}, inputs, result, "my_cat-étude-0.25.png"},
		{tracker.Run{Params: tracker.Params{"style_weight": "a/b"}}, inputs, result, "my_cat-étude-a_b.png"},
		{tracker.Run{Params: tracker.Params{"style_weight": 3.0}, Sweep: "s", Trial: 7}, inputs, result, "my_cat-étude-7.png"},
		{tracker.Run{Params: tracker.Params{"style_weight": int64(3)}}, []tracker.Picture{{Role: tracker.RoleContent, Name: "sample:chelsea"}, {Role: tracker.RoleStyle, Name: "sample:swirl"}}, result, "chelsea-swirl-3.png"},
		{tracker.Run{}, inputs, &tracker.Picture{Role: tracker.RoleSnapshot, Step: 40, Format: "jpeg"}, "my_cat-étude-step-40.jpeg"},
		{tracker.Run{Name: "../etc/passwd"}, inputs[1:], &tracker.Picture{Role: tracker.RoleResult, Format: "exe"}, "___etc_passwd"},
	} {
		if got := FileName(&c.run, c.inputs, c.p); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// TestGIF: a picture that grows and becomes red is one animation of one size, the last picture the longest.
func TestGIF(t *testing.T) {
	db, _ := openStore(t)
	plain := func(side int, red uint8) []byte {
		m := image.NewRGBA(image.Rect(0, 0, 2*side, side))
		for i := range m.Pix {
			m.Pix[i] = []uint8{red, 30, 30, 255}[i%4]
		}
		return encodePNG(t, m)
	}
	m := made{outcome: tracker.Outcome{Status: tracker.StatusFinished}}
	for step := range 60 {
		m.pictures = append(m.pictures, tracker.NewPicture{Role: tracker.RoleSnapshot, Step: int64(step), Data: plain(10+step, uint8(4*step))})
	}
	m.pictures = append(m.pictures, tracker.NewPicture{Role: tracker.RoleResult, Step: 60, Data: plain(600, 240)})
	var b bytes.Buffer
	if err := GIF(t.Context(), &b, db, add(t, db, m)); err != nil {
		t.Fatal(err)
	}
	shown, err := gif.DecodeAll(&b)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(shown.Image); n != gifFrames || shown.Delay[0] != 10 || shown.Delay[n-1] != gifLast || shown.LoopCount != 0 {
		t.Errorf("there are %d pictures, each for %v, %d times", n, shown.Delay, shown.LoopCount)
	}
	for i, red := range map[int]float64{0: 0, gifFrames - 1: 240} {
		c := color.RGBAModel.Convert(shown.Image[i].At(100, 100)).(color.RGBA)
		if size := shown.Image[i].Bounds().Size(); size != image.Pt(480, 240) || math.Abs(float64(c.R)-red) > 4 {
			t.Errorf("picture %d is %v of %v", i, c, size)
		}
	}
	if err := GIF(t.Context(), io.Discard, db, add(t, db, made{})); tracker.ErrorCode(err) != tracker.CodeInvalid {
		t.Errorf("without pictures: %v", err)
	}
}
