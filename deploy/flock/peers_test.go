package flock

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// questions lets something else answer what a node is asked by others, and leaves the
// rest to it.
func questions(answer http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/requests") {
			text, _ := io.ReadAll(r.Body) // else nobody would notice that the caller has left
			r.Body = io.NopCloser(bytes.NewReader(text))
			answer(w, r)
			return
		}
		asItself(w, r)
	}
}

// changed answers as the node would, but for what is changed in the document.
func changed(change func(set object)) http.HandlerFunc {
	return questions(func(w http.ResponseWriter, r *http.Request) {
		own := httptest.NewRecorder()
		asItself(own, r)
		var set object
		if err := json.Unmarshal(own.Body.Bytes(), &set); err != nil {
			panic(err)
		}
		change(set)
		text, err := json.Marshal(set)
		if err != nil {
			panic(err)
		}
		for name, values := range own.Header() {
			w.Header()[name] = values
		}
		w.Header().Del("Content-Length")
		w.WriteHeader(own.Code)
		_, _ = w.Write(text)
	})
}

func firstOffer(set object) object { return set["offers"].([]any)[0].(object) }

// A node that answers slowly, wrongly or with lies is left out, with a message that
// names it; the answer has the others' offers, and comes in time.
func TestPeersThatAreSlowWrongOrLieAreLeftOut(t *testing.T) {
	f := newFlock(t, 3, nil)
	a, b := f.nodes[0], f.nodes[1]
	foreign := f.nodes[2].ask(bob, work{}).from("c")[0].id()
	for _, peer := range []struct {
		name    string
		answers http.HandlerFunc
	}{
		{"it is slow", questions(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })},
		{"it drips", questions(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Request-Id", "x")
			w.WriteHeader(http.StatusSeeOther)
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte(" "))
				_ = http.NewResponseController(w).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		})},
		{"it never ends", questions(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Request-Id", "x")
			w.WriteHeader(http.StatusSeeOther)
			for r.Context().Err() == nil {
				if _, err := w.Write(bytes.Repeat([]byte(" "), 1<<20)); err != nil {
					return
				}
			}
		})},
		{"it breaks off", questions(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })},
		{"it fails", questions(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusInternalServerError) })},
		{"it sends elsewhere", questions(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://evil.example/requests", http.StatusTemporaryRedirect)
		})},
		{"it says nothing", questions(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })},
		{"it talks nonsense", questions(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) })},
		{"its URLs are another's", changed(func(set object) { firstOffer(set)["meta"].(object)["url"] = "http://evil.example/sessions/1" })},
		{"its offers are another's", changed(func(set object) { firstOffer(set)["meta"].(object)["uuid"] = foreign })},
		{"it offers something else", changed(func(set object) {
			firstOffer(set)["executable"].(object)["image"] = object{"locations": []any{"evil.example/miner:1"}}
		})},
		{"it offers less", changed(func(set object) { firstOffer(set)["compute"].(object)["cores"] = object{"min": 0, "max": 0} })},
		{"it has accepted by itself", changed(func(set object) { firstOffer(set)["phase"] = "RUNNING" })},
		{"it offers for ever", changed(func(set object) { firstOffer(set)["expires"] = "2999-01-01T00:00:00Z" })},
	} {
		t.Run(peer.name, func(t *testing.T) {
			f.answers("b", peer.answers)
			defer f.answers("b", nil)
			set := a.ask(alice, work{})
			assert.Equal(t, []string{"a", "c"}, set.sites(), set.said())
			var why string
			for _, m := range set.Meta.Messages {
				if m.Values["site"] == "b" {
					why = m.Message
				}
			}
			assert.NotEmpty(t, why, "who is left out, and why: %s", set.said())
			t.Log(why)
			assert.NotContains(t, set.said(), "evil.example")
			assert.NotContains(t, set.said(), b.config.URL)
		})
	}
	assert.Equal(t, []string{"a", "b", "c"}, a.ask(alice, work{}).sites(), "once it behaves, it is asked again")
}

// Promise 8: an offer of another site is its user's, at every node.
func TestPromise8OffersOfOthersAreNobodyElses(t *testing.T) {
	f := newFlock(t, 3, nil)
	set, ofB, ofC := f.offered(work{})
	mallory := user{name: "mallory"}
	for _, n := range f.nodes {
		for _, path := range []string{"/offersets/" + set.Meta.UUID, "/sessions/" + ofB.id(), "/sessions/" + ofC.id()} {
			a := n.do(mallory, "GET", path, nil)
			assert.Equal(t, http.StatusNotFound, a.status, "%s at %s: %s", path, n.name, a.body)
			assert.NotContains(t, string(a.body), "alice")
		}
		for _, phase := range []string{"ACCEPTED", "REJECTED"} {
			assert.Equal(t, http.StatusNotFound, n.update(mallory, ofB.id(), phase).status, "%s at %s", phase, n.name)
		}
	}
	assert.Equal(t, "OFFERED", f.nodes[2].phase(alice, ofB.id()))
}
