package issuer

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// Refusal is an error that is answered (RFC 6749 section 5.2).
type Refusal struct {
	Status      int    `json:"-"`
	Code        string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

func refuse(status int, code, format string, args ...any) *Refusal {
	return &Refusal{status, code, fmt.Sprintf(format, args...)}
}

// invalid is a Refusal of a request that is not as it should be.
func invalid(code, format string, args ...any) *Refusal {
	return refuse(http.StatusBadRequest, code, format, args...)
}

var errBusy = refuse(http.StatusTooManyRequests, "temporarily_unavailable", "there are too many requests; try again in a moment")

// Error implements error.
func (r *Refusal) Error() string { return r.Code + ": " + r.Description }

func (r *Refusal) write(w http.ResponseWriter) {
	switch r.Status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Basic realm="issuer"`)
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "1")
	}
	write(w, r.Status, r)
}

// write answers a document.
func write(w http.ResponseWriter, status int, document any) {
	body, err := json.Marshal(document)
	if err != nil { // of our own types: it can't be
		status, body = http.StatusInternalServerError, []byte("{}")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
