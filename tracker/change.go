package tracker

// Cursor is a place in a store's history. "" is now: what it returns is a cursor for later.
type Cursor string

// Changes are what happened in a store since a cursor.
type Changes struct {
	Cursor  Cursor   `json:"cursor"`
	Runs    []string `json:"runs,omitempty"`    // ids of those that are new or have something new
	Deleted []string `json:"deleted,omitempty"` // ids
	// More is set when there were too many to tell; read everything anew.
	More bool `json:"more,omitempty"`
}

// Deletion is what deleting runs frees.
type Deletion struct {
	Runs     int   `json:"runs"`
	Pictures int   `json:"pictures"` // files that no other run shares
	Shared   int   `json:"shared"`   // files that stay
	Bytes    int64 `json:"bytes"`    // of the pictures, the curves and the checkpoints
}
