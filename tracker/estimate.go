package tracker

import "time"

// Estimate is roughly what it takes to make runs. They may well take half as much again: the machine may be busier, and
// pictures differ.
type Estimate struct {
	Time    time.Duration // of all of them, one after the other; 0 if unknown
	Like    int           // the number of finished runs that the time was learned from; 0 for a guess
	Memory  int64         // bytes, at most at a time; 0 if unknown
	Free    int64         // bytes of memory that there are for it now; 0 if unknown
	Largest int           // the size in pixels of the largest picture that fits into the machine's memory; 0 if unknown
	Fine    int           // the largest size, at most Largest, that makes the picture finer; 0 if unknown
	Why     string        // why it is not finer beyond Fine, as a sentence
	Disk    int64         // bytes that are kept; 0 if unknown
	TooMuch string        // why the machine cannot make them, as a sentence; "" if it can
}

// Estimator estimates what it takes to paint with the parameters of a form. Of the pictures only roles and sizes count.
type Estimator func(params Params, inputs []Picture) (*Estimate, error)

// Fits reports whether there is enough memory now, as far as that is known.
func (e *Estimate) Fits() bool { return e.Free == 0 || e.Memory <= e.Free }

// WeightSet is a network's weights that a form may choose.
type WeightSet struct {
	Name, Description string
	Bytes             int64 // of the file
	Here              bool  // it is on this machine; else it can be fetched
}
