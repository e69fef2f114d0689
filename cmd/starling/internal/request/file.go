package request

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"starling/api/ivoa"
	"starling/cmd/starling/internal/client"
)

// maxFile bounds a request's file, in bytes; nodes usually take 1 MiB.
const maxFile = 64 << 20

// Read reads a request as it stands in a file, "-" being the standard input. Its
// form follows from the file's name, or where that says nothing from how it
// begins.
func Read(path string, stdin io.Reader) (client.Request, error) {
	source := stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return client.Request{}, fmt.Errorf("read the request: %w", err)
		}
		defer f.Close()
		source = f
	}
	body, err := io.ReadAll(io.LimitReader(source, maxFile+1))
	if err != nil {
		return client.Request{}, fmt.Errorf("read the request: %w", err)
	}
	if len(body) > maxFile {
		return client.Request{}, fmt.Errorf("%s has more than %d MiB: that is no request", path, maxFile>>20)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return client.Request{}, fmt.Errorf("%s is empty", path)
	}
	return client.Request{Media: mediaOf(path, body), Body: body}, nil
}

func mediaOf(path string, body []byte) ivoa.Media {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".json":
		return ivoa.JSON
	case ".yaml", ".yml":
		return ivoa.YAML
	case ".xml":
		return ivoa.XML
	}
	switch bytes.TrimSpace(body)[0] {
	case '{':
		return ivoa.JSON
	case '<':
		return ivoa.XML
	}
	return ivoa.YAML
}
