package bench

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"starling/api/ivoa"
)

// container is a request for a container that does nothing in particular.
const container = `{"executable":{"kind":"` + ivoa.KindDockerContainer + `","meta":{"name":"bench"},"image":{"locations":["%s"]}},` +
	`"compute":{"kind":"` + ivoa.KindSimpleCompute + `","cores":{"min":%d,"max":%d},"memory":{"min":1}},` +
	`"schedule":{"requested":{"duration":"%s","start":"%s"}}}`

// program is a request for the program that does the least.
const program = `{"executable":{"kind":"` + ivoa.KindProcess + `","command":["/bin/true"]},` +
	`"schedule":{"requested":{"duration":"PT1M"}}}`

// job is what a container request asks for.
type job struct {
	cores, most int64
	duration    time.Duration
	from        time.Time // the start, within a day; zero: at any time from now on
	image       string    // "": one that no simulator minds
}

func (j job) request() []byte {
	from := ""
	if !j.from.IsZero() {
		from = ivoa.FormatInstant(j.from) + "/P1D"
	}
	return fmt.Appendf(nil, container, cmp.Or(j.image, "docker.io/library/alpine"), j.cores, max(j.cores, j.most), ivoa.FormatDuration(j.duration), from)
}

// ask asks for offers and insists on some. The answer is good until the client's next request.
func (c *client) ask(ctx context.Context, request []byte) ([]byte, error) {
	answer, err := c.want(ctx, http.StatusSeeOther, http.MethodPost, "/requests", request)
	if err == nil && !bytes.Contains(answer, []byte(`"YES"`)) {
		err = fmt.Errorf("no offers were made: %.500s", answer)
	}
	return answer, err
}

// best reads the path of the first offer of an answer.
func best(answer []byte) (string, error) {
	var set struct {
		Offers []struct {
			Meta struct {
				UUID string `json:"uuid"`
			} `json:"meta"`
		} `json:"offers"`
	}
	if err := json.Unmarshal(answer, &set); err != nil {
		return "", fmt.Errorf("read offers: %w", err)
	}
	return "/sessions/" + set.Offers[0].Meta.UUID, nil
}

// acceptance is the update that accepts an offer.
var acceptance = []byte(`{"kind":"` + ivoa.KindEnumValueUpdate + `","path":"/phase","value":"ACCEPTED"}`)

// accept accepts the offer at a path.
func (c *client) accept(ctx context.Context, path string) error {
	_, err := c.want(ctx, http.StatusOK, http.MethodPost, path, acceptance)
	return err
}

// book asks and accepts, and returns the session's path.
func (c *client) book(ctx context.Context, request []byte) (string, error) {
	answer, err := c.ask(ctx, request)
	if err != nil {
		return "", err
	}
	path, err := best(answer)
	if err != nil {
		return "", err
	}
	return path, c.accept(ctx, path)
}

// watch follows a session to its end, as `starling run` does, and insists that it is COMPLETED.
func (c *client) watch(ctx context.Context, path string) error {
	events, err := c.want(ctx, http.StatusOK, http.MethodGet, path+"/events", nil)
	if err == nil && !bytes.Contains(events, []byte(ivoa.SessionCompleted)) {
		err = fmt.Errorf("%s did not end well: %.500s", path, events)
	}
	return err
}
