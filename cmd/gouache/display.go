package main

import (
	"fmt"
	"image"
	"io"
	"net/url"
	"path/filepath"

	viewer "github.com/cli/browser"
	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/atomicfile"
	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib/picture"
)

// displayFlags show a result to the person who waits for it.
type displayFlags struct {
	open, preview bool
	graphics      terminal.Graphics // of the terminal
}

func (f *displayFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.open, "open", false, "open the result in the system's viewer")
	flags.BoolVar(&f.preview, "preview", false, "draw the result in the terminal, if that is kitty, Ghostty, Konsole, iTerm2, WezTerm or mintty, or knows sixel")
}

// check finds out what the terminal can draw, and warns if that is nothing.
func (f *displayFlags) check(cmd *cobra.Command, out string) error {
	if f.open && atomicfile.IsStream(out) {
		return usage(fmt.Errorf("--open shows a file, and --out %s is none: leave out one of them", out))
	}
	if !f.preview {
		return nil
	}
	if f.graphics = cmd.ErrOrStderr().(*terminal.Writer).Graphics(); f.graphics == terminal.NoGraphics {
		fmt.Fprintln(cmd.ErrOrStderr(), "warning: --preview: this is no terminal that draws pictures; --open shows the result in a window")
	}
	return nil
}

// show shows a result. That it cannot be shown is a warning.
func (f *displayFlags) show(cmd *cobra.Command, p *picture.Picture, path string) {
	messages := cmd.ErrOrStderr().(*terminal.Writer)
	if f.graphics != terminal.NoGraphics {
		p := p.On(picture.White)
		err := messages.Draw(f.graphics, p.Image(), func(width, height int) image.Image { return p.Resize(width, height).Image() })
		if err != nil {
			terminal.Fprintf(messages, "warning: --preview: %v\n", err)
		}
	}
	if f.open {
		f.openFile(cmd, path)
	}
}

// openFile opens a file or a folder in the system's viewer. That there is none is a warning.
func (f *displayFlags) openFile(cmd *cobra.Command, path string) {
	if err := openFile(path); err != nil {
		terminal.Fprintf(cmd.ErrOrStderr(), "warning: --open: %v\n", err)
	}
}

// openFile opens a file or a folder in the system's viewer.
func openFile(path string) error {
	viewer.Stdout, viewer.Stderr = io.Discard, io.Discard
	address := url.URL{Scheme: "file", Path: filepath.ToSlash(filename.Absolute(path))}
	if err := viewer.OpenURL(address.String()); err != nil {
		return fmt.Errorf("no viewer opened %s (%w): open it by hand", path, err)
	}
	return nil
}
