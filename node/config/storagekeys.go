package config

import "time"

// StorageElement is a storage element of this site. What lies in it needs no
// transfer from elsewhere.
type StorageElement struct {
	// Its name in the data lake, as the replicas of data name it: JPSRC_STORM.
	Name string `key:"name"`
	// How fast a session here reads from it: 2 GB/s.
	Bandwidth Bandwidth `key:"bandwidth" min:"1 kB/s" max:"1 TB/s"`
	// The URL below which its objects lie (https://storm.example.org:8443/ska), each
	// under its namespace and name, where a replica has no URL of its own. What is
	// at this URL's host counts as being in the element.
	URL string `key:"url" optional:"yes"`
}

// Link is how fast data come to this site from one source.
type Link struct {
	// A storage element of another site, or the host of URLs: SPSRC_STORM,
	// archive.example.org.
	From string `key:"from"`
	// How fast one transfer is: 200 MB/s.
	Bandwidth Bandwidth `key:"bandwidth" min:"1 kB/s" max:"1 TB/s"`
}

// Transfers is what is taken for granted of the data of sessions.
type Transfers struct {
	// How fast data come from a source of which nothing is known, with one transfer
	// at a time.
	Bandwidth Bandwidth `key:"bandwidth" min:"1 kB/s" max:"1 TB/s"`
	// How long it takes until the first byte comes.
	Start time.Duration `key:"start" min:"0s" max:"1h"`
	// What data count of which the request doesn't say the size.
	Size Size `key:"size" min:"1KiB" max:"1PiB"`
}
