package api

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
	"starling/node"
)

// numbered is a history of so many attempts, of which before is called before each
// page is read.
func numbered(rows int, before func(ctx context.Context, from int) error) func(context.Context, accounting.Cursor, int) ([]accounting.HistoryEntry, accounting.Cursor, error) {
	return func(ctx context.Context, cursor accounting.Cursor, limit int) (page []accounting.HistoryEntry, next accounting.Cursor, err error) {
		from, _ := strconv.Atoi(string(cursor))
		if before != nil {
			if err := before(ctx, from); err != nil {
				return nil, "", err
			}
		}
		for n := from; n < min(rows, from+limit); n++ {
			entry := sampleEntry()
			entry.Attempt = n + 1
			page = append(page, entry)
		}
		if from+limit < rows {
			next = accounting.Cursor(strconv.Itoa(from + limit))
		}
		return page, next, nil
	}
}

// export asks for an export.
func (w *world) export(path, form string) *http.Response {
	return w.do(call{path: path, header: map[string]string{"Accept": form}})
}

// attempts reads the number of each row.
func attempts(t *testing.T, resp *http.Response) (list []int) {
	t.Helper()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	body := text(t, resp)
	if strings.HasPrefix(resp.Header.Get("Content-Type"), csvType) {
		rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
		require.NoError(t, err)
		require.Equal(t, accounting.HistoryColumns(), rows[0])
		for _, row := range rows[1:] {
			n, err := strconv.Atoi(row[2])
			require.NoError(t, err)
			list = append(list, n)
		}
		return list
	}
	for line := range strings.Lines(body) {
		var entry struct{ Attempt int }
		require.NoError(t, json.Unmarshal([]byte(line), &entry))
		list = append(list, entry.Attempt)
	}
	return list
}

func TestAnExportHasAllThatMatches(t *testing.T) {
	for _, form := range []string{linesType, csvType} {
		for _, c := range []struct {
			rows, want int
			query      string
			first      int
		}{
			{0, 0, "", 0}, {1, 1, "", 1}, {exportPage, exportPage, "", 1}, {1234, 1234, "", 1},
			{1234, 7, "&limit=7", 1}, {1234, exportPage, "&limit=250", 1}, {1234, 600, "&limit=600", 1}, {1234, 1234, "&limit=100000", 1},
			{1234, 234, "&cursor=1000", 1001},
		} {
			w := newWorld(t)
			w.broker.attempts = numbered(c.rows, nil)
			w.broker.copy = node.Copy{Applied: 9}
			resp := w.export("/history?owner=group:g1&consistency=strong"+c.query, form)
			assert.Equal(t, form+"; charset=utf-8", resp.Header.Get("Content-Type"))
			assert.Equal(t, "9", resp.Header.Get("Starling-Applied"))
			got := attempts(t, resp)
			require.Len(t, got, c.want, "%d rows %s", c.rows, c.query)
			for i, n := range got {
				require.Equal(t, c.first+i, n, "in order")
			}
			assert.True(t, w.broker.strong)
			assert.Equal(t, accounting.Owner{Kind: accounting.KindGroup, ID: "g1"}, w.broker.history.Owner)
			assert.Zero(t, w.server.streams.open())
		}
	}
}

func TestAnAccountIsExported(t *testing.T) {
	w := newWorld(t)
	path := reads["/accounts/{id}/entries"]
	rows, err := csv.NewReader(w.export(path, csvType).Body).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 2)
	assert.Equal(t, accounting.EntryColumns(), rows[0])
	assert.Contains(t, text(t, w.export(path, linesType)), `"kind":"usage"`)
	wantProblem(t, w.export(path, "text/html"), http.StatusNotAcceptable)
}

// What is asked wrongly, or can't be read at all, is told as everywhere.
func TestAnExportThatCantBeginIsAProblem(t *testing.T) {
	w := newWorld(t)
	wantProblem(t, w.export("/history?limit=x", csvType), http.StatusBadRequest)
	wantProblem(t, w.export("/history?owner=moon:1", linesType), http.StatusBadRequest)
	w.broker.err = &node.Problem{Code: node.CodeUnavailable, Detail: "no majority", RetryAfter: time.Second}
	assert.Equal(t, "1", w.export("/history", csvType).Header.Get("Retry-After"))
	wantProblem(t, w.export("/history", linesType), http.StatusServiceUnavailable)
	assert.Zero(t, w.server.streams.open())
}

func TestExportsAreCountedAsStreams(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Limits.StreamsPerUser = 1 })
	require.NoError(t, w.server.streams.enter("alice"))
	wantProblem(t, w.export("/history", csvType), http.StatusTooManyRequests)
	w.server.streams.leave("alice")
	assert.Equal(t, http.StatusOK, w.export("/history", csvType).StatusCode)
}

// open asks a real server, over a connection that can be cut.
func (w *world) open(ctx context.Context, form string) *http.Response {
	w.Helper()
	s := httptest.NewServer(w.server)
	w.Cleanup(s.Close)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/history", nil)
	require.NoError(w, err)
	r.Header.Set("Authorization", "Bearer alice")
	r.Header.Set("Accept", form)
	resp, err := s.Client().Do(r)
	require.NoError(w, err)
	return resp
}

// Half an export must not look like a whole one.
func TestAnExportThatBreaksIsNoWholeOne(t *testing.T) {
	for _, form := range []string{linesType, csvType} {
		w := newWorld(t)
		w.broker.attempts = numbered(1000, func(_ context.Context, from int) error {
			if from > 0 {
				return errors.New("the disk is gone")
			}
			return nil
		})
		resp := w.open(context.Background(), form)
		assert.Equal(t, http.StatusOK, resp.StatusCode)
		body, err := io.ReadAll(resp.Body)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, form)
		assert.Contains(t, string(body), attemptID.String(), "what could be read was sent")
		require.NoError(t, resp.Body.Close())
		eventually(t, func() bool { return w.server.streams.open() == 0 })
	}
}

// A page is sent before the next is read, and nothing is read for who has left.
func TestAnExportGoesAsFastAsItsReader(t *testing.T) {
	w := newWorld(t)
	wanted, ended := make(chan struct{}), make(chan error, 1)
	w.broker.attempts = numbered(1_000_000, func(ctx context.Context, from int) error {
		switch {
		case from == exportPage:
			<-wanted
		case from == 2*exportPage:
			<-ctx.Done()
			ended <- ctx.Err()
			return ctx.Err()
		}
		return nil
	})
	ctx, hangUp := context.WithCancel(context.Background())
	defer hangUp()
	resp := w.open(ctx, linesType)
	lines := bufio.NewReader(resp.Body)
	for range exportPage {
		_, err := lines.ReadString('\n')
		require.NoError(t, err)
	}
	close(wanted) // the whole first page was there before the second was read
	for range exportPage {
		_, err := lines.ReadString('\n')
		require.NoError(t, err)
	}
	assert.Equal(t, 1, w.server.streams.open())
	hangUp()
	select {
	case err := <-ended:
		assert.ErrorIs(t, err, context.Canceled)
	case <-time.After(time.Minute):
		t.Fatal("it reads on for nobody")
	}
	resp.Body.Close()
	eventually(t, func() bool { return w.server.streams.open() == 0 })
}

// A node that stops doesn't wait for exports, and cuts them.
func TestStoppingCutsExports(t *testing.T) {
	w := newWorld(t)
	begun := make(chan struct{})
	w.broker.attempts = numbered(1000, func(ctx context.Context, from int) error {
		if from > 0 {
			close(begun)
			<-ctx.Done()
		}
		return ctx.Err()
	})
	resp := w.open(context.Background(), csvType)
	<-begun
	w.server.EndStreams()
	_, err := io.ReadAll(resp.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.NoError(t, resp.Body.Close())
}

// The document tells the columns as they are.
func TestTheDocumentNamesTheColumns(t *testing.T) {
	d := readDocument(t)
	for path, columns := range map[string][]string{
		"/history": accounting.HistoryColumns(), "/accounts/{id}/entries": accounting.EntryColumns(),
	} {
		get := asTree(asTree(asTree(d.root["paths"])[path])["get"])
		assert.Contains(t, get["description"], "are "+strings.Join(columns, ", "), path)
		for _, form := range []string{jsonType, linesType, csvType} {
			assert.Contains(t, asTree(asTree(asTree(get["responses"])["200"])["content"]), form, path)
		}
	}
}
