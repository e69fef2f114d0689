package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/uploads"
)

// maxSaving is how long an attempt may send files after its work has ended, in
// milliseconds. Meanwhile its session's time may be over: what was done within
// it is not lost for a slow line.
const maxSaving = 3_600_000

// maxFileName bounds the name of a file, in bytes.
const maxFileName = 4096

// Receive takes a piece of a file that an attempt in progress has written, for
// executors with which this node shares no file system, and says how much of
// the file is there. It renews the lease, as a report does. Files have together
// as much room as the session has booked storage, and one GiB at least.
func (b *Broker) Receive(ctx context.Context, caller identity.Caller, ref identity.UUID, fence uint64, piece despatch.Piece, body io.Reader) (despatch.Received, error) {
	var none despatch.Received
	if err := checkPiece(piece); err != nil {
		return none, err
	}
	if b.options.Uploads == nil {
		return none, problem(CodeTooLarge, "this node keeps no files of other machines")
	}
	defer b.guard()
	b.mu.Lock()
	a, err := b.attemptFor(caller, ref, fence)
	if err != nil {
		b.mu.Unlock()
		return none, b.overdue(caller, ref, err)
	}
	s := b.state.live[a.session]
	limit := max(s.Plan.Storage, 1) << 30
	if s.Phase == ivoa.SessionReleasing {
		b.letSave(a)
	}
	a.renew(b.now())
	a.waiting++
	b.mu.Unlock()
	defer b.heard(a)

	have, err := b.options.Uploads.Put(uploads.File{Attempt: a.ref, Role: piece.Role, Name: piece.Name}, uploads.Piece{
		Offset: piece.Offset, Body: body, Bytes: piece.Bytes, SHA256: piece.SHA256, Limit: limit,
	})
	return despatch.Received{Bytes: have}, receiveProblem(err)
}

// letSave gives an attempt whose work has ended time to send what came out;
// b.mu is held.
func (b *Broker) letSave(a *attempt) {
	now := b.now()
	if a.saving == 0 {
		a.saving = now
	}
	a.grace = max(a.grace, min(now+a.span, a.saving+maxSaving))
}

func checkPiece(p despatch.Piece) error {
	invalid := func(field, detail string) error {
		return &Problem{Code: CodeInvalid, Field: field, Detail: detail}
	}
	switch {
	case p.Name == "" || len(p.Name) > maxFileName || strings.ContainsRune(p.Name, 0):
		return invalid("name", fmt.Sprintf("a file has a name of 1 to %d bytes", maxFileName))
	case p.Role != despatch.RoleOutput && p.Role != despatch.RoleStdout && p.Role != despatch.RoleStderr:
		return invalid("role", fmt.Sprintf("%q is no role of a file: it is output, stdout or stderr", p.Role))
	case p.Offset < 0:
		return invalid("offset", "a piece doesn't begin before its file")
	case p.Bytes < 0:
		return invalid("bytes", "a file has no less than 0 bytes")
	case p.SHA256 != "" && !uploads.Checksum(p.SHA256):
		return invalid("sha256", "want 64 lower-case hexadecimal digits")
	}
	return nil
}

// receiveProblem says in words for people why a piece was not taken.
func receiveProblem(err error) error {
	switch {
	case errors.Is(err, uploads.ErrBusy):
		return &Problem{Code: CodeUnavailable, Detail: err.Error() + "; try again when it has ended", RetryAfter: time.Second}
	case errors.Is(err, uploads.ErrFull):
		return &Problem{Code: CodeUnavailable, Detail: "this node keeps no more files for now: " + err.Error(), RetryAfter: 30 * time.Second}
	case errors.Is(err, uploads.ErrTooLarge):
		return problem(CodeTooLarge, "%v; a session's files have as much room as it has booked storage, and 1 GiB at least", err)
	case errors.Is(err, uploads.ErrDiffers):
		return &Problem{Code: CodeInvalid, Field: "sha256", Detail: err.Error() + "; it is thrown away, send it anew"}
	}
	return err
}
