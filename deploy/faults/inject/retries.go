package inject

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Clients that get no answer ask again, all at once and with the same key, while the
// leader changes: what they ask for is done once.
func retries() []Fault {
	return []Fault{{
		Name: "retries", Title: "retries with the same key across a leader change", Runs: 10, Expects: majority,
		Inject: func(ctx context.Context, scene *Scene) (*Wound, error) {
			leader, followers, err := scene.Leader(ctx)
			if err != nil {
				return nil, err
			}
			at := scene.One(followers)
			if scene.Random.IntN(2) == 0 {
				at = leader // whose clients see it die, and ask the same one when it is back
			}
			kill := scene.Random.IntN(2) == 0
			storm := &storm{at: at, keys: 4 + scene.Random.IntN(8), name: fmt.Sprintf("storm-%x", scene.Random.Uint64())}
			how := map[bool]string{true: "killed", false: "stopped"}[kill]
			return &Wound{
				Says: fmt.Sprintf("%s %s, which led, while %d clients each asked %s %d times at once for the same", how, leader.Name(), storm.keys, at.Name(), retriers),
				Meanwhile: func(ctx context.Context) error {
					begun, ended := make(chan struct{}), make(chan error, 1)
					go func() { ended <- storm.rages(ctx, begun) }()
					<-begun // some are under way
					down := leader.Stop
					if kill {
						down = leader.Kill
					}
					err := errors.Join(down(ctx), start(ctx, leader))
					return errors.Join(err, <-ended)
				},
				Heal: func(ctx context.Context) error { return errors.Join(start(ctx, leader), storm.broken()) },
			}, nil
		},
	}}
}

// retriers is how many ask with one key at the same time.
const retriers = 8

// storm is requests that are repeated, and what was answered.
type storm struct {
	at   Site
	keys int
	name string

	mu      sync.Mutex
	answers map[string]map[string]int // by key: what was made, and how often that was said
}

// rages asks until each of all has an answer; begun is closed once there is one.
func (s *storm) rages(ctx context.Context, begun chan<- struct{}) error {
	s.answers = map[string]map[string]int{}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	var once sync.Once
	errs := make(chan error, s.keys*retriers)
	for key := range s.keys {
		for range retriers {
			go func() {
				err := s.insist(ctx, fmt.Sprintf("%s-%d", s.name, key), func() { once.Do(func() { close(begun) }) })
				once.Do(func() { close(begun) }) // or nobody ever has
				errs <- err
			}()
		}
	}
	var all []error
	for range s.keys * retriers {
		all = append(all, <-errs)
	}
	return errors.Join(all...)
}

// insist asks again and again until it is answered, and then a few times more.
func (s *storm) insist(ctx context.Context, key string, answered func()) error {
	for had := 0; had < 3; {
		made, err := s.ask(ctx, key)
		if err == nil {
			s.mu.Lock()
			if s.answers[key] == nil {
				s.answers[key] = map[string]int{}
			}
			s.answers[key][made]++
			s.mu.Unlock()
			had++
			answered()
		}
		if err := Wait(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("%s never answers the request with key %s: %w", s.at.Name(), key, err)
		}
	}
	return nil
}

// ask asks for a session, and returns its UUID.
func (s *storm) ask(ctx context.Context, key string) (uuid string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second) // impatient
	defer cancel()
	text, err := json.Marshal(map[string]any{
		"executable": map[string]any{"kind": "urn:starling:executable:process-1.0", "command": []string{"true"}},
		"schedule":   map[string]any{"requested": map[string]any{"duration": "PT10S"}},
	})
	if err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.at.URL()+"/direct", bytes.NewReader(text))
	if err != nil {
		return "", err
	}
	token, err := s.at.Token(ctx)
	if err != nil {
		return "", err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", key)
	answer, err := s.at.Client().Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return "", err
	}
	var session struct{ Meta struct{ UUID string } }
	if answer.StatusCode != http.StatusSeeOther && answer.StatusCode/100 != 2 {
		return "", fmt.Errorf("%s: %.300s", answer.Status, said)
	}
	if err := json.Unmarshal(said, &session); err != nil || session.Meta.UUID == "" {
		return "", fmt.Errorf("%s names no session: %.300s", answer.Status, said)
	}
	return session.Meta.UUID, nil
}

// broken says which keys were answered by more than one session.
func (s *storm) broken() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for key, made := range s.answers {
		if len(made) > 1 {
			var all []string
			for uuid, often := range made {
				all = append(all, fmt.Sprintf("%s (%d times)", uuid, often))
			}
			errs = append(errs, fmt.Errorf("promise 2: the requests with key %s made %d sessions: %s", key, len(made), strings.Join(all, ", ")))
		}
	}
	return errors.Join(errs...)
}
