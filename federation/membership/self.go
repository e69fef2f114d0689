package membership

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/hashicorp/memberlist"

	"starling/federation/identity"
)

// What a node may say of itself. All of it must fit into the 512 bytes that
// gossip carries beside a member's name.
const (
	mostFederation = 64
	mostServer     = 128
	mostAddress    = 128
	mostURL        = 200
	mostVersion    = 64
	mostCommand    = 1_000_000 // a command version beyond this is nonsense
	selfLayout     = 1
)

// Self is what a node tells the others of itself.
type Self struct {
	// Name is the node's name, unique in the federation.
	Name string
	// Federation is the id of the federation that it belongs to; empty for one
	// that is about to join its first.
	Federation string
	// Server is its id in the replicated log. Another server under the same name
	// is another node, or one that lost its data.
	Server string
	// Raft is where the other nodes reach its port between nodes, HOST:PORT.
	Raft string
	// URL is where clients reach it.
	URL string
	// CommandVersion is the newest version of commands that it can apply.
	CommandVersion int
	// Version is that of the program, for people.
	Version string
}

// Validate says what others would refuse in s. The federation may be missing.
func (s Self) Validate() error {
	if err := identity.NodeName(s.Name).Validate(); err != nil {
		return err
	}
	return errors.Join(
		wrap("federation", word(s.Federation, mostFederation, true)),
		wrap("server", word(s.Server, mostServer, false)),
		wrap("raft address", hostPort(s.Raft)),
		wrap("URL", webURL(s.URL)),
		wrap("command version", between(s.CommandVersion, 1, mostCommand)),
		wrap("version", word(s.Version, mostVersion, true)),
	)
}

// encode is what gossip carries beside the name: all the rest, and the gossip
// address if it is a name that others have to look up.
func (s Self) encode(gossip string) ([]byte, error) {
	b := []byte{selfLayout}
	for _, text := range []string{s.Federation, s.Server, s.Raft, s.URL, s.Version, gossip} {
		b = appendText(b, text)
	}
	b = binary.AppendUvarint(b, uint64(s.CommandVersion))
	if len(b) > memberlist.MetaMaxSize {
		return nil, fmt.Errorf("what this node says of itself takes %d bytes, and gossip carries %d: shorten its URL (%d bytes), raft address (%d) or gossip address (%d)",
			len(b), memberlist.MetaMaxSize, len(s.URL), len(s.Raft), len(gossip))
	}
	return b, nil
}

// decodeSelf reads what a member says of itself, and believes nothing that is
// out of bounds. A member always belongs to a federation.
func decodeSelf(name string, meta []byte) (s Self, gossip string, err error) {
	c := cursor{rest: meta}
	c.version(selfLayout)
	s = Self{Name: name, Federation: c.text(), Server: c.text(), Raft: c.text(), URL: c.text(), Version: c.text()}
	gossip = c.text()
	s.CommandVersion = int(c.number(mostCommand))
	if c.err == nil {
		c.err = s.Validate()
	}
	if c.err == nil && s.Federation == "" {
		c.err = errors.New("it names no federation")
	}
	if c.err == nil && gossip != "" {
		c.err = wrap("gossip address", hostPort(gossip))
	}
	if c.err != nil {
		return Self{}, "", fmt.Errorf("what member %.63q says of itself: %w", name, c.err)
	}
	return s, gossip, nil
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// word wants visible ASCII without spaces, so that it can stand in a log line.
func word(text string, most int, mayBeEmpty bool) error {
	if text == "" && !mayBeEmpty {
		return errors.New("it is missing")
	}
	if len(text) > most {
		return fmt.Errorf("it has %d bytes, at most %d are allowed", len(text), most)
	}
	for _, b := range []byte(text) {
		if b <= ' ' || b > '~' {
			return fmt.Errorf("%.80q: want visible ASCII without spaces", text)
		}
	}
	return nil
}

func between(n, least, most int) error {
	if n < least || n > most {
		return fmt.Errorf("%d: want %d to %d", n, least, most)
	}
	return nil
}

// hostPort wants an address that another node can dial: no wildcard, no
// multicast, no port 0.
func hostPort(text string) error {
	if err := word(text, mostAddress, false); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return fmt.Errorf("%q: want HOST:PORT", text)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("%q: want a port from 1 to 65535", text)
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip = ip.Unmap(); ip.IsUnspecified() || ip.IsMulticast() {
			return fmt.Errorf("%q: nobody can be reached at a wildcard or multicast address", text)
		}
		return nil
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(host, "."), ".") {
		if !dnsLabel(label) {
			return fmt.Errorf("%q: the host is neither an IP address nor a DNS name", text)
		}
	}
	return nil
}

// dnsLabel takes what resolvers take: underscores and capitals, too.
func dnsLabel(label string) bool {
	if label == "" || len(label) > 63 {
		return false
	}
	return !strings.ContainsFunc(label, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	})
}

func webURL(text string) error {
	if err := word(text, mostURL, false); err != nil {
		return err
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return fmt.Errorf("%.80q is no URL", text)
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%.80q: want http or https", text)
	case u.Hostname() == "":
		return fmt.Errorf("%.80q names no host", text)
	case u.User != nil:
		return errors.New("it must not carry a user or password")
	case u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%.80q: want neither query nor fragment", text)
	}
	return nil
}
