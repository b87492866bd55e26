package stylelib

import (
	"context"

	"github.com/gouache-art/gouache/stylelib/picture"
)

// ahead is a scale that is being prepared while the one before it is painted: its targets are computed and its objective is
// compiled, so that the painting does not stop between the two. Nil is a scale that cannot be.
type ahead struct {
	studio *Studio
	done   chan struct{} // closed when the others are set
	stage  *stage
	err    error
}

// ahead prepares a scale as soon as begun is closed: before, it would only delay the first iteration of the scale before
// it. It returns nil if there is none, or if it depends on the picture that it begins with.
func (r *run) ahead(scale int, begun <-chan struct{}) *ahead {
	if scale >= len(r.scales) || r.job.dependsOnStart() {
		return nil
	}
	a := &ahead{studio: r.studio, done: make(chan struct{})}
	r.studio.preparing.Go(func() {
		defer close(a.done)
		<-begun
		if a.stage, a.err = r.newStage(scale, nil); a.err != nil {
			return
		}
		if a.err = deviceError(a.stage.objective.Compile()); a.err != nil {
			a.stage.free()
		}
	})
	return a
}

// begin returns the scale, which begins with a picture of any size. If ctx ends, it frees the scale once it is prepared.
func (a *ahead) begin(ctx context.Context, start *picture.Picture) (*stage, error) {
	s, err := wait(ctx, a.studio, func() (*stage, error) {
		<-a.done
		return a.stage, a.err
	}, (*stage).free)
	if err == nil {
		s.begin(start)
	}
	return s, err
}

// drop frees the scale, which is not painted, once it is prepared. It does not wait for that; closing the studio does.
func (a *ahead) drop() {
	if a == nil {
		return
	}
	a.studio.preparing.Go(func() {
		if <-a.done; a.err == nil {
			a.stage.free()
		}
	})
}
