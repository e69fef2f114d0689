package accounting_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	. "starling/accounting"
)

func audited(n int, user OwnerID, edit ...func(*AuditRecord)) AuditRecord {
	r := AuditRecord{
		ID: AuditID(uuid(5, n)), Time: noon + Instant(n), Node: "a", User: user, Action: "accept",
		Object: "session:" + string(session(n)), Decision: Allowed, Rule: "owner",
	}
	for _, e := range edit {
		e(&r)
	}
	return r
}

func trailOf(t require.TestingT, l *ledger, f AuditFilter) (list []AuditEntry) {
	var cursor Cursor
	for {
		page, next, err := AuditTrail(l.tx, f, cursor, 3)
		require.NoError(t, err)
		list = append(list, page...)
		if cursor = next; cursor == "" {
			return list
		}
	}
}

func numbersOf(list []AuditEntry) (ids []string) {
	for _, e := range list {
		ids = append(ids, strings.TrimLeft(string(e.ID[24:]), "0"))
	}
	return ids
}

func TestTheAuditTrailIsFoundByWhoWhatAndWhen(t *testing.T) {
	l := newLedger(t)
	denied := func(r *AuditRecord) { r.Decision, r.Rule, r.Reason = Denied, "role operator", "only operators may" }
	l.apply(RecordAudit{Records: []AuditRecord{
		audited(1, "u"), audited(2, "v", denied), audited(3, "u", denied),
		audited(4, "v", func(r *AuditRecord) { r.Action, r.Node, r.Via = "cancel", "b", []NodeName{"a"} }),
		audited(5, "w", func(r *AuditRecord) { r.Object = "session:" + string(session(1)) }),
	}})
	l.apply(RecordAudit{Records: []AuditRecord{audited(6, "u", denied, func(r *AuditRecord) { r.Concealed = true })}})
	for name, c := range map[string]struct {
		filter AuditFilter
		want   string
	}{
		"all":             {AuditFilter{Caller: Everyone()}, "6 5 4 3 2 1"},
		"oldest first":    {AuditFilter{Caller: Everyone(), Oldest: true}, "1 2 3 4 5 6"},
		"a user's":        {AuditFilter{Caller: Everyone(), User: "u"}, "6 3 1"},
		"denied":          {AuditFilter{Caller: Everyone(), Decision: Denied}, "6 3 2"},
		"an action":       {AuditFilter{Caller: Everyone(), Action: "cancel"}, "4"},
		"an object":       {AuditFilter{Caller: Everyone(), Object: "session:" + string(session(1))}, "5 1"},
		"by its id alone": {AuditFilter{Caller: Everyone(), Object: string(session(1))}, "5 1"},
		"a node's":        {AuditFilter{Caller: Everyone(), Node: "b"}, "4"},
		"a time":          {AuditFilter{Caller: Everyone(), Since: noon + 2, Until: noon + 4}, "3 2"},
		"a user's time":   {AuditFilter{Caller: Everyone(), User: "v", Since: noon + 3}, "4"},
		"her own":         {AuditFilter{Caller: Caller{User: "u"}}, "3 1"},
		"her own, asked":  {AuditFilter{Caller: Caller{User: "u"}, User: "u"}, "3 1"},
		"another's":       {AuditFilter{Caller: Caller{User: "u"}, User: "v"}, ""},
		"her proposal's":  {AuditFilter{Caller: Caller{User: "x", Proposals: []OwnerID{"u"}}}, ""},
		"nobody":          {AuditFilter{}, ""},
		"nobody, asking":  {AuditFilter{User: "u"}, ""},
	} {
		assert.Equal(t, c.want, strings.Join(numbersOf(trailOf(t, l, c.filter)), " "), name)
	}
	l.audit()
	_, _, err := AuditTrail(l.tx, AuditFilter{Caller: Everyone()}, "bm9uc2Vuc2U", 3)
	require.ErrorIs(t, err, ErrInvalid)
}

// A decision is on record once, however often it comes; one that stands for several
// only ever counts more of them.
func TestAnAuditRecordCountsOnceAndOnlyUpwards(t *testing.T) {
	l := newLedger(t)
	r := audited(1, "u")
	assert.Equal(t, Result{Accepted: 1}, l.apply(RecordAudit{Records: []AuditRecord{r}}))
	before := l.dump()
	assert.Equal(t, Result{Duplicate: true, Duplicates: 1}, l.apply(RecordAudit{Records: []AuditRecord{r}}))
	assert.Equal(t, before, l.dump())

	more := audited(1, "u", func(r *AuditRecord) { r.Count, r.Until, r.Reason = 7, noon+60_000, "something else" })
	l.apply(RecordAudit{Records: []AuditRecord{more, audited(2, "u")}})
	list := trailOf(t, l, AuditFilter{Caller: Everyone(), Oldest: true})
	require.Len(t, list, 2)
	want := r
	want.Count, want.Until = 7, noon+60_000
	assert.Equal(t, want, list[0].AuditRecord, "what was decided stays as it was said first")

	before = l.dump()
	for _, fewer := range []int{0, 3, 7} {
		more.Count = fewer
		assert.True(t, l.apply(RecordAudit{Records: []AuditRecord{more}}).Duplicate)
	}
	assert.Equal(t, before, l.dump())
}

// Whatever order and however often decisions come in, the trail is the same.
func TestTheAuditTrailDoesNotDependOnTheOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var records []AuditRecord
		for n := range rapid.IntRange(1, 8).Draw(rt, "records") {
			user := OwnerID(rapid.SampledFrom([]string{"u", "v"}).Draw(rt, "user"))
			for _, count := range rapid.SliceOfN(rapid.IntRange(1, 5), 1, 3).Draw(rt, "counts") {
				records = append(records, audited(n, user, func(r *AuditRecord) { r.Count, r.Until = count, r.Time+Instant(count) }))
			}
		}
		once, again := newLedger(rt), newLedger(rt)
		once.apply(RecordAudit{Records: records})
		for _, r := range append(rapid.Permutation(records).Draw(rt, "order"), records...) {
			again.apply(RecordAudit{Records: []AuditRecord{r}})
		}
		require.Equal(rt, once.dump(), again.dump())
	})
}

func TestAuditRecordsOutOfBoundsAreRefused(t *testing.T) {
	long := strings.Repeat("x", 2000)
	for name, edit := range map[string]func(*AuditRecord){
		"no id":          func(r *AuditRecord) { r.ID = "x" },
		"no time":        func(r *AuditRecord) { r.Time = 0 },
		"no node":        func(r *AuditRecord) { r.Node = "" },
		"nobody":         func(r *AuditRecord) { r.User = "" },
		"a long user":    func(r *AuditRecord) { r.User = OwnerID(long) },
		"a NUL":          func(r *AuditRecord) { r.User = "a\x00b" },
		"a long issuer":  func(r *AuditRecord) { r.Issuer = long },
		"many nodes":     func(r *AuditRecord) { r.Via = make([]NodeName, 17) },
		"a nameless hop": func(r *AuditRecord) { r.Via = []NodeName{""} },
		"many roles":     func(r *AuditRecord) { r.Roles = make([]string, 17) },
		"no action":      func(r *AuditRecord) { r.Action = "" },
		"no object":      func(r *AuditRecord) { r.Object = "" },
		"no decision":    func(r *AuditRecord) { r.Decision = "" },
		"another one":    func(r *AuditRecord) { r.Decision = "perhaps" },
		"no rule":        func(r *AuditRecord) { r.Rule = "" },
		"a line break":   func(r *AuditRecord) { r.Reason = "a\nlevel=INFO msg=forged" },
		"a long reason":  func(r *AuditRecord) { r.Reason = long },
		"fewer than 0":   func(r *AuditRecord) { r.Count = -1 },
	} {
		newLedger(t).refused(RecordAudit{Records: []AuditRecord{audited(1, "u"), audited(2, "u", edit)}}, ErrInvalid)
		_, err := Encode(RecordAudit{Records: []AuditRecord{audited(2, "u", edit)}})
		assert.ErrorIs(t, err, ErrInvalid, name)
	}
	newLedger(t).refused(RecordAudit{}, ErrInvalid)
	newLedger(t).refused(RecordAudit{Records: make([]AuditRecord, MaxAuditRecords+1)}, ErrInvalid)
}

func TestAuditRecordsOfOneNodeArePending(t *testing.T) {
	recorded, now := newLedger(t), newLedger(t)
	for _, l := range []*ledger{recorded, now} {
		l.apply(RecordAudit{Records: []AuditRecord{audited(1, "u"), audited(2, "u")}})
	}
	now.apply(RecordAudit{Records: []AuditRecord{audited(2, "u", func(r *AuditRecord) { r.Count = 2 }), audited(3, "u")}})
	page, _, err := AuditTrail(provisional{now.tx, recorded.tx}, AuditFilter{Caller: Everyone(), Oldest: true}, "", 0)
	require.NoError(t, err)
	for i, want := range []bool{false, true, true} {
		assert.Equal(t, want, page[i].Pending, fmt.Sprint(i+1))
	}
}

func TestTheAuditTrailAsCSV(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, WriteColumns(&out, AuditColumns()))
	require.NoError(t, WriteAuditCSV(&out, []AuditEntry{{AuditRecord: audited(1, "=cmd()", func(r *AuditRecord) {
		r.Via, r.Roles, r.Issuer, r.Reason = []NodeName{"b", "c"}, []string{"user"}, "https://iam.example", "a, b"
	}), Pending: true}}))
	assert.Equal(t, "id,time,node,via,user,issuer,roles,action,object,decision,rule,reason,count,until,pending,concealed,trace\r\n"+
		string(uuid(5, 1))+",2026-11-18T12:00:00.001Z,a,b c,'=cmd(),https://iam.example,user,accept,session:"+string(session(1))+",allowed,owner,\"a, b\",1,,true,,\r\n", out.String())
}
