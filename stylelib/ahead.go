package stylelib

import "github.com/gouache-art/gouache/stylelib/picture"

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
			a.stage.release()
		}
	})
	return a
}

// begin returns the scale, which begins with a picture of any size; nil if it is not prepared.
func (a *ahead) begin(start *picture.Picture) (*stage, error) {
	if a == nil {
		return nil, nil
	}
	<-a.done
	if a.err != nil {
		return nil, a.err
	}
	a.stage.begin(start)
	return a.stage, nil
}

// drop frees the scale, which is not painted, once it is prepared. It does not wait for that; closing the studio does.
func (a *ahead) drop() {
	if a == nil {
		return
	}
	a.studio.preparing.Go(func() {
		if <-a.done; a.err == nil {
			a.stage.release()
		}
	})
}
