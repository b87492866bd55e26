package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/setting"
)

// settingFlags holds the values of flags for settings of a job, by the settings' names.
type settingFlags map[string]any

// add adds a flag for each setting except the named ones.
func (f *settingFlags) add(cmd *cobra.Command, without ...string) {
	*f = settingFlags{}
	for _, s := range stylelib.Settings() {
		if !slices.Contains(without, s.Name) {
			cmd.Flags().Var(&settingValue{s, *f}, s.Flag(), s.Usage)
		}
	}
}

// settingValue is the value of one such flag.
type settingValue struct {
	setting setting.Setting
	given   settingFlags
}

// String returns the value that was given, else the default.
func (v *settingValue) String() string {
	value, ok := v.given[v.setting.Name]
	if !ok {
		value = v.setting.Default
	}
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

// Set checks and keeps a value.
func (v *settingValue) Set(text string) error {
	value, err := v.setting.Parse(text)
	if err != nil {
		return err
	}
	v.given[v.setting.Name] = value
	return nil
}

// Type tells these flags from others.
func (v *settingValue) Type() string { return settingType }

const settingType = "setting"
