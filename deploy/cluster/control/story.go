package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"starling/deploy/launch"
	"starling/deploy/terminal"
)

// story is what happens at the five sites.
type story struct {
	terminal.User
	sites *launch.Cluster
	token string
}

func newStory(sites *launch.Cluster, binary, dir string) (*story, error) {
	token, err := sites.Token("alice", "ska/pulsars")
	if err != nil {
		return nil, err
	}
	return &story{
		User:  terminal.User{Binary: binary, Dir: dir, Env: []string{"STARLING_CA=" + sites.CA(), "STARLING_TOKEN=" + token}},
		sites: sites, token: token,
	}, nil
}

// tell tells it. A chapter that goes wrong is the end.
func (s *story) tell(ctx context.Context) error {
	for _, chapter := range []struct {
		about string
		tell  func(context.Context) error
	}{
		{"Any site knows what all have.", s.network},
		{"Nobody gets in without a token, nor without TLS.", s.closed},
		{"Asked at uksrc, taken at jpsrc, watched from cansrc, fetched from aussrc.", s.anywhere},
		{"A wish decides: the greenest site.", s.greenest},
		{"A node is killed while work runs there. The others go on, and so does the work.", s.killed},
		{"All sites tell the same.", s.oneRecord},
	} {
		fmt.Printf("\n== %s\n", chapter.about)
		if err := chapter.tell(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *story) at(name string) terminal.Site {
	return terminal.Site{Name: name, URL: s.sites.Site(name).URL}
}

func (s *story) network(ctx context.Context) error {
	_, err := s.Types(ctx, s.at("uksrc"), "nodes")
	return err
}

// closed knocks as a stranger does.
func (s *story) closed(ctx context.Context) error {
	site := s.sites.Site("uksrc")
	client := site.Client()
	defer client.CloseIdleConnections()
	for _, url := range []string{site.URL + "/sessions", "http" + strings.TrimPrefix(site.URL, "https") + "/sessions"} {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		answer, err := client.Do(r)
		if err != nil {
			return err
		}
		answer.Body.Close()
		fmt.Printf("GET %s: %s\n", url, answer.Status)
		if answer.StatusCode == http.StatusOK {
			return fmt.Errorf("%s is open to strangers", url)
		}
	}
	return nil
}

func (s *story) anywhere(ctx context.Context) error {
	best, err := s.Asks(ctx, s.at("uksrc"), "--cores", "2", "--memory", "1:4", "--for", "10m", "--output", "/output", "--",
		"sh", "-c", "echo counting; seq 1 1000 | md5sum > output/sum; sleep 2; echo done")
	if err != nil {
		return err
	}
	for _, step := range []struct {
		at    string
		words []string
	}{
		{"jpsrc", []string{"accept", best}},
		{"cansrc", []string{"watch", best}},
		{"aussrc", []string{"files", best, "--all", "-d", "results"}},
	} {
		if _, err := s.Types(ctx, s.at(step.at), step.words...); err != nil {
			return err
		}
	}
	text, err := os.ReadFile(filepath.Join(s.Dir, "results", "output", "sum"))
	if err != nil {
		return fmt.Errorf("read the result: %w", err)
	}
	return terminal.Print(text)
}

func (s *story) greenest(ctx context.Context) error {
	_, err := s.Types(ctx, s.at("espsrc"), "run", "--placement", "greenest", "--cores", "2", "--for", "1h", "--", "echo", "by", "water")
	return err
}

// killed ends the node of espsrc, which is the cheapest, as a power cut would.
func (s *story) killed(ctx context.Context) (err error) {
	espsrc := s.sites.Site("espsrc")
	best, err := s.Asks(ctx, s.at("uksrc"), "--placement", "cheapest", "--cores", "2", "--for", "1h", "--", "sh", "-c", "sleep 20; echo survived")
	if err != nil {
		return err
	}
	if _, err := s.Types(ctx, s.at("uksrc"), "accept", best); err != nil {
		return err
	}
	if err := s.until(ctx, "the session to run", func() (bool, error) {
		var session struct{ Phase string }
		err := s.get(ctx, espsrc, "/sessions/"+best, &session)
		return session.Phase == "RUNNING", err
	}); err != nil {
		return err
	}
	fmt.Printf("\n$ docker kill %s\n", espsrc.Node.Name())
	if err := espsrc.Node.Kill(ctx); err != nil {
		return err
	}
	if _, err := s.Types(ctx, s.at("jpsrc"), "run", "--cores", "1", "--for", "10m", "--", "echo", "elsewhere"); err != nil {
		return errors.Join(err, espsrc.Start(ctx))
	}
	fmt.Printf("\n$ docker start %s\n", espsrc.Node.Name())
	if err := espsrc.Start(ctx); err != nil {
		return err
	}
	if err := s.sites.Ready(ctx); err != nil {
		return err
	}
	_, err = s.Types(ctx, s.at("aussrc"), "watch", best)
	return err
}

// oneRecord shows the record at one site, and compares it with the others'.
func (s *story) oneRecord(ctx context.Context) error {
	for _, path := range []string{"/history", "/accounts"} {
		if err := s.until(ctx, "all sites to tell the same at "+path, func() (bool, error) { return s.same(ctx, path) }); err != nil {
			return err
		}
	}
	for _, what := range []string{"history", "statement"} {
		if _, err := s.Types(ctx, s.at("cansrc"), what); err != nil {
			return err
		}
	}
	fmt.Printf("\nAll %d sites have been asked for their history and their accounts: they are the same.\n", len(s.sites.Sites))
	return nil
}

// same reports whether all sites answer the same.
func (s *story) same(ctx context.Context, path string) (bool, error) {
	var first any
	for i, site := range s.sites.Sites {
		var answer any
		if err := s.get(ctx, site, path, &answer); err != nil {
			return false, err
		}
		if i == 0 {
			first = answer
		}
		if !reflect.DeepEqual(first, answer) {
			return false, nil
		}
	}
	return true, nil
}

// get reads a document of a site's node.
func (s *story) get(ctx context.Context, at *launch.Site, path string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at.URL+path, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	client := at.Client()
	defer client.CloseIdleConnections()
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s%s: %s", at.URL, path, answer.Status)
	}
	return json.NewDecoder(io.LimitReader(answer.Body, 16<<20)).Decode(into)
}

// until waits until something holds.
func (s *story) until(ctx context.Context, what string, holds func() (bool, error)) error {
	for {
		ok, err := holds()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
