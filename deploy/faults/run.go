package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"starling/deploy/faults/inject"
	"starling/deploy/faults/load"
)

// federation is a cluster as a run needs it.
type federation interface {
	// scene is how a fault sees it.
	scene(random *rand.Rand) *inject.Scene
	// load has users and executors come; keen ones write so often that a short gap can
	// be told.
	load(ctx context.Context, seed uint64, keen bool) (loading, error)
	// check looks from outside whether the promises were kept.
	check(ctx context.Context, record *load.Record, what circumstances) (checked, error)
	// keep puts all that may explain a failure into a directory.
	keep(ctx context.Context, dir string) error
	remove(ctx context.Context) error
}

// loading is a load that is on.
type loading interface {
	Now() time.Duration
	Figures(from, to time.Duration) load.Figures
	// Gone says which sites don't come back, so that nobody waits for their sessions.
	Gone(names ...string)
	Stop(ctx context.Context) *load.Record
}

// circumstances are what the check must know of a run. Times are the load's.
type circumstances struct {
	Seed uint64
	// Minority could not have a majority from Cut until Mended.
	Minority    []string
	Cut, Mended time.Duration
	// Lost are sites that may have lost what they alone had; Gone don't come back.
	Lost, Gone []string
	// Leapt are sites whose clocks were set.
	Leapt []string
	// Strong is what the fault itself has read and written.
	Strong *purse
}

// checked is what the check has found.
type checked struct {
	Says     string   // what was looked at, counted
	Findings []string // broken promises
	Unsure   []string // what could not be decided
}

// times are how long the parts of a run last, or may.
type times struct {
	Baseline time.Duration
	Settling time.Duration // at most
	Run      time.Duration // at most, all together
}

// play makes one run on a federation that is whole. It returns the record for the
// evidence, and whether the federation is of use for another run.
func play(ctx context.Context, f federation, r run, t times, log func(string, ...any)) (result, *load.Record, bool) {
	began := time.Now()
	out := result{Fault: r.Fault.Name, Number: r.Number, Seed: r.Seed, Date: began.UTC().Truncate(time.Second)}
	p := &part{federation: f, run: r, times: t, log: log, result: &out}
	ctx, cancel := context.WithTimeoutCause(ctx, t.Run, fmt.Errorf("the run took longer than %s", t.Run))
	defer cancel()
	record := p.story(ctx)
	if err := ctx.Err(); err != nil {
		p.trouble(context.Cause(ctx))
	}
	out.Verdict, out.Reasons = judge(p.seen, r.Fault.Expects)
	out.Findings = p.seen.Findings
	out.Baseline, out.During, out.Gap = p.seen.Baseline, p.seen.During, p.seen.Gap.Seconds()
	out.Took = time.Since(began).Round(100 * time.Millisecond).Seconds()
	whole := p.whole && ctx.Err() == nil && out.Verdict != failed
	return out, record, whole
}

// part is one run while it lasts.
type part struct {
	federation
	run
	times
	log    func(string, ...any)
	result *result
	seen   measured
	whole  bool
	healed time.Time // when healing began
}

func (p *part) trouble(err error) {
	if err != nil {
		p.seen.Trouble = append(p.seen.Trouble, err.Error())
	}
}

func (p *part) story(ctx context.Context) *load.Record {
	random := rand.New(rand.NewPCG(p.Seed, 0))
	scene := p.scene(random)
	scene.Log = p.log
	strong := newPurse(p.Seed)
	scene.Strong = strong

	on, err := p.load(ctx, p.Seed, p.Fault.Expects.Gap > 0)
	if err != nil {
		p.trouble(fmt.Errorf("begin the load: %w", err))
		return nil
	}
	from := on.Now()
	p.trouble(inject.Wait(ctx, p.Baseline))
	struck := on.Now()
	before := on.Figures(from, struck)
	p.seen.Baseline, p.seen.Before = before.Rate, before.Gap
	p.log("baseline: %s", before)

	wound, cut, mended := p.hurt(ctx, scene, on)
	during := on.Figures(cut, mended)
	p.seen.During, p.seen.Lasted = during.Rate, mended-cut
	p.log("during: %s", during)
	err = p.settle(ctx, scene)
	after := on.Figures(struck, on.Now())
	p.seen.Gap, p.seen.Strong = after.Gap, after.Kinds[load.Allocate]
	p.log("since the fault: %s", after)

	p.trouble(strong.readAll(ctx, scene.Sites))
	on.Gone(wound.Gone...)
	record := p.end(ctx, on)
	p.recovered(ctx, scene, wound, err)
	found, err := p.check(ctx, record, circumstances{
		Seed: p.Seed, Minority: wound.Minority, Cut: cut, Mended: mended, Lost: wound.Lost, Gone: wound.Gone,
		Leapt: wound.Leapt, Strong: strong,
	})
	if err != nil {
		p.trouble(fmt.Errorf("check: %w", err))
	}
	p.result.Checks, p.seen.Findings = found.Says, found.Findings
	p.seen.Unsure = append(p.seen.Unsure, found.Unsure...)
	return record
}

// end sends the users home when all that they began has ended, but doesn't wait for
// ever: what doesn't end is the check's to find.
func (p *part) end(ctx context.Context, on loading) *load.Record {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return on.Stop(ctx)
}

// hurt injects the fault, lets it last and heals it. Whatever happens, it is healed.
func (p *part) hurt(ctx context.Context, scene *inject.Scene, on loading) (_ *inject.Wound, cut, mended time.Duration) {
	wound, err := p.Fault.Inject(ctx, scene)
	cut = on.Now()
	if wound == nil {
		p.healed = time.Now()
		p.trouble(errors.Join(errors.New("inject the fault"), err))
		return &inject.Wound{Spent: true}, cut, cut
	}
	p.result.Says = wound.Says
	p.log("%s", wound.Says)
	if err != nil {
		p.trouble(fmt.Errorf("inject the fault: %w", err))
	} else if wound.Meanwhile != nil {
		if err := wound.Meanwhile(ctx); err != nil {
			p.trouble(fmt.Errorf("during the fault: %w", err))
		}
	} else {
		p.trouble(inject.Wait(ctx, wound.Lasts))
	}
	mended = on.Now()
	p.healed = time.Now()
	p.log("healing")
	healing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Minute)
	defer cancel()
	if wound.Heal == nil {
		return wound, cut, mended
	}
	if err := wound.Heal(healing); err != nil {
		// Half healed, it is healed once more: what is tried twice may leave nothing.
		p.seen.Stuck = fmt.Sprintf("healing: %v", errors.Join(err, wound.Heal(healing)))
	}
	return wound, cut, mended
}

// settle waits until all sites agree, and says how long that took after healing.
func (p *part) settle(ctx context.Context, scene *inject.Scene) error {
	ctx, cancel := context.WithTimeout(ctx, p.Settling)
	defer cancel()
	err := scene.Settled(ctx)
	p.result.Recovery = time.Since(p.healed).Seconds()
	if err != nil {
		p.log("not settled: %v", err)
		return err
	}
	p.log("settled %s after healing", time.Since(p.healed).Round(100*time.Millisecond))
	return nil
}

// recovered says whether the federation is whole again. One that isn't while users come
// as fast as ever, and is as soon as they have gone, had more to do than this machine
// can: that proves nothing.
func (p *part) recovered(ctx context.Context, scene *inject.Scene, wound *inject.Wound, err error) {
	if err != nil && p.seen.Stuck == "" {
		if again := p.settle(ctx, scene); again != nil {
			p.seen.Stuck = errors.Join(err, again).Error()
		} else {
			p.seen.Unsure = append(p.seen.Unsure, fmt.Sprintf("it settled only when the users had gone home: %v", err))
		}
	}
	p.whole = err == nil && p.seen.Stuck == "" && !wound.Spent && len(wound.Gone) == 0
}
