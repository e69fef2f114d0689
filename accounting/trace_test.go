package accounting_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	. "starling/accounting"
)

const someTrace Trace = "4bf92f3577b34da6a3ce929d0e0e4736"

// A node with an older program goes on taking part while others know more: what it
// doesn't know, and all can do without, is left out.
func TestWithinAVersionACommandSaysWhatThatCanSay(t *testing.T) {
	opened := open(1, "u")
	opened.Trace = someTrace
	noted := RecordAudit{Records: []AuditRecord{audited(1, "u", func(r *AuditRecord) { r.Trace = someTrace }), audited(2, "u")}}
	for _, c := range []struct {
		is, without Command
		since       int
	}{{opened, open(1, "u"), 1}, {noted, RecordAudit{[]AuditRecord{audited(1, "u"), audited(2, "u")}}, 2}} {
		data, err := Encode(c.is)
		require.NoError(t, err)
		require.Equal(t, 3, VersionOf(data))
		plain, err := Encode(c.without)
		require.NoError(t, err)
		require.Equal(t, c.since, VersionOf(plain), "as the old program wrote it")
		assert.Equal(t, string(data), string(Within(data, 3)))
		assert.Equal(t, string(plain), string(Within(data, 2)))
		assert.Equal(t, string(plain), string(Within(plain, 1)))
		again, err := Decode(data)
		require.NoError(t, err)
		assert.Equal(t, c.is, again, "what was passed on without it stays as it was")
	}
	for _, other := range []string{`{"v":99,"type":"of a later program"}`, "", "nonsense"} {
		assert.Equal(t, other, string(Within([]byte(other), 1)))
	}
	revoked, err := Encode(RevokeCertificate{Fingerprint: Fingerprint("ab" + string(someTrace) + string(someTrace)[:30]), Node: "b", Reason: "stolen", By: "oscar", Time: noon})
	require.NoError(t, err)
	assert.Equal(t, string(revoked), string(Within(revoked, 1)), "what can't be done without waits")
}

func TestATraceIsFoundInHistoryAndAuditTrail(t *testing.T) {
	l := newLedger(t)
	opened := open(1, "u")
	opened.Trace = someTrace
	l.apply(opened)
	l.apply(open(2, "u"))
	l.apply(RecordAudit{Records: []AuditRecord{audited(1, "u", func(r *AuditRecord) { r.Trace = someTrace }), audited(2, "u")}})
	page, _, err := Histories(l.tx, HistoryFilter{Caller: Caller{User: "u"}, Trace: someTrace}, "", 10)
	require.NoError(t, err)
	require.Len(t, page, 1)
	assert.Equal(t, ref(1), page[0].HistoryRef)
	assert.Equal(t, someTrace, page[0].Trace)
	page, _, err = Histories(l.tx, HistoryFilter{Caller: Caller{User: "mallory"}, Trace: someTrace}, "", 10)
	require.NoError(t, err)
	assert.Empty(t, page, "it opens nothing to others")
	trail, _, err := AuditTrail(l.tx, AuditFilter{Caller: Caller{All: true}, Trace: someTrace}, "", 10)
	require.NoError(t, err)
	require.Len(t, trail, 1)
	assert.Equal(t, someTrace, trail[0].Trace)
}

func TestATraceIsOf32Digits(t *testing.T) {
	for _, wrong := range []Trace{"x", someTrace + "0", someTrace[1:], "4BF92F3577B34DA6A3CE929D0E0E4736"} {
		opened := open(1, "u")
		opened.Trace = wrong
		require.ErrorIs(t, opened.Validate(), ErrInvalid, wrong)
		require.ErrorIs(t, RecordAudit{Records: []AuditRecord{audited(1, "u", func(r *AuditRecord) { r.Trace = wrong })}}.Validate(), ErrInvalid, wrong)
	}
}
