package node

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/config"
	"starling/node/store"
	"starling/scheduling"
	"starling/scheduling/transfer"
)

// How the data of a session come to this site: from where, and how long that takes
// (package transfer). What is chosen for an offer stays with its session, and is what
// its executor is told.

// fetch finds out from where the data of a request would come.
func (r *reader) fetch() {
	var here []transfer.Item // with the copies that count at this site
	var copies [][]copied
	for i, d := range r.request.Data {
		found := fetchable(copiesOf(d, r.elements))
		copies, here = append(copies, found), append(here, itemOf(i, d, found))
	}
	r.items, r.transfer = itemsOf(r.request.Data), r.model.Estimate(here)
	r.demand.Preparing = r.transfer.Span
	for i, f := range r.transfer.Fetches {
		s := store.Staging{Source: f.Source, Bytes: here[i].Bytes, Local: f.Local}
		if f.Choice >= 0 {
			s.Host = copies[i][f.Choice].host && !f.Local
		}
		if _, simple := r.request.Data[i].(*ivoa.SimpleDataResource); !simple && f.Choice >= 0 {
			s.Location = copies[i][f.Choice].location
		}
		// A request may call any URL a replica of the site's own element. What comes
		// from elsewhere teaches nothing about that.
		if host := hostOf(s.Location); f.Local && s.Location != "" && r.model.Local(host) != f.Source {
			s.Source, s.Host = host, true
		}
		r.staging = append(r.staging, s)
		kind := r.request.Data[i].Base().Kind
		r.dataKinds = addOnce(r.dataKinds, stagingNeeds(kind, s.Location))
		if !slices.ContainsFunc(copiesOf(r.request.Data[i], nil), func(c copied) bool { return c.location != "" }) {
			r.unlocated = addOnce(r.unlocated, kind)
		}
	}
}

// recalled is what this node knows of what a request refers to.
func (b *Broker) recalled(caller identity.Caller, req *ivoa.ExecutionRequest) recalled {
	kept := b.recall(caller, req)
	b.mu.Lock()
	defer b.mu.Unlock()
	return recalled{kept, b.options.Name.Tag(), b.state.transfers, b.options.StorageElements}
}

// locatedAt comes between a kind of data and the scheme of the URL at which they are:
// who fetches simple data can fetch them as well.
const locatedAt = "#"

// stagingNeeds is what an executor must take to stage data of a kind.
func stagingNeeds(kind, location string) string {
	if scheme, _, found := strings.Cut(location, "://"); found {
		return kind + locatedAt + strings.ToLower(scheme)
	}
	return kind
}

// locates reports whether an executor that knows nothing of the data lake can fetch
// what lies in an element of the site.
func (b *Broker) locates(r despatch.Registration) bool {
	return slices.Contains(r.Kinds, ivoa.KindSimpleData) && slices.ContainsFunc(b.options.StorageElements, func(e config.StorageElement) bool {
		scheme, _, found := strings.Cut(e.URL, "://")
		return found && slices.Contains(r.Schemes, strings.ToLower(scheme))
	})
}

// messageTransfer says from where the data of an offer come, and how long that takes:
// in values.bytes, how much they are; moved, how much of that comes from another site;
// seconds, until all are there; source, from where. Other nodes read it.
const messageTransfer = "urn:starling:message:transfer"

// transferMessages say how the data of a question would come here.
func (b *Broker) transferMessages(q *question, now store.Millis) []ivoa.Message {
	plan := q.transfer
	if len(plan.Fetches) == 0 {
		return nil
	}
	var here, far []string
	local, guessed, guess := 0, 0, int64(0)
	for _, f := range plan.Fetches {
		if f.Guessed {
			guessed, guess = guessed+1, f.Bytes
		}
		if f.Local {
			local++
			here = addOnce(here, f.Source)
			continue
		}
		far = addOnce(far, cmp.Or(f.Source, "an unknown place"))
	}
	template := "{site}: {here} of {items} data are here; {amount} from {source} take {time}"
	source := far
	if len(far) == 0 {
		template, source = "{site}: all data are here, {amount} in {source}; to read them takes {time}", here
	}
	if guessed > 0 {
		template += "; each of unknown size counts {guess}"
	}
	const shown = 5
	if more := len(source) - shown; more > 0 {
		source = append(source[:shown:shown], strconv.Itoa(more)+" others")
	}
	amount := plan.Moved
	if len(far) == 0 {
		amount = plan.Bytes
	}
	return []ivoa.Message{ivoa.NewMessage(wall(now), ivoa.LevelInfo, messageTransfer, template,
		"site", string(b.options.Name), "items", strconv.Itoa(len(plan.Fetches)), "here", strconv.Itoa(local), "source", strings.Join(source, ", "),
		"bytes", strconv.FormatInt(plan.Bytes, 10), "moved", strconv.FormatInt(plan.Moved, 10),
		"seconds", strconv.FormatFloat(plan.Span.Duration().Seconds(), 'f', -1, 64),
		"amount", sizeText(amount), "time", plan.Span.Duration().Round(time.Second).String(),
		"guessed", strconv.Itoa(guessed), "guess", sizeText(guess))}
}

// readTransfer reads what another node's offer says of its data: how long they take to
// come, and how many of how many bytes come from another site. What makes no sense is
// nothing, or as much as can be.
func readTransfer(offer *ivoa.Session) (span scheduling.Span, moved, bytes int64) {
	if offer.Meta == nil {
		return 0, 0, 0
	}
	for _, m := range offer.Meta.Messages {
		if m.Kind != messageTransfer {
			continue
		}
		if seconds, err := strconv.ParseFloat(m.Values["seconds"], 64); err == nil && seconds > 0 {
			span = scheduling.Span(min(seconds*float64(scheduling.Second), float64(scheduling.MaxSpan/1024)))
		}
		bytes, _ = strconv.ParseInt(m.Values["bytes"], 10, 64) // out of range is the most there is
		moved, _ = strconv.ParseInt(m.Values["moved"], 10, 64)
		bytes = max(bytes, 0)
		return span, min(max(moved, 0), bytes), bytes
	}
	return 0, 0, 0
}

// sizeText is a number of bytes for people: 40 GiB.
func sizeText(bytes int64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	n := float64(bytes)
	for len(units) > 1 && n >= 1024 {
		n, units = n/1024, units[1:]
	}
	if n < 10 && n != math.Trunc(n) {
		return strconv.FormatFloat(n, 'f', 1, 64) + " " + units[0]
	}
	return strconv.FormatFloat(math.Round(n), 'f', -1, 64) + " " + units[0]
}
