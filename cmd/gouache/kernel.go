package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
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
		Long: `Install, show or remove the kernel that Jupyter runs Gouache's notebooks with: GoNB, which runs Go, with this module
on its path, so that a notebook imports the packages as they are on this disk.`,
	}, newKernelInstall(), newKernelShow(), newKernelRemove())
}

func (f *kernelFlags) addPrefix(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.prefix, "prefix", "", "`FOLDER` of a Python environment, such as .venv, whose Jupyter is meant (default: the one on the path, for this user)")
}

func newKernelInstall() *cobra.Command {
	var f kernelFlags
	cmd := &cobra.Command{
		Use:   "install [flags]",
		Short: "Add the kernel to a Jupyter that is installed",
		Long: `Add the kernel "Go (Gouache)" to a Jupyter that is installed, with the GoNB, goimports and gopls that are found on
the path, in Go's folder for programs or in the Python environment. What is missing is named, with the command that
mends it; make notebook installs all of it.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runKernelInstall(cmd, f) },
	}
	f.addPrefix(cmd)
	cmd.Flags().StringVar(&f.module, "module", "", "`FOLDER` with Gouache's sources (default: the one around the current folder or this program)")
	return cmd
}

func runKernelInstall(cmd *cobra.Command, f kernelFlags) error {
	module, err := findModule(f.module)
	if err != nil {
		return err
	}
	tools, findings := findTools(module, f.prefix)
	if broken := brokenParts(findings); len(broken) > 0 {
		if err := printFindings(cmd.ErrOrStderr(), findings); err != nil {
			return err
		}
		return fmt.Errorf("the kernel needs %s: run the commands above, then this again; make notebook, in %s, does all of it",
			strings.Join(broken, ", "), module)
	}
	data, err := jupyterDataDir(cmd.Context(), tools[jupyterName], f.prefix)
	if err != nil {
		return err
	}
	dir, err := newKernelSpec(module, tools).write(data)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), dir)
	return err
}

func newKernelShow() *cobra.Command {
	var f kernelFlags
	cmd := &cobra.Command{
		Use:   "show [flags]",
		Short: "Say where the kernel is installed and whether all that it needs is there",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			findings, err := examineKernels(cmd.Context(), f.prefix)
			if err != nil {
				return err
			}
			return reportFindings(cmd, findings, f.json)
		},
	}
	f.addPrefix(cmd)
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON")
	return cmd
}

// examineKernels looks at each place where Jupyter looks for kernels.
func examineKernels(ctx context.Context, prefix string) ([]finding, error) {
	_, findings := findTools("", prefix)
	dirs, err := kernelDirs(ctx, prefix)
	if err != nil {
		return nil, err
	}
	for _, dir := range dirs {
		findings = append(findings, examineKernel(dir))
	}
	if len(dirs) == 0 {
		findings = append(findings, finding{Part: "kernel", State: stateMissing, Detail: "not installed", Mend: "gouache kernel install"})
	}
	return findings, nil
}

// examineKernel checks that what a kernel names is there: a checkout may have moved since.
func examineKernel(dir string) finding {
	f := finding{Part: "kernel", State: stateDamaged, Detail: dir, Mend: "gouache kernel install"}
	spec, err := readKernelSpec(dir)
	if err != nil {
		f.Detail = err.Error()
		return f
	}
	for _, path := range []string{spec.gonb(), filepath.Join(spec.module(), "go.mod")} {
		if _, err := os.Stat(path); err != nil {
			f.Detail = fmt.Sprintf("%s names %s, which is not there", dir, path)
			return f
		}
	}
	f.State, f.Version, f.Mend = stateOK, spec.gonbVersion(), ""
	f.Detail = fmt.Sprintf("%s, with the sources in %s", dir, spec.module())
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
				fmt.Fprintln(cmd.OutOrStdout(), dir)
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
