package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// request is a line to a contender.
type request struct {
	// Do is one of
	//   - evaluate: the objective and its gradient at the problem's start picture, Times times; the answer has Loss.
	//   - gradient: the same once at Picture, the gradient to File; the answer has Loss.
	//   - minimise: SciPy's L-BFGS-B on PyTorch from Picture, Times evaluations; the answer has the lowest Loss, Seconds
	//     and Evaluations.
	//   - convolutions: those of PyTorch alone, forward and backward to their inputs, Times times.
	//   - paint: Gouache's whole loop, Times iterations of it or as many as it takes to come down to Loss; the picture goes
	//     to File if it does. The answer has the last Loss, Seconds and Evaluations.
	Do      string  `json:"do"`
	Times   int     `json:"times,omitempty"`
	Loss    float64 `json:"loss,omitempty"`
	Side    int     `json:"side,omitempty"`    // of the picture in Picture
	Picture string  `json:"picture,omitempty"` // a file of float32, [1, side, side, 3]
	File    string  `json:"file,omitempty"`    // what is written, likewise
}

// answer is a line from a contender.
type answer struct {
	Loss        float64 `json:"loss"`
	Seconds     float64 `json:"seconds,omitempty"`
	Evaluations int     `json:"evaluations,omitempty"`
}

// ready is a contender's first line, when it has read the problem and computed its targets.
type ready struct {
	Versions map[string]string `json:"versions"`
	Device   string            `json:"device"`
}

// serve says that a contender is ready and answers requests until their end.
func serve(in io.Reader, out io.Writer, first ready, commands map[string]func(request) (answer, error)) error {
	answers := json.NewEncoder(out)
	if err := answers.Encode(first); err != nil {
		return err
	}
	requests := json.NewDecoder(in)
	for {
		var r request
		if err := requests.Decode(&r); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading a request: %w", err)
		}
		command, ok := commands[r.Do]
		if !ok {
			return fmt.Errorf("a request to %q, which this contender cannot do", r.Do)
		}
		a, err := command(r)
		if err != nil {
			return err
		}
		if err := answers.Encode(a); err != nil {
			return err
		}
	}
}
