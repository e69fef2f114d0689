package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/go-json-experiment/json"

	"starling/accounting"
	"starling/node"
)

// linesType is the media type of JSON lines.
const linesType = "application/x-ndjson"

// exportPage is how many rows of an export are read at once: few enough that the
// largest take little memory, and that no read of the record is a long one.
const exportPage = 250

// exportPiece is how much of an export is written at once, in bytes: what the
// slowest of clients can take in a streamGrace.
const exportPiece = 64 << 10

// errGone: the client doesn't read any more.
var errGone = errors.New("the client is gone")

// An exporter reads a list page by page and writes it as lines or CSV.
type exporter[T any] struct {
	list    func(ctx context.Context, cursor accounting.Cursor, limit int) ([]T, accounting.Cursor, error)
	columns []string
	csv     func(io.Writer, []T) error
}

// export answers with a whole list, from a cursor on, however long it is: to the
// end, or as many as were asked for. Its pages are read one after the other, each
// as the record is by then. What can't be read to the end is cut off, so that
// nobody takes it for the whole.
func export[T any](v *visit, form string, q *query, look *node.Look, from exporter[T]) error {
	limit, cursor := q.most(), accounting.Cursor(q.text("cursor"))
	if q.err != nil {
		return q.err
	}
	streams := v.server.streams
	if err := streams.enter(v.caller.User); err != nil {
		return err
	}
	defer streams.leave(v.caller.User)
	ctx, done := streams.until(v.Request().Context())
	defer done()

	out := exportWriter{visit: v, to: &patientWriter{visit: v}}
	for {
		page, next, err := from.list(ctx, cursor, out.room(limit))
		if err == nil {
			out.rows += len(page)
			err = out.write(func(b *bytes.Buffer) error { return from.encode(b, form, !v.Response().Committed, page) }, look, form)
		}
		switch {
		case err != nil && !v.Response().Committed:
			return err // as a problem
		case err != nil:
			out.breakOff(ctx, err)
		case next == "" || out.room(limit) == 0 || v.Request().Method == http.MethodHead:
			return nil
		}
		cursor = next
	}
}

// encode writes a page.
func (e exporter[T]) encode(to *bytes.Buffer, form string, first bool, page []T) error {
	if form == csvType {
		if first {
			if err := accounting.WriteColumns(to, e.columns); err != nil {
				return err
			}
		}
		return e.csv(to, page)
	}
	for _, row := range page {
		if err := json.MarshalWrite(to, row, written); err != nil {
			return err
		}
		to.WriteByte('\n')
	}
	return nil
}

// exportWriter writes one export.
type exportWriter struct {
	*visit
	to   *patientWriter
	rows int
}

// room is how many rows are wanted next; 0 if there were enough.
func (w *exportWriter) room(limit int) int {
	if limit == 0 {
		return exportPage
	}
	return min(limit-w.rows, exportPage)
}

// write sends what an encoder makes, and before the first of it the header.
func (w *exportWriter) write(encode func(*bytes.Buffer) error, look *node.Look, form string) error {
	buffer := w.server.buffers.lend()
	defer w.server.buffers.giveBack(buffer)
	if err := encode(buffer); err != nil {
		return fmt.Errorf("write an export: %w", err)
	}
	if !w.Response().Committed {
		w.tell(look)
		h := w.header()
		h.Set("Content-Type", form+"; charset=utf-8")
		h.Set("X-Accel-Buffering", "no")
		w.to.WriteHeader(http.StatusOK)
	}
	if w.Request().Method == http.MethodHead {
		return nil
	}
	for buffer.Len() > 0 {
		if _, err := w.to.Write(buffer.Next(exportPiece)); err != nil {
			return errGone
		}
	}
	_ = w.control().Flush()
	return nil
}

// breakOff cuts the connection of an export that can't be ended.
func (w *exportWriter) breakOff(ctx context.Context, err error) {
	if ctx.Err() == nil && err != errGone {
		w.server.log.WarnContext(w.Request().Context(), "an export can't be read to its end", "request", w.id, "rows", w.rows, "error", err)
	}
	panic(http.ErrAbortHandler)
}
