package network

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Gossip is how news spreads, as package membership has it. A node sends its news to each other node itself, fifty
// packets at a time, and once again after a second if there is none newer; half of those who hear of it so pass it on
// once, at their next tick, to one of a few others chosen at random.
// Now and then a node compares all it knows with one other; what it learns by that it passes on as memberlist does:
// so many times (Retransmit times the logarithm of the number of nodes, to the base of ten), what was sent least often
// first, and of that the newest. A newer digest of the same node takes an older one's place. What is passed on goes in
// packets to a few others at each tick. Not modelled: probes, deaths, and that packets differ in size.
type Gossip struct {
	Nodes      int
	Interval   time.Duration // between two ticks of a node
	Fanout     int           // packets at a tick
	Retransmit int
	Packet     int           // bytes of records that fit into one
	Record     int           // bytes of one: digest, note and name
	PushPull   time.Duration // between two comparisons of a node, in a small federation
	Latency    time.Duration // of a packet: half of this to one and a half times
	Loss       float64       // of packets
	Rate       float64       // news of each node, per second
	Every      time.Duration // between two pieces of news that are followed
	Length     time.Duration // of the run, after a warm-up
	Seed       uint64
}

// Spread is how fast news was known.
type Spread struct {
	Rate   float64   `json:"changesPerNodePerSecond"`
	ToAll  Quantiles `json:"secondsToAll"` // until the last node knew it, or something newer
	ToOne  Quantiles `json:"secondsToOne"`
	Missed int       `json:"missed"` // news that some node didn't know at the end of the run
	Bytes  float64   `json:"bytesPerNodePerSecond"`
	Bound  float64   `json:"bound"` // 3 × nodes × bytes of a record × rate
	delays []float64 // seconds until each node knew of each piece of news, sorted
}

// spread is a run.
type spread struct {
	Gossip
	draw   *rand.Rand
	agenda deliveries
	now    float64 // seconds

	seen   []uint32 // by node and origin: the version known
	state  []int8   // by node and origin: what is done with it
	queues []queue  // by node
	latest []uint32 // by origin

	followed map[int][]*followed // by origin
	all      []*followed
	delays   []float64
	bytes    float64
	order    uint64
}

// followed is a piece of news of which we look who knows it when.
type followed struct {
	version uint32
	born    float64
	knows   []bool
	missing int
	last    float64
}

// What a node does with news: nothing more, pass it on once, or, from 0 on, pass it on as often as it takes; the number
// is how often it has been sent.
const (
	known int8 = -2
	relay int8 = -1
)

// queue holds what waits to be sent: what is relayed, and the rest by how often it was sent. The newest of each is last.
type queue struct {
	relays []item
	tiers  [][]item
}

type item struct {
	origin  int32
	version uint32
}

// Run lets the news spread.
func (g Gossip) Run() Spread {
	s := &spread{
		Gossip: g, draw: rand.New(rand.NewPCG(g.Seed, 1)),
		seen: make([]uint32, g.Nodes*g.Nodes), state: make([]int8, g.Nodes*g.Nodes),
		queues: make([]queue, g.Nodes), latest: make([]uint32, g.Nodes), followed: map[int][]*followed{},
	}
	for i := range s.state {
		s.state[i] = known
	}
	most := g.retransmits()
	for i := range s.queues {
		s.queues[i].tiers = make([][]item, most)
	}
	return s.run()
}

// retransmits is how often each node sends the same.
func (g Gossip) retransmits() int {
	return g.Retransmit * int(math.Ceil(math.Log10(float64(g.Nodes+1))))
}

// comparing is how often a node compares all it knows; large federations do so less often.
func (g Gossip) comparing() float64 {
	const threshold = 32
	scale := 1.0
	if g.Nodes > threshold {
		scale += math.Ceil(math.Log2(float64(g.Nodes)) - math.Log2(threshold))
	}
	return scale * g.PushPull.Seconds()
}

func (s *spread) run() Spread {
	const warmUp = 20.0
	end := warmUp + s.Length.Seconds()
	drained := end + 2*s.comparing() // for the last of what is followed
	for node := range s.Nodes {
		s.push(delivery{at: s.draw.Float64() * s.Interval.Seconds(), kind: ticks, node: int32(node)})
		s.push(delivery{at: s.draw.Float64() * s.comparing(), kind: compares, node: int32(node)})
	}
	if s.Rate > 0 {
		s.push(delivery{at: s.draw.ExpFloat64() / (s.Rate * float64(s.Nodes)), kind: changes})
	}
	s.push(delivery{at: warmUp, kind: follows})
	measured := 0.0
	for len(s.agenda) > 0 {
		d := heap.Pop(&s.agenda).(delivery)
		if d.at > drained || d.at > end && s.complete() {
			break
		}
		if s.now < warmUp && d.at >= warmUp {
			s.bytes = 0
		}
		s.now = d.at
		if s.now <= end {
			measured = s.bytes
		}
		switch d.kind {
		case ticks:
			s.gossip(int(d.node))
			s.push(delivery{at: s.now + s.Interval.Seconds(), kind: ticks, node: d.node})
		case again:
			if news := d.items[0]; s.latest[news.origin] == news.version {
				s.tell(int(news.origin), news.version)
			}
		case compares:
			s.compare(int(d.node))
			s.push(delivery{at: s.now + s.comparing(), kind: compares, node: d.node})
		case changes:
			s.change(s.draw.IntN(s.Nodes), false)
			s.push(delivery{at: s.now + s.draw.ExpFloat64()/(s.Rate*float64(s.Nodes)), kind: changes})
		case follows:
			s.change(s.draw.IntN(s.Nodes), true)
			if s.now+s.Every.Seconds() < end {
				s.push(delivery{at: s.now + s.Every.Seconds(), kind: follows})
			}
		case arrives:
			for _, i := range d.items {
				how := known
				if s.draw.IntN(2) == 0 {
					how = relay
				}
				s.learn(int(d.node), int(i.origin), i.version, how)
			}
		}
	}
	return s.result(measured / (end - warmUp) / float64(s.Nodes))
}

// complete reports whether everybody knows all that is followed.
func (s *spread) complete() bool {
	return !slices.ContainsFunc(s.all, func(f *followed) bool { return f.missing > 0 })
}

// change makes news at a node.
func (s *spread) change(origin int, follow bool) {
	s.latest[origin]++
	version := s.latest[origin]
	if follow {
		f := &followed{version: version, born: s.now, knows: make([]bool, s.Nodes), missing: s.Nodes}
		s.followed[origin], s.all = append(s.followed[origin], f), append(s.all, f)
	}
	s.learn(origin, origin, version, known)
	s.tell(origin, version)
	s.push(delivery{at: s.now + 1, kind: again, items: []item{{int32(origin), version}}})
}

// tell has a node tell all others its news.
func (s *spread) tell(origin int, version uint32) {
	const atOnce, breath = 50, 0.01 // packets, seconds
	start := s.draw.IntN(s.Nodes)
	for i := range s.Nodes {
		if to := (start + i) % s.Nodes; to != origin {
			s.send(to, float64(i/atOnce)*breath, item{int32(origin), version})
		}
	}
}

// send sends a packet, in a moment.
func (s *spread) send(to int, in float64, items ...item) {
	const header, between = 40, 2 // bytes: encryption and label; of each record in a packet
	s.bytes += float64(header + len(items)*(s.Record+between))
	if s.draw.Float64() >= s.Loss {
		s.push(delivery{at: s.now + in + s.Latency.Seconds()*(0.5+s.draw.Float64()), kind: arrives, node: int32(to), items: items})
	}
}

// learn takes in what came to a node, and has it passed on, if it is news.
func (s *spread) learn(node, origin int, version uint32, how int8) {
	at := node*s.Nodes + origin
	if s.seen[at] >= version {
		return
	}
	s.seen[at], s.state[at] = version, how
	q := &s.queues[node]
	switch how {
	case known:
	case relay:
		q.relays = append(q.relays, item{int32(origin), version})
	default:
		q.tiers[how] = append(q.tiers[how], item{int32(origin), version})
	}
	for _, f := range s.followed[origin] {
		if f.version <= version && !f.knows[node] {
			f.knows[node], f.last = true, s.now
			f.missing--
			if node != origin {
				s.delays = append(s.delays, s.now-f.born)
			}
		}
	}
}

// gossip sends what a node passes on.
func (s *spread) gossip(node int) {
	targets := make([]int, 0, s.Fanout)
	for len(targets) < min(s.Fanout, s.Nodes-1) {
		if to := s.draw.IntN(s.Nodes); to != node && !slices.Contains(targets, to) {
			targets = append(targets, to)
		}
	}
	for _, to := range targets {
		items := s.take(node, max(1, s.Packet/(s.Record+2)))
		if len(items) == 0 {
			return
		}
		s.send(to, 0, items...)
	}
}

// take takes what a node sends in its next packet.
func (s *spread) take(node, most int) []item {
	var items []item
	q, base := &s.queues[node], node*s.Nodes
	from := func(waiting *[]item, state int8) {
		for len(*waiting) > 0 && len(items) < most {
			last := len(*waiting) - 1
			i := (*waiting)[last]
			*waiting = (*waiting)[:last]
			if at := base + int(i.origin); s.seen[at] == i.version && s.state[at] == state { // nothing newer took its place
				items = append(items, i)
			}
		}
	}
	for t := range q.tiers {
		from(&q.tiers[t], int8(t))
	}
	from(&q.relays, relay)
	for _, i := range items {
		at := base + int(i.origin)
		if s.state[at] == relay || int(s.state[at])+1 == len(q.tiers) {
			s.state[at] = known
			continue
		}
		s.state[at]++
		q.tiers[s.state[at]] = append(q.tiers[s.state[at]], i)
	}
	return items
}

// compare has a node and another one tell each other all they know.
func (s *spread) compare(node int) {
	other := s.draw.IntN(s.Nodes)
	if other == node {
		return
	}
	s.bytes += 2 * float64(s.Nodes*s.Record)
	for origin := range s.Nodes {
		a, b := s.seen[node*s.Nodes+origin], s.seen[other*s.Nodes+origin]
		s.learn(node, origin, b, 0)
		s.learn(other, origin, a, 0)
	}
}

func (s *spread) result(bytes float64) Spread {
	var last []float64
	missed := 0
	for _, f := range s.all {
		if f.missing > 0 {
			missed++
			continue
		}
		last = append(last, f.last-f.born)
	}
	return Spread{
		Rate: s.Rate, ToAll: quantiles(last), ToOne: quantiles(s.delays), Missed: missed, delays: s.delays,
		Bytes: bytes, Bound: 3 * float64(s.Nodes*s.Record) * s.Rate,
	}
}
