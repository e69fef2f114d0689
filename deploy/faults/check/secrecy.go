package check

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"starling/deploy/faults/load"
)

// prying checks promise 8 by what Mallory was told during the load.
func (c *checker) prying() {
	for _, o := range c.record.Ops {
		if o.Kind != load.Pry || o.Outcome == load.Unknown {
			continue
		}
		c.looked("attempts to pry", 1)
		if o.Outcome == load.Acknowledged {
			c.broken(8, "session "+o.Object, "%s let %s, who doesn't own it: %d", o.Site(), o.Who, o.Status)
		}
		c.silent(o.Site(), "session "+o.Object, o.Answer)
	}
}

// silent checks that an answer to a stranger names none of the users.
func (c *checker) silent(site, object string, answer []byte) {
	for name, p := range c.record.People {
		if strings.HasPrefix(p.Name, "load-user-") && strings.Contains(string(answer), name) {
			c.broken(8, object, "%s names its owner, %s, to a stranger", site, name)
		}
	}
}

// strangers checks promise 8 by asking now, at every site.
func (c *checker) strangers(ctx context.Context) {
	var paths []string
	for id, who := range c.record.Accepted() {
		if len(paths) >= 2*c.options.Sample {
			break
		}
		paths = append(paths, "/sessions/"+id, "/history?session="+id, "/accounts?owner=user:"+who, "/sessions/"+id+"/files", "/sessions/"+id+"/events")
	}
	for _, a := range c.record.Attempts {
		if len(paths) >= 4*c.options.Sample {
			break
		}
		paths = append(paths, "/history/"+a.Ref, "/history/"+a.Ref+"/updates")
	}
	paths = append(paths, "/sessions?limit=100", "/history?limit=100", "/accounts?limit=100", "/executors", "/audit?limit=100")
	for i, path := range paths {
		site := c.sites[i%len(c.sites)]
		status, body, err := get(ctx, site, load.Mallory, path)
		if err != nil {
			c.inconclusive("%s can't be asked for %s: %v", site.Name, path, err)
			continue
		}
		c.looked("questions of strangers", 1)
		if status == http.StatusOK && !emptyList(path, body) {
			c.broken(8, path, "%s shows it to %s, whose it isn't: %s", site.Name, load.Mallory.Name, brief(string(body)))
			continue
		}
		c.silent(site.Name, path, body)
	}
}

// emptyList reports whether an answer is a list in which nothing is: what is the
// asker's own to read is no secret.
func emptyList(path string, body []byte) bool {
	path, _, _ = strings.Cut(path, "?")
	if strings.Count(path, "/") > 1 {
		return false
	}
	var page map[string]json.RawMessage
	if json.Unmarshal(body, &page) != nil {
		return false
	}
	var items []json.RawMessage
	for _, plural := range []string{"sessions", "history", "accounts", "executors"} {
		if json.Unmarshal(page[plural], &items) == nil && len(items) > 0 {
			return false
		}
	}
	return true
}
