package executor

import (
	"starling/api/despatch"
)

// Reporter takes an attempt's events. It never blocks and may be called from
// any goroutine until Run has returned. Key and time are filled in where they
// are missing.
type Reporter func(despatch.Update)

// Started reports that an action has begun.
func (r Reporter) Started(action string) {
	r(despatch.Update{Type: despatch.ActionStarted, Action: action})
}

// Completed reports that an action has ended well.
func (r Reporter) Completed(action string) {
	r(despatch.Update{Type: despatch.ActionCompleted, Action: action})
}

// Staged reports that an action has fetched so many bytes.
func (r Reporter) Staged(action string, bytes int64) {
	r(despatch.Update{Type: despatch.ActionCompleted, Action: action, Bytes: bytes})
}

// Failed reports that an action has ended badly.
func (r Reporter) Failed(action, message string) {
	r(despatch.Update{Type: despatch.ActionFailed, Action: action, Message: message})
}

// Log reports a line for people.
func (r Reporter) Log(action, message string) {
	r(despatch.Update{Type: despatch.LogLine, Action: action, Message: message})
}

// Progress reports how far an action is, from 0 to 1.
func (r Reporter) Progress(action string, fraction float64, message string) {
	r(despatch.Update{Type: despatch.Progressed, Action: action, Progress: &fraction, Message: message})
}

// File reports a file that exists, whole or not.
func (r Reporter) File(action string, f despatch.File) {
	r(despatch.Update{Type: despatch.FileSeen, Action: action, File: &f})
}

// Connector reports a way into the work that is open now.
func (r Reporter) Connector(action string, c despatch.Connector) {
	r(despatch.Update{Type: despatch.ConnectorOpened, Action: action, Connector: &c})
}
