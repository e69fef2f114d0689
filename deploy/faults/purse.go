package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"sync"
	"time"

	"starling/accounting"
	"starling/deploy/faults/inject"
)

// purse is what a fault itself writes and reads strongly, beside the load: how much was
// allocated to one owner, a unit at a time. It only grows, so that it is linearizable
// exactly if no read tells less than was acknowledged before it was asked, more than
// was asked for before it was answered, or less than a read that ended before it began.
type purse struct {
	owner string
	began time.Time

	mu     sync.Mutex
	number int
	writes []deed // what was written, and when
	reads  []deed
}

// deed is one read or write of a purse. Of a write that was never answered the end is
// at the end of time.
type deed struct {
	site     string
	from, to time.Duration
	told     int // by a read
}

const never = time.Duration(math.MaxInt64)

func newPurse(seed uint64) *purse {
	return &purse{owner: fmt.Sprintf("proposal:fault-%x", seed), began: time.Now()}
}

// Write adds one at a site. What fails may have been done.
func (p *purse) Write(ctx context.Context, site inject.Site) error {
	p.mu.Lock()
	number, index := p.number, len(p.writes)
	p.number++
	p.writes = append(p.writes, deed{site.Name(), time.Since(p.began), never, 0})
	p.mu.Unlock()
	body, err := json.Marshal(map[string]any{
		"owner": p.owner, "limit": "soft", "reason": "a fault", "period": string(accounting.PeriodAt(time.Now())),
		"amount": map[string]any{"name": "core-seconds", "amount": "1", "unit": "s"},
	})
	if err != nil {
		return err
	}
	if _, err := p.ask(ctx, site, http.MethodPost, "/allocations", fmt.Sprintf("%s-%d", p.owner, number), body); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writes[index].to = time.Since(p.began)
	return nil
}

// Read asks a site what is in the purse.
func (p *purse) Read(ctx context.Context, site inject.Site) error {
	from := time.Since(p.began)
	text, err := p.ask(ctx, site, http.MethodGet, "/budgets?consistency=strong&owner="+p.owner, "", nil)
	if err != nil {
		return err
	}
	var told struct {
		Budgets []struct{ Allocated json.Number }
	}
	if err := json.Unmarshal(text, &told); err != nil {
		return err
	}
	d := deed{site.Name(), from, time.Since(p.began), 0}
	if len(told.Budgets) > 0 {
		amount, err := told.Budgets[0].Allocated.Float64()
		if err != nil {
			return err
		}
		d.told = int(amount)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reads = append(p.reads, d)
	return nil
}

func (p *purse) ask(ctx context.Context, site inject.Site, method, path, key string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, site.URL()+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	token, err := site.Token(ctx)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Idempotency-Key", key)
	}
	answer, err := site.Client().Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err == nil && answer.StatusCode/100 != 2 {
		err = &inject.Refused{Status: answer.StatusCode, Says: fmt.Sprintf("%s: %s %s: %s: %.300s", site.Name(), method, path, answer.Status, text)}
	}
	return text, err
}

// readAll reads at all sites, once all is over, if there is anything to read.
func (p *purse) readAll(ctx context.Context, sites []inject.Site) error {
	p.mu.Lock()
	empty := len(p.writes) == 0
	p.mu.Unlock()
	if empty {
		return nil
	}
	for _, site := range sites {
		if err := p.Read(ctx, site); err != nil {
			return fmt.Errorf("read what the fault has written: %w", err)
		}
	}
	return nil
}

// findings are the reads that can't be, each a line.
func (p *purse) findings() (found []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, r := range p.reads {
		least, most := 0, 0
		for _, w := range p.writes {
			if w.to < r.from {
				least++
			}
			if w.from < r.to {
				most++
			}
		}
		for j, other := range p.reads {
			if i != j && other.to < r.from {
				least = max(least, other.told)
			}
		}
		if r.told < least || r.told > most {
			found = append(found, fmt.Sprintf("promise 5: a strong read of %s at %s told %d, between %s and %s of the run; it must be %d to %d",
				p.owner, r.site, r.told, r.from.Round(time.Millisecond), r.to.Round(time.Millisecond), least, most))
		}
	}
	return found
}

// says counts what was done.
func (p *purse) says() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.writes) == 0 {
		return ""
	}
	return fmt.Sprintf("%d strong reads and %d writes of the fault's own", len(p.reads), len(p.writes))
}
