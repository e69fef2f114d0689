package transfer

import "starling/scheduling"

// Item is one piece of data that a session reads.
type Item struct {
	Name  string
	Bytes int64 // 0: nobody has said how much
	// Sources are where it is to be had: storage elements (replicas), or the host of
	// its URL. None: nobody has said.
	Sources []string
}

// Plan is how items come to a site.
type Plan struct {
	// Span is how long it takes until all of them are there.
	Span scheduling.Span
	// Bytes is how much they are together, Moved how much of that comes from another
	// site; what is of unknown size counts as it was guessed.
	Bytes, Moved int64
	Fetches      []Fetch // one of each item, in their order
}

// Fetch is how one item comes.
type Fetch struct {
	// Source is the storage element or the host that it comes from; "" where nobody
	// has said. Choice is its place among the item's sources, -1 then.
	Source string
	Choice int
	Local  bool // the source belongs to the site
	Bytes  int64
	// Guessed says that nobody knows the size.
	Guessed bool
	// Span is how long the item alone takes, once it has begun to come.
	Span scheduling.Span
}
