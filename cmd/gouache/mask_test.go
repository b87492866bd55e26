package main

import (
	"bytes"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/stylelib/picture"
)

func TestMask(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	photo := smallRocket(t)
	made := func(out string, args ...string) *picture.Mask {
		t.Helper()
		args = append([]string{"mask", photo, "--out", in(out)}, args...)
		if stdout, stderr, code := gouache(t.Context(), args...); code != 0 || stdout != in(out)+"\n" || stderr != "" {
			t.Fatalf("%q: exit %d, %q, %s", args, code, stdout, stderr)
		}
		file := read(t, in(out))
		decoded, err := png.Decode(bytes.NewReader(file))
		if _, grey := decoded.(*image.Gray); err != nil || !grey {
			t.Fatalf("%q writes a %T, %v", args, decoded, err)
		}
		m, err := picture.LoadMask(in(out))
		if err != nil || m.Width != 160 || m.Height != 107 {
			t.Fatalf("%+v, %v", m, err)
		}
		return m
	}
	at := func(m *picture.Mask, x, y int) float32 { return m.Values[y*m.Width+x] }

	top := made("top.png", "--rectangle", "0,0,100%,50%")
	if at(top, 80, 25) != 1 || at(top, 80, 75) != 0 {
		t.Error("the upper half is not the upper half")
	}
	made("blue.png", "--colour", "midnightblue:0.2")
	both := made("both.png", "--mask", in("top.png"), "--mask", in("blue.png"), "--combine", "intersection")
	if at(both, 50, 15) != 1 || at(both, 80, 75) != 0 || at(both, 80, 45) != 0 {
		t.Error("the blue of the upper half is not that")
	}
	rest := made("rest.png", "--mask", in("both.png"), "--invert", "--feather", "3")
	if v := at(rest, 60, 53); !(v > 0.01 && v < 0.99) {
		t.Errorf("the feathered edge has %v", v)
	}
	few := made("few.png", "--superpixels", "60:1-20", "--polygon", "50%,50%,60%,50%,60%,60%", "--ellipse", "0,80%,10%,20%", "--luminance", "0.9..1")
	if few.Mean() < 0.1 || few.Mean() > 0.9 {
		t.Errorf("the mean is %v", few.Mean())
	}

	stdout, stderr, code := gouache(t.Context(), "mask", photo, "--kmeans", "4", "--out", in("numbers.jpg"))
	if code != 0 || stdout != in("numbers.jpg")+"\n" || !strings.Contains(stderr, "4 regions: look at their numbers, and choose with --kmeans 4:NUMBERS") {
		t.Errorf("exit %d, %q, %s", code, stdout, stderr)
	}
	drawn, err := picture.Load(in("numbers.jpg"))
	if err != nil || drawn.Width != 1120 {
		t.Errorf("%+v, %v", drawn, err)
	}
	stdout, _, code = gouache(t.Context(), "mask", photo, "--kmeans", "4:1,2", "--out", in("two.png"), "--json")
	report := decode[maskReport](t, stdout)
	if code != 0 || report.Out != in("two.png") || report.Width != 160 || !(report.Share > 0.1 && report.Share < 0.95) {
		t.Errorf("exit %d, %+v", code, report)
	}
}

// smallRocket writes a photograph of 160×107 pixels.
func smallRocket(t *testing.T) string {
	t.Helper()
	rocket, err := picture.Load("sample:rocket")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "rocket.png")
	if err := rocket.Resize(160, 107).Save(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMaskMistakes(t *testing.T) {
	dir := t.TempDir()
	photo, out := smallRocket(t), filepath.Join(dir, "out.png")
	tall := gray(t, filepath.Join(t.TempDir(), "tall.png"), 40, 90)
	black := gray(t, filepath.Join(t.TempDir(), "black.png"), 64, 64)
	for _, c := range []struct {
		args string // of a mask of the photograph
		code int
		says string
	}{
		{"", 2, "nothing says what to select"},
		{"--luminance 0.5", 2, `--luminance is "0.5": it must be FROM..TO`},
		{"--luminance 0.7..0.5", 2, "must be FROM..TO"},
		{"--luminance NaN..1", 2, "must be FROM..TO"},
		{"--colour lime:0", 1, "nothing is selected"},
		{"--colour bleu", 2, `did you mean "blue"`},
		{"--colour blue:2", 2, "tolerance must be a number from 0 to 1"},
		{"--rectangle 1,2,3", 2, "LEFT,TOP,WIDTH,HEIGHT"},
		{"--rectangle 1,2,3,0", 2, "above 0"},
		{"--ellipse 1,2,3,x", 2, `"x" is no length`},
		{"--rectangle 700,0,10,10", 1, "nothing of the picture"},
		{"--polygon 1,2,3,4", 2, "three corners"},
		{"--kmeans many", 2, "whole number"},
		{"--kmeans 1", 2, "2 to 32 colours"},
		{"--kmeans 5:6", 1, "no region 6"},
		{"--kmeans 5:3-2", 2, `"3-2" is no region`},
		{"--superpixels 100000", 2, "2 to 1070 superpixels"},
		{"--superpixels 50 --luminance 0..1", 2, "add their numbers"},
		{"--mask " + tall, 1, "same shape"},
		{"--mask none.png", 1, "none.png cannot be read"},
		{"--luminance 0..1 --combine and", 2, "unknown way"},
		{"--luminance 0..1 --feather -1", 2, "--feather"},
		{"--luminance 0..1 --feather wide", 2, "no length"},
		{"--luminance 0..1 --out out.jpg", 2, "must end in .png"},
		{"--luminance 0..1 --out - --json", 2, "leave out one"},
		{"--luminance 0..1 " + black, 2, "takes a photograph"},
	} {
		args := append([]string{"mask", photo, "--out", out}, strings.Fields(c.args)...)
		stdout, stderr, code := gouache(t.Context(), args...)
		if code != c.code || stdout != "" || !strings.Contains(stderr, c.says) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: exit %d, %q, %s, want %d and %q", c.args, code, stdout, stderr, c.code, c.says)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("files are left: %v, %v", left, err)
	}
}
