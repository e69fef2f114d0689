package client

import (
	"bufio"
	"io"
	"iter"
	"strings"
)

// sent is a server-sent event.
type sent struct{ kind, data string }

// readStream reads server-sent events, no line of which has more than so many bytes.
// Comments, and fields that it doesn't know, are passed over. The error, if there is
// one, comes last.
func readStream(r io.Reader, most int) iter.Seq2[sent, error] {
	return func(yield func(sent, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(make([]byte, 4096), most)
		var kind string
		var data strings.Builder
		for lines.Scan() {
			line := lines.Text()
			if value, ok := strings.CutPrefix(line, "data:"); ok {
				data.WriteString(strings.TrimPrefix(value, " "))
				continue
			}
			if value, ok := strings.CutPrefix(line, "event:"); ok {
				kind = strings.TrimPrefix(value, " ")
				continue
			}
			if line != "" {
				continue
			}
			if data.Len() > 0 && !yield(sent{kind, data.String()}, nil) {
				return
			}
			kind = ""
			data.Reset()
		}
		if err := lines.Err(); err != nil {
			yield(sent{}, err)
		}
	}
}
