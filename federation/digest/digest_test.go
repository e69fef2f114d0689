package digest

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"starling/scheduling"
)

func resources(most scheduling.Resources) *rapid.Generator[scheduling.Resources] {
	return rapid.Custom(func(t *rapid.T) scheduling.Resources {
		return scheduling.Resources{
			Cores: rapid.Int64Range(0, most.Cores).Draw(t, "cores"), Memory: rapid.Int64Range(0, most.Memory).Draw(t, "memory"),
			Storage: rapid.Int64Range(0, most.Storage).Draw(t, "storage"), GPUs: rapid.Int64Range(0, most.GPUs).Draw(t, "gpus"),
		}
	})
}

var (
	absurd = scheduling.Resources{Cores: mostAmount, Memory: mostAmount, Storage: mostAmount, GPUs: mostAmount}

	fasts = rapid.Custom(func(t *rapid.T) Fast {
		f := Fast{Capacity: resources(absurd).Draw(t, "capacity")}
		f.Largest, f.Free = resources(f.Capacity).Draw(t, "largest"), resources(f.Capacity).Draw(t, "free")
		f.Queue, f.Running = rapid.IntRange(0, mostCount).Draw(t, "queue"), rapid.IntRange(0, mostCount).Draw(t, "running")
		f.Executors, f.Closed = rapid.IntRange(0, mostCount).Draw(t, "executors"), rapid.Bool().Draw(t, "closed")
		copy(f.Slow[:], rapid.SliceOfN(rapid.Byte(), len(f.Slow), len(f.Slow)).Draw(t, "slow"))
		at := scheduling.Span(0)
		for range rapid.IntRange(0, MaxPoints).Draw(t, "points") {
			f.Profile = append(f.Profile, Point{After: at, Free: resources(f.Largest).Draw(t, "free")})
			at += scheduling.Span(rapid.Int64Range(1, 3600).Draw(t, "gap")) * scheduling.Second
		}
		return f
	})
)

// What was encoded is decoded as it was, whatever a later version adds behind it.
func TestADigestIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := fasts.Draw(t, "digest")
		data := f.Encode(math.MaxInt)
		for _, added := range [][]byte{nil, {1, 2, 3}} {
			got, err := Decode(append(bytes.Clone(data), added...))
			require.NoError(t, err)
			require.Equal(t, f, got)
		}
	})
}

// A digest fits wherever the shortest would; what it says then is never more than
// there is, at any time.
func TestADigestThatIsCutPromisesNoMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := fasts.Draw(t, "digest")
		most := rapid.IntRange(MinBytes, 1000).Draw(t, "bytes")
		data := f.Encode(most)
		require.LessOrEqual(t, len(data), most)
		short, err := Decode(data)
		require.NoError(t, err)
		for _, p := range f.Profile {
			if len(short.Profile) > 0 {
				require.True(t, at(short.Profile, p.After).Fits(p.Free), "%v at %v: %v", short.Profile, p.After, p.Free)
			}
		}
		short.Profile, f.Profile = nil, nil
		require.Equal(t, f, short)
	})
}

func at(profile []Point, after scheduling.Span) scheduling.Resources {
	free := profile[0].Free
	for _, p := range profile {
		if p.After <= after {
			free = p.Free
		}
	}
	return free
}

// Whatever a node makes of its timelines, others can read it.
func TestADigestIsAlwaysReadable(t *testing.T) {
	few, many := scheduling.Resources{Cores: -4, Memory: 8}, scheduling.Resources{Cores: 9, Memory: 99}
	f := Fast{Capacity: scheduling.Resources{Cores: 8, Memory: 8}, Free: many, Largest: many, Queue: -1, Running: math.MaxInt}
	for i := range scheduling.Span(3 * MaxPoints) {
		f.Profile = append(f.Profile, Point{After: i * 300, Free: few}, Point{After: i*300 + 1, Free: many})
	}
	got, err := Decode(f.Encode(1000))
	require.NoError(t, err)
	assert.Equal(t, scheduling.Resources{Cores: 8, Memory: 8}, got.Free)
	assert.NotEmpty(t, got.Profile)
}

func TestWhatMakesNoSenseIsNotBelieved(t *testing.T) {
	some := scheduling.Resources{Cores: 4, Memory: 8}
	more := scheduling.Resources{Cores: 5, Memory: 8}
	points := func(list ...Point) Fast { return Fast{Capacity: more, Largest: some, Profile: list} }
	for _, tt := range []struct {
		name string
		data []byte
		says string
	}{
		{"nothing", nil, "cut short"},
		{"a layout of tomorrow", []byte{2, 0, 0}, "its layout is 2, this node knows 1"},
		{"half of one", points(Point{Free: some}).encode()[:30], "cut short"},
		{"too many points", points(make([]Point, MaxPoints+1)...).encode(), "33 points"},
		{"more free than there is", Fast{Capacity: some, Free: more}.encode(), "more is free"},
		{"a session larger than the node", Fast{Capacity: some, Largest: more}.encode(), "one session could get more"},
		{"a profile that begins tomorrow", points(Point{After: scheduling.Day, Free: some}).encode(), "doesn't begin now"},
		{"a profile that stands still", points(Point{Free: some}, Point{Free: some}).encode(), "isn't in order"},
		{"a profile of months", points(Point{Free: some}, Point{After: 31 * scheduling.Day, Free: some}).encode(), "more than"},
		{"a profile of months, by steps", points(Point{Free: some}, Point{After: 20 * scheduling.Day, Free: some}, Point{After: 40 * scheduling.Day, Free: some}).encode(), "beyond"},
		{"more than one session could get", points(Point{Free: more}).encode(), "point 0"},
		{"less than nothing", points(Point{Free: some.Neg()}).encode(), "point 0"},
		{"an amount beyond all measure", append([]byte{1, 0}, bytes.Repeat([]byte{0xff}, 9)...), "cut short"},
	} {
		_, err := Decode(tt.data)
		assert.ErrorContains(t, err, tt.says, tt.name)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(Fast{Capacity: absurd, Largest: absurd, Profile: []Point{{Free: absurd}}}.encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Decode(data)
		if err != nil {
			return
		}
		require.NoError(t, got.check())
		again, err := Decode(got.encode())
		require.NoError(t, err)
		require.Equal(t, got, again)
	})
}

var slows = rapid.Custom(func(t *rapid.T) Slow {
	names := rapid.SliceOfN(rapid.StringMatching(`[a-z:/<&]{1,30}`), 0, 5)
	number := rapid.Float64Range(0, mostNumber)
	s := Slow{
		Kinds: names.Draw(t, "kinds"), Simulated: names.Draw(t, "simulated"),
		Schemes: names.Draw(t, "schemes"), ComputePerformance: number.Draw(t, "performance"), MaxDuration: number.Draw(t, "duration"),
	}
	for _, n := range names.Draw(t, "elements") {
		s.Elements = append(s.Elements, Element{Name: n, Bandwidth: number.Draw(t, "bandwidth")})
		s.Links = append(s.Links, Link{Source: n, Bandwidth: number.Draw(t, "bandwidth"), Samples: rapid.IntRange(0, 9).Draw(t, "samples")})
		s.Rates = append(s.Rates, Rate{Type: n, Unit: "EUR", CoreHour: number.Draw(t, "core"), GPUHour: number.Draw(t, "gpu")})
	}
	return s
})

// What was encoded is decoded as it was, and nothing else is taken for it.
func TestASlowPartIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := slows.Draw(t, "slow")
		data, hash := s.Encode()
		got, err := DecodeSlow(data, hash)
		require.NoError(t, err)
		again, hashAgain := got.Encode()
		require.Equal(t, string(data), string(again))
		require.Equal(t, hash, hashAgain)
		data[rapid.IntRange(0, len(data)-1).Draw(t, "place")] ^= 1
		_, err = DecodeSlow(data, hash)
		require.ErrorContains(t, err, "its hash is")
	})
}

// However much there is, others can read what is said.
func TestASlowPartIsAlwaysReadable(t *testing.T) {
	s := Slow{ComputePerformance: math.NaN(), MaxDuration: math.Inf(1)}
	for i := range 2000 {
		name := fmt.Sprint(strings.Repeat("k", 400), i)
		s.Kinds, s.Simulated = append(s.Kinds, name), append(s.Simulated, name, "\xff", "a\nb", strings.Repeat("k", mostName+1))
		s.Links, s.Elements = append(s.Links, Link{Source: name, Bandwidth: -1}, Link{Source: name}), append(s.Elements, Element{}, Element{Name: name})
		s.Rates = append(s.Rates, Rate{Type: name, CoreHour: math.Inf(1)}, Rate{Type: name})
	}
	data, hash := s.Encode()
	assert.LessOrEqual(t, len(data), MaxSlow)
	got, err := DecodeSlow(data, hash)
	require.NoError(t, err)
	assert.NotEmpty(t, got.Kinds)
	assert.Len(t, got.Rates, mostRates)
}

func TestASlowPartThatMakesNoSenseIsRefused(t *testing.T) {
	long := `"` + strings.Repeat("k", mostName+1) + `"`
	for name, text := range map[string]string{
		"no JSON": `{`, "a long kind": `{"kinds":[` + long + `]}`, "a kind that doesn't print": `{"kinds":["a\u001b[2J"]}`,
		"a negative price": `{"rates":[{"type":"urn:x","coreHour":-1}]}`, "a bandwidth beyond all measure": `{"links":[{"source":"x","bandwidth":1e300}]}`,
		"an element without a name": `{"elements":[{"bandwidth":1}]}`, "kinds without end": `{"kinds":[` + strings.Repeat(`"k",`, mostListed) + `"k"]}`,
		"fewer than no samples": `{"links":[{"source":"x","samples":-1}]}`, "too much": `{"kinds":["` + strings.Repeat(" ", MaxSlow) + `"]}`,
	} {
		_, err := DecodeSlow([]byte(text), HashOf([]byte(text)))
		assert.ErrorContains(t, err, "slow part", name)
	}
	_, err := DecodeSlow([]byte(`{"kinds":["k"],"tomorrow":1}`), HashOf([]byte(`{"kinds":["k"],"tomorrow":1}`)))
	assert.NoError(t, err, "what is added later is left unread")
}

func FuzzDecodeSlow(f *testing.F) {
	f.Add([]byte(`{"kinds":["k"],"rates":[{"type":"urn:x","coreHour":1}],"links":[{"source":"x","bandwidth":1}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := DecodeSlow(data, HashOf(data)); err == nil {
			require.NoError(t, s.check())
		}
	})
}
