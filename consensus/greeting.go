package consensus

import (
	"errors"
	"fmt"
	"io"
)

// A greeting is what a connection of the log begins with: for which server it is,
// and of which federation. A node that lost its directory must not answer for the
// server that it was, whose votes it has forgotten; and what is left of a majority
// that was given up must not be taken for the federation that went on without it.
type greeting struct {
	server  string
	lineage string
}

// greetingVersion begins a greeting.
const greetingVersion = 1

func (g greeting) encode() ([]byte, error) {
	if len(g.server) > 255 || len(g.lineage) > 255 {
		return nil, fmt.Errorf("a greeting to %.40q… of %.40q…: too long a name", g.server, g.lineage)
	}
	data := append([]byte{greetingVersion, byte(len(g.server)), byte(len(g.lineage))}, g.server...)
	return append(data, g.lineage...), nil
}

// readGreeting reads no further than the greeting goes.
func readGreeting(from io.Reader) (greeting, error) {
	var head [3]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return greeting{}, err
	}
	if head[0] != greetingVersion {
		return greeting{}, fmt.Errorf("a greeting of version %d: %w", head[0], ErrTooNew)
	}
	names := make([]byte, int(head[1])+int(head[2]))
	if _, err := io.ReadFull(from, names); err != nil {
		return greeting{}, err
	}
	return greeting{string(names[:head[1]]), string(names[head[1]:])}, nil
}

// meant refuses a greeting that is not for this server. One that is of no
// federation yet takes what the first leader sends it.
func (g greeting) meant(server, lineage string) error {
	switch {
	case g.server != server:
		return fmt.Errorf("it is for server %.80q, this is %s", g.server, server)
	case g.lineage == "":
		return errors.New("it is of no federation")
	case lineage != "" && g.lineage != lineage:
		return fmt.Errorf("it is of federation %.80q, this is %s", g.lineage, lineage)
	}
	return nil
}
