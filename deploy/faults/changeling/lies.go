package changeling

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"

	"starling/federation/identity"
)

type object = map[string]any

// lies answers questions as the node would, but for one thing in one offer, and lists
// sessions that are another's.
func lies(w http.ResponseWriter, r *http.Request, own http.Handler, random *rand.Rand) {
	switch {
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/requests"):
		changed(w, r, own, func(set object) {
			offers, _ := set["offers"].([]any)
			if len(offers) == 0 {
				return
			}
			if offer, ok := offers[random.IntN(len(offers))].(object); ok {
				offerLies[random.IntN(len(offerLies))](offer)
			}
		})
	case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/sessions"):
		changed(w, r, own, func(list object) {
			sessions, _ := list["sessions"].([]any)
			list["sessions"] = append(sessions, object{"meta": object{"uuid": stranger()}, "phase": "COMPLETED"})
			list["next"] = "http://evil.example/sessions?cursor=1"
		})
	default: // whoever lies about what is his own hurts his own users
		own.ServeHTTP(w, r)
	}
}

// offerLies each change one thing that is another node's to check.
var offerLies = []func(offer object){
	func(o object) { within(o, "meta")["url"] = "http://evil.example/sessions/1" },
	func(o object) { within(o, "meta")["uuid"] = stranger() },
	func(o object) { within(o, "executable")["kind"] = "urn:starling:executable:evil-1.0" },
	func(o object) { within(o, "compute")["cores"] = object{"min": 0, "max": 0} },
	func(o object) { within(o, "compute")["memory"] = object{"min": -1, "max": 1e30} },
	func(o object) { o["phase"] = "RUNNING" },
	func(o object) { o["phase"] = "COMPLETED" },
	func(o object) { o["expires"] = "2999-01-01T00:00:00Z" },
	func(o object) { o["expires"] = "1999-01-01T00:00:00Z" },
	func(o object) { delete(o, "schedule") },
	func(o object) { o["costs"] = []any{object{"type": "urn:ivoa:calycopis:cost:monetary", "max": -1e9}} },
	func(o object) { o["type"], o["kind"] = "x", "y" },
}

// stranger is a UUID of no node of the federation.
func stranger() string {
	return identity.NewMint("evil", 0).New(1_800_000_000_000).String()
}

// within is the object of that name; an empty one, that leads nowhere, if there is none.
func within(o object, name string) object {
	if in, ok := o[name].(object); ok {
		return in
	}
	return object{}
}

// changed answers as the node would, but for what is changed in the document.
func changed(w http.ResponseWriter, r *http.Request, own http.Handler, change func(object)) {
	recorder := httptest.NewRecorder()
	own.ServeHTTP(recorder, r)
	text := recorder.Body.Bytes()
	decoder, document := json.NewDecoder(bytes.NewReader(text)), object{}
	decoder.UseNumber()
	if decoder.Decode(&document) == nil {
		change(document)
		text, _ = json.Marshal(document)
	}
	for name, values := range recorder.Header() {
		w.Header()[name] = values
	}
	w.Header().Del("Content-Length")
	w.WriteHeader(recorder.Code)
	_, _ = w.Write(text)
}

// boasts answers no question; who has this mind tells the others that it has more to
// give than all of them (digest.go).
func boasts(w http.ResponseWriter, r *http.Request, own http.Handler, random *rand.Rand) {
	if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/requests") {
		fails(w, r, own, random)
		return
	}
	own.ServeHTTP(w, r)
}
