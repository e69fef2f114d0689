package check

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starling/deploy/faults/load"
)

// tell makes of what a site answers to a path what it is to tell. What isn't to be told
// at all is nil, and 500.
type tell func(path string, body []byte) []byte

// liar is a site that tells something else than it has.
func (w *world) liar(site load.Site, say tell) load.Site {
	to, err := url.Parse(site.URL)
	require.NoError(w.t, err)
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.Transport = site.Client.Transport
	proxy.ModifyResponse = func(answer *http.Response) error {
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			return err
		}
		said := say(answer.Request.URL.Path, body)
		if said == nil {
			answer.StatusCode, said = http.StatusInternalServerError, []byte("{}")
		}
		answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(said)), int64(len(said))
		answer.Header.Set("Content-Length", strconv.Itoa(len(said)))
		return nil
	}
	server := httptest.NewServer(proxy)
	w.t.Cleanup(server.Close)
	site.URL = server.URL
	return site
}

// all sites lie in the same way, or the second alone.
func (w *world) liars(say tell) (sites []load.Site) {
	for _, s := range w.sites {
		sites = append(sites, w.liar(s, say))
	}
	return sites
}

func (w *world) oneLiar(say tell) []load.Site {
	return []load.Site{w.sites[0], w.liar(w.sites[1], say), w.sites[2]}
}

type object = map[string]any

// items changes the items of a list that a site tells.
func items(under, plural string, change func([]object) []object) tell {
	return func(path string, body []byte) []byte {
		if path != under && !(strings.HasSuffix(under, "*") && strings.HasPrefix(path, strings.TrimSuffix(under, "*"))) {
			return body
		}
		var page map[string]json.RawMessage
		var list []object
		if json.Unmarshal(body, &page) != nil || json.Unmarshal(page[plural], &list) != nil {
			return body
		}
		page[plural] = encode(change(list))
		return encode(page)
	}
}

// each changes those items of a list that have a member with a value.
func each(under, plural, member, value string, change func(object)) tell {
	return items(under, plural, func(list []object) []object {
		for _, one := range list {
			if is, _ := one[member].(string); is == value {
				change(one)
			}
		}
		return list
	})
}

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// clone is a copy of the record, in which sites may have lied.
func (w *world) clone(t *testing.T) *load.Record {
	t.Helper()
	r := new(load.Record)
	require.NoError(t, json.Unmarshal(encode(w.record), r))
	return r
}
