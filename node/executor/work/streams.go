package work

import (
	"bytes"
	"net/url"
	"os"
	"strings"

	"starling/api/despatch"
)

// Announce reports stdout and stderr, so that they can be read while the
// program runs.
func (a *Attempt) Announce(action string) {
	for _, f := range a.streams() {
		a.Report.File(action, f)
	}
}

// streams are stdout and stderr as they are now.
func (a *Attempt) streams() []despatch.File {
	var files []despatch.File
	for _, s := range []struct{ name, role string }{{StdoutFile, despatch.RoleStdout}, {StderrFile, despatch.RoleStderr}} {
		info, err := os.Stat(a.Dir.Join(s.name))
		if err != nil {
			continue
		}
		files = append(files, despatch.File{Name: s.name, Location: location(a.Dir.Join(s.name)), Bytes: info.Size(), Role: s.role})
	}
	return files
}

// finalStreams are stdout and stderr with their checksums.
func (a *Attempt) finalStreams() []despatch.File {
	root, err := os.OpenRoot(string(a.Dir))
	if err != nil {
		return nil
	}
	defer root.Close()
	files := a.streams()
	for n := range files {
		if whole, err := describe(root, files[n].Name, true); err == nil {
			whole.Role = files[n].Role
			files[n] = whole
		}
	}
	return files
}

// maxLine bounds the line of stderr that becomes a failure's message.
const maxLine = 1000

// LastLine is the last line of stderr that isn't empty.
func (a *Attempt) LastLine() string {
	in, err := os.Open(a.Dir.Join(StderrFile))
	if err != nil {
		return ""
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return ""
	}
	tail := make([]byte, min(info.Size(), 4*maxLine))
	n, _ := in.ReadAt(tail, info.Size()-int64(len(tail)))
	tail = bytes.TrimSpace(tail[:n])
	line := tail[bytes.LastIndexByte(tail, '\n')+1:]
	return strings.ToValidUTF8(string(line[:min(len(line), maxLine)]), "\uFFFD")
}

func location(file string) string {
	return (&url.URL{Scheme: "file", Path: file}).String()
}
