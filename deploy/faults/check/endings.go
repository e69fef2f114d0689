package check

import (
	"bytes"
	"context"
	"slices"
	"time"

	"starling/deploy/faults/load"
)

// endings checks promise 2: what somebody was told to be accepted has ended, in one
// phase and for good.
func (c *checker) endings(ctx context.Context) {
	accepted := c.record.Accepted()
	c.looked("sessions that were accepted", len(accepted))
	sample := c.options.Sample
	for id, who := range accepted {
		if c.excused(id) {
			continue
		}
		for _, t := range c.told {
			s, known := t.sessions[id]
			switch {
			case !known:
				c.broken(2, "session "+id, "%s was told that it is accepted, and %s doesn't have it among those that were", who, t.site.Name)
			case !terminal(s.Phase):
				c.broken(2, "session "+id, "%s was told that it is accepted, and at %s it is still %s", who, t.site.Name, s.Phase)
			}
		}
		if sample > 0 {
			sample--
			c.endedOnce(ctx, id)
		}
	}
}

// endedOnce checks that a session's events have one end.
func (c *checker) endedOnce(ctx context.Context, id string) {
	site := c.sites[0]
	status, body, err := get(ctx, site, load.Operator, "/sessions/"+id+"/events")
	if err != nil || status != 200 {
		c.inconclusive("the events of session %s can't be read at %s: %d %v", id, site.Name, status, err)
		return
	}
	var ends []string
	for line := range bytes.Lines(body) {
		if _, after, found := bytes.Cut(line, []byte(`"type":"phase","phase":"`)); found {
			phase, _, _ := bytes.Cut(after, []byte(`"`))
			if terminal(string(phase)) {
				ends = append(ends, string(phase))
			}
		}
	}
	c.looked("sessions whose events were read", 1)
	if len(ends) != 1 {
		c.broken(2, "session "+id, "its events at %s tell %d ends: %v", site.Name, len(ends), ends)
	}
}

// slack is by how much the clocks of a client and a site may differ over the life of an
// offer, and how long a request may be on its way.
const slack = 2 * time.Second

// late checks that nothing was accepted that had expired.
func (c *checker) late() {
	first := map[string]time.Duration{} // when anybody tried, who may have succeeded
	acknowledged := map[string]*load.Op{}
	for _, o := range c.record.Ops {
		if o.Kind != load.Accept || o.Outcome == load.Refused {
			continue
		}
		if at, tried := first[o.Object]; !tried || o.Call < at {
			first[o.Object] = o.Call
		}
		if o.Outcome == load.Acknowledged {
			acknowledged[o.Object] = o
		}
	}
	for id, o := range acknowledged {
		offer := c.record.Offers[id]
		if offer == nil || offer.Lapses <= 0 {
			continue
		}
		c.looked("offers that were accepted in time", 1)
		if after := first[id] - offer.Told; after > offer.Lapses+slack {
			c.broken(2, "offer "+id, "%s accepted it %s after it was made, and it was good for %s", o.Site(), after, offer.Lapses)
		}
	}
}

// alternatives checks that of the offers of one set by one site at most one was
// accepted.
func (c *checker) alternatives() {
	taken := map[[2]string][]string{}
	for id := range c.record.Accepted() {
		if offer := c.record.Offers[id]; offer != nil && offer.Site != "" {
			key := [2]string{offer.Set, offer.Site}
			taken[key] = append(taken[key], id)
		}
	}
	c.looked("offer sets", len(taken))
	for key, ids := range taken {
		if slices.Sort(ids); len(ids) > 1 {
			c.broken(1, "offer set "+key[0], "of its alternatives at %s %d were accepted: %v", key[1], len(ids), ids)
		}
	}
}

// keys checks that the same Idempotency-Key had the same done once.
func (c *checker) keys() {
	under := map[string]string{}
	for _, o := range c.record.Ops {
		if o.Kind != load.Direct || o.Outcome != load.Acknowledged || c.excused(o.Object) {
			continue
		}
		c.looked("keys of direct requests", 1)
		before, used := under[o.Key]
		if used && before != o.Object {
			c.broken(2, "key "+o.Key, "%s accepted session %s for it, and session %s for the same again", o.Site(), before, o.Object)
		}
		under[o.Key] = o.Object
	}
}
