package outbound

import "strconv"

// Refusal is why a request was not made, or its answer not taken. It is the same
// at every attempt.
type Refusal struct {
	Host    string // as the URL has it; may be empty
	Address string // that it leads to; may be empty
	Why     string // completes the sentence
}

// Error implements error.
func (r *Refusal) Error() string {
	switch {
	case r.Host == "" || r.Host == r.Address:
		return r.Address + " " + r.Why
	case r.Address == "":
		return r.Host + " " + r.Why
	}
	return r.Host + " leads to " + r.Address + ", which " + r.Why
}

// quoted keeps what others have sent harmless.
func quoted(text string) string { return strconv.Quote(text) }
