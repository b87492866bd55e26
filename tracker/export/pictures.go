package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"unicode"

	"github.com/gouache-art/gouache/tracker"
)

// Pictures writes all pictures of runs, byte for byte as the store has them, into a folder that it makes if need be:
// a folder for each run, named NAME-ID, and in it ROLE-STEP-NAME with the format's extension, the step as it is needed
// to keep files in order. Files of those names are replaced, others stay.
func Pictures(ctx context.Context, dir string, reader tracker.Reader, ids []string) error {
	if err := checkIDs(ids); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return unwritten(err)
	}
	root, err := os.OpenRoot(dir) // a store made elsewhere may hold any names: none leads out of the folder
	if err != nil {
		return unwritten(err)
	}
	defer root.Close()
	for _, id := range ids {
		run, err := reader.Run(ctx, id)
		if err != nil {
			return err
		}
		pictures, err := reader.Pictures(ctx, id, tracker.PictureQuery{})
		if err != nil {
			return err
		}
		folder := fileName(run.Name) + "-" + run.ID
		if run.Name == run.ID {
			folder = run.ID
		}
		if err := root.MkdirAll(folder, 0o755); err != nil {
			return unwritten(err)
		}
		for _, p := range pictures {
			if err := copyPicture(ctx, root, path.Join(folder, pictureName(p)), reader, p.Hash); err != nil {
				return err
			}
		}
	}
	return nil
}

func unwritten(err error) error {
	return tracker.Errorf(tracker.CodeUnavailable, "the pictures cannot be written: %w", err)
}

// pictureName is a picture's file name. Steps have as many digits as keep a folder's snapshots in order.
func pictureName(p tracker.Picture) string {
	name := fmt.Sprintf("%s-%06d", fileName(p.Role), p.Step)
	if given := strings.TrimSuffix(p.Name, path.Ext(p.Name)); given != "" {
		name += "-" + fileName(given)
	}
	return name + "." + p.Format
}

// fileName makes a part of a file name of any text.
func fileName(text string) string {
	const most = 80 // bytes
	safe := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, text)
	return strings.ToValidUTF8(safe[:min(len(safe), most)], "")
}

// copyPicture writes a file that appears whole or not at all.
func copyPicture(ctx context.Context, root *os.Root, name string, reader tracker.Reader, hash string) (err error) {
	from, err := reader.OpenPicture(ctx, hash)
	if err != nil {
		return err
	}
	defer from.Close()
	partial := name + ".part"
	to, err := root.Create(partial)
	if err != nil {
		return unwritten(err)
	}
	_, err = io.Copy(to, from)
	if err = errors.Join(err, to.Close()); err == nil {
		err = root.Rename(partial, name)
	}
	if err != nil {
		_ = root.Remove(partial) // the error says more
		return unwritten(err)
	}
	return nil
}
