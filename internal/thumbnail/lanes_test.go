package thumbnail

import (
	"bytes"
	"context"
	"errors"
	"image"
	"strings"
	"testing"
	"time"
)

// TestSlowOnesWaitElsewhere: pictures that take long do not keep others waiting, and end in the end.
func TestSlowOnesWaitElsewhere(t *testing.T) {
	wasQuick, wasPatient := quick.time, patient.time
	t.Cleanup(func() { quick.time, patient.time = wasQuick, wasPatient })
	quick.time, patient.time = 50*time.Millisecond, 100*time.Millisecond
	data := file(t, image.NewGray(image.Rect(0, 0, 8, 8)))
	half := func(image.Point) float64 { return 0.5 }
	ends := make(chan error)
	for range 8 {
		go func() {
			ends <- Make(t.Context(), bytes.NewReader(data), half, func(ctx context.Context, _ image.Image) error {
				<-ctx.Done() // as a decoder's does that would go on for ever
				return ctx.Err()
			})
		}()
	}
	time.Sleep(10 * time.Millisecond)
	began := time.Now()
	if _, err := makeNow(t, bytes.NewReader(data), half); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("one among eight slow ones took %v", took)
	}
	for range 8 {
		if err := <-ends; !errors.Is(err, errSlow) || !strings.Contains(err.Error(), "its file is too slow to decode") {
			t.Errorf("a slow one ends with %v", err)
		}
	}
	// One that a lane ends is not one whose reader has gone.
	ctx, cancel := context.WithCancel(t.Context())
	err := Make(ctx, bytes.NewReader(data), half, func(ctx context.Context, _ image.Image) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}

// TestLargeOnesAreAlone: at most one picture at a time takes more memory than usual.
func TestLargeOnesAreAlone(t *testing.T) {
	small := file(t, image.NewGray(image.Rect(0, 0, 8, 8)))
	data := append(bytes.Clone(small), make([]byte, usualFile)...)
	busy := make(chan struct{}, 1)
	ends := make(chan error)
	for range 3 {
		go func() {
			ends <- Make(t.Context(), bytes.NewReader(data), func(image.Point) float64 { return 1 }, func(context.Context, image.Image) error {
				select {
				case busy <- struct{}{}:
				default:
					return errors.New("another is made")
				}
				time.Sleep(time.Millisecond)
				<-busy
				return nil
			})
		}()
	}
	if _, err := makeNow(t, bytes.NewReader(small), func(image.Point) float64 { return 0.5 }); err != nil {
		t.Error(err)
	}
	for range 3 {
		if err := <-ends; err != nil {
			t.Error(err)
		}
	}
}
