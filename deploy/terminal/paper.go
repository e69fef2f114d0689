package terminal

import (
	"bytes"
	"io"
	"os"
	"strings"
)

// width is how long lines may be.
const width = 80

// Print shows a text that is not a command's.
func Print(text []byte) error {
	_, err := (&paper{to: os.Stdout}).Write(text)
	return err
}

// paper writes lines no longer than a terminal of 80 columns shows: what goes on on
// the next line is indented as much.
type paper struct {
	to   io.Writer
	line bytes.Buffer // that has not ended
}

func (p *paper) Write(text []byte) (int, error) {
	for _, b := range text {
		if b != '\n' {
			p.line.WriteByte(b)
			continue
		}
		if err := p.flush(); err != nil {
			return 0, err
		}
	}
	return len(text), nil
}

// flush writes the line that has ended.
func (p *paper) flush() error {
	line := p.line.String()
	p.line.Reset()
	words := strings.TrimLeft(line, " ")
	indent := strings.Repeat(" ", len(line)-len(words))
	for len(line) > width {
		at := strings.LastIndexByte(line[:width+1], ' ')
		if at <= len(indent) {
			break // one word
		}
		if _, err := io.WriteString(p.to, line[:at]+"\n"); err != nil {
			return err
		}
		line = indent + line[at+1:]
	}
	_, err := io.WriteString(p.to, line+"\n")
	return err
}
