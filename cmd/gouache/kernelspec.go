package main

import (
	"cmp"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gouache-art/gouache/internal/atomicfile"
)

const (
	modulePath = "github.com/gouache-art/gouache"
	gonbPath   = "github.com/janpfeifer/gonb"
	kernelName = "gouache" // a GoNB that the user installed is called gonb, and stays as it is
	kernelFile = "kernel.json"
	goWorkFlag = "--go_work="

	jupyterName = "jupyter"
	// goplsVersion is that of docker/install-jupyter, too. gopls is not among go.mod's tools, because it does not
	// build with another version of golang.org/x/tools than its own.
	goplsVersion = "v0.23.0"
)

// kernelTool is a program that a kernel needs.
type kernelTool struct {
	name, detail, mend string
	optional           bool
}

// kernelTools lists the programs. MODULE means the folder with the sources, PYTHON the environment's Python.
var kernelTools = []kernelTool{
	{name: jupyterName, detail: "shows notebooks", mend: "PYTHON -m pip install jupyterlab"},
	{name: "gonb", detail: "the kernel itself", mend: "go -C MODULE install " + gonbPath},
	{name: "goimports", detail: "completes a cell's imports", mend: "go -C MODULE install golang.org/x/tools/cmd/goimports"},
	{name: "gopls", detail: "completes and explains names; cells run without it", mend: "go install golang.org/x/tools/gopls@" + goplsVersion, optional: true},
	{name: "go", detail: "compiles each cell", mend: "see go.dev/doc/install"},
}

// findTools looks for the programs in the environment, on the path, and in Go's folders for programs. It returns their
// paths by name, and a finding about each.
func findTools(module, prefix string) (map[string]string, []finding) {
	tools := map[string]string{}
	var findings []finding
	python := "python3"
	if prefix != "" {
		python = filepath.Join(prefix, "bin", python)
	}
	mends := strings.NewReplacer("MODULE", cmp.Or(module, "FOLDER-OF-GOUACHE"), "PYTHON", python)
	for _, t := range kernelTools {
		path := findTool(t.name, module, prefix)
		if path != "" {
			tools[t.name] = path
			findings = append(findings, finding{Part: t.name, State: stateOK, Detail: path})
			continue
		}
		state := stateMissing
		if t.optional {
			state = stateAbsent
		}
		findings = append(findings, finding{Part: t.name, State: state, Detail: t.detail, Mend: mends.Replace(t.mend)})
	}
	return tools, findings
}

func findTool(name, module, prefix string) string {
	var dirs []string
	if prefix != "" {
		dirs = append(dirs, filepath.Join(prefix, "bin"))
	}
	if prefix == "" || name != jupyterName { // an environment's Jupyter is its own
		dirs = append(dirs, filepath.SplitList(os.Getenv("PATH"))...)
		if module != "" {
			dirs = append(dirs, filepath.Join(module, ".venv", "bin"))
		}
		dirs = append(dirs, goProgramDirs()...)
	}
	for _, dir := range dirs {
		path, err := exec.LookPath(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		if path, err = filepath.Abs(path); err == nil {
			return path
		}
	}
	return ""
}

// goProgramDirs are where go install puts programs.
func goProgramDirs() []string {
	if dir := goEnv("GOBIN"); dir != "" {
		return []string{dir}
	}
	var dirs []string
	for _, dir := range filepath.SplitList(goEnv("GOPATH")) {
		dirs = append(dirs, filepath.Join(dir, "bin"))
	}
	return dirs
}

// goEnv returns one of Go's settings, which may come from its own file, or "" if there is no Go.
func goEnv(name string) string {
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// findModule returns the folder with Gouache's sources: the one that was named, or one that contains the current folder
// or this program.
func findModule(named string) (string, error) {
	if named != "" {
		dir, err := filepath.Abs(named)
		if err != nil || !isModule(dir) {
			return "", usage(fmt.Errorf("--module %s: there is no go.mod of %s in it", named, modulePath))
		}
		return dir, nil
	}
	var starts []string
	if dir, err := os.Getwd(); err == nil {
		starts = append(starts, dir)
	}
	if program, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(program))
	}
	for _, dir := range starts {
		for ; ; dir = filepath.Dir(dir) {
			if isModule(dir) {
				return dir, nil
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return "", usage(errors.New("the sources of Gouache, which notebooks import, are neither around the current folder nor around this program: give their folder with --module"))
}

func isModule(dir string) bool {
	data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	return err == nil && slices.Contains(strings.Split(string(data), "\n"), "module "+modulePath)
}

// kernelSpec tells Jupyter how to start a kernel
// (https://jupyter-client.readthedocs.io/en/stable/kernels.html#kernel-specs).
type kernelSpec struct {
	Argv          []string          `json:"argv"`
	DisplayName   string            `json:"display_name"`
	Language      string            `json:"language"`
	InterruptMode string            `json:"interrupt_mode"`
	Env           map[string]string `json:"env"`
}

// newKernelSpec describes the kernel. gonb --install is not used: it always takes the name gonb, writes to the user's
// own folder only, and cannot set an environment. The environment says
//   - where the tools are, whatever Jupyter was started with;
//   - to use huge pages, which spares XLA a tenth of each step; the variable is read when a process starts, so a cell,
//     which is a process, cannot set it for itself;
//   - to leave debugging information out of cells, which links them in 2.1 s instead of 3.7.
func newKernelSpec(module string, tools map[string]string) kernelSpec {
	var path []string
	for _, t := range kernelTools {
		if dir := filepath.Dir(tools[t.name]); tools[t.name] != "" && t.name != jupyterName && !slices.Contains(path, dir) {
			path = append(path, dir)
		}
	}
	return kernelSpec{
		Argv:          []string{tools["gonb"], "--kernel", "{connection_file}", goWorkFlag + module},
		DisplayName:   "Go (Gouache)",
		Language:      "go",
		InterruptMode: "message",
		Env: map[string]string{
			"PATH":           strings.Join(append(path, "${PATH}"), string(filepath.ListSeparator)),
			"GOFLAGS":        strings.TrimSpace(goEnv("GOFLAGS") + " -ldflags=-w"),
			"GLIBC_TUNABLES": glibcTunables,
		},
	}
}

func (s kernelSpec) gonb() string {
	if len(s.Argv) == 0 {
		return ""
	}
	return s.Argv[0]
}

// gonbVersion reads the version that Go built: the one that gonb -V prints is 0.11.1 in v0.11.4.
func (s kernelSpec) gonbVersion() string {
	info, err := buildinfo.ReadFile(s.gonb())
	if err != nil {
		return ""
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == gonbPath {
			return "GoNB " + m.Version
		}
	}
	return ""
}

func (s kernelSpec) module() string {
	for _, arg := range s.Argv {
		if dir, ok := strings.CutPrefix(arg, goWorkFlag); ok {
			return dir
		}
	}
	return ""
}

// write puts the kernel below one of Jupyter's data folders and returns the kernel's folder.
func (s kernelSpec) write(data string) (string, error) {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return "", err
	}
	dir := filepath.Join(data, "kernels", kernelName)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("the kernel cannot be installed: %w: give another Python environment with --prefix", err)
	}
	if err := atomicfile.WriteFile(filepath.Join(dir, kernelFile), append(text, '\n')); err != nil {
		return "", fmt.Errorf("the kernel cannot be installed: %w", err)
	}
	return dir, nil
}

func readKernelSpec(dir string) (spec kernelSpec, err error) {
	path := filepath.Join(dir, kernelFile)
	data, err := os.ReadFile(path)
	if err != nil {
		return spec, err
	}
	if err := json.Unmarshal(data, &spec); err != nil {
		return spec, fmt.Errorf("%s is not a kernel's description: %w", path, err)
	}
	return spec, nil
}

// jupyterDataDir returns where Jupyter looks for kernels: in an environment, else in the user's own folder, which Jupyter
// knows.
func jupyterDataDir(ctx context.Context, program, prefix string) (string, error) {
	if prefix != "" {
		return filepath.Abs(environmentData(prefix))
	}
	return jupyter(ctx, program, "--data-dir")
}

func environmentData(prefix string) string { return filepath.Join(prefix, "share", "jupyter") }

func jupyter(ctx context.Context, program string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, program, args...).Output()
	if err != nil {
		return "", fmt.Errorf("%s %s failed: %w: is Jupyter installed whole?", program, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}
