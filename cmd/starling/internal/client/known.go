package client

import (
	"fmt"
	"strings"
	"time"

	"starling/cmd/starling/internal/words"
)

// Known is what a node knows of something of another node's that can't be reached.
type Known struct {
	Node       string         `json:"node"`
	Attempts   []KnownAttempt `json:"attempts"`
	AgeSeconds float64        `json:"ageSeconds"`
}

// KnownAttempt is one that is on record.
type KnownAttempt struct {
	HistoryRef string    `json:"historyRef"`
	Attempt    int       `json:"attempt"`
	Phase      string    `json:"phase"`
	Executor   string    `json:"executor"`
	Opened     time.Time `json:"opened"`
	Started    time.Time `json:"started"`
	Ended      time.Time `json:"ended"`
}

// mostTold attempts are told of in a line.
const mostTold = 3

// told says in a few words what is known; "" if that is nothing.
func (k *Known) told(now time.Time) string {
	if k == nil || len(k.Attempts) == 0 {
		return ""
	}
	var list []string
	for _, a := range k.Attempts[:min(len(k.Attempts), mostTold)] {
		text := fmt.Sprintf("attempt %d %s", a.Attempt, a.Phase)
		if a.Executor != "" {
			text += " at " + a.Executor
		}
		switch {
		case !a.Ended.IsZero():
			text += ", ended " + words.In(a.Ended, now)
		case !a.Started.IsZero():
			text += ", started " + words.In(a.Started, now)
		default:
			text += ", despatched " + words.In(a.Opened, now)
		}
		list = append(list, text)
	}
	if more := len(k.Attempts) - mostTold; more > 0 {
		list = append(list, fmt.Sprintf("and %d before", more))
	}
	age := ""
	if k.AgeSeconds >= 1 {
		age = ", as of " + words.Duration(time.Duration(k.AgeSeconds*float64(time.Second))) + " ago"
	}
	return fmt.Sprintf("; on record%s: %s (`starling history %s`)", age, strings.Join(list, "; "), k.Attempts[0].HistoryRef)
}
