package accounting

// A Phase is how far an execution attempt has come.
type Phase string

// The phases of an attempt. The last four are terminal; a STALLED attempt may
// yet be heard of, or be closed by its node.
const (
	Despatched Phase = "DESPATCHED"
	Running    Phase = "RUNNING"
	Stalled    Phase = "STALLED"
	Completed  Phase = "COMPLETED"
	Partial    Phase = "PARTIAL"
	Failed     Phase = "FAILED"
	Abandoned  Phase = "ABANDONED"
)

// Terminal reports whether the attempt is over.
func (p Phase) Terminal() bool {
	switch p {
	case Completed, Partial, Failed, Abandoned:
		return true
	}
	return false
}

// A HistoryEntry is the record of one execution attempt. Lists leave out what
// the executor reported piece by piece (Actions to Log) and the adjustments;
// [History] has it.
type HistoryEntry struct {
	HistoryRef Ref       `json:"historyRef"`
	Session    SessionID `json:"session"`
	Phase      Phase     `json:"phase"`
	// Pending: some of it is known to the node that was asked, and not on record
	// yet (see Provisional). No row says so.
	Pending      bool       `json:"pending,omitzero"`
	Attempt      int        `json:"attempt"` // from 1
	Node         NodeName   `json:"node"`
	Executor     ExecutorID `json:"executor,omitempty"`
	ExecutorName string     `json:"executorName,omitempty"`
	Owners       Owners     `json:"owners"`
	Period       Period     `json:"period"`
	Trace        Trace      `json:"trace,omitempty"` // of the request that accepted the session

	Opened  Instant `json:"opened"`           // despatched
	Started Instant `json:"started,omitzero"` // first report of work
	Stalled Instant `json:"stalled,omitzero"` // last lease lost
	Ended   Instant `json:"ended,omitzero"`   // completion, the executor's time
	Updated Instant `json:"updated,omitzero"` // last change of this entry

	Progress  *Progress  `json:"progress,omitempty"` // the latest
	Actions   []Action   `json:"actions,omitempty"`
	Exposures []Exposure `json:"exposures,omitempty"`
	Files     []File     `json:"files,omitempty"`
	Log       []LogLine  `json:"log,omitempty"`
	// Omitted counts the exposures and files that are left out here, since there
	// are many; [Updates] has them.
	Omitted int `json:"omitted,omitzero"`

	Resources []Quantity `json:"resources,omitempty"` // used, as reported
	Estimate  []Quantity `json:"estimate,omitempty"`  // before it ran
	Charges   []Quantity `json:"charges,omitempty"`   // what that costs
	Tariff    TariffHash `json:"tariff,omitempty"`
	// Corrected is the newest correction, which is in force instead of the
	// report; Adjustments are all of them, and what was given back.
	Corrected   *Adjustment  `json:"corrected,omitempty"`
	Adjustments []Adjustment `json:"adjustments,omitempty"`
	// Bill says what became of the charges, where it isn't simply that all of
	// them are on the payer's account.
	Bill []BillLine `json:"bill,omitempty"`

	Failure *Failure  `json:"failure,omitempty"`
	Quality []Quality `json:"quality,omitempty"`
	Notes   []Note    `json:"notes,omitempty"`
}

// An Action is one step of the sequence, folded from the reports on it.
type Action struct {
	ID        string  `json:"id"`
	Started   Instant `json:"started,omitzero"`
	Completed Instant `json:"completed,omitzero"`
	Failed    Instant `json:"failed,omitzero"`
	Message   string  `json:"message,omitempty"` // why it failed
}

// An Exposure is one recorded integration of an instrument. Several may bear
// the same id.
type Exposure struct {
	ID     string  `json:"id"`
	Action string  `json:"action,omitempty"`
	Start  Instant `json:"start,omitzero"`
	End    Instant `json:"end,omitzero"`
	Files  []File  `json:"files,omitempty"`
}

// A File is one that the attempt made.
type File struct {
	Name     string `json:"name"`
	Location string `json:"location,omitempty"`
	Bytes    int64  `json:"bytes,omitzero"`
	SHA256   string `json:"sha256,omitempty"`
}

// A LogLine is a line the executor wants on record; not the work's output.
type LogLine struct {
	Time Instant `json:"time,omitzero"`
	Text string  `json:"text"`
}

// Progress is how much is done: a fraction from 0 to 1, and words for it.
type Progress struct {
	Time     Instant `json:"time,omitzero"`
	Fraction float64 `json:"fraction"`
	Message  string  `json:"message,omitempty"`
}

// A Failure is why an attempt did not complete, and what to do about it.
type Failure struct {
	Code        int    `json:"code"`
	Message     string `json:"message,omitempty"`
	Retry       bool   `json:"retry"`
	VetoSeconds int64  `json:"vetoSeconds,omitzero"` // do not try again for so long
}

// A Quality is one measure of how good the result is.
type Quality struct {
	ID          string  `json:"id"`
	Value       float64 `json:"value"`
	Description string  `json:"description,omitempty"`
}

// A Note is something worth knowing that changed nothing: a late report, a
// limit that was reached.
type Note struct {
	Time Instant `json:"time"`
	Text string  `json:"text"`
}

// An UpdateType is a kind of report.
type UpdateType string

// The kinds of reports. Heartbeats keep a lease alive and are not recorded.
const (
	ActionStarted   UpdateType = "action-started"
	ActionCompleted UpdateType = "action-completed"
	ActionFailed    UpdateType = "action-failed"
	ExposureTaken   UpdateType = "exposure"
	FileMade        UpdateType = "file"
	LogWritten      UpdateType = "log"
	ProgressMade    UpdateType = "progress"
	Heartbeat       UpdateType = "heartbeat"
)

// An Update is one report of an executor.
type Update struct {
	Key      Key        `json:"key"`
	Type     UpdateType `json:"type"`
	Time     Instant    `json:"time,omitzero"`     // the executor's clock
	Recorded Instant    `json:"recorded,omitzero"` // the node's clock
	Action   string     `json:"action,omitempty"`
	Exposure *Exposure  `json:"exposure,omitempty"`
	File     *File      `json:"file,omitempty"`
	Text     string     `json:"text,omitempty"` // of a log line, or why an action failed
	Progress *Progress  `json:"progress,omitempty"`
}
