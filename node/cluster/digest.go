package cluster

import (
	"encoding/base64"
	"sync/atomic"
	"time"

	"starling/federation/digest"
	"starling/federation/membership"
	"starling/scheduling"
)

// A Source says how this node is: now (the hash of the slow part aside), and what it
// can do and asks for it. It is called once a second.
type Source func() (digest.Fast, digest.Slow)

// Describe has the others told how this node is, from now on.
func (c *Cluster) Describe(source Source) {
	if c.network.Describe != nil {
		source = c.network.Describe(source)
	}
	c.describing.source.Store(&source)
	signal(c.describing.now)
}

// describing is what this node says of itself.
type describing struct {
	source atomic.Pointer[Source] // nil as long as there is none
	now    chan struct{}          // asks for it to be called at once
	self   atomic.Pointer[described]
}

type described struct {
	fast digest.Fast
	slow digest.Slow
	text []byte // the slow part, as others fetch it
	at   time.Time
}

// describe asks how this node is; nil if nobody can say that.
func (c *Cluster) describe(now time.Time) *described {
	source := c.describing.source.Load()
	if source == nil {
		return nil
	}
	d := &described{at: now}
	d.fast, d.slow = (*source)()
	d.text, d.fast.Slow = d.slow.Encode()
	c.describing.self.Store(d)
	return d
}

// news reports whether others should hear of it after what they heard last.
func (d *described) news(before *described) bool {
	if d == nil || before == nil {
		return d != before
	}
	return d.fast.News(before.fast, scheduling.SpanOf(d.at.Sub(before.at)))
}

// with adds to a note as much of the digest as has room there; that is always more
// than its least.
func (n note) with(d *described) note {
	if d != nil {
		const around = len(`,"g":""`)
		room := membership.MaxNote - len(n.bytes()) - around
		n.Digest = base64.RawStdEncoding.EncodeToString(d.fast.Encode(base64.RawStdEncoding.DecodedLen(room)))
	}
	return n
}

// fast is the digest in a note; none, if it says nothing that makes sense here.
func (n note) fast() (digest.Fast, bool) {
	data, err := base64.RawStdEncoding.DecodeString(n.Digest)
	if err != nil || len(data) == 0 {
		return digest.Fast{}, false
	}
	f, err := digest.Decode(data)
	return f, err == nil
}
