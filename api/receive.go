package api

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"starling/api/despatch"
)

// receiveFile answers PUT /history/{ref}/files/{name}: it takes a piece of a file,
// and says how much of the file is there. The body goes to disk as it comes.
func (s *Server) receiveFile(v *visit) error {
	if err := v.onlyJSON(); err != nil {
		return err
	}
	ref, err := v.uuid("ref")
	if err != nil {
		return err
	}
	piece, fence, err := v.piece()
	if err != nil {
		return err
	}
	body := v.patientBody()
	received, err := s.Broker.Receive(v.Request().Context(), v.caller, ref, fence, piece, body)
	s.metrics.read(body.bytes)
	if body.err != nil {
		return unreadable(body.err)
	}
	if err != nil {
		// What is left of the body isn't worth reading.
		v.header().Set("Connection", "close")
		return err
	}
	return v.answerJSON(http.StatusOK, received)
}

// piece reads which part of which file is sent.
func (v *visit) piece() (despatch.Piece, uint64, error) {
	name, err := v.fileName()
	if err != nil {
		return despatch.Piece{}, 0, err
	}
	q := v.query("fence", "role", "offset", "bytes", "sha256")
	piece := despatch.Piece{Name: name, Role: q.text("role"), Offset: q.whole("offset"), Bytes: q.whole("bytes"), SHA256: q.text("sha256")}
	if piece.Role == "" {
		piece.Role = despatch.RoleOutput
	}
	fence := q.whole("fence")
	return piece, uint64(fence), q.err
}

// patientReader lets a body take as long as it likes, provided that it keeps
// coming: the server's read timeout is for small ones. It holds nothing of the visit:
// who sends a body on may read it from another goroutine, and a moment longer than the
// request lasts, when echo has given the context to the next one.
type patientReader struct {
	body     io.Reader
	control  *http.ResponseController // nil: nobody waits
	ended    atomic.Bool
	extended time.Time
	bytes    int
	err      error // for which the body broke off
}

func (v *visit) patientBody() *patientReader {
	r := &patientReader{body: v.Request().Body}
	if !v.local {
		r.control = http.NewResponseController(v.Response().Writer)
	}
	return r
}

func (r *patientReader) Read(p []byte) (int, error) {
	if r.ended.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	if now := time.Now(); r.control != nil && now.Sub(r.extended) > time.Second {
		r.extended = now
		_ = r.control.SetReadDeadline(now.Add(streamGrace))
		_ = r.control.SetWriteDeadline(now.Add(2 * streamGrace)) // of the answer
	}
	n, err := r.body.Read(p)
	r.bytes += n
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

// end is called when the request has been answered: nothing is read any more.
func (r *patientReader) end() { r.ended.Store(true) }
