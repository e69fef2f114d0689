package node

import (
	"strconv"
	"strings"

	"starling/api/despatch"
	"starling/node/store"
	"starling/scheduling"
	"starling/scheduling/transfer"
)

// What really happens corrects what this node believes of how fast data come: the
// time between the start and the end of an action that stages data, as its executor
// has reported them. An executor is believed within bounds: its times are those of
// timeOf, it can't have fetched more than its session's storage holds, nor other than
// the request says, and what one staging teaches is bounded (package transfer).

// stageNumber is which of its session's data an action stages, counted from 1; 0 for
// any other action.
func stageNumber(s *store.Session, action string) int {
	number, staging := strings.CutPrefix(action, stagePrefix)
	n, err := strconv.Atoi(number)
	if !staging || err != nil || n < 1 || n > len(s.Staging) {
		return 0
	}
	return n
}

// learn notes when an action that stages data begins, and learns from its end; b.mu
// is held. It returns what is to be stored.
func (b *Broker) learn(a *attempt, s *store.Session, u despatch.Update, at store.Millis) []transfer.Change {
	n := stageNumber(s, u.Action)
	if n == 0 || s.Plan.Simulated {
		return nil
	}
	before := a.staging
	switch u.Type {
	case despatch.ActionStarted:
		a.staging = begun{n, at}
	case despatch.ActionCompleted, despatch.ActionFailed:
		a.staging = begun{}
	}
	if u.Type != despatch.ActionCompleted || before.number != n {
		return nil
	}
	staging := s.Staging[n-1]
	bytes := staged(staging.Bytes, u.Bytes)
	if (bytes-1)/gib >= s.Plan.Storage {
		return nil
	}
	next, change, learned := b.state.transfers.Learn(transfer.Staging{
		Source: staging.Source, Bytes: bytes, Took: scheduling.Span(at - before.at), At: scheduling.Instant(at),
		Private: staging.Host, // from a URL of some user's
	})
	if !learned {
		return nil
	}
	b.state.transfers = next
	return []transfer.Change{change}
}

// begun is an action that stages data, and when it began; zero: none has.
type begun struct {
	number int
	at     store.Millis
}

// staged is how much has come: what the executor reports, or where it says nothing
// what the request says. Where they differ it is 0.
func staged(said, reported int64) int64 {
	switch {
	case reported <= 0:
		return said
	case said > 0 && said != reported:
		return 0
	}
	return reported
}

// putLearned stores what was learned.
func putLearned(tx *store.Tx, changes []transfer.Change) error {
	for _, c := range changes {
		if err := tx.PutLearned(c.Learned, c.Forgotten); err != nil {
			return err
		}
	}
	return nil
}

// recallLearned takes up what was learned before, and forgets what the site has
// configured otherwise since.
func (b *Broker) recallLearned(learned []transfer.Learned) {
	var forgotten []string
	if b.state.transfers, forgotten = b.state.transfers.Recall(learned); len(forgotten) > 0 {
		b.submit(write{extra: func(tx *store.Tx) error { return tx.ForgetLearned(forgotten) }})
	}
}
