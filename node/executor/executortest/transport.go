package executortest

import (
	"errors"
	"net/http"
	"net/http/httptest"
)

// Transport is an http.RoundTripper that calls a handler in the same process,
// as the one that cmd gives the built-in executors.
type Transport struct{ Handler http.Handler }

// RoundTrip implements http.RoundTripper. A handler that panics with
// http.ErrAbortHandler has lost its answer.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	answered := make(chan *http.Response, 1)
	go func() {
		defer close(answered)
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				panic(p)
			}
		}()
		w := httptest.NewRecorder()
		t.Handler.ServeHTTP(w, r)
		answered <- w.Result()
	}()
	select {
	case resp, ok := <-answered:
		if !ok {
			return nil, errors.New("the answer was lost")
		}
		return resp, nil
	case <-r.Context().Done():
		<-answered
		return nil, r.Context().Err()
	}
}
