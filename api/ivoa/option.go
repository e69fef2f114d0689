package ivoa

// Option is an update that the caller may make now.
type Option interface {
	// OptionPath is the path of the value that the option is about: "/phase".
	OptionPath() string
	option()
}

func (*StringValueOption) option()  {}
func (*EnumValueOption) option()    {}
func (*IntegerValueOption) option() {}
func (*IntegerDeltaOption) option() {}
func (*UnknownOption) option()      {}

// Target is what options and updates have in common.
type Target struct {
	Kind string `json:"kind,omitempty" xml:"kind,attr"`
	Path string `json:"path" wire:"required"`
}

// StringValueOption lets a text be set.
type StringValueOption struct {
	Target
	// Pattern is a regular expression that the text must match, or "".
	Pattern string `json:"pattern,omitempty"`
}

// EnumValueOption lets one of several values be chosen.
type EnumValueOption struct {
	Target
	Values []string `json:"values" wire:"always"`
}

// IntegerValueOption lets a whole number be set.
type IntegerValueOption struct {
	Target
	Min   *int64 `json:"min,omitempty"`
	Max   *int64 `json:"max,omitempty"`
	Units string `json:"units,omitempty"`
}

// IntegerDeltaOption lets a whole number be changed by some amount.
type IntegerDeltaOption struct {
	Target
	Min   *int64 `json:"min,omitempty"`
	Max   *int64 `json:"max,omitempty"`
	Units string `json:"units,omitempty"`
}

// UnknownOption is an option of a kind that this package doesn't know.
type UnknownOption struct {
	Target
	// Content holds all members but the common ones.
	Content Raw `json:"-" wire:"rest"`
}

// OptionPath returns the path of the value that the option is about.
func (t *Target) OptionPath() string { return t.Path }
