package executor

import (
	"slices"

	"starling/api/despatch"
)

// journal notes that the attempt exists, once: should the executor die and its
// backend know nothing of the work, the next life reports it lost at once and
// the node needn't wait for the lease to end.
func (a *attempt) journal() {
	if !a.saved && a.old() {
		a.save()
	}
}

// save writes what isn't answered to the spool. It isn't synced: what a crash
// of the machine takes, the lease's end replaces.
func (a *attempt) save() { a.keep(false) }

// saveDurably writes it so that it survives a crash of the machine. A
// completion deserves that: without it the work would be done again.
func (a *attempt) saveDurably() {
	if !a.durable {
		a.durable = a.keep(true)
	}
}

// keep reports whether the spool has the attempt now.
func (a *attempt) keep(durable bool) bool {
	if a.spool == nil {
		return false
	}
	a.outbox.mu.Lock()
	pending := slices.Clone(a.outbox.pending)
	a.outbox.mu.Unlock()
	r := &record{Despatch: *a.despatch, Updates: pending, Completion: a.completion}
	if err := a.spool.write(r, durable); err != nil {
		a.log.Error("reports can't be kept; a restart would lose them", "error", err)
		return false
	}
	a.saved = true
	return true
}

// forget removes the attempt from the spool.
func (a *attempt) forget() {
	if !a.saved {
		return
	}
	if err := a.spool.remove(a.despatch.HistoryRef); err != nil {
		a.log.Error("a settled report stays in the spool", "error", err)
	}
}

// ids are the ids of everybody an attempt was done for.
func ids(i despatch.Identification) map[string]string {
	all := map[string]string{}
	for name, who := range map[string]despatch.Name{
		"tag": i.TAG, "programme": i.Programme, "proposal": i.Proposal, "user": i.User, "group": i.Group,
	} {
		if who.ID != "" {
			all[name] = who.ID
		}
	}
	return all
}
