package transfer

// Item is one piece of data that a session reads.
type Item struct {
	Name  string
	Bytes int64 // 0: nobody has said how much
	// Sources are where it is to be had: storage elements (replicas), or the host of
	// its URL. None: nobody has said.
	Sources []string
}
