package api

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"starling/api/ivoa"
)

// maxPooled is the largest buffer that is kept for the next request; a rare
// huge body must not stay in memory for ever.
const maxPooled = 64 << 10

// buffers lends buffers for bodies.
type buffers struct{ pool sync.Pool }

func (b *buffers) lend() *bytes.Buffer {
	if buffer, ok := b.pool.Get().(*bytes.Buffer); ok {
		return buffer
	}
	return new(bytes.Buffer)
}

func (b *buffers) giveBack(buffer *bytes.Buffer) {
	if buffer.Cap() > maxPooled {
		return
	}
	buffer.Reset()
	b.pool.Put(buffer)
}

// pieces lends the buffers by which answers of other nodes are copied, as
// httputil.BufferPool wants it.
type pieces struct{ pool sync.Pool }

const pieceBytes = 32 << 10 // as net/http's proxy has it

// Get is described at httputil.BufferPool.
func (p *pieces) Get() []byte {
	if piece, ok := p.pool.Get().(*[pieceBytes]byte); ok {
		return piece[:]
	}
	return new([pieceBytes]byte)[:]
}

// Put is described at httputil.BufferPool.
func (p *pieces) Put(piece []byte) { p.pool.Put((*[pieceBytes]byte)(piece)) }

// withBody reads the request's body within bounds and lends it to use, which
// must not keep it.
func (v *visit) withBody(use func(body []byte) error) error {
	r, limit := v.Request(), v.server.Limits.Body.Bytes
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		v.header().Set("Accept-Encoding", "identity")
		return &fault{status: http.StatusUnsupportedMediaType, code: "unsupported", field: "Content-Encoding",
			detail: "bodies are read as they are; send it without a content encoding"}
	}
	if r.ContentLength > int64(limit) {
		return v.tooLarge()
	}
	buffer := v.server.buffers.lend()
	defer v.server.buffers.giveBack(buffer)
	if r.ContentLength > 0 {
		buffer.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	_, err := buffer.ReadFrom(io.LimitReader(r.Body, int64(limit)+1))
	v.server.metrics.read(buffer.Len())
	if err != nil {
		return unreadable(err)
	}
	if buffer.Len() > limit {
		return v.tooLarge()
	}
	return use(buffer.Bytes())
}

// tooLarge is a 413. The rest of the body is not worth reading, and neither is
// what follows it on the connection.
func (v *visit) tooLarge() *fault {
	v.header().Set("Connection", "close")
	return &fault{status: http.StatusRequestEntityTooLarge, code: "too-large",
		detail: "the body has more than " + itoa(v.server.Limits.Body.Bytes) + " bytes"}
}

func unreadable(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return &fault{status: http.StatusRequestTimeout, code: "too-slow", detail: "the body did not arrive in time"}
	}
	return invalid("", "the body can't be read to its end")
}

// decode reads an IVOA document in whichever form it comes. The notices name
// what was read and had no effect.
func (v *visit) decode(into any) (notices []ivoa.Notice, err error) {
	media, ok := ivoa.MediaOf(v.Request().Header.Get("Content-Type"))
	if !ok {
		return nil, unsupported("application/json, application/yaml or application/xml")
	}
	err = v.withBody(func(body []byte) error {
		notices, err = ivoa.Decode(media, body, v.server.Limits.Body, into)
		return err
	})
	return notices, err
}

// decodeJSON reads a document of the despatch protocol.
func (v *visit) decodeJSON(into any, options ...json.Options) error {
	if media, ok := ivoa.MediaOf(v.Request().Header.Get("Content-Type")); !ok || media != ivoa.JSON {
		return unsupported("application/json")
	}
	return v.withBody(func(body []byte) error {
		if err := shallow(body, v.server.Limits.Body.Depth); err != nil {
			return err
		}
		if err := json.Unmarshal(body, into, options...); err != nil {
			return misread(err)
		}
		return nil
	})
}

func unsupported(wanted string) error {
	return &fault{status: http.StatusUnsupportedMediaType, code: "unsupported", field: "Content-Type",
		detail: "this resource reads " + wanted}
}

// shallow refuses a document that nests deeper than the limit, before anything
// that recurses reads it. Brackets within strings do not count.
func shallow(body []byte, limit int) error {
	depth, inString := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > limit {
				return invalid("", "the document nests deeper than "+itoa(limit)+" levels")
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// misread says where a JSON document is at fault, in its own terms.
func misread(err error) error {
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		detail := "the value is not of the type wanted"
		if semantic.Err != nil {
			detail = semantic.Err.Error()
		}
		return invalid(string(semantic.JSONPointer), detail)
	}
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		return invalid(string(syntactic.JSONPointer), "the body is not JSON: "+syntactic.Err.Error())
	}
	return invalid("", "the body is not the JSON document wanted here")
}
