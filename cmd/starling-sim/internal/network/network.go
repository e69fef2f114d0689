package network

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"starling/scheduling"
	"starling/scheduling/workload"
)

// Options says what is played.
type Options struct {
	Nodes int
	Jobs  int // for each node
	Seed  uint64
	// Loads are the parts of all cores that jobs would keep busy if no time were lost.
	Loads []float64
	// Every are the least times between two digests of a node: how stale they get.
	Every []time.Duration
	// Repeat is how often a node says the same again.
	Repeat time.Duration
	// Rates are those of changes, per node and second, at which the spread of news is looked at; 0: one change alone.
	Rates []float64
	// Wide takes the settings for nodes on several continents.
	Wide bool
	Only []string // contenders; none: all
	// Log gives the jobs their sizes and times; nil: they are made up.
	Log *workload.Trace
	// Progress is told what has been played.
	Progress io.Writer
}

// Report is what came out.
type Report struct {
	Options   Options       `json:"options"`
	Record    int           `json:"recordBytes"`
	Cores     int64         `json:"cores"`
	Spreads   []Spread      `json:"gossip"`
	Qualities []Quality     `json:"placement"`
	Took      time.Duration `json:"-"`
}

// record is what one piece of news takes in a packet: a digest of 64 bytes in base64, the note's other fields (133
// bytes, as a node writes them) and name and numbers around it.
const record = 250

// gossip is the spread of news with the settings of package membership.
func (o Options) gossip(rate float64) Gossip {
	g := Gossip{
		Nodes: o.Nodes, Interval: 200 * time.Millisecond, Fanout: 3, PushPull: 10 * time.Second, Latency: 2 * time.Millisecond,
		Retransmit: 8, Packet: 1300, Record: record, Loss: 0.001,
		Rate: rate, Every: 200 * time.Millisecond, Length: 20 * time.Second, Seed: o.Seed,
	}
	if o.Wide {
		g.Interval, g.Fanout, g.PushPull, g.Latency, g.Loss = 500*time.Millisecond, 4, 15*time.Second, 100*time.Millisecond, 0.01
	}
	return g
}

// Check returns an error for options that make no sense.
func (o Options) Check() error {
	switch {
	case o.Nodes < 2 || o.Nodes > 5000:
		return fmt.Errorf("%d nodes: from 2 to 5000 can be played", o.Nodes)
	case o.Jobs < 1 || o.Jobs > 10000:
		return fmt.Errorf("%d jobs for each node: from 1 to 10000 can be played", o.Jobs)
	case slices.ContainsFunc(o.Loads, func(l float64) bool { return !(l > 0 && l <= 10) }):
		return fmt.Errorf("loads %v: each must be more than 0 and at most 10", o.Loads)
	case slices.ContainsFunc(o.Rates, func(r float64) bool { return !(r >= 0 && r <= 10) }):
		return fmt.Errorf("rates %v: each must be from 0 to 10 a second", o.Rates)
	case slices.ContainsFunc(o.Every, func(d time.Duration) bool { return d < time.Millisecond }), o.Repeat < time.Second:
		return fmt.Errorf("digests every %v, repeated every %v: too often", o.Every, o.Repeat)
	}
	for _, name := range o.Only {
		if !slices.Contains(Contenders(), name) {
			return fmt.Errorf("unknown contender %q: one of %s", name, strings.Join(Contenders(), ", "))
		}
	}
	return nil
}

// Contenders are the names of all ways to place jobs.
func Contenders() (names []string) {
	for _, c := range contenders() {
		names = append(names, c.name)
	}
	return names
}

// Run plays all that the options say.
func Run(ctx context.Context, o Options) (Report, error) {
	if err := o.Check(); err != nil {
		return Report{}, err
	}
	begun := time.Now()
	r := Report{Options: o, Record: record, Spreads: make([]Spread, len(o.Rates))}
	draw := rand.New(rand.NewPCG(o.Seed, 2))
	sites := places(o.Nodes, draw)
	largest := int64(0)
	for _, s := range sites {
		r.Cores, largest = r.Cores+s.size.Cores, max(largest, s.size.Cores)
	}
	all := shapes(o.Nodes*o.Jobs, o.Log, largest, draw)
	var plays []oneplay
	for _, load := range o.Loads {
		plays = append(plays, o.plays(load, arrivals(all, sites, load, rand.New(rand.NewPCG(o.Seed, 4))))...)
	}
	r.Qualities = make([]Quality, len(plays))

	var told sync.Mutex
	progress := func(format string, values ...any) {
		if o.Progress != nil {
			told.Lock()
			defer told.Unlock()
			fmt.Fprintf(o.Progress, format+"\n", values...)
		}
	}
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.SetLimit(runtime.GOMAXPROCS(0))
	for i, rate := range o.Rates {
		tasks.Go(func() error {
			r.Spreads[i] = o.gossip(rate).Run()
			progress("news, %.4f of each node a second", rate)
			return ctx.Err()
		})
	}
	for i, p := range plays {
		tasks.Go(func() (err error) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			r.Qualities[i], err = o.play(p, sites)
			progress("load %.2f, %s, digests every %s", p.load, p.name, p.every)
			return err
		})
	}
	err := tasks.Wait()
	r.Took = time.Since(begun)
	return r, err
}

// oneplay is a contender with digests of some age.
type oneplay struct {
	contender
	load  float64
	jobs  []job
	every time.Duration
	// delays are those of its digests, for all who read the same.
	delays func() []float64
}

// plays lists what is played at a load: who reads digests once for each age of them.
func (o Options) plays(load float64, jobs []job) (all []oneplay) {
	chosen := slices.DeleteFunc(contenders(), func(c contender) bool { return len(o.Only) > 0 && !slices.Contains(o.Only, c.name) })
	for _, c := range chosen {
		if !c.reads {
			all = append(all, oneplay{contender: c, load: load, jobs: jobs})
		}
	}
	for _, every := range o.Every {
		delays := sync.OnceValue(func() []float64 { return o.delays(jobs, every) })
		for _, c := range chosen {
			if c.reads {
				all = append(all, oneplay{c, load, jobs, every, delays})
			}
		}
	}
	return all
}

// delays are how long digests take to be known, where so many jobs come.
func (o Options) delays(jobs []job, every time.Duration) []float64 {
	// A job is news when it is placed, when it begins and when it ends.
	span := jobs[len(jobs)-1].at.Sub(begin).Duration().Seconds()
	rate := min(1/every.Seconds(), 3*float64(o.Jobs)/span+1/max(o.Repeat, every).Seconds())
	g := o.gossip(rate)
	g.Length = 5 * time.Second
	return g.Run().delays
}

func (o Options) play(p oneplay, sites []place) (Quality, error) {
	var b *board
	if p.reads {
		b = newBoard(sites, scheduling.SpanOf(p.every), scheduling.SpanOf(o.Repeat), p.delays())
	}
	w, err := play(sites, p.jobs, b, p.contender, o.Seed)
	if err != nil {
		return Quality{}, err
	}
	return w.measure(p.load), nil
}
