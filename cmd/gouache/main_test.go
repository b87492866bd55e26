package main

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/tracker"
)

// gouache runs a command line and returns what it printed and its exit code.
func gouache(ctx context.Context, args ...string) (stdout, stderr string, code int) {
	var out, err bytes.Buffer
	code = run(ctx, args, &out, &err)
	return out.String(), err.String(), code
}

// quick is a painting that takes a second or two: random weights, the network's first two layers, which compile in a
// fraction of the time, and as small as can be. It is not recorded. Of a flag that is given again, the last counts, but
// for --style; --content in more replaces that of quick.
func quick(out string, more ...string) []string {
	args := []string{"stylize", "--style", "sample:swirl", "--weights", "random",
		"--size", "64", "--iterations", "3", "--content-layer", "block1_conv2", "--style-layers", "block1_conv1", "--store", "none", "--out", out}
	if !slices.Contains(more, "--content") {
		args = append(args, "--content", "sample:chelsea")
	}
	return append(args, more...)
}

// gray writes a PNG of one colour.
func gray(t *testing.T, path string, width, height int) string {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, width, height))
	for i := range m.Pix {
		m.Pix[i] = 99
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return write(t, path, b.Bytes())
}

func write(t *testing.T, path string, content []byte) string {
	t.Helper()
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestMistakes: each gets one sentence on standard error that says what is wrong and what to do, and leaves no file.
func TestMistakes(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	gray(t, in("small.png"), 3, 3)
	gray(t, in("strip.png"), 640, 16)
	ok := gray(t, in("ok.png"), 40, 30)
	write(t, in("text.png"), []byte("hello"))
	jpeg, err := os.ReadFile("../../stylelib/samples/pictures/coffee.jpg")
	if err != nil {
		t.Fatal(err)
	}
	write(t, in("cut.jpg"), jpeg[:len(jpeg)/2])
	if err := os.Mkdir(in("folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	out := in("out.png")
	before := list(t, dir)

	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{quick(out, "--content", in("none.png")), 1, "none.png cannot be read"},
		{quick(out, "--content", in("folder")), 1, "is a folder"},
		{quick(out, "--content", in("small.png")), 1, "3×3 pixels"},
		{quick(out, "--content", in("strip.png")), 2, "too narrow"},
		{quick(out, "--content", in("text.png")), 1, "none of the formats"},
		{quick(out, "--content", in("cut.jpg")), 1, "is cut off before its end"},
		{quick(out, "--content", "sample:chelsee"), 1, `did you mean "chelsea"`},
		{quick(out, "--style", in("none.png")), 1, "--style"},
		{quick(out, "--style", ok+":-1"), 2, "must be a number from 0 up"},
		{quick(out, "--init", "nose"), 1, "--init must be content, noise or a picture"},
		{quick(in("none/out.png")), 1, "no folder"},
		{quick(in("out.pgn")), 1, "did you mean"},
		{quick(out, "--preset", "guache"), 2, `did you mean "gouache"`},
		{quick(out, "--weights", "vgg91"), 2, `did you mean "vgg19"`},
		{quick(out, "--weights", in("text.png")), 1, "not a file of weights"},
		{quick(out, "--pooling", "mux"), 2, `did you mean "max"`},
		{quick(out, "--device", "gpu"), 2, `an NVIDIA GPU is cuda`},
		{quick(out, "--content-weight", "-1"), 2, "--content-weight is -1"},
		{quick(out, "--style-weight", "NaN"), 2, "--style-weight is NaN"},
		{quick(out, "--tv-weight", "some"), 2, `--tv-weight is "some": it must be a number`},
		{quick(out, "-w", "vgg16-hed"), 2, "--weights vgg16-hed chooses those of the network"},
		{quick(out, "--size", "5"), 2, "--size is 5: choose 64 to 16384"},
		{quick(out, "--size", "large"), 2, `--size is "large": it must be a whole number`},
		{quick(out, "--iterations", "0"), 2, "choose 1 to 100000"},
		{quick(out, "--scales", "-1"), 2, "--scales is -1: choose 0 to"},
		{quick(out, "--scales", "4"), 2, "scales"},
		{quick(out, "--size", "16384"), 1, "the largest that would fit is"},
		{quick(out, "--size", "16384", "--tile", "off"), 1, "or larger in tiles"},
		{quick(out, "--tile", "100"), 2, `--tile: "100" is no side of tiles: choose auto, off, or 256`},
		{quick(out, "--tune", "yes"), 2, `--tune is "yes": it must be on or off`},
		{quick(out, "--precision", "fp32"), 2, `--precision: unknown precision "fp32"`},
		{quick(out, "--precision", "tf32", "--device", "cpu"), 1, "the precision tf32 is for NVIDIA GPUs"},
		{[]string{"bench", "--size", "3"}, 2, "--size is 3: it must be 64 to 16384 pixels"},
		{[]string{"bench", "--repeat", "0"}, 2, "--repeat is 0"},
		{[]string{"bench", "--preset", "guache"}, 2, `did you mean "gouache"`},
		{quick(out, "--itertions", "5"), 2, "did you mean --iterations?"},
		{quick(out, "-itertions", "5"), 2, "unknown flag -itertions: did you mean --iterations?"},
		{quick(out, "-size=5"), 2, "unknown flag -size: write it with two dashes, --size"},
		{quick(out, "-style_image", ok), 2, "unknown flag -style_image: neural-style's -style_image is --style here"},
		{quick(out, "-x"), 2, "unknown flag -x; see `gouache stylize --help`"},
		{quick(out, "-output_image", out), 2, "neural-style's -output_image is --out here"},
		{quick(out, "-save_iter", "50"), 2, "neural-style's -save_iter is not needed here: gouache ui shows"},
		{quick(out, "--original-colors", "1"), 2, "neural-style's -original_colors is --colour keep here"},
		{quick(out, "-style_weight=5"), 2, "unknown flag -style_weight: write it with two dashes, --style-weight"},
		{quick(out, "--content", ""), 2, "the name of a picture is empty"},
		{quick(out, "--strength", "stong"), 2, `did you mean "strong"`},
		{quick(out, "--strength", "2"), 2, "strength is 2: choose 0 to 1"},
		{quick(out, "--strength", "subtle", "--freedom", "0.1"), 2, "leave out --strength or --freedom"},
		{quick("-", "--open"), 2, "leave out one of them"},
		{quick(out, "--content", ok, "--content", ok), 2, "is a place for one picture, and 2 are painted"},
		{quick("-", "--content", ok, "--content", ok), 2, "is a place for one picture"},
		{quick(in("none/folder/"), "--content", ok, "--content", ok), 1, "cannot be made"},
		{quick(out, "--tag", " "), 2, "is blank"},
		{quick(out, "--name", "a\u202eb"), 2, "printable"},
		{quick(out, "--store", "-"), 2, "is no folder"},
		{quick(out, "more"), 2, `unexpected argument "more"`},
		{[]string{"stylize", "--content", ok}, 2, "the painting is missing"},
		{[]string{"stylize", ok}, 2, "the painting is missing"},
		{[]string{"stylize"}, 2, "the photograph is missing"},
		{[]string{"samples", "chelsae"}, 2, `did you mean "chelsea"`},
		{[]string{"samples", "-o", out}, 2, "name the picture"},
		{[]string{"stylise"}, 2, `did you mean "stylize"`},
		{[]string{"weights", "fetsh"}, 2, `did you mean "fetch"`},
		{[]string{"weights", "fetch", "vgg91"}, 2, `did you mean "vgg19"`},
		{[]string{"weights", "fetch"}, 2, "takes the NAME"},
		{[]string{"weights", "inspect", in("text.png")}, 1, "not a file of weights"},
		{[]string{"weights", "convert", "random", in("out.h5")}, 2, "must end in .safetensors"},
		{[]string{"features", "--image", ok, "--layer", "block4_conv9", "--out", in("f.npy")}, 2, `did you mean "block4_conv1"`},
		{[]string{"features", "--image", ok, "--layer", "relu1_1", "--out", in("f.txt")}, 2, "must end in .npy"},
		{[]string{"score", "--content", ok, "--style", ok, "--image", "sample:chelsea", "--weights", "random"}, 1, "must have the same"},
	} {
		t.Run(strings.Join(c.args[:1], "")+" "+c.says, func(t *testing.T) {
			stdout, stderr, code := gouache(t.Context(), c.args...)
			last := strings.TrimSuffix(stderr[strings.LastIndexByte(strings.TrimSuffix(stderr, "\n"), '\n')+1:], "\n")
			if code != c.code || !strings.HasPrefix(last, "gouache: ") || !strings.Contains(last, c.says) {
				t.Errorf("%q: exit code %d and %q, want %d and %q", c.args, code, last, c.code, c.says)
			}
			if stdout != "" || strings.Contains(stderr, "goroutine") {
				t.Errorf("%q printed %q and %q", c.args, stdout, stderr)
			}
		})
	}
	if after := list(t, dir); !slices.Equal(after, before) {
		t.Errorf("files before: %v, after: %v", before, after)
	}
}

func list(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestNoPluginNoNetwork: without any way to a plugin or to weights a person hears which file to bring and where to.
func TestNoPluginNoNetwork(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("GOUACHE_WEIGHTS", "")
	t.Setenv("GOUACHE_PYTHON", "no-such-python")
	for _, proxy := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		t.Setenv(proxy, "http://127.0.0.1:9") // nobody answers there
	}
	t.Run("weights", func(t *testing.T) {
		_, stderr, code := gouache(t.Context(), "weights", "fetch", "vgg16-hed")
		if code != 1 || !strings.Contains(stderr, "SHA-256") || !strings.Contains(stderr, "put it here as "+os.Getenv("HOME")) {
			t.Errorf("exit code %d, %q does not say what to bring and where to", code, stderr)
		}
	})
	t.Run("plugin", func(t *testing.T) {
		t.Setenv("PJRT_PLUGIN_LIBRARY_PATH", t.TempDir())
		_, stderr, code := gouache(t.Context(), quick(filepath.Join(t.TempDir(), "out.png"))...)
		if code != 1 || !strings.Contains(stderr, "put it here as "+os.Getenv("HOME")) {
			t.Errorf("exit code %d, %q does not say what to do", code, stderr)
		}
		stdout, _, code := gouache(t.Context(), "doctor", "--json")
		var findings []finding
		if err := json.Unmarshal([]byte(stdout), &findings); err != nil || code != 1 {
			t.Fatalf("doctor: exit code %d, %v in %q", code, err, stdout)
		}
		for _, f := range findings {
			if missing := slices.Contains([]string{"plugin", "device", "weights"}, f.Part); missing && (f.State != stateMissing || f.Mend == "") {
				t.Errorf("doctor says %+v", f)
			}
		}
	})
}

func TestStylize(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "out.png")
	stdout, stderr, code := gouache(t.Context(), quick(out, "--json")...)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var report struct {
		Out, Status                            string
		Width, Height, Iterations, Evaluations int
		Total                                  float64
		Terms                                  map[string]float64
	}
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatalf("%v in %q", err, stdout)
	}
	if report.Out != out || report.Status != "finished" || report.Width != 64 || report.Height != 43 || report.Iterations != 3 ||
		report.Evaluations < 3 || !(report.Total > 0) || len(report.Terms) != 5 {
		t.Errorf("reported %+v", report)
	}
	if strings.Contains(stdout, `"run"`) || strings.Contains(stderr, "recorded") {
		t.Errorf("with --store none it says %s and %s", stdout, stderr)
	}
	if !strings.Contains(stderr, "3/3") {
		t.Errorf("no progress in %q", stderr)
	}
	p, err := picture.Load(out)
	if err != nil || p.Width != 64 || p.Height != 43 {
		t.Fatalf("the picture: %+v, %v", p, err)
	}

	// The same command gives the same picture, to the byte; from noise, too; another seed another picture.
	again, noise, noise2, seed := filepath.Join(dir, "2.png"), filepath.Join(dir, "3.png"), filepath.Join(dir, "4.png"), filepath.Join(dir, "5.png")
	for _, args := range [][]string{
		quick(again, "-q"), quick(noise, "--init", "noise"), quick(noise2, "--init", "noise"), quick(seed, "--init", "noise", "--seed", "1"),
	} {
		if _, stderr, code := gouache(t.Context(), args...); code != 0 {
			t.Fatalf("exit code %d: %s", code, stderr)
		}
	}
	same := func(a, b string) bool { return bytes.Equal(read(t, a), read(t, b)) }
	if !same(out, again) || !same(noise, noise2) || same(noise, seed) || same(out, noise) {
		t.Error("the same command gave another picture, or another command the same")
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestInterrupted: Ctrl-C saves the best picture so far and exits with 130. A worker continues the run, and its picture is
// the one that nothing interrupted.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	store, out := workerStore(t), filepath.Join(t.TempDir(), "out.png")
	const iterations = "60"
	var stdout bytes.Buffer
	stderr := &cancelling{cancel: cancel, at: "1/" + iterations}
	code := run(ctx, quick(out, "--iterations", iterations, "--scales", "2", "--store", store), &stdout, stderr)
	if code != exitInterrupted {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	if p, err := picture.Load(out); err != nil || p.Width != 64 {
		t.Errorf("the picture: %v", err)
	}
	if !strings.Contains(stderr.String(), "the best picture so far is saved") || strings.TrimSpace(stdout.String()) != out {
		t.Errorf("printed %q and %q", stdout.String(), stderr.String())
	}
	_, resume, _ := strings.Cut(stderr.String(), "gouache runs resume ")
	id, _, _ := strings.Cut(resume, " ")
	runs(t, store, "resume", id)
	if _, stderr, code := gouache(t.Context(), "worker", "--store", store, "--weights", "random", "--idle-exit", "1ns"); code != exitDone || strings.Contains(stderr, "begins again") {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	straight := shown(t, store, painted(t, out, "--iterations", iterations, "--scales", "2", "--store", store))
	if run := shown(t, store, id); run.Status != tracker.StatusFinished || run.Picture != straight.Picture {
		t.Errorf("the run that was continued is %+v, want the picture %s", run.Run, straight.Picture)
	}
}

// cancelling is where messages go; it cancels a context when one mentions a text.
type cancelling struct {
	bytes.Buffer
	cancel context.CancelFunc
	at     string
}

func (c *cancelling) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte(c.at)) {
		c.cancel()
	}
	return c.Buffer.Write(b)
}

// TestAlphaIsKept: a painting is as transparent as its photograph.
func TestAlphaIsKept(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 64, 43))
	for y := range 43 {
		for x := range 64 {
			m.Set(x, y, color.NRGBA{uint8(3 * x), uint8(4 * y), 120, uint8(255 * (x / 32))})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	content, out := write(t, filepath.Join(dir, "in.png"), b.Bytes()), filepath.Join(dir, "out.png")
	if _, stderr, code := gouache(t.Context(), quick(out, "--content", content)...); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	p, err := picture.Load(out)
	if err != nil {
		t.Fatal(err)
	}
	if p.Alpha == nil || p.Alpha[10] != 0 || p.Alpha[50] != 255 {
		t.Error("the picture lost its transparency")
	}
}

func TestScore(t *testing.T) {
	content, style := smallRocket(t), gray(t, filepath.Join(t.TempDir(), "gray.png"), 64, 64)
	stdout, stderr, code := gouache(t.Context(), "score", "--content", content, "--style", style, "--image", content,
		"--weights", "random", "--preset", "neural-style", "--pooling", "avg", "--style-layers", "block1_conv1,block3_conv1", "--content-layer", "block2_conv2", "--json")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var score struct {
		Terms      map[string]float64
		Total      float64
		GradientL2 float64 `json:"gradient_l2"`
	}
	if err := json.Unmarshal([]byte(stdout), &score); err != nil {
		t.Fatalf("%v in %q", err, stdout)
	}
	sum := score.Terms["content"] + score.Terms["style"] + score.Terms["tv"]
	if score.Terms["content"] > 1e-6*score.Total || !(score.Terms["style"] > 0) || !(score.GradientL2 > 0) || sum/score.Total < 0.999 || sum/score.Total > 1.001 {
		t.Errorf("scored %+v", score)
	}
}

func TestBench(t *testing.T) {
	stdout, stderr, code := gouache(t.Context(), "bench", "--weights", "random", "--size", "64", "--repeat", "2", "--tune", "off", "--json")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var r benchReport
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatalf("%v in %s", err, stdout)
	}
	if r.Size != 64 || r.Tiles != 1 || r.Evaluation.Times != 2 || r.Network != "vgg19" || r.Precision != "float32" {
		t.Errorf("the report is %+v", r)
	}
	if e := r.Evaluation; !(e.Least > 0) || e.Median < e.Least || e.Most < e.Median || r.First < e.Least || r.Loop < 1 || r.PeakMemory < 1<<26 {
		t.Errorf("impossible figures: %+v", r)
	}
	if len(r.Layers) != 13 {
		t.Fatalf("%d layers up to block5_conv1, 13 expected", len(r.Layers))
	}
	last := r.Layers[12]
	if last.Layer != "block5_conv1" || last.Height != 4 || last.In != 512 || last.Method == "" || !(last.Forward.Median > 0) || !(last.Pullback.Median > 0) {
		t.Errorf("the last layer is %+v", last)
	}
}

func TestFeatures(t *testing.T) {
	dir := t.TempDir()
	in, out := gray(t, filepath.Join(dir, "in.png"), 33, 21), filepath.Join(dir, "f.npy")
	stdout, stderr, code := gouache(t.Context(), "features", "--image", in, "--layer", "relu2_1", "--out", out, "--weights", "random", "--json")
	if code != 0 || !strings.Contains(stdout, "block2_conv1") {
		t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
	}
	const shape = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 10, 16, 128), }"
	b := read(t, out)
	header := int(b[8]) | int(b[9])<<8
	if !bytes.HasPrefix(b, []byte("\x93NUMPY\x01\x00")) || !strings.HasPrefix(string(b[10:]), shape) || (10+header)%64 != 0 ||
		len(b) != 10+header+4*10*16*128 || b[10+header-1] != '\n' {
		t.Errorf("the array has %d bytes and begins with %q", len(b), b[:100])
	}
}

func TestWeights(t *testing.T) {
	stdout, _, code := gouache(t.Context(), "weights", "list", "--json")
	var sets []weightsEntry
	if err := json.Unmarshal([]byte(stdout), &sets); err != nil || code != 0 || len(sets) != 6 {
		t.Fatalf("exit code %d, %v in %q", code, err, stdout)
	}
	if stdout, _, code := gouache(t.Context(), "weights", "list"); code != 0 || strings.Count(stdout, "\n") != 7 {
		t.Errorf("exit code %d, %q", code, stdout)
	}
	converted := filepath.Join(t.TempDir(), "hed.safetensors")
	if _, stderr, code := gouache(t.Context(), "weights", "convert", "vgg16-hed", converted); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	best := filepath.Join(t.TempDir(), "best.safetensors")
	if _, stderr, code := gouache(t.Context(), "weights", "convert", "auto", best); code != 0 || !strings.Contains(stderr, "weights: vgg") {
		t.Errorf("auto: exit code %d: %s", code, stderr)
	}
	stdout, stderr, code := gouache(t.Context(), "weights", "inspect", converted)
	if code != 0 || !strings.Contains(stdout, "block5_conv3") || !strings.Contains(stdout, "vgg16") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
}

func TestDoctor(t *testing.T) {
	stdout, stderr, code := gouache(t.Context(), "doctor")
	if code != 0 {
		t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
	}
	for _, part := range []string{"plugin", "device", "weights", "libhdf5", "cache", "graphs", "memory"} {
		if !strings.Contains(stdout, "\n"+part+" ") {
			t.Errorf("doctor says nothing of %s:\n%s", part, stdout)
		}
	}
}

// TestHelpOfFlags: each command describes each of its flags once, in lines that fit. Under headings, only settings of the
// objective need not be named, since a loss that is registered adds one.
func TestHelpOfFlags(t *testing.T) {
	settings := map[string]bool{}
	for _, s := range stylelib.Settings() {
		settings[s.Flag()] = true
	}
	used := map[string]bool{}
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		for _, below := range cmd.Commands() {
			check(below)
		}
		args := append(strings.Fields(cmd.CommandPath())[1:], "--help")
		if cmd.Flags().Lookup("help-all") != nil {
			args[len(args)-1] = "--help-all"
		}
		stdout, _, _ := gouache(t.Context(), args...)
		for line := range strings.SplitSeq(stdout, "\n") {
			if terminal.Width(line) > usualColumns {
				t.Errorf("%q has a line of %d columns: %s", args, terminal.Width(line), line)
			}
		}
		named := map[string]bool{}
		list := headings[cmd.CommandPath()]
		for _, g := range grouped(cmd) {
			if !strings.Contains(stdout, "\n\n"+g.title+":\n") {
				t.Errorf("%q has no heading %s", args, g.title)
			}
		}
		for _, h := range list {
			named["Other"] = named["Other"] || h.title == "Other"
			for _, name := range h.flags {
				named[name] = true
			}
		}
		cmd.InitDefaultHelpFlag()
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Hidden {
				return
			}
			if n := len(regexp.MustCompile(`(?m)^  .{4}--`+f.Name+`( |$)`).FindAllString(stdout, -1)); n != 1 {
				t.Errorf("%q describes --%s %d times", args, f.Name, n)
			}
			if list != nil && !named[f.Name] && !named["Other"] && !settings[f.Name] {
				t.Errorf("%q has --%s under no heading of its own", args, f.Name)
			}
			used[f.Name] = true
		})
	}
	check(newRoot())
	for path, list := range headings {
		for _, h := range list {
			for _, name := range h.flags {
				if !used[name] {
					t.Errorf("%s has a heading for --%s, which no command has", path, name)
				}
			}
		}
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{}, {"--help"}, {"stylize", "--help"}, {"weights"}} {
		if stdout, stderr, code := gouache(t.Context(), args...); code != 0 || !strings.Contains(stdout, "Usage:") || stderr != "" {
			t.Errorf("%q: exit code %d, %q", args, code, stderr)
		}
	}
	if stdout, _, code := gouache(t.Context(), "--version"); code != 0 || !strings.HasPrefix(stdout, "gouache version ") {
		t.Errorf("--version: exit code %d, %q", code, stdout)
	}
}
