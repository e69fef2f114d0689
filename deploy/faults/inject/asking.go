package inject

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Log is GET /federation/log.
type Log struct {
	Node, Role, Leader    string
	Term, Applied, Commit uint64
	First                 uint64 // the oldest entry that is kept
	Outbox                struct {
		Depth         int
		OldestSeconds float64
	}
}

// LogOf asks a site for its view of the log.
func LogOf(ctx context.Context, site Site) (Log, error) {
	var log Log
	err := get(ctx, site, "/federation/log", &log)
	return log, err
}

// Refused is an answer that is no success.
type Refused struct {
	Status int
	Says   string
}

func (r *Refused) Error() string { return r.Says }

// get reads a document of a site as one of its operators.
func get(ctx context.Context, site Site, path string, into any) error {
	body, err := ask(ctx, site, http.MethodGet, path, 5*time.Second)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

// send orders something of a site as one of its operators.
func send(ctx context.Context, site Site, method, path string) error {
	_, err := ask(ctx, site, method, path, 30*time.Second)
	return err
}

func ask(ctx context.Context, site Site, method, path string, most time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, site.URL()+path, nil)
	if err != nil {
		return nil, err
	}
	token, err := site.Token(ctx)
	if err != nil {
		return nil, fmt.Errorf("a token for %s: %w", site.Name(), err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := site.Client().Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 4<<20))
	if err != nil {
		return nil, err
	}
	if answer.StatusCode/100 != 2 {
		return nil, &Refused{answer.StatusCode, fmt.Sprintf("%s: %s %s: %s: %.300s", site.Name(), method, path, answer.Status, body)}
	}
	return body, nil
}
