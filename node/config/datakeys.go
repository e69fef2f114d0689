package config

// DataToken is storage that gives data only to who shows a token of the user's.
type DataToken struct {
	// The storage: all that lies below this https URL. With --dev, http will do on
	// loopback.
	URL string `key:"url"`
	// The issuer whose tokens it takes, one of auth.issuers, with a client for the
	// exchange. Only its users can read from there.
	Issuer string `key:"issuer"`
	// The audience as which the storage knows itself: the token is for nobody
	// else.
	Audience string `key:"audience"`
	// The scope that lets somebody read. {path} in it is the path of the data
	// below the URL, so that the token is for nothing else: storage.read:{path}.
	Scope string `key:"scope"`
}
