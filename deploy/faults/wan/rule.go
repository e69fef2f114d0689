package wan

import (
	"fmt"
	"net/netip"
	"strconv"
	"time"
)

// End is one end of a way: a container, by a process in it, and its address there.
type End struct {
	Name    string
	PID     int
	Address netip.Addr
}

// Protocol is whose packets a rule is about.
type Protocol string

// What nodes speak to each other. Any is every packet.
const (
	Any Protocol = ""
	TCP Protocol = "tcp"
	UDP Protocol = "udp"
)

// refusal is how a firewall says no. Packets of any protocol can't be reset, only those
// of TCP can.
func (p Protocol) refusal() string {
	if p == TCP {
		return "REJECT --reject-with tcp-reset"
	}
	return "REJECT --reject-with icmp-port-unreachable"
}

// Rule says what becomes of packets on the way from one end to the other, and only
// that way.
type Rule struct {
	From, To End
	Protocol Protocol
	Effect   Effect
}

// Effect is what becomes of a packet: Drop, Refuse, Lose or Delay.
type Effect struct {
	kind          kind
	share         float64
	delay, jitter time.Duration
}

type kind int

const (
	drop kind = iota + 1
	refuse
	delay
)

// Drop loses every packet.
func Drop() Effect { return Effect{kind: drop, share: 1} }

// Lose loses a share of the packets, each by chance.
func Lose(share float64) Effect { return Effect{kind: drop, share: share} }

// Refuse answers every packet as a firewall does that says no: connections are reset.
func Refuse() Effect { return Effect{kind: refuse, share: 1} }

// Delay delivers every packet later, by a time that differs from the delay by the
// jitter at most.
func Delay(by, jitter time.Duration) Effect {
	return Effect{kind: delay, share: 1, delay: by, jitter: jitter}
}

// Between is a rule and its reverse.
func Between(a, b End, protocol Protocol, effect Effect) []Rule {
	return []Rule{{a, b, protocol, effect}, {b, a, protocol, effect}}
}

// check finds what iptables would take for something else.
func (r Rule) check() error {
	switch {
	case !r.From.Address.Is4():
		return fmt.Errorf("from %s to %s: %s is no IPv4 address", r.From.Name, r.To.Name, r.From.Address)
	case r.To.PID <= 0:
		return fmt.Errorf("from %s to %s: %s runs in no process", r.From.Name, r.To.Name, r.To.Name)
	case r.Effect.kind == 0 || r.Effect.share <= 0 || r.Effect.share > 1:
		return fmt.Errorf("from %s to %s: no effect, or on no packet", r.From.Name, r.To.Name)
	case r.Effect.jitter < 0 || r.Effect.jitter > r.Effect.delay:
		return fmt.Errorf("from %s to %s: a jitter of %s for a delay of %s", r.From.Name, r.To.Name, r.Effect.jitter, r.Effect.delay)
	}
	return nil
}

// lines are the rule's in the chain; queue is the number of the queue for delays.
func (r Rule) lines(queue uint16) []string {
	match := "-A " + chain + " -s " + r.From.Address.String()
	if r.Protocol != Any {
		match += " -p " + string(r.Protocol)
	}
	if r.Effect.share < 1 {
		match += " -m statistic --mode random --probability " + strconv.FormatFloat(r.Effect.share, 'f', -1, 64)
	}
	switch r.Effect.kind {
	case refuse:
		// A refusal itself must get through where the other way is refused, too.
		from := "-A " + chain + " -s " + r.From.Address.String()
		return []string{
			from + " -p tcp --tcp-flags RST RST -j ACCEPT",
			from + " -p icmp -j ACCEPT",
			match + " -j " + r.Protocol.refusal(),
		}
	case delay:
		// Bypass: if nobody listens, the packet goes on.
		return []string{match + " -j NFQUEUE --queue-bypass --queue-num " + strconv.Itoa(int(queue))}
	}
	return []string{match + " -j DROP"}
}
