package check

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"starling/deploy/faults/load"
)

// testimony is all that one site tells.
type testimony struct {
	site     load.Site
	sessions map[string]session
	history  map[string]attempt
	accounts map[string]account
	entries  map[string][]entry // by account
	budgets  map[string]budget
	record   recordSum
	twice    []string // refs that the history lists more than once
	// said is each object as it was told, under its name, to be compared.
	said map[string]string
}

type (
	// recordSum is of all that a node's record holds after an entry.
	recordSum struct {
		Entry uint64
		Sum   string
	}
	session struct {
		Phase   string
		Meta    struct{ UUID string }
		Compute struct {
			Cores struct{ Max int64 }
		}
	}
	attempt struct {
		HistoryRef, Session, Phase, Node, Executor string
		Attempt                                    int
		Opened, Ended, Stalled                     time.Time
		Charges                                    []quantity
		Bill                                       []json.RawMessage
		Pending                                    bool
	}
	quantity struct{ Name, Amount, Unit string }
	account  struct {
		ID, Owner, Resource, Unit, Side, Balance string
		Pending                                  bool
	}
	entry struct {
		Number                   uint64
		Kind, Amount, HistoryRef string
	}
	budget struct {
		Owner, Period, Resource, Unit, Limit      string
		Allocated, Charged, Held, Entrusted, Left string
	}
)

// ended are the phases of a session that was accepted.
const ended = "&phase=COMPLETED&phase=FAILED&phase=CANCELLED"

// open are those that are still to end.
const open = "&phase=ACCEPTED&phase=WAITING&phase=PREPARING&phase=AVAILABLE&phase=RUNNING&phase=RELEASING"

// hear asks all sites until they tell the same and nothing is on its way any more, or
// the patience is over. What they told last is returned, of all who answered.
func (c *checker) hear(ctx context.Context) []*testimony {
	var told []*testimony
	var errs []error
	for until := time.Now().Add(c.options.Patience); ; {
		told, errs = c.hearOnce(ctx, told)
		if len(errs) == 0 && len(differences(told)) == 0 && len(pending(told)) == 0 {
			return told
		}
		if time.Now().After(until) || !pause(ctx, time.Second) {
			break
		}
	}
	for _, err := range errs {
		c.broken(5, "all sites", "one doesn't tell what it has, long after the fault: %v", err)
	}
	return told
}

// hearing is how long sites may take to tell all that they have: the machine may be busy,
// and that is not what is looked for.
const hearing = 2 * time.Minute

// hearOnce asks all sites at the same time. Where one doesn't answer any more, what it
// told before counts.
func (c *checker) hearOnce(ctx context.Context, before []*testimony) (told []*testimony, errs []error) {
	ctx, cancel := context.WithTimeout(ctx, hearing)
	defer cancel()
	all := make([]*testimony, len(c.sites))
	failed := make([]error, len(c.sites))
	var asked sync.WaitGroup
	for i, site := range c.sites {
		asked.Go(func() { all[i], failed[i] = c.ask(ctx, site) })
	}
	asked.Wait()
	for i, err := range failed {
		if err == nil {
			told = append(told, all[i])
			continue
		}
		errs = append(errs, err)
		if at := slices.IndexFunc(before, func(t *testimony) bool { return t.site.Name == c.sites[i].Name }); at >= 0 {
			told = append(told, before[at])
		}
	}
	return told, errs
}

// ask hears one site.
func (c *checker) ask(ctx context.Context, site load.Site) (*testimony, error) {
	t := &testimony{
		site: site, sessions: map[string]session{}, history: map[string]attempt{}, accounts: map[string]account{},
		entries: map[string][]entry{}, budgets: map[string]budget{}, said: map[string]string{},
	}
	status, body, err := get(ctx, site, load.Operator, "/federation/log")
	var log struct {
		Outbox struct{ Depth int }
		Record recordSum
	}
	if err == nil {
		err = json.Unmarshal(body, &log)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("/federation/log at %s: %d: %w", site.Name, status, err)
	case log.Outbox.Depth > 0:
		return nil, fmt.Errorf("%d records of %s are not in the log", log.Outbox.Depth, site.Name)
	}
	t.record = log.Record
	// Small pages: each is asked of all sites, which have but two seconds to answer.
	sessions, err := all[session](ctx, site, "/sessions?limit=200"+ended+open, "sessions", c.options.Gone...)
	if err != nil {
		return nil, err
	}
	for _, s := range sessions {
		if c.excused(s.Meta.UUID) {
			continue
		}
		t.sessions[s.Meta.UUID] = s
		t.said["session "+s.Meta.UUID] = s.Phase
	}
	if err := t.hearRecord(ctx); err != nil {
		return nil, err
	}
	return t, nil
}

// hearRecord hears history and ledger.
func (t *testimony) hearRecord(ctx context.Context) error {
	history, err := all[json.RawMessage](ctx, t.site, "/history?limit=1000", "history")
	if err != nil {
		return err
	}
	for _, text := range history {
		var a attempt
		if err := json.Unmarshal(text, &a); err != nil {
			return err
		}
		if _, before := t.history[a.HistoryRef]; before {
			t.twice = append(t.twice, a.HistoryRef)
		}
		t.history[a.HistoryRef] = a
		t.said["attempt "+a.HistoryRef] = string(text)
	}
	accounts, err := all[json.RawMessage](ctx, t.site, "/accounts?limit=1000", "accounts")
	if err != nil {
		return err
	}
	for _, text := range accounts {
		var a account
		if err := json.Unmarshal(text, &a); err != nil {
			return err
		}
		t.accounts[a.ID] = a
		t.said["account "+a.ID] = string(text)
		entries, err := all[json.RawMessage](ctx, t.site, "/accounts/"+a.ID+"/entries?limit=1000", "entries")
		if err != nil {
			return err
		}
		for _, text := range entries {
			var e entry
			if err := json.Unmarshal(text, &e); err != nil {
				return err
			}
			t.entries[a.ID] = append(t.entries[a.ID], e)
			t.said[fmt.Sprintf("entry %d of account %s", e.Number, a.ID)] = string(text)
		}
	}
	budgets, err := all[json.RawMessage](ctx, t.site, "/budgets?limit=1000", "budgets")
	if err != nil {
		return err
	}
	for _, text := range budgets {
		var b budget
		if err := json.Unmarshal(text, &b); err != nil {
			return err
		}
		name := b.Owner + " " + b.Resource + " " + b.Unit + " " + b.Period
		t.budgets[name] = b
		t.said["budget of "+name] = string(text)
	}
	return nil
}

// pending are sessions that have not ended yet, by any site.
func pending(told []*testimony) (ids []string) {
	for _, t := range told {
		for id, s := range t.sessions {
			if !terminal(s.Phase) && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// difference is something of which two sites tell differently.
type difference struct{ object, one, says, other, too string }

// differences are what sites tell differently than the first one does.
func differences(told []*testimony) (all []difference) {
	if len(told) == 0 {
		return nil
	}
	first := told[0]
	for _, t := range told[1:] {
		objects := maps.Clone(first.said)
		maps.Copy(objects, t.said)
		for _, object := range slices.Sorted(maps.Keys(objects)) {
			if first.said[object] != t.said[object] {
				all = append(all, difference{object, first.site.Name, first.said[object], t.site.Name, t.said[object]})
			}
		}
	}
	return append(all, otherRecords(told)...)
}

// otherRecords are where two sites have another record after the same entry, though they
// may tell the same of it: the sum is of what they tell nobody, too.
func otherRecords(told []*testimony) (all []difference) {
	at := map[uint64]*testimony{}
	for _, t := range told {
		if t.record.Sum == "" {
			continue
		}
		first, met := at[t.record.Entry]
		if !met {
			at[t.record.Entry] = t
			continue
		}
		if first.record != t.record {
			object := fmt.Sprintf("the record after entry %d", t.record.Entry)
			all = append(all, difference{object, first.site.Name, "sum " + first.record.Sum, t.site.Name, "sum " + t.record.Sum})
		}
	}
	return all
}

// agree checks promise 5: every site tells the same.
func (c *checker) agree() {
	c.looked("what all sites tell the same", len(c.told[0].said))
	for _, d := range differences(c.told) {
		c.broken(5, d.object, "%s tells %s, and %s tells %s", d.one, brief(d.says), d.other, brief(d.too))
	}
	for _, t := range c.told {
		for _, ref := range t.twice {
			c.broken(3, "attempt "+ref, "%s lists it more than once", t.site.Name)
		}
		for ref, a := range t.history {
			if a.Pending {
				c.broken(6, "attempt "+ref, "%s has it waiting for the log still", t.site.Name)
			}
		}
	}
}

// brief is enough of a document for a line.
func brief(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if text == "" {
		return "nothing of it"
	}
	if len(text) > 200 {
		return text[:200] + "…"
	}
	return text
}

func terminal(phase string) bool {
	switch phase {
	case "COMPLETED", "FAILED", "CANCELLED", "REJECTED", "EXPIRED":
		return true
	}
	return false
}
