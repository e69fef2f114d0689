package line

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"starling/federation/identity"
)

// A frame is the magic, the version, the size of what follows, and that: strings,
// each after a byte with its length. It is read to its end and no further.
const (
	magic        = "starling"
	version      = 1
	headerBytes  = len(magic) + 1 + 2
	largestFrame = 1024
)

// What a connection is for.
const (
	protocolRaft = "raft"
	protocolHTTP = "http"
)

// hello is what a caller says.
type hello struct {
	protocol   string
	from, to   string // nodes
	federation string // "" while the caller belongs to none
}

// answer is what the called says: yes, if there is no reason against it.
type answer struct {
	reason  Reason
	message string
}

var (
	errMagic   = errors.New("it does not speak the federation's protocol")
	errVersion = errors.New("it speaks another version of the federation's protocol")
)

func (h hello) encode() []byte { return frame(h.protocol, h.from, h.to, h.federation) }

func readHello(r io.Reader) (hello, error) {
	fields, err := readFrame(r, 4)
	if err != nil {
		return hello{}, err
	}
	h := hello{protocol: fields[0], from: fields[1], to: fields[2], federation: fields[3]}
	return h, h.validate()
}

// validate bounds what is believed of a hello so far: that it can be logged.
func (h hello) validate() error {
	if h.protocol != protocolRaft && h.protocol != protocolHTTP {
		return fmt.Errorf("%q is no protocol of the line", clean(h.protocol, 16))
	}
	if err := errors.Join(identity.NodeName(h.from).Validate(), identity.NodeName(h.to).Validate()); err != nil {
		return err
	}
	if len(h.federation) > 64 || h.federation != clean(h.federation, 64) {
		return errors.New("the federation's id: want at most 64 characters of ASCII")
	}
	return nil
}

func (a answer) encode() []byte { return frame(string(a.reason), clean(a.message, 255)) }

func readAnswer(r io.Reader) (answer, error) {
	fields, err := readFrame(r, 2)
	if err != nil {
		return answer{}, err
	}
	// It goes into logs and onto screens of people who didn't ask this node.
	return answer{Reason(clean(fields[0], 32)), clean(fields[1], 255)}, nil
}

// frame encodes strings of at most 255 bytes.
func frame(fields ...string) []byte {
	b := append([]byte(magic), version, 0, 0)
	for _, field := range fields {
		field = field[:min(len(field), 255)]
		b = append(append(b, byte(len(field))), field...)
	}
	binary.BigEndian.PutUint16(b[headerBytes-2:], uint16(len(b)-headerBytes))
	return b
}

// readFrame reads so many strings.
func readFrame(r io.Reader, count int) ([]string, error) {
	header := make([]byte, headerBytes)
	if n, err := io.ReadFull(r, header); err != nil {
		if n > 0 && !bytes.HasPrefix([]byte(magic), header[:min(n, len(magic))]) {
			return nil, errMagic
		}
		return nil, err
	}
	size := int(binary.BigEndian.Uint16(header[headerBytes-2:]))
	switch {
	case string(header[:len(magic)]) != magic:
		return nil, errMagic
	case header[len(magic)] != version:
		return nil, fmt.Errorf("%w: %d, this node %d", errVersion, header[len(magic)], version)
	case size > largestFrame:
		return nil, fmt.Errorf("a greeting of %d bytes: want at most %d", size, largestFrame)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, err
	}
	fields := make([]string, 0, count)
	for len(body) > 0 {
		length := 1 + int(body[0])
		if length > len(body) || len(fields) == count {
			return nil, errors.New("a greeting that is no list of strings")
		}
		fields, body = append(fields, string(body[1:length])), body[length:]
	}
	if len(fields) != count {
		return nil, fmt.Errorf("a greeting of %d parts: want %d", len(fields), count)
	}
	return fields, nil
}

// clean is a text of graphic ASCII, cut to so many bytes.
func clean(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
	return text[:min(len(text), most)]
}
