package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// exportForms are the media types in which a history is exported.
var exportForms = []string{"application/x-ndjson", "text/csv"}

// exported is how an export went.
type exported struct {
	rows   int // a CSV's names of columns included
	took   time.Duration
	memory float64 // MB of its own that the node had at most
}

// export reads all of the history and watches the node's memory meanwhile.
func (n *node) export(ctx context.Context, form string) (e exported, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, n.URL+"/history", nil)
	if err != nil {
		return e, err
	}
	request.Header.Set("Accept", form)
	watching, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { e.memory = n.mostMemory(watching) })
	defer func() {
		stop()
		watch.Wait()
	}()
	begun := time.Now()
	// One connection a request: what is left open would be taken for a leak.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		return e, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return e, fmt.Errorf("an export was answered %d", answer.StatusCode)
	}
	buffer := make([]byte, 256<<10)
	for {
		size, err := answer.Body.Read(buffer)
		e.rows += bytes.Count(buffer[:size], []byte("\n"))
		if err == io.EOF {
			e.took = time.Since(begun)
			return e, nil
		}
		if err != nil {
			return e, fmt.Errorf("after %d rows: %w", e.rows, err)
		}
	}
}

// mostMemory is how much memory of its own the node has at most until the context ends.
func (n *node) mostMemory(ctx context.Context) (most float64) {
	beat := time.NewTicker(50 * time.Millisecond)
	defer beat.Stop()
	for {
		if now, err := n.resident(); err == nil {
			most = max(most, now.anonymous)
		}
		select {
		case <-beat.C:
		case <-ctx.Done():
			return most
		}
	}
}
