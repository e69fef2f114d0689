package accounting

// Bounds of what one command may carry and one entry may gather. What an
// executor sends is not trusted; the HTTP layer refuses sooner, these hold
// whatever it does.
const (
	// MaxCommandBytes is the size of an encoded command. Raft wants entries of
	// 64 to 128 KiB; one large completion may be a little more.
	MaxCommandBytes = 256 << 10
	// MaxUpdates is the number of updates in one command.
	MaxUpdates = 1000
	// MaxText bounds every free text (log line, message, note), in bytes.
	MaxText = 4096

	maxKey      = 128  // bytes of an idempotency key
	maxShort    = 256  // bytes of an id or a name
	maxLocation = 2048 // bytes of a URL
	maxFiles    = 256  // of one exposure
	maxQuality  = 256  // measures of one completion
	maxVeto     = 366 * 24 * 3600

	maxNotes = 100 // of one entry

	// maxShown is how many exposures, and how many files, are shown with their
	// entry.
	maxShown = 1000
)

// keptUpdates is how many updates of a type one entry keeps; further ones are
// dropped, and a note says so.
var keptUpdates = map[UpdateType]int{
	ActionStarted:   2000,
	ActionCompleted: 2000,
	ActionFailed:    2000,
	ExposureTaken:   10000,
	FileMade:        10000,
	LogWritten:      1000,
}
