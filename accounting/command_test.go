package accounting_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	. "starling/accounting"
)

// all is one command of each type, with every field set.
func all(t require.TestingT) []Command {
	owners := Owners{
		TAG: Party{"t", "TAG"}, Programme: Party{"pg", "Programme"}, Proposal: Party{"pr", "Proposal"},
		User: Party{"u", "Ursula"}, Group: Party{"g", "Group"},
	}
	file := File{Name: "e1.fits", Location: "http://x/e1.fits", Bytes: 8640, SHA256: strings.Repeat("a", 64)}
	opened := open(1, "u")
	opened.Owners, opened.ExecutorName, opened.Trace = owners, "lt-1", someTrace
	placed := place(t, 1, "u", "2.5")
	placed.Owners = owners
	completed := complete(t, 1, "1.25")
	completed.Outcome, completed.Started, completed.Hold = Abandoned, noon, hold(1)
	completed.Failure = &Failure{Code: 660, Message: "cloud <&>", Retry: true, VetoSeconds: 3600}
	completed.Quality = []Quality{{ID: "seeing", Value: 1.1, Description: "arcsec"}}
	completed.Estimate = euros(t, "2.5")
	draws := []Draw{{Proposal("pr"), euros(t, "2.5")[0]}, {Owner{KindTAG, "t"}, euros(t, "2.5")[0]}}
	placed.Draws, completed.Draws = draws, draws
	return []Command{
		EnrolOwner{Owner: Proposal("pr"), Name: "Proposal", Parent: Owner{KindProgramme, "pg"}, By: "oscar", Time: noon},
		allocate(t, 1, Proposal("pr"), Hard, "100"), allocate(t, 2, User("u"), Soft, "-0"),
		grant(t, 1, Proposal("pr"), "1", "10"),
		ReturnAllowance{Node: "a", Owner: Proposal("pr"), Period: "2026B", Number: 2, Credited: euros(t, "9")[0], Time: noon},
		placed, opened,
		updates(1,
			Update{Type: ActionStarted, Action: "run", Recorded: noon},
			Update{Type: ExposureTaken, Action: "run", Exposure: &Exposure{ID: "E1", Start: noon, End: noon + 1, Files: []File{file}}},
			Update{Type: FileMade, File: &file},
			Update{Type: LogWritten, Text: "a line\twith a tab"},
			Update{Type: ProgressMade, Progress: &Progress{Time: noon, Fraction: 0.5, Message: "half"}},
			Update{Type: Heartbeat},
			Update{Type: ActionCompleted, Action: "run"},
		),
		StallAttempt{Ref: ref(1), Time: noon},
		AddNote{Ref: ref(1), Key: "late", Time: noon, Text: "too late"},
		completed,
		correct(t, 3, 1, "600", "1.2"), credit(t, 4, 1, EntryRefund, "0.2"), credit(t, 5, 1, EntryDiscount, "0.3"),
		VoidHold{Hold: hold(2), Time: noon},
		RevokeCertificate{Fingerprint: Fingerprint(strings.Repeat("ab", 32)), Node: "b", Reason: "stolen", By: "oscar", Time: noon},
		RecordAudit{Records: []AuditRecord{{
			ID: AuditID(uuid(5, 1)), Time: noon, Node: "a", Via: []NodeName{"b"}, User: "u", Issuer: "https://iam.example", Roles: []string{"user"},
			Action: "accept", Object: "session:x", Decision: Denied, Rule: "owner", Reason: "it isn't yours", Concealed: true, Count: 7, Until: noon + 1, Trace: someTrace,
		}}},
	}
}

func TestEveryCommandSurvivesItsEncoding(t *testing.T) {
	seen := make(map[string]bool)
	for _, c := range all(t) {
		data, err := Encode(c)
		require.NoError(t, err)
		since := 1
		switch TypeOf(c) {
		case "revoke-certificate":
			since = 2
		case "open-attempt", "record-audit": // which say a trace
			since = 3
		}
		assert.Equal(t, since, VersionOf(data), TypeOf(c))
		again, err := Decode(data)
		require.NoError(t, err, string(data))
		assert.Equal(t, c, again)
		seen[TypeOf(c)] = true
	}
	assert.Len(t, seen, 15, "a type of command is not tested")
}

// The encoding outlives the program: what is in the outboxes and logs of the
// world must be read by every later version.
func TestTheEncodingOfVersionOneStands(t *testing.T) {
	data, err := Encode(VoidHold{Hold: hold(1), Time: noon})
	require.NoError(t, err)
	assert.Equal(t,
		`{"v":1,"type":"void-hold","body":{"hold":"01950200-0000-8000-8000-000000000001","time":"2026-11-18T12:00:00.000Z"}}`,
		string(data))
	data, err = Encode(complete(t, 1, "2.5"))
	require.NoError(t, err)
	assert.Equal(t, `{"v":1,"type":"complete-attempt","body":{"ref":"01950100-0000-8000-8000-000000000001","key":"end",`+
		`"time":"2026-11-18T12:01:00.000Z","recorded":"2026-11-18T12:01:00.100Z","outcome":"COMPLETED",`+
		`"resources":[{"name":"total-time","amount":"612.5","unit":"s"},{"name":"dark-time","amount":"300","unit":"s"}],`+
		`"charges":[{"name":"monetary","amount":"2.5","unit":"EUR"}],"tariff":"t1"}}`, string(data))
}

func TestWhatIsNoCommandOfOursIsRefusedForItsReason(t *testing.T) {
	cases := []struct {
		name, text string
		kind       error
	}{
		{"newer version", `{"v":4,"type":"void-hold","body":{}}`, ErrUnknownVersion},
		{"a type before its version", `{"v":1,"type":"record-audit","body":{}}`, ErrUnknownType},
		{"no version", `{"type":"void-hold","body":{}}`, ErrUnknownVersion},
		{"newer type", `{"v":1,"type":"teleport","body":{}}`, ErrUnknownType},
		{"no type", `{"v":1,"body":{}}`, ErrUnknownType},
		{"newer field", `{"v":1,"type":"void-hold","body":{"hold":"` + string(hold(1)) + `","time":"2026-01-01T00:00:00Z","why":1}}`, ErrInvalid},
		{"field twice", `{"v":1,"type":"void-hold","body":{"hold":"` + string(hold(1)) + `","hold":"` + string(hold(1)) + `","time":"2026-01-01T00:00:00Z"}}`, ErrInvalid},
		{"no body", `{"v":1,"type":"void-hold"}`, ErrInvalid},
		{"null body", `{"v":1,"type":"void-hold","body":null}`, ErrInvalid},
		{"body of another kind", `{"v":1,"type":"void-hold","body":[]}`, ErrInvalid},
		{"no UUID", `{"v":1,"type":"void-hold","body":{"hold":"x","time":"2026-01-01T00:00:00Z"}}`, ErrInvalid},
		{"upper-case UUID", `{"v":1,"type":"void-hold","body":{"hold":"ABCDEF00-0000-8000-8000-000000000000","time":"2026-01-01T00:00:00Z"}}`, ErrInvalid},
		{"no time", `{"v":1,"type":"void-hold","body":{"hold":"` + string(hold(1)) + `"}}`, ErrInvalid},
		{"truncated", `{"v":1,"type":"void-hold","bo`, ErrInvalid},
		{"trailing", `{"v":1,"type":"void-hold","body":{}}{}`, ErrInvalid},
		{"empty", ``, ErrInvalid},
		{"huge", `{"v":1,"type":"` + strings.Repeat("x", MaxCommandBytes) + `"}`, ErrInvalid},
	}
	for _, c := range cases {
		_, err := Decode([]byte(c.text))
		assert.ErrorIs(t, err, c.kind, c.name)
		assert.True(t, Refused(err), c.name)
	}
}

func TestCommandsOutOfBoundsAreNotEncoded(t *testing.T) {
	long := strings.Repeat("x", MaxText+1)
	many := make([]Quantity, 257)
	for i := range many {
		many[i] = Quantity{Name: "n", Unit: "s"}
	}
	change := func(edit func(*CompleteAttempt)) Command {
		c := complete(t, 1, "1")
		edit(&c)
		return c
	}
	cases := map[string]Command{
		"not terminal":      change(func(c *CompleteAttempt) { c.Outcome = Running }),
		"no outcome":        change(func(c *CompleteAttempt) { c.Outcome = "" }),
		"negative use":      change(func(c *CompleteAttempt) { c.Resources[0].Amount = -1 }),
		"negative charge":   change(func(c *CompleteAttempt) { c.Charges[0].Amount = -1 }),
		"nameless resource": change(func(c *CompleteAttempt) { c.Resources[0].Name = "" }),
		"NUL in a resource": change(func(c *CompleteAttempt) { c.Resources[0].Name = "a\x00b" }),
		"NUL in a unit":     change(func(c *CompleteAttempt) { c.Resources[0].Unit = "a\x00b" }),
		"not UTF-8":         change(func(c *CompleteAttempt) { c.Resources[0].Name = "a\xff" }),
		"many resources":    change(func(c *CompleteAttempt) { c.Resources = many }),
		"long message":      change(func(c *CompleteAttempt) { c.Failure = &Failure{Message: long} }),
		"veto for ever":     change(func(c *CompleteAttempt) { c.Failure = &Failure{VetoSeconds: 1 << 40} }),
		"hold is no UUID":   change(func(c *CompleteAttempt) { c.Hold = "h" }),
		"year 10000":        change(func(c *CompleteAttempt) { c.Time = 253402300800000 }),
		"no user":           func() Command { c := open(1, ""); return c }(),
		"attempt 0":         func() Command { c := open(1, "u"); c.Attempt = 0; return c }(),
		"period":            func() Command { c := open(1, "u"); c.Period = "a b"; return c }(),
		"no node":           func() Command { c := open(1, "u"); c.Node = ""; return c }(),
		"no key":            RecordUpdates{Ref: ref(1), Updates: []Update{{Type: Heartbeat}}},
		"unknown update":    updates(1, Update{Type: "dance"}),
		"exposure missing":  updates(1, Update{Type: ExposureTaken}),
		"file missing":      updates(1, Update{Type: FileMade}),
		"negative file":     updates(1, Update{Type: FileMade, File: &File{Name: "f", Bytes: -1}}),
		"action missing":    updates(1, Update{Type: ActionStarted}),
		"progress 2":        updates(1, Update{Type: ProgressMade, Progress: &Progress{Fraction: 2}}),
		"long line":         updates(1, Update{Type: LogWritten, Text: long}),
		"no reason":         func() Command { c := allocate(t, 1, User("u"), Soft, "1"); c.Reason = ""; return c }(),
		"no name":           func() Command { c := correct(t, 1, 1, "1", "1"); c.By = ""; return c }(),
		"no limit":          allocate(t, 1, User("u"), Unlimited, "1"),
		"reversed period":   func() Command { c := allocate(t, 1, User("u"), Soft, "1"); c.End = c.Start; return c }(),
		"a node's budget":   allocate(t, 1, Node("a"), Soft, "1"),
		"refund of nothing": credit(t, 1, 1, EntryRefund, "0"),
		"a charge as one":   credit(t, 1, 1, EntryCharge, "1"),
		"least of two":      grant(t, 1, User("u"), "2", "1"),
		"tree upside down":  EnrolOwner{Owner: Owner{KindTAG, "t"}, Parent: Proposal("p"), By: "o", Time: noon},
		"foreign draw":      func() Command { c := place(t, 1, "u", "1"); c.Draws = []Draw{{}}; return c }(),
		"many updates":      updates(1, make([]Update, MaxUpdates+1)...),
	}
	for name, c := range cases {
		_, err := Encode(c)
		assert.ErrorIs(t, err, ErrInvalid, name)
		_, err = Apply(newLedger(t).tx, c)
		assert.ErrorIs(t, err, ErrInvalid, name)
	}
}

// Whatever is decoded is valid, is encoded again as the same, and can be
// applied without a panic.
func FuzzDecodeCommand(f *testing.F) {
	for _, c := range all(&testing.T{}) {
		data, err := Encode(c)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add([]byte(`{"v":3,"type":"void-hold","body":{}}`))
	f.Add([]byte(`{"v":1,"type":"complete-attempt","body":{"resources":[{"name":"a","amount":1e400}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Decode(data)
		if err != nil {
			require.True(t, Refused(err))
			return
		}
		again, err := Encode(c)
		require.NoError(t, err)
		same, err := Decode(again)
		require.NoError(t, err)
		once, _ := json.Marshal(c)
		twice, _ := json.Marshal(same)
		require.Equal(t, string(once), string(twice))
		l := newLedger(t)
		l.apply(open(1, "u"))
		if _, err := Apply(l.tx, c); err != nil {
			require.True(t, Refused(err))
		}
		l.audit()
	})
}
