package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"starling/api/ivoa"
)

// Documents of other nodes are read whole, within bounds, and their URLs checked
// field by field, before a client sees them: it follows them with its token. An owner
// that was told by which base its client comes writes nothing else, so that most are
// passed on as they are.

const (
	mostDocument = 8 << 20  // bytes: the longest list of a session's files is shorter
	mostProblem  = 64 << 10 // bytes
)

// document reads the rest of an answer, and makes it one for the client.
func (p *passage) document(answer *http.Response, kept http.Header) error {
	if p.Request().Method == http.MethodHead {
		return nil
	}
	most := mostDocument
	if answer.StatusCode >= http.StatusBadRequest {
		most = mostProblem
	}
	var in bytes.Buffer
	if n := answer.ContentLength; n > 0 && n <= maxPooled {
		in.Grow(int(n) + bytes.MinRead)
	}
	_, err := in.ReadFrom(io.LimitReader(answer.Body, int64(most)+1))
	_ = answer.Body.Close()
	body := in.Bytes()
	switch {
	case err != nil:
		return fmt.Errorf("read its answer: %w", err)
	case len(body) > most:
		return odd{fmt.Sprintf("it has more than %d bytes", most)}
	}
	if len(body) > 0 {
		if body, err = p.checked(answer.StatusCode, kept.Get("Content-Type"), body); err != nil {
			return err
		}
		kept.Set("Content-Length", itoa(len(body)))
	}
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return nil
}

// checked is a document in which every URL that clients follow leads here.
func (p *passage) checked(status int, contentType string, body []byte) ([]byte, error) {
	if contentType == problemType {
		return body, plain(body)
	}
	if status >= http.StatusBadRequest && status != http.StatusConflict && status != http.StatusServiceUnavailable {
		return nil, odd{"it refuses, and not as nodes do: " + clip(contentType)}
	}
	media, ok := ivoa.MediaOf(contentType)
	var document any
	switch p.Path() {
	case "/sessions/:uuid":
		document = new(ivoa.Session)
	case "/offersets/:uuid":
		document = new(ivoa.OfferSet)
	default:
		if !ok || contentType == "" || media != ivoa.JSON {
			return nil, odd{"it is no JSON: " + clip(contentType)}
		}
		return p.checkedJSON(body)
	}
	if !ok || contentType == "" {
		return nil, odd{"it is no document: " + clip(contentType)}
	}
	if media == ivoa.JSON && leadHere(body, p.base) {
		return body, nil
	}
	if _, err := ivoa.Decode(media, body, ivoa.Limits{Bytes: mostDocument}, document); err != nil {
		return nil, odd{"it can't be read: " + err.Error()}
	}
	switch document := document.(type) {
	case *ivoa.Session:
		p.homeSession(document)
	case *ivoa.OfferSet:
		p.homeURL(&document.Component, &document.Component)
		for _, offer := range document.Offers {
			p.homeSession(offer)
		}
	}
	return ivoa.Encode(media, document)
}

// checkedJSON is checked for what isn't a document of the standard's.
func (p *passage) checkedJSON(body []byte) ([]byte, error) {
	switch p.Path() {
	case linkPath:
		return p.links(body)
	case "/sessions/:uuid/files":
		if leadHere(body, p.base) {
			return body, nil
		}
		return p.homeFiles(body)
	case "/executors/:uuid/despatch":
		var work struct{ Session struct{ URL string } }
		if err := json.Unmarshal(body, &work, json.MatchCaseInsensitiveNames(true)); err != nil {
			return nil, odd{"it can't be read: " + err.Error()}
		}
		if at, ok := p.ours(work.Session.URL); !ok || at != work.Session.URL {
			return nil, odd{"its session is elsewhere"}
		}
		return body, nil
	}
	return body, plain(body)
}

// plain reports a body that isn't one JSON value.
func plain(body []byte) error {
	if !jsontext.Value(body).IsValid() {
		return odd{"it is no JSON"}
	}
	return nil
}

// leadHere reports whether a JSON document is well formed, and everything in it that
// a client may take for a URL to follow begins with a base: meta.url of anything, and
// connectors[].location, in whatever case. Where it isn't sure, it says no.
func leadHere(body []byte, base string) bool {
	in := jsontext.NewDecoder(bytes.NewBuffer(body))
	var name []byte      // of the member whose value comes next
	connectors := 0      // the depth at which they begin, if that is where we are
	for values := 0; ; { // at the top, of which there is one
		switch in.PeekKind() {
		case '{', '[':
			if connectors == 0 && bytes.EqualFold(name, []byte("connectors")) {
				connectors = in.StackDepth() + 1
			}
			if _, err := in.ReadToken(); err != nil {
				return false
			}
			name = nil
			continue
		case '}', ']':
			if _, err := in.ReadToken(); err != nil {
				return false
			}
			if in.StackDepth() < connectors {
				connectors = 0
			}
		case '"':
			object, n := in.StackIndex(in.StackDepth())
			text, err := in.ReadValue()
			if err != nil || bytes.IndexByte(text, '\\') >= 0 && (object == '{' && n%2 == 0) {
				return false // a name that is written in an odd way
			}
			if object == '{' && n%2 == 0 {
				name = append(name[:0], text[1:len(text)-1]...)
				continue
			}
			follow := bytes.EqualFold(name, []byte("url")) || connectors > 0 && bytes.EqualFold(name, []byte("location"))
			if follow && !bytes.HasPrefix(text[1:], []byte(base+"/")) {
				return false
			}
		default:
			if _, err := in.ReadValue(); err != nil {
				return errors.Is(err, io.EOF) && values == 1
			}
		}
		name = name[:0]
		if in.StackDepth() == 0 {
			values++
		}
	}
}

// homeSession makes the URLs of another node's session this one's.
func (p *passage) homeSession(session *ivoa.Session) {
	for _, c := range componentsOf(session) {
		p.homeURL(c, &session.Component)
	}
	session.Connectors = slices.DeleteFunc(session.Connectors, func(c ivoa.Connector) bool {
		_, ok := p.ours(c.Location)
		if ok || c.Protocol == "TCP" && strings.HasPrefix(c.Location, "tcp://") { // which nobody follows with a token
			return false
		}
		p.leaveOut("connectors.location", &session.Component)
		return true
	})
	for i := range session.Connectors {
		if at, ok := p.ours(session.Connectors[i].Location); ok {
			session.Connectors[i].Location = at
		}
	}
}

func (p *passage) homeURL(c, of *ivoa.Component) {
	if c.Meta == nil {
		return
	}
	at, ok := p.ours(c.Meta.URL)
	if !ok {
		p.leaveOut("meta.url", of)
	}
	c.Meta.URL = at
}

// messageLeftOut is the kind of a message that a URL was left out.
const messageLeftOut = "urn:starling:message:url-left-out"

// leaveOut says in a document that a field of it isn't passed on.
func (p *passage) leaveOut(field string, of *ivoa.Component) {
	p.elsewhere(field)
	if p.left <= mostLeft {
		of.AddMessages(ivoa.NewMessage(p.began, ivoa.LevelWarn, messageLeftOut,
			"{site} gives a URL for {field} that leads elsewhere; it is left out", "site", string(p.owner), "field", field))
	}
}

// homeFiles says of each file where it is to be had here, which its name tells.
func (p *passage) homeFiles(body []byte) ([]byte, error) {
	id, err := p.uuid("uuid")
	if err != nil {
		return nil, err
	}
	var list fileList
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, odd{"it can't be read: " + err.Error()}
	}
	for i := range list.Files {
		list.Files[i].URL = p.absolute("/sessions/" + id.String() + "/files/" + escape(list.Files[i].Name))
	}
	return json.Marshal(list, written)
}

// ours is what a URL of the owner's is for a client of this node: relative ones are
// resolved, and the owner's own origin becomes ours. ok is false, and it is "", for
// what leads elsewhere.
func (p *passage) ours(location string) (at string, ok bool) {
	if location == "" || strings.HasPrefix(location, p.base+"/") {
		return location, true
	}
	u, err := url.Parse(location)
	asked, wrong := url.Parse(p.base + p.Request().URL.EscapedPath())
	switch {
	case err != nil, wrong != nil, u.Opaque != "", u.User != nil:
		return "", false
	case u.Scheme == "" && u.Host == "" && strings.HasPrefix(location, "/"):
		at = p.base + u.String() // which a base with a path is in front of, too
	case u.Scheme == "" && u.Host == "":
		at = asked.ResolveReference(u).String()
	default:
		own := p.server.urlOf(p.owner)
		rest, found := strings.CutPrefix(location, own+"/")
		if own == "" || !found {
			return "", false
		}
		at = p.base + "/" + rest
	}
	if rest, here := strings.CutPrefix(at, p.base+"/"); !here || strings.HasPrefix(rest, "/") {
		return "", false
	}
	return at, true
}

// elsewhere notes that an owner gives a URL that isn't passed on.
func (p *passage) elsewhere(field string) {
	if p.left++; p.left == 1 {
		p.server.log.WarnContext(p.Request().Context(), "a node's answer leads elsewhere, which is not passed on", "node", p.owner, "field", field, "request", p.id)
	}
}

// mostLeft of the fields of an answer that are left out are told of.
const mostLeft = 32
