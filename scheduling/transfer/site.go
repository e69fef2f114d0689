package transfer

import (
	"cmp"
	"math"

	"starling/scheduling"
)

// Rate is how fast data come, in bytes per second.
type Rate float64

// The bounds of rates: a modem, and what no wide-area link has come near to.
const (
	MinRate Rate = 1e3
	MaxRate Rate = 1e12
)

// What holds where nothing is configured.
const (
	// DefaultRate is what a site's link gives one transfer.
	DefaultRate Rate = 50 << 20
	// DefaultStart is how long staging takes before the first byte comes.
	DefaultStart = 5 * scheduling.Second
	// DefaultSize stands for the size of data that nobody knows.
	DefaultSize int64 = 256 << 20
)

// Bounds of what is taken in of a site.
const (
	MaxElements = 1000
	// MaxConfigured is how many links a site may configure.
	MaxConfigured = 250
	MaxLinks      = 512
	maxLearned    = 250 // sources; with MaxConfigured, and Anywhere, no more than MaxLinks
	maxName       = 255 // bytes; a host's name has no more
)

// Anywhere is the source of the link that stands for all that are not known.
const Anywhere = "*"

// Site is what a site has to say of how data come to it.
type Site struct {
	Elements []Element // its own
	// Links are what is known of other ways, or better of those to its own elements.
	// The first of a source counts.
	Links []Link
	Start scheduling.Span // before the first byte comes
	Size  int64           // what stands for an unknown size; 0: DefaultSize
}

// Element is a storage element.
type Element struct {
	Name string
	// Host is that of the URLs of what lies in it; "": not known.
	Host string
	// Rate is how fast its own site reads from it; 0: as from anywhere.
	Rate Rate
}

// Link is how fast data come to a site from a source.
type Link struct {
	Source  string // a storage element, a host, or Anywhere
	Rate    Rate
	Samples int // how many stagings have taught it; 0: it is configured
}

// Default is a site that says nothing.
func Default() Site { return Site{Start: DefaultStart} }

// Model is what is known of one site. It never changes: what is learned makes
// another (Learn). So it is safe for concurrent use.
type Model struct {
	start scheduling.Span
	size  int64
	// locals gives the name of the site's own element for that name, and for the
	// host of its URLs.
	locals   map[string]string
	known    map[string]Rate // by source: configured, or heard
	learned  map[string]Learned
	anywhere Rate
}

// New makes the model of a site. What is out of all bounds is left out, however it
// comes: it may be what another node says of itself.
func New(site Site) *Model {
	m := &Model{
		start: min(max(site.Start, 0), scheduling.Hour), size: cmp.Or(min(max(site.Size, 0), maxBytes), DefaultSize),
		locals: map[string]string{}, known: map[string]Rate{}, anywhere: DefaultRate,
	}
	for _, l := range site.Links[:min(len(site.Links), MaxLinks)] {
		switch rate, good := bounded(l.Rate); {
		case good && l.Source == Anywhere:
			m.anywhere = rate
		case good && goodName(l.Source) && m.known[l.Source] == 0:
			m.known[l.Source] = rate
		}
	}
	elements := site.Elements[:min(len(site.Elements), MaxElements)]
	for _, e := range elements {
		if !goodName(e.Name) {
			continue
		}
		m.locals[e.Name] = e.Name
		if rate, good := bounded(e.Rate); good && m.known[e.Name] == 0 {
			m.known[e.Name] = rate
		}
	}
	for _, e := range elements { // of several at one host, the first
		if goodName(e.Name) && goodName(e.Host) && m.locals[e.Host] == "" {
			m.locals[e.Host] = e.Name
		}
	}
	return m
}

// bounded returns a rate within the bounds; good is false where it is none.
func bounded(r Rate) (within Rate, good bool) {
	if !(r > 0) || math.IsInf(float64(r), 0) {
		return 0, false
	}
	return min(max(r, MinRate), MaxRate), true
}

func goodName(name string) bool { return name != "" && name != Anywhere && len(name) <= maxName }

// Local returns the name of the site's own storage element that a source is, ""
// where it is another's.
func (m *Model) Local(source string) string { return m.locals[source] }

// Rate is how fast data come from a source, as far as anybody knows.
func (m *Model) Rate(source string) Rate {
	if l, is := m.learned[source]; is {
		return l.Rate
	}
	return cmp.Or(m.known[source], m.anywhere)
}
