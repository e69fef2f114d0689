package inject

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Ready waits until a site takes work.
func Ready(ctx context.Context, site Site) error {
	return Eventually(ctx, 2*time.Minute, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, site.URL()+"/readyz", nil)
		if err != nil {
			return err
		}
		answer, err := site.Client().Do(request)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		said, _ := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("%s is not ready: %s", site.Name(), said)
		}
		return nil
	})
}

// Eventually tries until it succeeds, for at most so long, and then says why not.
func Eventually(ctx context.Context, most time.Duration, try func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, most, fmt.Errorf("not within %s", most))
	defer cancel()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Wait lets time pass; it is over early if ctx is.
func Wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// each does the same to several sites at once, and joins what went wrong.
func each(sites []Site, do func(Site) error) error {
	ended := make(chan error, len(sites))
	for _, site := range sites {
		go func() {
			if err := do(site); err != nil {
				ended <- fmt.Errorf("%s: %w", site.Name(), err)
				return
			}
			ended <- nil
		}()
	}
	var errs []error
	for range sites {
		errs = append(errs, <-ended)
	}
	return errors.Join(errs...)
}
