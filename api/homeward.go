package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"starling/federation/identity"
)

// An owner speaks for what it owns, and for nothing else at the origin of the node
// that passes its answer on, which is where the client's token goes. So its answer is
// taken apart, and of each part passes what this node would have said itself.

// passedBack are the headers of an answer that the client gets.
var passedBack = []string{
	"Content-Type", "Content-Length", "Content-Range", "Accept-Ranges", "Content-Disposition",
	"Etag", "Last-Modified", "Repr-Digest", "Vary", "Allow", "Retry-After", "X-Accel-Buffering",
}

var (
	errBusy        = errors.New("it is starting or stopping")
	errDisbelieved = errors.New("it does not believe this node")
)

// odd is an answer that no node gives: what is wrong with it.
type odd struct{ what string }

func (o odd) Error() string { return o.what }

// homeward makes the answer that the client gets.
func (p *passage) homeward(answer *http.Response) error {
	if answer.Header.Get("X-Request-Id") == "" { // it isn't the API's, which answers with one whatever happens
		return fmt.Errorf("%w: it answers %s", errBusy, answer.Status)
	}
	if p.form == asProgram && answer.Header.Get(programHeader) != "" {
		p.answered()
		return p.programAnswers(answer)
	}
	if answer.StatusCode == http.StatusSwitchingProtocols {
		return odd{"it switches to another protocol, and nobody has asked for that"}
	}
	if answer.StatusCode == http.StatusUnauthorized {
		return p.unauthorized(answer)
	}
	kept := http.Header{}
	for name, values := range answer.Header {
		if slices.Contains(passedBack, name) || strings.HasPrefix(name, "Starling-") && name != traceHeader || strings.HasPrefix(name, "Ratelimit") {
			kept[name] = values
		}
	}
	if err := p.leads(answer, kept); err != nil {
		return err
	}
	if err := p.body(answer, kept); err != nil {
		return err
	}
	p.answered()
	for name := range kept {
		p.header().Del(name) // the owner knows better
	}
	kept.Set(viaHeader, via([]identity.NodeName{p.server.Node}))
	answer.Header, answer.Trailer = kept, nil
	return nil
}

// answered ends the time that the owner has: the rest is as long as it is.
func (p *passage) answered() {
	p.begun.Store(true)
	p.slow.Stop()
}

// unauthorized is why an owner takes a request for nobody's: a browser that it hasn't
// let in, or else a node that it doesn't believe. The client is known here.
func (p *passage) unauthorized(answer *http.Response) error {
	if p.caller.User == "" {
		for _, grant := range p.grants {
			p.server.entrances.Remove(p.entrance(grant))
		}
		return errGrant
	}
	said, _ := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
	return fmt.Errorf("%w: %q", errDisbelieved, said)
}

// leads keeps where an answer sends the client, if that is here.
func (p *passage) leads(answer *http.Response, kept http.Header) error {
	if p.form == asEntry && answer.StatusCode == http.StatusSeeOther {
		return p.opens(answer.Header, kept)
	}
	at := answer.Header.Get("Location")
	if at != "" {
		if ours, ok := p.ours(at); ok {
			kept.Set("Location", ours)
			return nil
		}
		p.elsewhere("Location")
	}
	if answer.StatusCode >= 300 && answer.StatusCode < 400 && answer.StatusCode != http.StatusNotModified {
		return odd{"it sends you elsewhere, which no node does"}
	}
	return nil
}

// body bounds and checks what an answer holds.
func (p *passage) body(answer *http.Response, kept http.Header) error {
	if answer.StatusCode >= http.StatusBadRequest || p.form != asStream {
		return p.document(answer, kept)
	}
	switch kind := kept.Get("Content-Type"); {
	case kind == "", slices.Contains(streamed, kind):
	default: // browsers make nothing of it
		kept.Set("Content-Type", "application/octet-stream")
	}
	if !strings.HasPrefix(kept.Get("Content-Disposition"), "attachment;") {
		kept.Del("Content-Disposition")
		if p.Path() == "/sessions/:uuid/files/*" {
			kept.Set("Content-Disposition", "attachment")
		}
	}
	if p.Path() != "/sessions/:uuid/events" {
		p.header().Set("Content-Security-Policy", sandbox)
	}
	return nil
}

// streamed are the types of what comes as it is. See contentType.
var streamed = []string{
	eventStream, plainText, "text/csv; charset=utf-8", "application/json", "application/fits", "application/x-votable+xml",
	"image/png", "image/jpeg", "application/pdf", "application/octet-stream",
}
