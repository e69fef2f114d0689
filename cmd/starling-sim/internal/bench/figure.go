package bench

import "time"

// Figure is what was measured of one thing.
type Figure struct {
	Experiment string  `json:"experiment"`
	Name       string  `json:"name"`
	Value      float64 `json:"value"`
	Unit       string  `json:"unit"`
	// Target is what is wanted: at least that for a rate, at most that otherwise; 0: nothing in particular.
	Target float64 `json:"target,omitempty"`
	Rate   bool    `json:"rate,omitempty"`
	Note   string  `json:"note,omitempty"`
}

// Ratio is how many times better than its target a figure is; below 1 it is worse. It is 0 without a target.
func (f Figure) Ratio() float64 {
	switch {
	case f.Target == 0 || f.Value == 0:
		return 0
	case f.Rate:
		return f.Value / f.Target
	}
	return f.Target / f.Value
}

// Met reports whether a figure has reached its target.
func (f Figure) Met() bool { return f.Ratio() >= 1 }

// Report is everything that a run has measured.
type Report struct {
	Machine Machine  `json:"machine"`
	Figures []Figure `json:"figures"`
}

// rate is a figure of things a second, of which a target wants at least so many.
func rate(name string, p pace, target float64, note string) Figure {
	return Figure{Name: name, Value: p.rate(), Unit: "/s", Target: target, Rate: true, Note: p.each() + note}
}

// latency is a figure of time in milliseconds, of which a target wants at most so much.
func latency(name string, d, target time.Duration, note string) Figure {
	return Figure{Name: name, Value: millis(d), Unit: "ms", Target: millis(target), Note: note}
}

func millis(d time.Duration) float64 { return d.Seconds() * 1000 }
