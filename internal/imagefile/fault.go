package imagefile

import (
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
)

const (
	getAnother = "copy or download it again"
	convertIt  = "convert it to PNG or JPEG first"
)

// fault is why a file cannot be read, and what to do: the end of a sentence that begins with the file's name.
type fault struct {
	what   string
	cause  error // may be nil
	advice string
}

func (f *fault) Error() string {
	if f.cause == nil {
		return f.what + ": " + f.advice
	}
	return fmt.Sprintf("%s (%v): %s", f.what, f.cause, f.advice)
}

func (f *fault) Unwrap() error { return f.cause }

// damaged is the fault of a file that is not as it was written.
func damaged(cause error) error { return &fault{"is damaged", cause, getAnother} }

// cutOff is the fault of a file that ends too early.
func cutOff() error { return &fault{"is cut off before its end", io.ErrUnexpectedEOF, getAnother} }

// unread is the fault of a file that is as it should be, and that this package cannot read. What begins with an article.
func unread(what string, args ...any) error {
	return &fault{"is " + fmt.Sprintf(what, args...) + ", which cannot be read", nil, convertIt}
}

// faultOf returns the fault for a decoder's error.
func faultOf(err error) error {
	switch {
	case errors.As(err, new(*fault)):
		return err
	case errors.Is(err, image.ErrFormat):
		return &fault{"is in none of the formats that can be read, " + readable, nil, convertIt}
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return &fault{"is cut off before its end", err, getAnother}
	case errors.As(err, new(png.UnsupportedError)), errors.As(err, new(jpeg.UnsupportedError)):
		return &fault{"is of a kind that cannot be read", err, convertIt}
	}
	return damaged(err)
}
