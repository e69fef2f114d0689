package node

import (
	"context"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
	"starling/federation/identity"
)

// Files are served from the node's areas alone, whatever a location says and
// wherever a link leads.
func TestOnlyFilesOfAnAreaAreServed(t *testing.T) {
	w := newWorld(t)
	area, outside := filepath.Join(w.dir, "area"), t.TempDir()
	w.Broker.options.Areas = []string{area}
	require.NoError(t, os.MkdirAll(filepath.Join(area, "in ner"), 0o700))
	write := func(path string) {
		require.NoError(t, os.WriteFile(path, []byte("text"), 0o600))
	}
	write(filepath.Join(area, "plain"))
	write(filepath.Join(area, "in ner", "100%.txt"))
	write(filepath.Join(outside, "secret"))
	write(area + "-beside")
	require.NoError(t, os.Symlink(filepath.Join(outside, "secret"), filepath.Join(area, "link")))
	require.NoError(t, os.Symlink(outside, filepath.Join(area, "dirlink")))
	require.NoError(t, os.Symlink("plain", filepath.Join(area, "inside")))
	require.NoError(t, os.Symlink("loop", filepath.Join(area, "loop")))
	require.NoError(t, syscall.Mkfifo(filepath.Join(area, "pipe"), 0o600))

	at := func(parts ...string) string {
		return (&url.URL{Scheme: "file", Path: filepath.Join(append([]string{area}, parts...)...)}).String()
	}
	for location, want := range map[string]Code{
		at("plain"):                                   "",
		at("in ner", "100%.txt"):                      "",
		at("inside"):                                  "",
		at("gone"):                                    CodeGone,
		at("plain", "below"):                          CodeNotFound,
		at("link"):                                    CodeNotFound,
		at("dirlink", "secret"):                       CodeNotFound,
		at("loop"):                                    CodeNotFound,
		at("pipe"):                                    CodeNotFound,
		at("in ner"):                                  CodeNotFound,
		"file://" + area:                              CodeNotFound,
		"file://" + area + "/":                        CodeNotFound,
		"file://" + area + "-beside":                  CodeNotFound,
		"file://" + area + "/../area-beside":          CodeNotFound,
		"file://" + area + "/%2e%2e/area-beside":      CodeNotFound,
		"file://" + outside + "/secret":               CodeNotFound,
		"file://elsewhere" + area + "/plain":          CodeNotFound,
		"https://elsewhere.example" + area + "/plain": CodeNotFound,
		"s3://bucket/plain":                           CodeNotFound,
		area + "/plain":                               CodeNotFound,
		"file:plain":                                  CodeNotFound,
		"%zz":                                         CodeNotFound,
		"":                                            CodeNotFound,
	} {
		file, _, err := w.openLocation(location)
		assert.Equal(t, want, codeOf(err), "%s: %v", location, err)
		if err != nil {
			continue
		}
		content, err := io.ReadAll(file)
		assert.NoError(t, err)
		assert.Equal(t, "text", string(content))
		assert.NoError(t, file.Close())
	}
}

// What is listed is served, and what isn't a file isn't listed.
func TestTheFilesListedAreThoseThatAreServed(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.accepted(alice, request(1))
		empty, file, err := w.OpenOutput(context.Background(), alice, id(t, s), despatch.RoleStdout)
		require.NoError(t, err, "nothing is printed yet")
		content, err := io.ReadAll(empty)
		require.NoError(t, err)
		assert.Empty(t, content)
		assert.True(t, file.Open)

		d := w.takeWork()
		require.NoError(t, os.WriteFile(filepath.Join(w.dir, "out"), []byte("so far"), 0o600))
		location := "file://" + filepath.Join(w.dir, "out")
		_, err = w.Report(context.Background(), builtIn, ref(t, d), despatch.Updates{Fence: d.Fence, Updates: []despatch.Update{
			{Key: "1", Type: despatch.FileSeen, File: &despatch.File{Name: "stdout", Role: despatch.RoleStdout, Location: location}},
			{Key: "2", Type: despatch.FileSeen, File: &despatch.File{Name: "a/b.fits", Role: despatch.RoleOutput, Location: location, Bytes: 6}},
			{Key: "3", Type: despatch.FileSeen, File: &despatch.File{Name: "c.fits", Location: location, Bytes: 6}},
		}}, 0)
		require.NoError(t, err)
		files, err := w.Files(context.Background(), alice, id(t, s))
		require.NoError(t, err)
		require.Len(t, files, 2)
		for _, f := range files {
			assert.True(t, f.Open)
			content, _, err := w.OpenFile(context.Background(), alice, id(t, s), f.Name)
			require.NoError(t, err)
			require.NoError(t, content.Close())
		}
		_, _, err = w.OpenFile(context.Background(), alice, id(t, s), "stdout")
		assert.Equal(t, CodeNotFound, codeOf(err))
		printed, file, err := w.OpenOutput(context.Background(), alice, id(t, s), despatch.RoleStdout)
		require.NoError(t, err)
		assert.True(t, file.Open)
		require.NoError(t, printed.Close())
		_, err = w.complete(d, completion(d, despatch.Completed))
		require.NoError(t, err)
	})
}

// Promise 8: another's cursor leads to nothing of the other's.
func TestPromise8AnothersCursorIsOnlyAPlaceInMyList(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		mine := w.offer(bob, request(1))
		w.offer(alice, request(1))
		w.offer(alice, request(1))
		first, err := w.Sessions(context.Background(), alice, SessionFilter{}, "", 1)
		require.NoError(t, err)
		require.NotEmpty(t, first.Cursor)
		list, err := w.Sessions(context.Background(), bob, SessionFilter{}, first.Cursor, 10)
		require.NoError(t, err)
		require.Len(t, list.Sessions, 1)
		assert.Equal(t, mine.UUID(), list.Sessions[0].UUID())
		assert.Empty(t, list.Cursor)
		_, err = w.Sessions(context.Background(), bob, SessionFilter{}, "no cursor", 10)
		assert.Equal(t, CodeInvalid, codeOf(err))
	})
}

// A reader that doesn't read is cut off, and finds the rest when it asks again.
func TestASlowReaderOfEventsIsCutOffAndMissesNoPhase(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.accepted(alice, request(1))
		events, err := w.Events(context.Background(), alice, id(t, s), 0)
		require.NoError(t, err)
		d := w.takeWork()
		updates := despatch.Updates{Fence: d.Fence}
		for i := range 2 * eventBuffer {
			updates.Updates = append(updates.Updates, despatch.Update{Key: strconv.Itoa(i), Type: despatch.LogLine, Message: "line"})
		}
		_, err = w.Report(context.Background(), builtIn, ref(t, d), updates, 0)
		require.NoError(t, err)
		_, err = w.complete(d, completion(d, despatch.Completed))
		require.NoError(t, err)
		var last uint64
		for e := range events {
			last = max(last, e.Seq)
		}
		rest, err := w.Events(context.Background(), alice, id(t, s), last)
		require.NoError(t, err)
		var end Event
		for e := range rest {
			assert.Greater(t, e.Seq, last)
			end = e
		}
		assert.EqualValues(t, "COMPLETED", end.Phase)
		synctest.Wait()
		assert.Zero(t, w.events.count())
	})
}

func TestOfferedCostsHaveUnits(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		var units []string
		for _, c := range w.offer(alice, request(1)).Costs {
			units = append(units, c.Cost().Description)
		}
		assert.Equal(t, []string{"EUR", "kWh", "kg"}, units)
	})
}

// Who sees everybody's sessions sees whose they are; nobody else is told.
func TestWhoseASessionIsIsToldToWhoSeesAll(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.offer(alice, request(1))
		whose := func(caller identity.Caller) string {
			list, err := w.Sessions(context.Background(), caller, SessionFilter{}, "", 10)
			require.NoError(t, err)
			one, err := w.Session(context.Background(), caller, id(t, s))
			require.NoError(t, err)
			require.Len(t, list.Sessions, 1)
			assert.Equal(t, one.Meta.Messages, list.Sessions[0].Meta.Messages)
			if m := one.Meta.Messages[0]; m.Kind == MessageUser {
				return m.Values["user"]
			}
			return ""
		}
		assert.Equal(t, "alice", whose(operator))
		assert.Equal(t, "alice", whose(auditor))
		assert.Empty(t, whose(alice))
	})
}
