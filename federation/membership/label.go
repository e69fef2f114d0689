package membership

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/hashicorp/memberlist"
)

// Every packet, and both directions of every connection, begin with a label:
// the protocol and the federation's id. memberlist has labels, too, but wants to
// know them from the beginning, and a newcomer learns the id only when it joins;
// so they are written and checked here, with memberlist's own encoding.
const (
	labelPrefix = "starling/1/"
	labelRoom   = 2 + len(labelPrefix) + mostFederation
	// mostPacket bounds what is sent in one packet: it passes any network.
	mostPacket = 1400
)

// errStranger says that somebody doesn't speak this protocol.
var errStranger = errors.New("it does not speak as a node of Starling")

// labelled puts the federation's label before a packet, or makes it alone.
func labelled(federation string, packet []byte) ([]byte, error) {
	return memberlist.AddLabelHeaderToPacket(packet, labelPrefix+federation)
}

// unlabel takes the label off a packet and returns whose it is.
func unlabel(packet []byte) (federation string, rest []byte, err error) {
	rest, label, err := memberlist.RemoveLabelHeaderFromPacket(packet)
	if err != nil {
		return "", nil, errStranger
	}
	federation, err = federationOf(label)
	return federation, rest, err
}

// readLabel reads the label at the beginning of a stream, and not a byte more.
func readLabel(from io.Reader) (federation string, err error) {
	var head [2]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return "", err
	}
	if head[0] != labelMark {
		return "", errStranger
	}
	text := make([]byte, head[1])
	if _, err := io.ReadFull(from, text); err != nil {
		return "", err
	}
	return federationOf(string(text))
}

// labelMark is the byte with which memberlist's labels begin.
const labelMark = 244

func federationOf(label string) (string, error) {
	federation, ours := strings.CutPrefix(label, labelPrefix)
	if !ours {
		return "", errStranger
	}
	if err := word(federation, mostFederation, true); err != nil {
		return "", fmt.Errorf("%w: federation: %w", errStranger, err)
	}
	return federation, nil
}

// labelOf is a label alone, as streams begin with it.
func labelOf(federation string) []byte {
	label, err := labelled(federation, nil)
	if err != nil { // an id is far shorter than labels may be
		return bytes.Clone(nil)
	}
	return label
}
