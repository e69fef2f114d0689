package check

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/deploy/faults/load"
)

// lie is one way to break a promise, and what the check must say of it.
type lie struct {
	name    string
	promise int
	says    string
	// Either sites tell something else now, or somebody was told something else during
	// the load.
	sites func(w *world) []load.Site
	told  func(w *world, r *load.Record) Options
}

// done is the first operation of a kind that was acknowledged, and fits.
func done(r *load.Record, kind load.Kind, fits func(*load.Op) bool) *load.Op {
	for _, o := range r.Ops {
		if o.Kind == kind && o.Outcome == load.Acknowledged && (fits == nil || fits(o)) {
			return o
		}
	}
	panic("the load has no " + string(kind) + " that fits")
}

// ran is an attempt that was completed, and its session with it.
func (w *world) ran() *load.Attempt {
	i := slices.IndexFunc(w.record.Attempts, func(a *load.Attempt) bool { return a.Outcome == "COMPLETED" && len(a.Files) > 0 })
	return w.record.Attempts[i]
}

// again is a copy of an operation, some time later.
func again(r *load.Record, o *load.Op, later time.Duration) *load.Op {
	c := *o
	c.Call, c.Return = c.Call+later, c.Return+later
	r.Ops = append(r.Ops, &c)
	return &c
}

func lies() []lie {
	return []lie{
		{name: "what ran overlaps", promise: 1, says: "by the history it had", sites: func(w *world) []load.Site {
			return w.liars(items("/history", "history", func(list []object) []object {
				for _, one := range list {
					one["opened"], one["ended"] = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
				}
				return list
			}))
		}},
		{name: "an executor is given more than it can", promise: 1, says: "it was given", told: func(w *world, r *load.Record) Options {
			for _, a := range r.Attempts {
				a.Cores, a.Despatched = 20, 0
			}
			return Options{}
		}},
		{name: "two alternatives are accepted", promise: 1, says: "of its alternatives", told: func(w *world, r *load.Record) Options {
			o := done(r, load.Accept, func(o *load.Op) bool { return r.Offers[o.Object] != nil })
			sibling := *r.Offers[o.Object]
			sibling.Session = "another of the set"
			r.Offers[sibling.Session] = &sibling
			again(r, o, 0).Object = sibling.Session
			return Options{}
		}},

		{name: "what was accepted never ends", promise: 2, says: "it is still RUNNING", sites: func(w *world) []load.Site {
			return w.liars(items("/sessions", "sessions", func(list []object) []object {
				for _, one := range list {
					if one["phase"] == "COMPLETED" {
						one["phase"] = "RUNNING"
					}
				}
				return list
			}))
		}},
		{name: "what was accepted is gone", promise: 2, says: "doesn't have it among those that were", sites: func(w *world) []load.Site {
			return w.liars(items("/sessions", "sessions", func(list []object) []object { return list[1:] }))
		}},
		{name: "a session ends twice", promise: 2, says: "2 ends", sites: func(w *world) []load.Site {
			return w.liars(func(path string, body []byte) []byte {
				if !strings.HasSuffix(path, "/events") {
					return body
				}
				return append(body, []byte(`data: {"seq":99,"type":"phase","phase":"FAILED"}`+"\n\n")...)
			})
		}},
		{name: "an offer is accepted after it expired", promise: 2, says: "and it was good for", told: func(w *world, r *load.Record) Options {
			o := done(r, load.Accept, func(o *load.Op) bool { return r.Offers[o.Object] != nil })
			r.Ops = slices.DeleteFunc(r.Ops, func(other *load.Op) bool {
				return other.Object == o.Object && other.Kind == load.Accept && other != o
			})
			o.Call, o.Return = o.Call+time.Hour, o.Return+time.Hour
			return Options{}
		}},
		{name: "what was accepted is an offer again", promise: 2, says: "no order of these operations", told: func(w *world, r *load.Record) Options {
			o := again(r, done(r, load.Accept, nil), 0)
			o.Kind, o.Phase, o.Call, o.Return = load.Read, "OFFERED", o.Return+1, o.Return+2
			return Options{}
		}},
		{name: "an offer is taken that was given back", promise: 2, says: "no order of these operations", told: func(w *world, r *load.Record) Options {
			o := again(r, done(r, load.Reject, nil), time.Hour)
			o.Kind, o.Phase = load.Accept, "ACCEPTED"
			return Options{}
		}},
		{name: "a key has two things done", promise: 2, says: "for the same again", told: func(w *world, r *load.Record) Options {
			again(r, done(r, load.Direct, nil), time.Second).Object = "another"
			return Options{}
		}},
		{name: "a file is another", promise: 2, says: "that aren't the", sites: func(w *world) []load.Site {
			return w.liars(func(path string, body []byte) []byte {
				if strings.Contains(path, "/files/") {
					return []byte("something else")
				}
				return body
			})
		}},
		{name: "a file is gone", promise: 2, says: "it was sent whole", sites: func(w *world) []load.Site {
			return w.liars(func(path string, body []byte) []byte {
				if strings.Contains(path, "/files/") {
					return nil
				}
				return body
			})
		}},

		{name: "an attempt isn't on record", promise: 3, says: "nothing is on record", sites: func(w *world) []load.Site {
			return w.liars(items("/history", "history", func(list []object) []object {
				return slices.DeleteFunc(list, func(one object) bool { return one["historyRef"] == w.ran().Ref })
			}))
		}},
		{name: "an attempt is on record twice", promise: 3, says: "more than once", sites: func(w *world) []load.Site {
			return w.liars(items("/history", "history", func(list []object) []object { return append(list, list[0]) }))
		}},
		{name: "an attempt ended otherwise", promise: 3, says: "it is on record as FAILED", sites: func(w *world) []load.Site {
			return w.liars(each("/history", "history", "historyRef", w.ran().Ref, func(one object) { one["phase"] = "FAILED" }))
		}},
		{name: "a session is completed twice", promise: 3, says: "attempts that were completed", sites: func(w *world) []load.Site {
			return w.liars(items("/history", "history", func(list []object) []object {
				for _, one := range list {
					if one["historyRef"] == w.ran().Ref {
						second := object{"historyRef": "another"}
						for member, value := range one {
							if member != "historyRef" {
								second[member] = value
							}
						}
						return append(list, second)
					}
				}
				return list
			}))
		}},
		{name: "an attempt is charged twice", promise: 3, says: "was charged 2 times", sites: func(w *world) []load.Site {
			return w.liars(items("/accounts/*", "entries", func(list []object) []object {
				for _, one := range list {
					if one["kind"] == "charge" {
						return append(list, one)
					}
				}
				return list
			}))
		}},
		{name: "an attempt is charged something else", promise: 3, says: "its record says that it costs", sites: func(w *world) []load.Site {
			return w.liars(items("/history", "history", func(list []object) []object {
				for _, one := range list {
					if one["historyRef"] == w.ran().Ref {
						one["charges"] = []object{{"name": "monetary", "amount": "77", "unit": "EUR"}}
					}
				}
				return list
			}))
		}},
		{name: "a completion may not be repeated", promise: 3, says: "the same completion again was refused", told: func(w *world, r *load.Record) Options {
			o := done(r, load.Again, nil)
			o.Outcome, o.Status, o.Answer = load.Refused, 409, []byte("no")
			return Options{}
		}},
		{name: "another completion is taken", promise: 3, says: "another completion of it was taken", told: func(w *world, r *load.Record) Options {
			again(r, done(r, load.Complete, nil), time.Second).Kind = load.Otherwise
			return Options{}
		}},

		{name: "an account has too much", promise: 4, says: "the sum over all accounts", sites: func(w *world) []load.Site {
			return w.liars(items("/accounts", "accounts", func(list []object) []object {
				list[0]["balance"] = "12345"
				return list
			}))
		}},
		{name: "an entry is missing", promise: 4, says: "its entries come to", sites: func(w *world) []load.Site {
			return w.liars(items("/accounts/*", "entries", func(list []object) []object { return list[1:] }))
		}},
		{name: "a hard limit is passed", promise: 4, says: "are charged and", sites: func(w *world) []load.Site {
			return w.liars(each("/budgets", "budgets", "limit", "hard", func(one object) { one["charged"] = "9" }))
		}},

		{name: "a site tells another history", promise: 5, says: "b tells", sites: func(w *world) []load.Site {
			return w.oneLiar(each("/history", "history", "historyRef", w.ran().Ref, func(one object) { one["attempt"] = 7 }))
		}},
		{name: "a site tells another end", promise: 5, says: "b tells FAILED", sites: func(w *world) []load.Site {
			return w.oneLiar(each("/sessions", "sessions", "phase", "COMPLETED", func(one object) { one["phase"] = "FAILED" }))
		}},
		{name: "a site tells nothing", promise: 5, says: "one doesn't tell what it has", sites: func(w *world) []load.Site {
			return w.oneLiar(func(path string, body []byte) []byte {
				if path == "/history" {
					return nil
				}
				return body
			})
		}},
		{name: "an acknowledged strong write is gone", promise: 5, says: "strong writes were acknowledged", sites: func(w *world) []load.Site {
			return w.liars(items("/budgets", "budgets", func(list []object) []object {
				for _, one := range list {
					if one["limit"] == "soft" {
						one["allocated"] = "1"
					}
				}
				return list
			}))
		}},
		{name: "a strong read is stale", promise: 5, says: "no order of these operations", told: func(w *world, r *load.Record) Options {
			o := again(r, done(r, load.Allocated, func(o *load.Op) bool { return o.Seen[0] > "1" }), time.Minute)
			o.Seen = []string{"1"}
			return Options{}
		}},
		{name: "a strong read shows less of a history than another has", promise: 5, says: "no order of these operations", told: func(w *world, r *load.Record) Options {
			again(r, done(r, load.Told, func(o *load.Op) bool { return len(o.Seen) > 0 }), time.Minute).Seen = nil
			return Options{}
		}},
		{name: "a minority acknowledges a strong write", promise: 5, says: "after it was cut off", told: func(w *world, r *load.Record) Options {
			o := done(r, load.Allocate, nil)
			return Options{Cut: []Cut{{Site: o.Site(), From: 0, To: r.Length}}}
		}},

		{name: "a record stays behind", promise: 6, says: "waiting for the log still", sites: func(w *world) []load.Site {
			return w.liars(each("/history", "history", "historyRef", w.ran().Ref, func(one object) { one["pending"] = true }))
		}},

		{name: "what was cancelled is despatched", promise: 7, says: "had it despatched", told: func(w *world, r *load.Record) Options {
			o := done(r, load.Cancel, func(o *load.Op) bool { return w.attemptOf(o.Object) >= 0 })
			r.Attempts[w.attemptOf(o.Object)].Polled = o.Return + time.Second
			return Options{}
		}},
		{name: "what was cancelled runs on", promise: 7, says: "was never told", told: func(w *world, r *load.Record) Options {
			o := done(r, load.Cancel, func(o *load.Op) bool { return w.attemptOf(o.Object) >= 0 })
			a := r.Attempts[w.attemptOf(o.Object)]
			a.Completed, a.Stopped, a.Lost = 0, 0, false
			return Options{}
		}},

		{name: "everybody is taken for the operator", promise: 8, says: "shows it to load-mallory", sites: func(w *world) []load.Site {
			sites := slices.Clone(w.sites)
			honest := sites[0].Token
			sites[0].Token = func(ctx context.Context, _ load.Person) (string, error) { return honest(ctx, load.Operator) }
			return sites
		}},
		{name: "Mallory was let", promise: 8, says: "let load-mallory", told: func(w *world, r *load.Record) Options {
			i := slices.IndexFunc(r.Ops, func(o *load.Op) bool { return o.Kind == load.Pry })
			r.Ops[i].Outcome, r.Ops[i].Status = load.Acknowledged, 200
			return Options{}
		}},
		{name: "a refusal names the owner", promise: 8, says: "names its owner", told: func(w *world, r *load.Record) Options {
			i := slices.IndexFunc(r.Ops, func(o *load.Op) bool { return o.Kind == load.Pry })
			r.Ops[i].Answer = []byte(`{"title": "no", "detail": "it is load-user-1's"}`)
			return Options{}
		}},

		{name: "a NO says nothing", promise: 9, says: "doesn't say why", told: func(w *world, r *load.Record) Options {
			o := again(r, done(r, load.Ask, nil), 0)
			o.Outcome, o.Answer = load.Refused, []byte(`{"result": "NO"}`)
			return Options{}
		}},
		{name: "a NO has half a message", promise: 9, says: "a message that isn't complete", told: func(w *world, r *load.Record) Options {
			o := again(r, done(r, load.Ask, nil), 0)
			o.Outcome, o.Answer = load.Refused, []byte(`{"result": "NO", "meta": {"messages": [{"message": "no"}]}}`)
			return Options{}
		}},
	}
}

// attemptOf is where the attempt at a session is, -1 if there is none.
func (w *world) attemptOf(session string) int {
	return slices.IndexFunc(w.record.Attempts, func(a *load.Attempt) bool { return a.Session == session })
}

// Nodes that lie to nobody are found to keep all promises, and every check has looked at
// something. Every promise that is broken is seen, and said.
func TestEveryLieIsSeenAndNoneWhereThereIsNone(t *testing.T) {
	w := burden(t)
	found := w.check(w.sites, w.record, Options{Patience: time.Minute})
	require.True(t, found.Kept(), "%s", found)
	assert.Empty(t, found.Inconclusive)
	for _, check := range slices.Sorted(maps.Keys(found.Looked)) {
		t.Logf("%6d %s", found.Looked[check], check)
	}
	require.GreaterOrEqual(t, len(found.Looked), 20)
	for _, l := range lies() {
		t.Run(l.name, func(t *testing.T) {
			sites, record, options := w.sites, w.clone(t), Options{}
			if l.sites != nil {
				sites = l.sites(w)
			}
			if l.told != nil {
				options = l.told(w, record)
			}
			options.Patience = time.Millisecond // lies don't get better
			found := w.check(sites, record, options)
			assert.True(t, slices.ContainsFunc(found.Broken, func(f Finding) bool {
				return f.Promise == l.promise && strings.Contains(f.Saw, l.says)
			}), "%s", found)
			for _, f := range found.Broken {
				assert.Equal(t, w.record.Seed, f.Seed)
				assert.NotEmpty(t, f.Object)
			}
		})
	}
}
