package api

import (
	"net/http"
	"strings"
	"testing"

	"starling/api/conformance"
	"starling/api/ivoa"
)

// Every operation of the standard answers as its schema says, in both forms
// that the tool reads, strictly.
func TestAnswersConformToExecutionBroker(t *testing.T) {
	tool := conformance.New(t)
	rejects := strings.Replace(acceptUpdate, "ACCEPTED", "REJECTED", 1)
	var documents []conformance.Document
	for _, media := range []ivoa.Media{ivoa.JSON, ivoa.YAML} {
		for _, c := range []struct {
			method, path, body string
			prepare            func(*fake)
			schema             string // where the schema has no such answer
		}{
			{"POST", "/requests", sampleRequest, nil, ""},
			{"POST", "/requests", sampleRequest, func(f *fake) { f.no = true }, ""},
			{"POST", "/direct", sampleRequest, nil, ""},
			{"POST", "/direct", sampleRequest, func(f *fake) { f.no = true }, ""},
			{"GET", "/offersets/" + offersID.String(), "", nil, ""},
			{"GET", on(""), "", nil, ""},
			{"GET", on(""), "", func(f *fake) { f.phase = ivoa.SessionOffered }, ""},
			{"POST", on(""), acceptUpdate, nil, ""},
			{"POST", on(""), rejects, nil, "AbstractExecutionSession"},
		} {
			w := newWorld(t)
			if c.prepare != nil {
				c.prepare(w.broker)
			}
			resp := w.do(call{method: c.method, path: c.path, body: c.body, header: map[string]string{"Accept": media.String()}})
			d := conformance.Document{
				Name: c.method + " " + c.path + " " + http.StatusText(resp.StatusCode), Strict: true,
				MediaType: resp.Header.Get("Content-Type"), Body: []byte(text(t, resp)),
			}
			if c.schema != "" {
				d.Schema = c.schema
			} else {
				d.Op, d.Status, d.Location = c.method+" "+c.path, resp.StatusCode, resp.Header.Get("Location")
			}
			documents = append(documents, d)
		}
	}
	tool.Check(t, documents...)
}

// The bodies that the tests of this package send are requests of the standard.
func TestSampleRequestsConform(t *testing.T) {
	conformance.New(t).Check(t,
		conformance.Document{Name: "request", Op: "POST /requests", Request: true, Strict: true, Body: []byte(sampleRequest)},
		conformance.Document{Name: "update", Op: "POST /sessions/x", Request: true, Strict: true, Body: []byte(acceptUpdate)},
	)
}
