package shortlist

import (
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"starling/federation/digest"
	"starling/scheduling"
	"starling/scheduling/placement"
)

// anyOutlook has a few steps, at whole minutes from noon on.
func anyOutlook(t *rapid.T) outlook {
	o := outlook{made: noon}
	after := scheduling.Span(0)
	for range rapid.IntRange(1, 6).Draw(t, "steps") {
		free := size(rapid.Int64Range(0, 8).Draw(t, "cores"))
		free.Memory = rapid.Int64Range(0, 32).Draw(t, "memory")
		o.points = append(o.points, digest.Point{After: after, Free: free})
		after += scheduling.Span(rapid.Int64Range(1, 10).Draw(t, "minutes")) * scheduling.Minute
	}
	return o
}

// at is what is free in a minute, by the definition of a profile.
func (o outlook) at(minute int) (free scheduling.Resources) {
	for _, p := range o.points {
		if p.After <= scheduling.Span(minute)*scheduling.Minute {
			free = p.Free
		}
	}
	return free
}

// The earliest start is that which a search minute by minute finds, and so is the room.
func TestEarliestIsThatOfTheNaiveSearch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := anyOutlook(t)
		need := scheduling.Resources{Cores: rapid.Int64Range(1, 8).Draw(t, "need"), Memory: rapid.Int64Range(0, 16).Draw(t, "memory")}
		from, length := rapid.IntRange(-5, 40).Draw(t, "from"), rapid.IntRange(1, 30).Draw(t, "length")
		const end = 200 // nothing changes that late
		wantRoom, want := int64(0), -1
		for start := max(from, 0); start < end && want < 0; start++ {
			room := int64(1 << 40)
			for m := start; m < start+length; m++ {
				free := o.at(m)
				room = min(room, free.Cores/need.Cores)
				if need.Memory > 0 {
					room = min(room, free.Memory/need.Memory)
				}
			}
			if room > 0 {
				want, wantRoom = start, room
			}
		}
		start, room, ok := o.earliest(&need, scheduling.Span(length)*scheduling.Minute, noon.Add(scheduling.Span(max(from, 0))*scheduling.Minute))
		if ok != (want >= 0) || ok && (start != noon.Add(scheduling.Span(want)*scheduling.Minute) || room != wantRoom) {
			t.Fatalf("%v with room for %d (%v), not minute %d with room for %d", start, room, ok, want, wantRoom)
		}
	})
}

// What is taken off a profile is missing from it where it was placed, and nowhere else.
func TestPlacementsAreTakenOffWhereTheyAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := anyOutlook(t)
		var placed []sent
		for range rapid.IntRange(0, 4).Draw(t, "placements") {
			start := noon.Add(scheduling.Span(rapid.Int64Range(-10, 60).Draw(t, "start")) * scheduling.Minute)
			length := scheduling.Span(rapid.Int64Range(1, 40).Draw(t, "length")) * scheduling.Minute
			placed = append(placed, sent{Slot: scheduling.Slot{Window: start.From(length), Resources: size(rapid.Int64Range(1, 4).Draw(t, "size"))}})
		}
		var buffer []digest.Point
		less := o.without(placed, &buffer)
		for m := range 120 {
			want := o.at(m)
			for _, p := range placed {
				if now := noon.Add(scheduling.Span(m) * scheduling.Minute); p.Start <= now && now < p.End {
					want = want.Sub(p.Resources).Max(scheduling.Resources{})
				}
			}
			if got := less.at(m); got != want {
				t.Fatalf("minute %d: %v, not %v", m, got, want)
			}
		}
	})
}

// Everybody but the node itself is either asked or left with a reason, no more are asked than is wanted, and none that
// can't do it.
func TestEverybodyIsAskedOrToldWhy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var known []digest.Known
		impossible := map[string]bool{}
		for i := range rapid.IntRange(0, 12).Draw(t, "nodes") {
			name := "n" + strconv.Itoa(i)
			k := site(name, int64(rapid.IntRange(0, 16).Draw(t, "free")), 8)
			k.Self = i == 0
			k.Age = time.Duration(rapid.Int64Range(0, int64(20*time.Minute)).Draw(t, "age"))
			k.Fast.Running, k.Fast.Queue = rapid.IntRange(0, 100).Draw(t, "running"), rapid.IntRange(0, 100).Draw(t, "queue")
			k.Alive = rapid.IntRange(0, 4).Draw(t, "alive") > 0
			k.Said = rapid.IntRange(0, 4).Draw(t, "said") > 0
			if rapid.IntRange(0, 4).Draw(t, "slow") == 0 {
				k.Slow = nil
			} else if rapid.IntRange(0, 4).Draw(t, "kind") == 0 {
				k.Slow.Kinds = nil
			}
			impossible[name] = !k.Alive || !k.Said || scheduling.SpanOf(k.Age) > MaxAge || k.Slow != nil && k.Slow.Kinds == nil
			if rapid.Bool().Draw(t, "no profile") {
				k.Fast.Profile, k.Fast.Free = nil, size(4)
			}
			known = append(known, k)
		}
		r := job(rapid.Int64Range(1, 16).Draw(t, "cores"))
		r.Policy, _ = placement.ByName(rapid.SampledFrom(placement.Names()).Draw(t, "policy"))
		r.Ask = rapid.IntRange(0, 5).Draw(t, "ask")
		if rapid.Bool().Draw(t, "limited") {
			r.Demand.Start.Latest = noon.Add(scheduling.Minute)
		}
		asked, left := Choose(r, known, nil, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "draw") })
		most := r.Ask
		if most == 0 {
			most = DefaultAsk
		}
		if len(asked) > most || len(asked)+len(left) != max(0, len(known)-1) {
			t.Fatalf("%d asked of %d, %d left", len(asked), len(known), len(left))
		}
		seen := map[string]bool{"n0": true}
		for _, c := range asked {
			name := string(c.Node)
			if seen[name] || impossible[name] || c.Estimate.Site != name || c.Estimate.End <= noon {
				t.Fatalf("asked %+v", c)
			}
			seen[name] = true
		}
		for _, l := range left {
			if name := string(l.Node); seen[name] || l.Reason().String() == "" || l.Cause == "" {
				t.Fatalf("left %+v", l)
			}
			seen[string(l.Node)] = true
			if able := l.Cause == Worse || l.Cause == NotDrawn; able && len(asked) < most {
				t.Fatalf("%s is left, and %d asked of %d", l.Node, len(asked), most)
			}
		}
	})
}
