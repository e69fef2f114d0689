package fanout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/go-json-experiment/json"

	"starling/federation/identity"
	"starling/federation/line"
)

// TellPath is where nodes tell each other what has become of offers. What is said
// there, a node says as itself, and of what concerns the two alone: which of its
// offers the other still wants, and which of those that it made for the other's offer
// set was accepted.
const TellPath = "/peer/offers"

// Tiding is one thing that a node tells another. Told again, it changes nothing.
type Tiding struct {
	// Set is the offer set that all this is about, of the node that put it together.
	Set identity.UUID `json:"set"`
	// Accepted is the offer that was accepted: the teller made it, for a set of the
	// one that is told, which rejects all others.
	Accepted identity.UUID `json:"accepted,omitzero"`
	// Keep are the offers that are still wanted, of those that the one that is told has
	// made for the teller's set; all others are rejected. Only where nothing is
	// accepted.
	Keep []identity.UUID `json:"keep,omitempty"`
	// Trace is that of the request by which it came to be so; "" if nobody knows.
	Trace identity.Trace `json:"trace,omitzero"`
}

// MostTidings bounds what is told at once.
const MostTidings = 256

// mostTold bounds it in bytes: as much as tidings that keep everything take.
const mostTold = MostTidings * (mostOffers + 4) * 40

// Tell tells a node something. It has heard it all if there is no error.
func (p *Peers) Tell(ctx context.Context, node identity.NodeName, tidings []Tiding) error {
	body, err := json.Marshal(tidings)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+string(node)+TellPath, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := p.Transport.RoundTrip(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusNoContent {
		return fmt.Errorf("it answers %s: %.200q", answer.Status, said)
	}
	return nil
}

// Hearer takes what another node tells. The error is internal: it is told again.
type Hearer interface {
	Hear(ctx context.Context, peer identity.NodeName, tidings []Tiding) error
}

// Listener is the end of TellPath that listens, behind the line that says who tells.
func Listener(h Hearer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer := identity.NodeName(line.PeerOf(r.Context()))
		if peer == "" || line.Newcomer(r.Context()) {
			http.Error(w, "only nodes of this node's federation are heard", http.StatusForbidden)
			return
		}
		if r.Method != http.MethodPost {
			http.Error(w, "tidings are posted", http.StatusMethodNotAllowed)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostTold))
		if err != nil {
			http.Error(w, "the tidings can't be read", http.StatusBadRequest)
			return
		}
		tidings, err := readTidings(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := h.Hear(r.Context(), peer, tidings); err != nil {
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

var errTidings = errors.New("these are no tidings")

func readTidings(body []byte) (tidings []Tiding, err error) {
	if err := json.Unmarshal(body, &tidings); err != nil {
		return nil, errTidings
	}
	if len(tidings) > MostTidings {
		return nil, fmt.Errorf("%w: there are %d, where %d are allowed", errTidings, len(tidings), MostTidings)
	}
	for i, t := range tidings {
		if t.Set.IsZero() || len(t.Keep) > mostOffers || !t.Accepted.IsZero() && len(t.Keep) > 0 {
			return nil, errTidings
		}
		if !t.Trace.Valid() {
			tidings[i].Trace = ""
		}
	}
	return tidings, nil
}
