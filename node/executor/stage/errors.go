package stage

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"starling/federation/outbound"
)

// Error is why a file could not be fetched.
type Error struct {
	URL   string // without what may be secret in it
	Cause error
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("fetch %s: %v", e.URL, e.Cause) }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// permanentError won't go away by trying again.
type permanentError struct{ error }

func permanent(err error) error { return permanentError{err} }

func (p permanentError) Unwrap() error { return p.error }

// Retryable reports whether trying again may help.
func Retryable(err error) bool {
	refused := errors.As(err, new(*outbound.Refusal))
	return !refused && !errors.As(err, &permanentError{}) && !errors.Is(err, context.Canceled)
}

// explain names the URL, and takes it out of the cause, where net/http has put
// it with everything that may be secret.
func (t *transfer) explain(err error) error {
	var inner *url.Error
	if errors.As(err, &inner) {
		again := Retryable(err)
		if err = inner.Err; !again && Retryable(err) {
			err = permanent(err)
		}
	}
	var unknown *net.DNSError
	if errors.As(err, &unknown) && unknown.IsNotFound {
		err = fmt.Errorf("there is no host %s; check the location", unknown.Name)
	}
	return &Error{URL: redact(t.URL), Cause: err}
}

// because adds to an error what to do.
func because(err error, advice string) error { return fmt.Errorf("%w; %s", err, advice) }

// statusError is an answer that is not the file.
func (b Bearer) statusError(status int) error {
	err := fmt.Errorf("the server answered %d %s", status, http.StatusText(status))
	switch {
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status == http.StatusTooEarly:
		return err
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return b.refused(err)
	case status == http.StatusNotFound, status == http.StatusGone:
		return permanent(because(err, "check the location"))
	case status >= 500:
		return err
	}
	return permanent(err)
}
