package uploads

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"starling/federation/identity"
)

var ref, other = identity.UUID{1}, identity.UUID{2}

func open(t testing.TB, dir string) *Store {
	s, err := Open(Options{Dir: dir, Space: 1 << 20})
	require.NoError(t, err)
	return s
}

func sum(text string) string {
	s := sha256.Sum256([]byte(text))
	return hex.EncodeToString(s[:])
}

func named(name string) File { return File{Attempt: ref, Role: "output", Name: name} }

// piece is one of a text of which the whole is known.
func piece(whole string, from, to int) Piece {
	return Piece{Offset: int64(from), Body: strings.NewReader(whole[from:to]), Bytes: int64(len(whole)), SHA256: sum(whole), Limit: 1 << 20}
}

func read(t testing.TB, s *Store, f File, sum string) string {
	t.Helper()
	file, err := s.Open(f, sum)
	require.NoError(t, err)
	defer file.Close()
	text, err := io.ReadAll(file)
	require.NoError(t, err)
	return string(text)
}

// Whatever pieces are sent, again, overlapping, over restarts: the file so far
// is a beginning of the file, and it becomes whole when all is there.
func TestPiecesInAnyOrderMakeTheFile(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		dir := t.TempDir()
		s := open(t, dir)
		text := rapid.StringN(1, 40, 60).Draw(r, "text")
		f, have := named(rapid.String().Draw(r, "name")), 0
		for have < len(text) {
			if rapid.Bool().Draw(r, "restart") {
				s = open(t, dir)
			}
			from := rapid.IntRange(0, len(text)-1).Draw(r, "from")
			to := rapid.IntRange(from, len(text)).Draw(r, "to")
			got, err := s.Put(f, piece(text, from, to))
			require.NoError(t, err)
			if from <= have {
				have = max(have, to)
			}
			require.EqualValues(t, have, got)
			require.EqualValues(t, have, s.Used())
		}
		require.Equal(t, text, read(t, s, f, sum(text)))
		again, err := s.Put(f, piece(text, 0, len(text)))
		require.NoError(t, err)
		require.EqualValues(t, len(text), again)
		require.EqualValues(t, len(text), s.Used())
	})
}

func TestAFileSoFarIsReadAsItGrows(t *testing.T) {
	s := open(t, t.TempDir())
	f := File{Attempt: ref, Role: "stdout", Name: "stdout"}
	_, err := s.Open(f, "")
	require.ErrorIs(t, err, fs.ErrNotExist)
	for _, text := range []string{"one\n", "one\ntwo\n"} {
		_, err := s.Put(f, Piece{Body: strings.NewReader(text), Limit: 100})
		require.NoError(t, err)
		assert.Equal(t, text, read(t, s, f, ""))
	}
	_, err = s.Open(f, sum("one\ntwo\n"))
	require.ErrorIs(t, err, fs.ErrNotExist, "it isn't whole")
	_, err = s.Put(f, Piece{Offset: 8, Body: strings.NewReader(""), Bytes: 8, SHA256: sum("one\ntwo\n"), Limit: 100})
	require.NoError(t, err)
	assert.Equal(t, "one\ntwo\n", read(t, s, f, sum("one\ntwo\n")))
	assert.Equal(t, "one\ntwo\n", read(t, s, f, ""), "who followed it finds the rest")
}

func TestWhatDiffersIsThrownAway(t *testing.T) {
	s := open(t, t.TempDir())
	p := piece("right", 0, 5)
	p.Body = strings.NewReader("wrong")
	_, err := s.Put(named("a"), p)
	require.ErrorIs(t, err, ErrDiffers)
	assert.Zero(t, s.Used())
	have, err := s.Put(named("a"), piece("right", 0, 5))
	require.NoError(t, err)
	assert.EqualValues(t, 5, have)
	long := piece("right", 0, 5)
	long.Body = strings.NewReader("right and more")
	_, err = s.Put(named("b"), long)
	require.ErrorIs(t, err, ErrDiffers)
}

// What had come when a connection broke off is not sent again.
func TestABrokenPieceKeepsWhatHadCome(t *testing.T) {
	s := open(t, t.TempDir())
	broken := errors.New("broken")
	p := piece("0123456789", 0, 10)
	p.Body = io.MultiReader(strings.NewReader("0123"), iotest.ErrReader(broken))
	have, err := s.Put(named("a"), p)
	require.ErrorIs(t, err, broken)
	assert.EqualValues(t, 4, have)
	have, err = s.Put(named("a"), piece("0123456789", 4, 10))
	require.NoError(t, err)
	assert.EqualValues(t, 10, have)
}

func TestRoomIsBounded(t *testing.T) {
	free := uint64(100)
	s, err := Open(Options{Dir: t.TempDir(), Space: 50, Reserve: 10, Free: func() (uint64, error) { return free, nil }})
	require.NoError(t, err)
	put := func(f File, n int, limit int64) error {
		_, err := s.Put(f, Piece{Body: bytes.NewReader(make([]byte, n)), Limit: limit})
		return err
	}
	require.NoError(t, put(named("a"), 20, 30))
	require.ErrorIs(t, put(named("b"), 11, 30), ErrTooLarge, "the attempt's")
	require.NoError(t, put(named("b"), 10, 30))
	require.ErrorIs(t, put(File{Attempt: other, Name: "a"}, 21, 30), ErrFull, "everybody's")
	require.EqualValues(t, 30, s.Used())
	free = 9
	require.ErrorIs(t, put(File{Attempt: other, Name: "a"}, 1, 30), ErrFull, "the node's own")
}

func TestAnAttemptHasSoManyFiles(t *testing.T) {
	s := open(t, t.TempDir())
	s.attempts[ref] = &usage{files: MaxFiles - 1, busy: map[string]bool{}}
	for n, want := range []error{nil, ErrTooLarge} {
		_, err := s.Put(named(fmt.Sprint(n)), piece("text", 0, 2))
		require.ErrorIs(t, err, want)
	}
}

// Two writers of one file would mix: the second is told to come again.
func TestOnePieceAtATime(t *testing.T) {
	s := open(t, t.TempDir())
	body, feed := io.Pipe()
	done := make(chan error, 1)
	go func() {
		p := piece("0123456789", 0, 10)
		p.Body = body
		_, err := s.Put(named("a"), p)
		done <- err
	}()
	_, err := feed.Write([]byte("01")) // it is writing when this returns
	require.NoError(t, err)
	_, err = s.Put(named("a"), piece("0123456789", 0, 10))
	require.ErrorIs(t, err, ErrBusy)
	_, err = s.Put(named("b"), piece("0123456789", 0, 10))
	require.NoError(t, err)
	s.Ended(ref)
	_, err = feed.Write([]byte("23456789"))
	require.NoError(t, err)
	feed.Close()
	require.NoError(t, <-done)
	assert.Empty(t, s.attempts)
}

func TestOldFilesAreSweptAndTheirRoomIsFree(t *testing.T) {
	s := open(t, t.TempDir())
	_, err := s.Put(named("a"), piece("text", 0, 4))
	require.NoError(t, err)
	keep := func(identity.UUID) bool { return true }
	lose := func(identity.UUID) bool { return false }
	require.NoError(t, s.Sweep(time.Now().Add(-time.Hour), lose))
	require.NoError(t, s.Sweep(time.Now().Add(time.Hour), keep))
	assert.EqualValues(t, 4, s.Used())
	s.Ended(ref)
	require.NoError(t, s.Sweep(time.Now().Add(time.Hour), lose))
	assert.Zero(t, s.Used())
	_, err = s.Open(named("a"), sum("text"))
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

// Names are users': none leads out of the directory, and no two meet.
func TestNamesNeverBecomePaths(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir+"/files")
	names := []string{"a", "a/b", "../x", "/etc/passwd", "", ".", strings.Repeat("n", 5000), "\x00", "A"}
	for _, name := range names {
		_, err := s.Put(named(name), piece("of "+name, 0, len(name)+3))
		require.NoError(t, err)
	}
	for _, name := range names {
		assert.Equal(t, "of "+name, read(t, s, named(name), sum("of "+name)))
	}
	entries, err := fs.Glob(os.DirFS(dir), "*")
	require.NoError(t, err)
	assert.Equal(t, []string{"files"}, entries)
}
