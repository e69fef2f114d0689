// Package progress shows what goes on while somebody waits: on a terminal one
// line that changes, elsewhere a line for each thing worth one.
package progress

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"unicode/utf8"

	"starling/cmd/starling/internal/words"
)

// Line is the last line of a terminal. Several may write to it at once.
type Line struct {
	out      io.Writer
	terminal bool
	width    int

	mu    sync.Mutex
	shown string
	said  string // elsewhere: the last line that was written
}

// NewLine returns a line on w, which is a terminal of some width, or isn't one.
func NewLine(w io.Writer, terminal bool, width int) *Line {
	return &Line{out: w, terminal: terminal, width: width}
}

// Terminal reports whether the line changes in place, so that it is worth
// showing the passing seconds.
func (l *Line) Terminal() bool { return l.terminal }

// Show replaces the line. Where there is no terminal nothing is written.
func (l *Line) Show(text string) {
	if !l.terminal {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	text = words.Clean(text)
	if l.width > 1 {
		text = words.Cut(text, l.width-1) // the last column would wrap
	}
	if text == l.shown {
		return
	}
	pad := max(0, utf8.RuneCountInString(l.shown)-utf8.RuneCountInString(text))
	io.WriteString(l.out, "\r"+text+strings.Repeat(" ", pad)+strings.Repeat("\b", pad))
	l.shown = text
}

// Say writes a line that stays, unless it was the last one said.
func (l *Line) Say(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if text = words.Clean(text); text == l.said {
		return
	}
	l.said = text
	l.erase()
	io.WriteString(l.out, text+"\n")
}

// Through returns a writer whose lines appear above this line: the output of
// what is waited for, on the same terminal. A line that isn't complete is kept
// back until it is, or until Close.
func (l *Line) Through(w io.Writer) io.WriteCloser { return &through{line: l, out: w} }

// Clear removes the line, so that something else can be written in its place.
func (l *Line) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.erase()
}

func (l *Line) erase() {
	if l.shown == "" {
		return
	}
	io.WriteString(l.out, "\r"+strings.Repeat(" ", utf8.RuneCountInString(l.shown))+"\r")
	l.shown = ""
}

// maxKept bounds what is kept back of a line that doesn't end, in bytes.
const maxKept = 4096

type through struct {
	line *Line
	out  io.Writer
	kept []byte
}

// Write implements io.Writer.
func (t *through) Write(p []byte) (int, error) {
	end := bytes.LastIndexByte(p, '\n') + 1
	if end == 0 && len(t.kept)+len(p) <= maxKept {
		t.kept = append(t.kept, p...)
		return len(p), nil
	}
	if end == 0 {
		end = len(p)
	}
	if err := t.pass(p[:end]); err != nil {
		return 0, err
	}
	t.kept = append(t.kept, p[end:]...)
	return len(p), nil
}

// pass writes what was kept back, and more.
func (t *through) pass(p []byte) error {
	t.line.mu.Lock()
	defer t.line.mu.Unlock()
	t.line.erase()
	whole := append(t.kept, p...)
	t.kept = t.kept[:0]
	_, err := t.out.Write(whole)
	return err
}

// Close writes what is left; the terminal's cursor then begins a new line.
func (t *through) Close() error {
	if len(t.kept) == 0 {
		return nil
	}
	return t.pass([]byte("\n"))
}
