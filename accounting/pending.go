package accounting

// A Provisional view shows what the record is going to be as far as one node can
// tell: rows of its own that the log has not taken yet lie over those that it
// has. What is, or is changed by, such a row is marked as pending in answers.
type Provisional interface {
	View
	// Pending reports whether the row under a key is not the record's yet.
	Pending(key []byte) bool
}

func pending(view View, key []byte) bool {
	p, provisional := view.(Provisional)
	return provisional && p.Pending(key)
}
