package check

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"starling/deploy/faults/load"
)

// mostRead bounds what is read of one answer, and oneAnswer how long it may take.
const (
	mostRead  = 256 << 20
	oneAnswer = 30 * time.Second
)

// get asks a site for a document. Who asks too often waits.
func get(ctx context.Context, site load.Site, who load.Person, path string) (status int, body []byte, err error) {
	for {
		status, body, err = getOnce(ctx, site, who, path)
		if err != nil || status != http.StatusTooManyRequests {
			return status, body, err
		}
		if !pause(ctx, time.Second) {
			return status, body, ctx.Err()
		}
	}
}

func getOnce(ctx context.Context, site load.Site, who load.Person, path string) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, oneAnswer)
	defer cancel()
	token, err := site.Token(ctx, who)
	if err != nil {
		return 0, nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, site.URL+path, nil)
	if err != nil {
		return 0, nil, err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := site.Client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, mostRead))
	return answer.StatusCode, body, err
}

// mostAsked is how often a page is asked for in which some site's part is missing: a
// busy one may miss the two seconds that it has.
const mostAsked = 10

// all reads a list, page by page, under its plural name, as the operator.
// What a page says is missing again and again is an error, unless it is to be expected.
func all[T any](ctx context.Context, site load.Site, path, plural string, lacking ...string) (list []T, err error) {
	for asked := 1; path != ""; asked++ {
		status, body, err := get(ctx, site, load.Operator, path)
		if err != nil {
			return nil, fmt.Errorf("%s at %s: %w", path, site.Name, err)
		}
		if status != http.StatusOK {
			return nil, fmt.Errorf("%s at %s: %d: %.300s", path, site.Name, status, body)
		}
		var page map[string]json.RawMessage
		if err := json.Unmarshal(body, &page); err != nil {
			return nil, fmt.Errorf("%s at %s: %w", path, site.Name, err)
		}
		var some []T
		if items := page[plural]; items != nil { // an empty list is left out of an answer
			if err := json.Unmarshal(items, &some); err != nil {
				return nil, fmt.Errorf("%s at %s: %w", path, site.Name, err)
			}
		}
		var messages []struct{ Message string }
		if text := page["messages"]; text != nil {
			if err := json.Unmarshal(text, &messages); err != nil {
				return nil, fmt.Errorf("%s at %s: %w", path, site.Name, err)
			}
		}
		if len(messages) > 0 && len(lacking) == 0 {
			if asked < mostAsked && pause(ctx, time.Second) {
				continue
			}
			return nil, fmt.Errorf("%s at %s: some are missing, as it has said %d times: %.300s", path, site.Name, asked, messages[0].Message)
		}
		list = append(list, some...)
		this := path
		path, asked = "", 0
		if next := page["next"]; next != nil {
			if err := json.Unmarshal(next, &path); err != nil {
				return nil, fmt.Errorf("%s at %s: %w", this, site.Name, err)
			}
		}
	}
	return list, nil
}

// pause waits, unless the context ends.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
