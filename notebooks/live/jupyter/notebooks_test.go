// Package jupyter runs the notebooks in Jupyter, with the kernel that make notebook installs.
package jupyter

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/shirou/gopsutil/v4/process"
)

// require is the environment's word that the notebooks must run: without it a machine that has no .venv skips them.
const require = "GOUACHE_REQUIRE_NOTEBOOKS"

// smallest are the values that the settings get here. A notebook's cell settings may hold no other numbers.
var smallest = map[string]string{"size": "64", "iterations": "3", "knobSize": "64", "knobIterations": "1", "trials": "2"}

// displays says what each notebook must show at least: how many pictures, charts and tables, and which words. Its path
// begins in folder.
var displays = map[string]struct {
	pictures, charts, tables int
	words                    []string
}{
	"01_first_painting.ipynb":           {pictures: 2 + 1 + 1 + 2 + 1 + 8 + 4, charts: 2, tables: 1 + 1 + 3 + 2, words: []string{"finished: all iterations are done; 3 iterations", "first painting", "there are no controls here"}},
	"02_inside_vgg19.ipynb":             {pictures: 1 + 20 + 6 + 4 + 6 + 3 + 1 + 3, charts: 2, tables: 13, words: []string{"494.57", "block5_conv2: loss", "from rounding", "all iterations are done", "The lowest of 3 evaluations."}},
	"03_sweep.ipynb":                    {pictures: 12 + 12 + 2 + 1, charts: 2, tables: 1 + 2 + 1 + 1, words: []string{"12 of 12 trials finished", "12 trials show what matters most", "2 of 2", "all iterations are done"}},
	"04_browse_runs.ipynb":              {pictures: 3 + 3 + 3 + 1 + 1, charts: 3 + 1 + 1, tables: 3, words: []string{"glass, style weight 10", "greatest difference: 0 grey levels"}},
	"../examples/texture/texture.ipynb": {pictures: 2, charts: 1, words: []string{"the sample", "more of it, after"}},
	"05_colour_strokes_regions.ipynb":   {pictures: 3 + 5*3 + 2 + 3 + 3 + 2, tables: 1 + 5 + 1 + 2 + 2 + 1, words: []string{"stroke 0.5", "inside the mask", "with the cup protected"}},
}

// folder holds the notebooks, and the package live.
const folder = "../../"

const (
	pictureTag = `<img src="data:image/jpeg;base64,`
	chartTag   = `<img src="data:image/svg+xml;base64,`
)

// all returns the paths of what must be notebooks, which begin in folder: its files, and the notebooks of the examples.
func all(t *testing.T) []string {
	t.Helper()
	var paths []string
	files, err := os.ReadDir(folder)
	for _, file := range files {
		if !file.IsDir() {
			paths = append(paths, file.Name())
		}
	}
	examples, globErr := filepath.Glob(folder + "../examples/*/*.ipynb")
	if err := errors.Join(err, globErr); err != nil || len(examples) == 0 {
		t.Fatalf("%d examples have a notebook: %v", len(examples), err)
	}
	for _, path := range examples {
		paths = append(paths, strings.TrimPrefix(path, folder))
	}
	return paths
}

// TestNotebooks runs each notebook from top to bottom, as small as can be.
func TestNotebooks(t *testing.T) {
	t.Setenv("GOUACHE_STORE", t.TempDir())
	for _, path := range all(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			want, ok := displays[path]
			if !ok {
				t.Fatal("displays does not say what it shows: the folder of the notebooks holds nothing else")
			}
			n := read(t, folder+path)
			n.shrink(t)
			done, log, err := n.run(t, "execute.py")
			if err != nil {
				t.Fatalf("%v\n%s", err, log)
			}
			page := done.shown()
			for tag, count := range map[string]int{pictureTag: want.pictures, chartTag: want.charts, "<table": want.tables} {
				if got := strings.Count(page, tag); got < count {
					t.Errorf("%d × %s, less than %d", got, tag, count)
				}
			}
			for _, word := range want.words {
				if !strings.Contains(page, word) {
					t.Errorf("%q is nowhere in the outputs", word)
				}
			}
		})
	}
}

// TestInterrupt: interrupting the kernel in the middle of a painting keeps the best picture, and the next cell works. Of
// cells with a mistake the notebook says which it is.
func TestInterrupt(t *testing.T) {
	t.Setenv("GOUACHE_STORE", t.TempDir())
	done, log, err := read(t, "testdata/interrupt.ipynb").run(t, "testdata/interrupt.py", "iteration [2-9][0-9]* of")
	if err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	for id, want := range map[string]string{
		"long":     "status interrupted 64 true",
		"next":     "the next cell works",
		"mistyped": `unknown sample "chelsae": did you mean "chelsea"?`,
		"wrong":    "undefined: contant",
	} {
		if got := done.cell(id); !strings.Contains(got, want) {
			t.Errorf("cell %s does not show %q but %s", id, want, got)
		}
	}
	for _, want := range []string{"interrupted at 64×43 pixels", pictureTag, chartTag} {
		if !strings.Contains(done.cell("long"), want) {
			t.Errorf("the interrupted view does not show %q", want)
		}
	}
}

// TestSavedOutputs: what is in the repository can be read without running it, and does not change with each run.
func TestSavedOutputs(t *testing.T) {
	for name, want := range displays {
		path := folder + name
		n := read(t, path)
		page := n.shown()
		if n.Metadata.Language.Lexer != "go" {
			t.Errorf("%s: nbconvert will not colour Go: run live/jupyter/execute.py %[1]s %[1]s", path)
		}
		if strings.Count(page, pictureTag) < want.pictures || strings.Count(page, chartTag) < want.charts {
			t.Errorf("%s: the saved outputs lack pictures: run live/jupyter/execute.py %[1]s %[1]s", path)
		}
		for _, c := range n.Cells {
			for _, o := range c.Outputs {
				if o.OutputType == "error" || o.OutputType == "stream" && o.Name == "stderr" {
					t.Errorf("%s: cell %s has an error among its outputs", path, c.ID)
				}
			}
			if strings.Contains(n.cell(c.ID), "<script") {
				t.Errorf("%s: cell %s has a script among its outputs", path, c.ID)
			}
			if strings.Contains(string(c.Metadata), "iopub") {
				t.Errorf("%s: cell %s says when it was run: run live/jupyter/execute.py %[1]s %[1]s", path, c.ID)
			}
		}
	}
}

// notebook is a .ipynb file: as it is, and as much of it as is looked at here.
type notebook struct {
	raw      map[string]any
	Metadata struct {
		Language struct {
			Lexer string `json:"pygments_lexer"`
		} `json:"language_info"`
	}
	Cells []cell
}

type cell struct {
	ID       string
	Metadata json.RawMessage
	Source   lines
	Outputs  []output
}

type output struct {
	OutputType string `json:"output_type"`
	Name       string `json:"name"`
	Text       lines  `json:"text"`
	Evalue     string `json:"evalue"`
	Data       struct {
		HTML lines `json:"text/html"`
	} `json:"data"`
}

// lines is a text, which the format may have in pieces.
type lines string

// UnmarshalJSON reads a text or a list of its lines.
func (l *lines) UnmarshalJSON(data []byte) error {
	var many []string
	if json.Unmarshal(data, &many) == nil {
		*l = lines(strings.Join(many, ""))
		return nil
	}
	return json.Unmarshal(data, (*string)(l))
}

func read(t *testing.T, path string) *notebook {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var n notebook
	if err := errors.Join(json.Unmarshal(data, &n), json.Unmarshal(data, &n.raw)); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return &n
}

var setting = regexp.MustCompile(`(?m)^(\s*)(\w+)(\s*=\s*)(\d+)`)

// shrink makes a notebook's settings the smallest.
func (n *notebook) shrink(t *testing.T) {
	t.Helper()
	for i, c := range n.Cells {
		if c.ID != "settings" {
			continue
		}
		n.setSource(i, setting.ReplaceAllStringFunc(string(c.Source), func(line string) string {
			m := setting.FindStringSubmatch(line)
			if smallest[m[2]] == "" {
				t.Errorf("smallest does not say what the setting %s becomes", m[2])
				return line
			}
			return m[1] + m[2] + m[3] + smallest[m[2]]
		}))
		return
	}
	t.Fatal("no cell has the id settings")
}

// setting gives one of the settings another number.
func (n *notebook) setting(t *testing.T, name, value string) {
	t.Helper()
	for i, c := range n.Cells {
		if c.ID == "settings" {
			text := n.raw["cells"].([]any)[i].(map[string]any)["source"].(string)
			changed := regexp.MustCompile(`(?m)^(\s*`+name+`\s*=\s*)\d+`).ReplaceAllString(text, "${1}"+value)
			if changed == text {
				t.Fatalf("there is no setting %s", name)
			}
			n.setSource(i, changed)
			return
		}
	}
	t.Fatal("no cell has the id settings")
}

// drop removes a cell.
func (n *notebook) drop(id string) {
	n.raw["cells"] = slices.DeleteFunc(n.raw["cells"].([]any), func(c any) bool { return c.(map[string]any)["id"] == id })
	n.Cells = slices.DeleteFunc(n.Cells, func(c cell) bool { return c.ID == id })
}

func (n *notebook) setSource(cell int, text string) {
	n.raw["cells"].([]any)[cell].(map[string]any)["source"] = text
}

// run executes a notebook with one of the scripts and returns it with its outputs. The error and the log are the script's.
func (n *notebook) run(t *testing.T, script string, more ...string) (*notebook, string, error) {
	t.Helper()
	requireKernel(t)
	useOwnTemp(t)
	python, err := filepath.Abs(folder + "../.venv/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.ipynb"), filepath.Join(dir, "out.ipynb")
	data, err := json.Marshal(n.raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(in, data, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, append([]string{script, in, out}, more...)...)
	log, runErr := cmd.CombinedOutput()
	return read(t, out), string(log), runErr
}

// requireKernel skips a test, or fails it where the notebooks must run, if there is no kernel.
func requireKernel(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(folder + "../.venv/share/jupyter/kernels/gouache/kernel.json"); err == nil {
		return
	}
	if os.Getenv(require) != "" {
		t.Fatalf("$%s is set, but there is no kernel in .venv: make jupyter installs it", require)
	}
	t.Skip("there is no kernel in .venv: make jupyter installs it")
}

// useOwnTemp has kernels put their files into a folder of the test's, and ends what of them is left in the end: GoNB
// leaves its gopls behind.
func useOwnTemp(t *testing.T) {
	t.Helper()
	dir, err := os.MkdirTemp("", "gouache-kernel-*") // short, since sockets are made in it
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", dir)
	t.Cleanup(func() {
		processes, err := process.Processes()
		if err != nil {
			t.Error(err)
		}
		for _, p := range processes {
			if command, err := p.Cmdline(); err == nil && strings.Contains(command, dir) {
				_ = p.Kill() // it may just have ended
			}
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
}

// shown is all that the outputs show.
func (n *notebook) shown() string {
	var b strings.Builder
	for _, c := range n.Cells {
		b.WriteString(n.cell(c.ID))
	}
	return b.String()
}

// cell is all that one cell's outputs show.
func (n *notebook) cell(id string) string {
	var b strings.Builder
	for _, c := range n.Cells {
		if c.ID != id {
			continue
		}
		for _, o := range c.Outputs {
			b.WriteString(string(o.Data.HTML) + string(o.Text) + o.Evalue + "\n")
		}
	}
	return b.String()
}
