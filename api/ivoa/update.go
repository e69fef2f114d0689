package ivoa

// Update asks for one value to be changed.
type Update interface {
	// UpdatePath is the path of the value to change, as it was written:
	// "/phase", though "phase" is seen too.
	UpdatePath() string
	update()
}

func (*StringValueUpdate) update()  {}
func (*EnumValueUpdate) update()    {}
func (*IntegerValueUpdate) update() {}
func (*IntegerDeltaUpdate) update() {}
func (*UnknownUpdate) update()      {}

// UpdatePath returns the path of the value to change.
func (t *Target) UpdatePath() string { return t.Path }

// StringValueUpdate sets a text, which may be empty.
type StringValueUpdate struct {
	Target
	Value string `json:"value" wire:"required"`
}

// EnumValueUpdate chooses one of several values.
type EnumValueUpdate struct {
	Target
	Value string `json:"value" wire:"required"`
}

// IntegerValueUpdate sets a whole number.
type IntegerValueUpdate struct {
	Target
	Value int64  `json:"value" wire:"required"`
	Units string `json:"units,omitempty"`
}

// IntegerDeltaUpdate adds to a whole number.
type IntegerDeltaUpdate struct {
	Target
	Delta int64  `json:"delta" wire:"required"`
	Units string `json:"units,omitempty"`
}

// UnknownUpdate is an update of a kind that this package doesn't know.
type UnknownUpdate struct {
	Target
	// Content holds all members but the common ones.
	Content Raw `json:"-" wire:"rest"`
}

// SetPhase is the update that moves a session to a phase: ACCEPTED, REJECTED
// or CANCELLED.
func SetPhase(phase SessionPhase) *EnumValueUpdate {
	return &EnumValueUpdate{Target: Target{Kind: KindEnumValueUpdate, Path: "/phase"}, Value: string(phase)}
}
