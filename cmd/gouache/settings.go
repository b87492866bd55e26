package main

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/stylelib"
)

// settingFlags are flags for settings of a job, by the settings' names.
type settingFlags map[string]string

// add adds a flag for each setting but the named ones.
func (f *settingFlags) add(cmd *cobra.Command, without ...string) {
	*f = settingFlags{}
	for _, s := range stylelib.Settings() {
		if !slices.Contains(without, s.Name) {
			cmd.Flags().Var(&settingValue{s, *f}, s.Name, s.Usage)
		}
	}
}

// settingValue is the value of one such flag.
type settingValue struct {
	setting stylelib.Setting
	given   settingFlags
}

// String returns the value that was given, else the default.
func (v *settingValue) String() string {
	if text, ok := v.given[v.setting.Name]; ok {
		return text
	}
	return v.setting.Default
}

// Set checks and keeps a value.
func (v *settingValue) Set(text string) error {
	if err := v.setting.Check(text); err != nil {
		return err
	}
	v.given[v.setting.Name] = text
	return nil
}

// Type tells these flags from others.
func (v *settingValue) Type() string { return settingType }

const settingType = "setting"
