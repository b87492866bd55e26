package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gouache-art/gouache/internal/suggest"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/tracker/sweep"
)

const (
	configName = "gouache.yaml" // in the current folder
	noConfig   = "none"
	maxConfig  = 4 << 10 // bytes; a parser of YAML follows nesting without end
)

// configKeys are the flags that a file of settings may set. Another person may have written the file: it only says how pictures look,
// and names no files, devices or programs.
func configKeys() []string {
	keys := []string{"strength", "init", "seed", "depth", "keep-profile"}
	for _, s := range stylelib.Settings() {
		if !slices.Contains(keys, s.Flag()) {
			keys = append(keys, s.Flag())
		}
	}
	return keys
}

// readConfig sets the flags that were not given from the file of settings, and says so.
func (f *stylizeFlags) readConfig(cmd *cobra.Command) error {
	name := f.config
	if name == noConfig {
		return nil
	}
	if name == "" {
		name = configName
	}
	data, err := readSmall(name)
	switch {
	case errors.Is(err, os.ErrNotExist) && f.config == "":
		return nil
	case errors.Is(err, os.ErrNotExist):
		return usage(fmt.Errorf("--config: there is no file %s: write one, with a line for each flag, such as \"size: 1024\", or leave out --config", name))
	case err != nil:
		return fmt.Errorf("--config: %w", err)
	}
	used, err := applyConfig(cmd.Flags(), data)
	if err != nil {
		return usage(fmt.Errorf("%s: %w", name, err))
	}
	if len(used) > 0 {
		terminal.Fprintf(messages(cmd, f.studio.quiet), "settings from %s: %s\n", name, strings.Join(used, ", "))
	}
	return nil
}

// readSmall reads a regular file of at most maxConfig bytes.
func readSmall(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no file", name)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxConfig+1))
	if err == nil && len(data) > maxConfig {
		err = fmt.Errorf("%s is larger than %d bytes: keep only settings in it", name, maxConfig)
	}
	return data, err
}

// applyConfig sets flags from YAML, a mapping of flags' names to values, unless the command line has set them. It
// returns what it has set.
func applyConfig(flags *pflag.FlagSet, data []byte) (used []string, err error) {
	file, err := parser.ParseBytes(bytes.TrimPrefix(data, []byte("\ufeff")), 0) // which Windows' editors write
	if placed := yaml.Error(nil); errors.As(err, &placed) {
		return nil, fmt.Errorf("line %d: %s", placed.GetToken().Position.Line, placed.GetMessage())
	}
	if err != nil {
		return nil, err
	}
	for _, doc := range file.Docs {
		if _, onlyComments := doc.Body.(*ast.CommentGroupNode); onlyComments || doc.Body == nil {
			continue
		}
		mapping, ok := doc.Body.(ast.MapNode)
		if !ok {
			return nil, errors.New("write a line for each flag, such as \"size: 1024\"")
		}
		for pairs := mapping.MapRange(); pairs.Next(); {
			text, err := applyPair(flags, pairs.Key(), pairs.Value())
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", pairs.Key().GetToken().Position.Line, err)
			}
			if text != "" {
				used = append(used, text)
			}
		}
	}
	return used, nil
}

// applyPair sets one flag, and returns what it has set.
func applyPair(flags *pflag.FlagSet, key, value ast.Node) (string, error) {
	name := strings.ReplaceAll(key.GetToken().Value, "_", "-")
	if keys := configKeys(); !slices.Contains(keys, name) {
		if flags.Lookup(name) != nil {
			return "", fmt.Errorf("--%s may only be given on the command line: a file sets how pictures look, and no files, devices or places", name)
		}
		return "", suggest.Unknown("setting", name, keys)
	}
	scalar, ok := value.(ast.ScalarNode)
	if plain := []ast.NodeType{ast.StringType, ast.IntegerType, ast.FloatType, ast.BoolType}; !ok || !slices.Contains(plain, scalar.Type()) {
		return "", fmt.Errorf("%s must have one value", name)
	}
	text := scalar.GetToken().Value // and not what YAML makes of it: a flag's value means the same in a file
	if sweep.IsOctal(text) {
		return "", fmt.Errorf("%s is %s: write it without a 0 before it: some take that for octal", name, text)
	}
	if name == "init" && text != "content" && text != "noise" {
		return "", fmt.Errorf("init is %q: in a file it must be content or noise", text)
	}
	if slices.ContainsFunc(append(rivals(name), name), flags.Changed) {
		return "", nil
	}
	flag := flags.Lookup(name)
	if err := flag.Value.Set(text); err != nil {
		return "", err
	}
	return name + " " + text, nil
}

// rivals are the flags that exclude a flag.
func rivals(name string) []string {
	var sets []string // by --strength
	for _, s := range stylelib.StrengthSettings {
		sets = append(sets, setting.Setting{Name: s}.Flag())
	}
	switch {
	case name == "strength":
		return sets
	case slices.Contains(sets, name):
		return []string{"strength"}
	}
	return nil
}
