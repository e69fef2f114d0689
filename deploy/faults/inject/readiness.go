package inject

import (
	"context"
	"io"
	"net/http"
	"time"
)

// readiness is what a node's /readyz says, whatever that is.
func readiness(ctx context.Context, site Site) (status int, said string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, site.URL()+"/readyz", nil)
	if err != nil {
		return 0, "", err
	}
	answer, err := site.Client().Do(request)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 16<<10))
	return answer.StatusCode, string(text), err
}
