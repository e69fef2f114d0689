package load

import (
	"time"

	"starling/api/ivoa"
)

// What is read of the documents of the standard.
type (
	session struct {
		Phase   string
		Expires time.Time
		Meta    meta
		Compute struct {
			Cores struct{ Max int64 }
		}
		Schedule struct {
			Available struct{ Start string }
		}
	}
	meta struct {
		UUID     string
		Created  time.Time
		Messages []message
	}
	message struct {
		Kind, Time, Level, Template, Message string
		Values                               map[string]string
	}
	offerSet struct {
		Result string
		Meta   meta
		Offers []session
	}
)

// starts is when a session may begin, by its schedule.
func (s session) starts() time.Time {
	text := s.Schedule.Available.Start
	for i := range text {
		if text[i] == '/' {
			text = text[:i]
			break
		}
	}
	at, _ := ivoa.ParseInstant(text)
	return at
}

// site is who has made an offer, as its messages say.
func (s session) site() string {
	for _, m := range s.Meta.Messages {
		if site := m.Values["site"]; site != "" {
			return site
		}
	}
	return ""
}

// Kinds, as clients write them.
const (
	kindSequence = "urn:starling:executable:sequence-1.0"
	kindCompute  = "https://www.purl.org/ivoa.net/Calycopis-openapi/schema/v1.0/kinds/compute/simple-compute-resource.yaml"
	phaseUpdate  = "uri:enum-value-update"
)

type (
	object = map[string]any
	list   = []any
)

// work is what somebody wants to have done: executors of a load wait for so long, and
// send a file.
type work struct {
	Seconds float64 `json:"seconds"`
	Bytes   int64   `json:"bytes"`
	// Endless work goes on until it is told to stop.
	Endless bool `json:"endless,omitempty"`
	cores   int
	start   string
}

// request is the work as a document.
func (w work) request() object {
	requested := object{"duration": "PT10S"}
	if w.Endless {
		requested["duration"] = "PT20M"
	}
	if w.start != "" {
		requested["start"] = w.start
	}
	return object{
		"executable": object{"kind": kindSequence, "actions": list{w}},
		"compute":    object{"kind": kindCompute, "cores": object{"min": w.cores, "max": w.cores}, "memory": object{"min": 1, "max": 1}},
		"schedule":   object{"requested": requested},
	}
}

// becoming asks for a phase of a session.
func becoming(phase string) object {
	return object{"kind": phaseUpdate, "path": "/phase", "value": phase}
}

func terminal(phase string) bool {
	switch phase {
	case "COMPLETED", "FAILED", "CANCELLED", "REJECTED", "EXPIRED":
		return true
	}
	return false
}
