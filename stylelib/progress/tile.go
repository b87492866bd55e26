package progress

// TileObserver is an observer that also hears how far an evaluation has come of a picture that is computed in tiles: for
// a large one that takes minutes.
type TileObserver interface {
	Observer
	Tiled(Tiles)
}

// Tiles is how far an evaluation of the objective and its gradient has come. Each tile is computed twice.
type Tiles struct {
	Scale       int // index into Run.Scales
	Iteration   int // that the evaluation is for, at all scales, from 1
	Evaluations int // that are done, at all scales
	Done, Total int // computations of a tile
}

// Tiled tells each observer that wants to know.
func (m Multi) Tiled(t Tiles) {
	for _, each := range m {
		if o, ok := each.(TileObserver); ok {
			o.Tiled(t)
		}
	}
}
