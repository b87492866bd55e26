package tracker

// VerifyOptions say how thoroughly a store is checked.
type VerifyOptions struct {
	// Repair removes files that no run needs: pictures that none names, and checkpoints of none or of one that is
	// finished. Nothing that a run needs is ever removed.
	Repair bool
}

// Report is what a check of a store found.
type Report struct {
	Runs        int       `json:"runs"`
	Pictures    int       `json:"pictures"`              // files
	Bytes       int64     `json:"bytes"`                 // of the pictures
	Checkpoints int       `json:"checkpoints,omitempty"` // files
	Points      int64     `json:"points"`
	Problems    []Problem `json:"problems"`
	Removed     int       `json:"removed,omitempty"` // files, if asked to repair
}

// Problem is one thing wrong with a store.
type Problem struct {
	Kind ProblemKind `json:"kind"`
	What string      `json:"what"` // a sentence
	Hash string      `json:"hash,omitempty"`
}

// ProblemKind is a kind of problem.
type ProblemKind string

// The kinds of problems.
const (
	ProblemDatabase ProblemKind = "database" // the database contradicts itself
	ProblemPoints   ProblemKind = "points"   // a curve is damaged
	ProblemMissing  ProblemKind = "missing"  // a run names a picture that is not there
	ProblemAltered  ProblemKind = "altered"  // a picture is not what its hash says
	ProblemOrphaned ProblemKind = "orphaned" // a file that no run needs
)
