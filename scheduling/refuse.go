package scheduling

import (
	"strconv"
	"strings"
)

// impossible returns why a demand could not run here even if the pool were empty and the user patient, or nil.
func (p *prober) impossible() *Refusal {
	if err := p.demand.Check(); err != nil {
		return refuse(CodeInvalid, "{error}", "error", err.Error())
	}
	if lacks := p.demand.Min.Lacking(p.Capacity()); len(lacks) > 0 {
		return tooLarge(lacks)
	}
	return nil
}

// tooLarge names everything of which more is needed than a site has, so that the user needn't ask once for each. The
// names of the values of the second resource end in 2, and so on.
func tooLarge(lacks []Lack) *Refusal {
	var parts, pairs []string
	for i, l := range lacks {
		n := ""
		if i > 0 {
			n = strconv.Itoa(i + 1)
		}
		unit := ""
		if l.Name == "memory" || l.Name == "storage" {
			unit = " GiB"
		}
		parts = append(parts, "{resource"+n+"}: {needed"+n+"}"+unit+" needed, but this site has {capacity"+n+"}"+unit)
		pairs = append(pairs, "resource"+n, l.Name, "needed"+n, strconv.FormatInt(l.Needed, 10), "capacity"+n, strconv.FormatInt(l.There, 10))
	}
	return refuse(CodeTooLarge, strings.Join(parts, "; "), pairs...)
}

// diagnose returns why there is no slot, by leaving out one condition after the other until there is one.
func (p *prober) diagnose() *Refusal {
	wanted := p.query(p.demand.Min)
	horizon := p.limits.Now.Add(p.limits.Horizon)
	if wanted.NotBefore > horizon {
		return refuse(CodeStartInterval, "the earliest start wanted is {from}, but this site plans no further than {horizon}",
			"from", p.demand.Start.Earliest.String(), "horizon", horizon.String())
	}
	if refusal := p.windowless(wanted, horizon); refusal != nil {
		return refusal
	}

	unlimited := wanted
	unlimited.HoldShare = 0
	if _, ok := p.EarliestFit(unlimited); ok {
		return refuse(CodeHoldLimit, "other offers that are still open hold more than {share} of this site; ask again after {retry}",
			"share", number(p.limits.HoldShare), "retry", p.limits.HeldUntil.String())
	}

	// The earliest start within the user's interval or after it; before it, if that is all there is.
	patient := wanted
	patient.NotAfter = horizon
	slot, ok := p.EarliestFit(patient)
	if !ok && wanted.Starts != nil {
		patient.Starts = nil
		if slot, ok = p.EarliestFit(patient); ok {
			return refuse(CodeStartInterval, "in none of the windows that the timing allows until {until} a start is free; the earliest possible outside of them is {earliest}",
				"until", wanted.NotAfter.Add(p.demand.Preparing).String(), "earliest", slot.Start.Add(p.demand.Preparing).String())
		}
	}
	if !ok {
		patient.NotBefore = p.limits.Now
		slot, ok = p.EarliestFit(patient)
	}
	if ok {
		from := max(p.limits.Now.Add(p.demand.Preparing), p.demand.Start.Earliest)
		return refuse(CodeStartInterval, "no start from {from} to {until} is free; the earliest possible is {earliest}",
			"from", from.String(), "until", p.demand.Start.Latest.String(),
			"earliest", slot.Start.Add(p.demand.Preparing).String())
	}

	if !p.works(Window{p.limits.Now, horizon}, p.demand.Total()) {
		return refuse(CodeNoWindow, "this site works for no {duration} at a stretch before {horizon}",
			"duration", p.demand.Total().String(), "horizon", horizon.String())
	}
	return refuse(CodeFull, "nothing is free here for {duration} before {horizon}",
		"duration", p.demand.Total().String(), "horizon", horizon.String())
}

// windowless returns why none of the windows for the start counts, or nil if some does.
func (p *prober) windowless(wanted Query, horizon Instant) *Refusal {
	if wanted.Starts == nil {
		return nil
	}
	w, ok := wanted.Starts(wanted.NotBefore)
	switch {
	case !ok:
		return refuse(CodeStartInterval, "the timing allows no start after {from}", "from", wanted.NotBefore.Add(p.demand.Preparing).String())
	case w.Earliest > wanted.NotAfter:
		return refuse(CodeStartInterval, "the next window that the timing allows begins at {from}, but this site plans no further than {horizon}",
			"from", w.Earliest.Add(p.demand.Preparing).String(), "horizon", horizon.String())
	}
	return nil
}

// works reports whether the pool works for a length of time from some start in the window on.
func (t *Timeline) works(starts Window, length Span) bool {
	for _, w := range t.working() {
		start := max(w.Start, starts.Start)
		if start <= starts.End && start.Add(length) <= w.End {
			return true
		}
	}
	return false
}

// refuse builds a refusal from a template and pairs of names and values.
func refuse(code Code, template string, pairs ...string) *Refusal {
	values := make(map[string]string, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	return &Refusal{Code: code, Reason: Reason{template, values}}
}
