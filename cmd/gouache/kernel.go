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

	"github.com/spf13/cobra"
	"golang.org/x/mod/modfile"

	"github.com/gouache-art/gouache/internal/atomicfile"
	"github.com/gouache-art/gouache/internal/hugepages"
	"github.com/gouache-art/gouache/internal/terminal"
)

// kernelFlags say which installation of Jupyter a command is about.
type kernelFlags struct {
	prefix string
	module string
	json   bool
}

func newKernel() *cobra.Command {
	return group(&cobra.Command{
		Use:   "kernel",
		Short: "Make notebooks: install, show or remove Jupyter's kernel for Gouache",
		Long: `Install, show or remove the kernel that Jupyter runs Gouache's notebooks with: GoNB, which runs Go, with
this module on its path, so that a notebook imports the packages as they are on this disk.`,
	}, newKernelInstall(), newKernelShow(), newKernelRemove())
}

func (f *kernelFlags) addPrefix(cmd *cobra.Command) {
	cmd.Flags().Var((*path)(&f.prefix), "prefix", "`FOLDER` of a Python environment, such as .venv, whose Jupyter is meant (default: the one on the path, for this user)")
}

func newKernelInstall() *cobra.Command {
	var f kernelFlags
	cmd := &cobra.Command{
		Use:   "install [flags]",
		Short: "Add the kernel to a Jupyter that is installed",
		Long: `Add the kernel "Go (Gouache)" to a Jupyter that is installed, with the GoNB, goimports and gopls that
are found on the path, in Go's folder for programs or in the Python environment. What is missing is
named, with the command that mends it; make notebook installs all of it.

gopls completes and explains names while you type. If it keeps a processor busy, delete the program that
gouache kernel show names as gopls and restart the kernel: cells run without it.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runKernelInstall(cmd, f) },
	}
	f.addPrefix(cmd)
	cmd.Flags().Var((*path)(&f.module), "module", "`FOLDER` with Gouache's sources (default: the one around the current folder or this program)")
	return cmd
}

func runKernelInstall(cmd *cobra.Command, f kernelFlags) error {
	module, err := findModule(f.module)
	if err != nil {
		return err
	}
	tools, findings := findTools(module, f.prefix)
	if broken := brokenParts(findings); len(broken) > 0 {
		if err := columns(cmd.ErrOrStderr(), func(w *terminal.Table) { printFindings(w, findings) }); err != nil {
			return err
		}
		return fmt.Errorf("the kernel needs %s: run the commands above, then this again; make notebook, in %s, does all of it",
			strings.Join(broken, ", "), module)
	}
	// Jupyter looks for kernels in an environment's folder, else in the user's own, which it knows.
	data, err := filepath.Abs(environmentData(f.prefix))
	if f.prefix == "" {
		data, err = jupyter(cmd.Context(), tools[jupyterName], "--data-dir")
	}
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(newKernelSpec(module, tools), "", "  ")
	if err != nil {
		return err
	}
	dir := filepath.Join(data, "kernels", kernelName)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("the kernel cannot be installed: %w: give another Python environment with --prefix", err)
	}
	if err := atomicfile.WriteFile(filepath.Join(dir, kernelFile), append(text, '\n')); err != nil {
		return fmt.Errorf("the kernel cannot be installed: %w", err)
	}
	_, err = terminal.Fprintf(cmd.OutOrStdout(), "%s\n", dir)
	return err
}

func newKernelShow() *cobra.Command {
	var f kernelFlags
	cmd := &cobra.Command{
		Use:   "show [flags]",
		Short: "Say where the kernel is installed and whether all that it needs is there",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, findings := findTools("", f.prefix)
			dirs, err := kernelDirs(cmd.Context(), f.prefix)
			if err != nil {
				return err
			}
			for _, dir := range dirs {
				findings = append(findings, examineKernel(dir))
			}
			if len(dirs) == 0 {
				missing := finding{Part: "kernel", State: stateMissing, Detail: "not installed", Mend: "gouache kernel install"}
				findings = append(findings, missing)
			}
			return reportFindings(cmd, findings, f.json)
		},
	}
	f.addPrefix(cmd)
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON")
	return cmd
}

// examineKernel checks that what a kernel names is there: a checkout may have moved since.
func examineKernel(dir string) finding {
	f := finding{Part: "kernel", State: stateDamaged, Detail: dir, Mend: "gouache kernel install"}
	spec, err := readKernelSpec(dir)
	if err != nil {
		f.Detail = err.Error()
		return f
	}
	var gonb, module string
	for i, arg := range spec.Argv {
		if dir, ok := strings.CutPrefix(arg, goWorkFlag); ok {
			module = dir
		} else if i == 0 {
			gonb = arg
		}
	}
	for _, path := range []string{gonb, filepath.Join(module, "go.mod")} {
		if _, err := os.Stat(path); err != nil {
			f.Detail = fmt.Sprintf("%s names %s, which is not there", dir, path)
			return f
		}
	}
	f.State, f.Mend, f.Detail = stateOK, "", fmt.Sprintf("%s, with the sources in %s", dir, module)
	if info, err := buildinfo.ReadFile(gonb); err == nil { // gonb -V prints 0.11.1 in v0.11.4
		f.Version = "GoNB " + cmp.Or(versionIn(info, gonbPath), "of an unknown version")
	}
	return f
}

func newKernelRemove() *cobra.Command {
	var f kernelFlags
	cmd := &cobra.Command{
		Use:   "remove [flags]",
		Short: "Remove the kernel from Jupyter; GoNB and the notebooks stay",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dirs, err := kernelDirs(cmd.Context(), f.prefix)
			if err != nil {
				return err
			}
			if len(dirs) == 0 {
				return errors.New("the kernel is not installed: there is nothing to remove; --prefix FOLDER names another Python environment")
			}
			for _, dir := range dirs {
				if err := os.RemoveAll(dir); err != nil {
					return fmt.Errorf("the kernel cannot be removed: %w", err)
				}
				terminal.Fprintf(cmd.OutOrStdout(), "%s\n", dir)
			}
			return nil
		},
	}
	f.addPrefix(cmd)
	return cmd
}

// kernelDirs returns the folders of installed kernels: in an environment, else wherever Jupyter looks.
func kernelDirs(ctx context.Context, prefix string) ([]string, error) {
	data := []string{environmentData(prefix)}
	if prefix == "" {
		tools, _ := findTools("", "")
		if tools[jupyterName] == "" {
			return nil, nil
		}
		out, err := jupyter(ctx, tools[jupyterName], "--paths", "--json")
		if err != nil {
			return nil, err
		}
		var paths struct{ Data []string }
		if err := json.Unmarshal([]byte(out), &paths); err != nil {
			return nil, fmt.Errorf("%s --paths --json did not answer with JSON: %w", tools[jupyterName], err)
		}
		data = paths.Data
	}
	var dirs []string
	for _, d := range data {
		dir := filepath.Join(d, "kernels", kernelName)
		if _, err := os.Stat(filepath.Join(dir, kernelFile)); err == nil && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs, nil
}

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
		f := finding{Part: t.name, State: stateMissing, Detail: t.detail, Mend: mends.Replace(t.mend)}
		if path := findTool(t.name, module, prefix); path != "" {
			tools[t.name] = path
			f = finding{Part: t.name, State: stateOK, Detail: path}
		} else if t.optional {
			f.State = stateAbsent
		}
		findings = append(findings, f)
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
	dirs := filepath.SplitList(goEnv("GOPATH"))
	for i, dir := range dirs {
		dirs[i] = filepath.Join(dir, "bin")
	}
	if dir := goEnv("GOBIN"); dir != "" {
		return []string{dir}
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
		for below := ""; dir != below; below, dir = dir, filepath.Dir(dir) {
			if isModule(dir) {
				return dir, nil
			}
		}
	}
	return "", usage(errors.New("the sources of Gouache, which notebooks import, are neither around the current folder nor around this program: give their folder with --module"))
}

func isModule(dir string) bool {
	data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	return err == nil && modfile.ModulePath(data) == modulePath
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
//   - to leave debugging information out of cells, which spares a third of the time to build one.
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
			"PATH":             strings.Join(append(path, "${PATH}"), string(filepath.ListSeparator)),
			"GOFLAGS":          strings.TrimSpace(goEnv("GOFLAGS") + " -ldflags=-w"),
			hugepages.Variable: hugepages.Value,
		},
	}
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

func environmentData(prefix string) string { return filepath.Join(prefix, "share", "jupyter") }

func jupyter(ctx context.Context, program string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, program, args...).Output()
	if err != nil {
		return "", fmt.Errorf("%s %s failed: %w: is Jupyter installed whole?", program, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}
