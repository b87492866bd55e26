package patience

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestWait(t *testing.T) {
	wrong := errors.New("wrong")
	if v, err := Wait(t.Context(), func() (int, error) { return 3, wrong }, nil); v != 3 || err != wrong {
		t.Errorf("%v, %v", v, err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := Wait(ended, func() (int, error) { panic("called") }, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
	defer func() {
		if caught := recover(); caught != "caught" {
			t.Errorf("caught %v", caught)
		}
	}()
	_, _ = Wait(t.Context(), func() (int, error) { panic("caught") }, nil)
}

// TestLeft: work that ends soon after the interruption is waited for, and other work is left.
func TestLeft(t *testing.T) {
	for took, left := range map[time.Duration]bool{Limit / 2: false, time.Hour: true} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			late := 0
			time.AfterFunc(time.Second, cancel)
			began := time.Now()
			v, err := Wait(ctx, func() (int, error) {
				time.Sleep(time.Second + took)
				return 3, nil
			}, func(v int) { late = v })
			l, ok := errors.AsType[*Left](err)
			if ok != left || (v == 3) == left || time.Since(began) > time.Second+Limit {
				t.Errorf("%v: %v, %v after %v", took, v, err, time.Since(began))
			}
			if !left {
				return
			}
			if <-l.Done; late != 3 || !errors.Is(err, context.Canceled) {
				t.Errorf("late %d, %v", late, err)
			}
		})
	}
}
