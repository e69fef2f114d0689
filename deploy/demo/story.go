package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"starling/deploy/launch"
	"starling/deploy/terminal"
)

// story is what happens at the three sites.
type story struct {
	terminal.User
	*sites
}

// types has the user type at a site.
func (s story) types(ctx context.Context, at *launch.Member, arguments ...string) (string, error) {
	return s.Types(ctx, terminal.Site{Name: at.Name, URL: at.URL}, arguments...)
}

// asks has the user ask a site for offers; it returns the best one's UUID.
func (s story) asks(ctx context.Context, at *launch.Member, arguments ...string) (string, error) {
	return s.Asks(ctx, terminal.Site{Name: at.Name, URL: at.URL}, arguments...)
}

// tell tells it. A chapter that goes wrong is the end.
func (s story) tell(ctx context.Context) error {
	for _, chapter := range []struct {
		about string
		tell  func(context.Context) error
	}{
		{"Any site knows what all have.", s.network},
		{"Data decide: Hubble's table lies at jpsrc, and the program goes there.", s.byData},
		{"Load decides: all of uksrc is taken, and the work goes elsewhere.", s.byLoad},
		{"Price decides: spsrc asks the least.", s.byPrice},
		{"All sites tell the same.", s.oneRecord},
	} {
		fmt.Printf("\n== %s\n", chapter.about)
		if err := chapter.tell(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s story) network(ctx context.Context) error {
	_, err := s.types(ctx, s.Nodes[0], "nodes")
	return err
}

// byData asks at one site, accepts at another, runs at the third, and fetches the
// result by way of the first.
func (s story) byData(ctx context.Context) error {
	uksrc, spsrc := s.Nodes[0], s.Nodes[1]
	best, err := s.asks(ctx, uksrc, "-f", "request.yaml", "--placement", "data-local")
	if err != nil {
		return err
	}
	if _, err := s.types(ctx, spsrc, "accept", best); err != nil {
		return err
	}
	if _, err := s.types(ctx, uksrc, "watch", best); err != nil {
		return err
	}
	if _, err := s.types(ctx, uksrc, "files", best, "--all", "-d", "results"); err != nil {
		return err
	}
	const result = "results/output/hubble.txt"
	text, err := os.ReadFile(filepath.Join(s.Dir, result))
	if err != nil {
		return fmt.Errorf("read the result: %w", err)
	}
	fmt.Printf("\n%s:\n", result)
	return terminal.Print(text)
}

// byLoad has something take all cores of a site, asks there for more, and stops the
// first from elsewhere.
func (s story) byLoad(ctx context.Context) error {
	uksrc, jpsrc := s.Nodes[0], s.Nodes[2]
	best, err := s.asks(ctx, uksrc, "--cores", "8", "--memory", "32", "--for", "1h", "--", "sleep", "3600")
	if err != nil {
		return err
	}
	if _, err := s.types(ctx, uksrc, "accept", best); err != nil {
		return err
	}
	if _, err := s.types(ctx, uksrc, "run", "--placement", "fastest", "--cores", "4", "--for", "10m", "--", "echo", "free", "cores"); err != nil {
		return err
	}
	if _, err = s.types(ctx, jpsrc, "cancel", best); err != nil {
		return err
	}
	return s.idle(ctx, uksrc)
}

func (s story) byPrice(ctx context.Context) error {
	_, err := s.types(ctx, s.Nodes[2], "run", "--placement", "cheapest", "--cores", "2", "--for", "1h", "--", "echo", "for", "less")
	return err
}

// oneRecord shows the record at one site, and compares it with the others'.
func (s story) oneRecord(ctx context.Context) error {
	if err := s.same(ctx, "/history"); err != nil {
		return err
	}
	if err := s.same(ctx, "/accounts"); err != nil {
		return err
	}
	for _, what := range []string{"history", "statement"} {
		if _, err := s.types(ctx, s.Nodes[2], what); err != nil {
			return err
		}
	}
	fmt.Println("\nuksrc, spsrc and jpsrc have been asked for their history and their accounts:\nthey are the same.")
	return nil
}

// same waits until all sites answer the same.
func (s story) same(ctx context.Context, path string) error {
	for {
		answers := make([]map[string]any, len(s.Nodes))
		for i, m := range s.Nodes {
			if err := s.get(ctx, m, path, &answers[i]); err != nil {
				return err
			}
		}
		if reflect.DeepEqual(answers[0], answers[1]) && reflect.DeepEqual(answers[0], answers[2]) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the sites do not tell the same at %s: %w", path, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}
