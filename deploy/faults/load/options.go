package load

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Options say what a load is.
type Options struct {
	Sites []Site
	// Seed makes all that is drawn, though not what the sites make of it.
	Seed uint64
	// Rate is how many operations users begin a second; 0: no users come.
	Rate float64
	// Users is how many people ask; every fourth has a budget that is soon spent.
	Users int
	// Executors is how many there are at each site, each with so many cores.
	Executors, Cores int
	// Treasurers write at each site, and wait for Pace after each answer.
	Treasurers int
	Pace       time.Duration
	// Gentle leaves out who tries to do harm: Mallory, and those who come too late.
	Gentle bool
	// Forget keeps no record of operations, only figures: for loads of hours.
	Forget bool
	// Patience is how long one site may take to answer before the next is asked.
	Patience time.Duration
	Log      *slog.Logger
}

// fill sets what is left out, and says what can't be.
func (o *Options) fill() error {
	if len(o.Sites) == 0 {
		return errors.New("a load wants at least one site")
	}
	for _, s := range o.Sites {
		if s.Name == "" || s.URL == "" || s.Client == nil || s.Token == nil {
			return fmt.Errorf("site %q wants a name, a URL, a client and a source of tokens", s.Name)
		}
	}
	if o.Rate < 0 {
		return fmt.Errorf("a rate of %g operations a second can't be", o.Rate)
	}
	set(&o.Users, 8)
	set(&o.Executors, 2)
	set(&o.Cores, 24)
	set(&o.Treasurers, 1)
	set(&o.Pace, 200*time.Millisecond)
	set(&o.Patience, 5*time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

func set[T comparable](value *T, absent T) {
	var zero T
	if *value == zero {
		*value = absent
	}
}
