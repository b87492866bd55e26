package sweep

// Setting is a setting that a sweep may fix or search, as the program that runs the trials knows it.
type Setting struct {
	Name string // as parameters of runs are named, with underscores: style_weight
	Kind Kind
	// Parameter is what trials record the value as, where that is not the name.
	Parameter string
	// Choices are the only texts there are; nil lets any text through. They are for Text.
	Choices []string
	// Min and Max are bounds of numbers, themselves allowed. Both zero set none.
	Min, Max float64
	// Check, if not nil, says what else is wrong with a value: an int64, a float64, a string or a bool, by Kind.
	Check func(value any) error
	// Doc says in a phrase what the setting is.
	Doc string
}

// Kind is the kind of a setting's values.
type Kind int

// The kinds of values: int64, float64, string and bool.
const (
	Int Kind = iota
	Float
	Text
	Truth
)

// String returns what a value of the kind is called in a message.
func (k Kind) String() string {
	switch k {
	case Int:
		return "a whole number"
	case Float:
		return "a number"
	case Text:
		return "a text"
	case Truth:
		return "true or false"
	}
	return "unknown"
}

// Schema is what the files of sweeps may name.
type Schema struct {
	Settings []Setting
	// Terms are the loss terms that trials log, such as content and style, for the objective.
	Terms []string
}

// parameter returns the name of the parameter that trials record the setting as.
func (s *Setting) parameter() string {
	if s.Parameter != "" {
		return s.Parameter
	}
	return canonical(s.Name)
}
