package digest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"starling/scheduling"
)

// layout is the first byte of an encoding. What a later version adds stands behind
// what there was, and older nodes leave it unread; one that they would misread
// begins with another byte, and they refuse it.
const layout = 1

const flagClosed = 1 << 0

// What is believed of a node's words. scheduling bounds amounts in the same way.
const (
	mostAmount = 1 << 48
	mostCount  = math.MaxInt32
	mostAfter  = 30 * scheduling.Day
)

// Encode returns the digest in at most so many bytes; MinBytes are always enough.
// Where the profile is too long for them, points are merged: what is said is then
// less than there is, never more.
func (f Fast) Encode(most int) []byte {
	f = f.sane()
	for {
		data := f.encode()
		if len(data) <= most || len(f.Profile) == 0 {
			return data
		}
		f.Profile = shortened(f.Profile)
	}
}

// MinBytes is what the longest digest without a profile takes: the layout, the flags,
// twelve amounts below 2^49, three counts, the hash and the number of points.
const MinBytes = 1 + 1 + 12*7 + 3*5 + len(Hash{}) + 1

// sane is the digest as others believe it.
func (f Fast) sane() Fast {
	f.Free, f.Largest = f.Free.Min(f.Capacity), f.Largest.Min(f.Capacity)
	var profile []Point
	for i, p := range f.Profile {
		p.After -= p.After % scheduling.Second
		p.Free = p.Free.Max(scheduling.Resources{}).Min(f.Largest)
		if last := len(profile) - 1; i > 0 && p.After <= profile[last].After {
			profile[last].Free = profile[last].Free.Min(p.Free)
			continue
		}
		profile = append(profile, p)
	}
	for len(profile) > MaxPoints {
		profile = shortened(profile)
	}
	f.Profile = profile
	return f
}

func (f Fast) encode() []byte {
	flags := byte(0)
	if f.Closed {
		flags |= flagClosed
	}
	to := []byte{layout, flags}
	for _, r := range []scheduling.Resources{f.Capacity, f.Largest, f.Free} {
		for _, amount := range amounts(r) {
			to = binary.AppendUvarint(to, uint64(min(max(amount, 0), mostAmount)))
		}
	}
	for _, n := range []int{f.Queue, f.Running, f.Executors} {
		to = binary.AppendUvarint(to, uint64(min(max(n, 0), mostCount)))
	}
	to = append(to, f.Slow[:]...)
	to = append(to, byte(len(f.Profile)))
	before := Point{}
	for _, p := range f.Profile {
		to = binary.AppendUvarint(to, uint64((p.After-before.After)/scheduling.Second))
		was, is := amounts(before.Free), amounts(p.Free)
		for i := range is {
			to = binary.AppendVarint(to, is[i]-was[i])
		}
		before = p
	}
	return to
}

// shortened is a profile of at most half as many points, each with the least of those
// that it stands for; the last point goes on for ever and is as it was.
func shortened(profile []Point) []Point {
	if len(profile) < 2 {
		return nil
	}
	var short []Point
	for i := 0; i < len(profile); i += 2 {
		p := profile[i]
		if i+1 < len(profile) {
			p.Free = p.Free.Min(profile[i+1].Free)
		}
		short = append(short, p)
	}
	return short
}

// Decode reads a digest, of which nothing is believed that makes no sense.
func Decode(data []byte) (Fast, error) {
	f, err := decode(data)
	if err == nil {
		err = f.check()
	}
	if err != nil {
		return Fast{}, fmt.Errorf("a digest: %w", err)
	}
	return f, nil
}

func decode(data []byte) (f Fast, err error) {
	r := reader{rest: data}
	if got := r.byte(); r.err == nil && got != layout {
		return f, fmt.Errorf("its layout is %d, this node knows %d: it comes from another version of the program", got, layout)
	}
	f.Closed = r.byte()&flagClosed != 0
	f.Capacity, f.Largest, f.Free = r.resources(), r.resources(), r.resources()
	f.Queue, f.Running, f.Executors = int(r.number(mostCount)), int(r.number(mostCount)), int(r.number(mostCount))
	copy(f.Slow[:], r.take(len(f.Slow)))
	points := int(r.byte())
	if points > MaxPoints {
		return f, fmt.Errorf("it has %d points, at most %d are read", points, MaxPoints)
	}
	before := Point{}
	for range points {
		p := Point{After: before.After + scheduling.Span(r.number(uint64(mostAfter/scheduling.Second)))*scheduling.Second}
		p.Free = r.change(before.Free)
		if r.err != nil {
			return f, r.err
		}
		f.Profile, before = append(f.Profile, p), p
	}
	return f, r.err
}

// check looks for what can't be so.
func (f Fast) check() error {
	switch {
	case !f.Free.Fits(f.Capacity):
		return fmt.Errorf("more is free (%s) than there is (%s)", f.Free, f.Capacity)
	case !f.Largest.Fits(f.Capacity):
		return fmt.Errorf("one session could get more (%s) than there is (%s)", f.Largest, f.Capacity)
	}
	for i, p := range f.Profile {
		switch {
		case i == 0 && p.After != 0:
			return errors.New("its profile doesn't begin now")
		case i > 0 && p.After <= f.Profile[i-1].After:
			return errors.New("its profile isn't in order")
		case p.After > mostAfter:
			return fmt.Errorf("its profile reaches beyond %s", mostAfter)
		case !(scheduling.Resources{}).Fits(p.Free) || !p.Free.Fits(f.Largest):
			return fmt.Errorf("point %d of its profile (%s) isn't within what one session could get (%s)", i, p.Free, f.Largest)
		}
	}
	return nil
}

func amounts(r scheduling.Resources) [4]int64 { return [4]int64{r.Cores, r.Memory, r.Storage, r.GPUs} }
