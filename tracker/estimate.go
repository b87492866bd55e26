package tracker

import "time"

// Estimate is roughly what it takes to make runs. They may well take half as much again: the machine may be busier, and
// pictures differ.
type Estimate struct {
	Time    time.Duration // of all of them, one after the other; 0 if unknown
	Like    int           // the number of finished runs that the time was learned from; 0 for a guess
	Memory  int64         // bytes, at most at a time; 0 if unknown
	Free    int64         // bytes of memory that there are for it; 0 if unknown
	Largest int           // the size in pixels of the largest picture that fits into them; 0 if unknown
	Disk    int64         // bytes that are kept; 0 if unknown
}

// Estimator estimates what it takes to paint with the parameters of a form. Of the pictures only roles and sizes count.
type Estimator func(params Params, inputs []Picture) (*Estimate, error)

// Fits reports whether there is enough memory, as far as that is known.
func (e *Estimate) Fits() bool { return e.Free == 0 || e.Memory <= e.Free }
