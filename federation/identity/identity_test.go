package identity

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestUUIDIsRFC9562Version8AndNamesItsOwner(t *testing.T) {
	mint := NewMint("jodrell", 0)
	u := mint.New(1_790_000_000_123)
	text := u.String()
	assert.Equal(t, byte('8'), text[14], "version")
	assert.Contains(t, "89ab", string(text[19]), "variant")
	assert.Equal(t, int64(1_790_000_000_123), u.Milliseconds())
	assert.Equal(t, NodeName("jodrell").Tag(), u.Owner())
	assert.NotEqual(t, NodeName("kth").Tag(), u.Owner())

	parsed, err := ParseUUID(text)
	require.NoError(t, err)
	assert.Equal(t, u, parsed)
}

func TestParseUUIDRefusesWhatIsNone(t *testing.T) {
	for _, text := range []string{
		"", "x", "01234567-89ab-cdef-0123-456789abcde", "01234567x89ab-cdef-0123-456789abcdef",
		"01234567-89ab-cdef-0123-456789abcdeg", "../../../../etc/passwd-aaaa-bbbb-ccc",
	} {
		_, err := ParseUUID(text)
		assert.ErrorIs(t, err, ErrUUID, text)
	}
}

// UUIDs rise strictly, whatever the clock does, and never fall behind the
// persisted high-water mark.
func TestMintRisesWhateverTheClockDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		highWater := rapid.Int64Range(0, 1<<40).Draw(t, "highWater")
		mint := NewMint("a", highWater)
		last := ""
		for range rapid.IntRange(1, 50).Draw(t, "count") {
			u := mint.New(rapid.Int64Range(0, 1<<40).Draw(t, "now"))
			if u.String() <= last {
				t.Fatalf("%s follows %s", u, last)
			}
			if u.Milliseconds() <= highWater {
				t.Fatalf("%d is not past the high-water mark %d", u.Milliseconds(), highWater)
			}
			last = u.String()
		}
	})
}

func TestMintBorrowsTheNextMillisecondWhenTheCounterIsUsedUp(t *testing.T) {
	mint := NewMint("a", 0)
	mint.New(5)
	mint.counter = 1<<counterBits - 1
	assert.Equal(t, int64(6), mint.New(5).Milliseconds())
	assert.Equal(t, int64(6), mint.HighWater())
}

func TestMintIsSafeForConcurrentUse(t *testing.T) {
	mint := NewMint("a", 0)
	var seen sync.Map
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 1000 {
				if _, twice := seen.LoadOrStore(mint.New(1), true); twice {
					t.Error("a UUID was minted twice")
				}
			}
		})
	}
	wait.Wait()
}

func TestNodeNameIsADNSLabel(t *testing.T) {
	for _, good := range []NodeName{"a", "jodrell-bank", "n1"} {
		assert.NoError(t, good.Validate())
	}
	for _, bad := range []NodeName{"", "-a", "a-", "A", "a.b", "a b", "é"} {
		assert.Error(t, bad.Validate(), string(bad))
	}
}

// Promise 8: a caller sees and changes its own things, an auditor only sees.
func TestPromise8WhoMayReadAndChange(t *testing.T) {
	alice := Caller{User: "alice", Roles: []Role{RoleUser}}
	auditor := Caller{User: "eve", Roles: []Role{RoleAuditor}}
	operator := Caller{User: "oscar", Roles: []Role{RoleOperator}}
	for _, c := range []struct {
		caller       Caller
		owner        string
		read, change bool
	}{
		{alice, "alice", true, true},
		{alice, "bob", false, false},
		{auditor, "bob", true, false},
		{operator, "bob", true, true},
		{Caller{}, "", false, false},
	} {
		assert.Equal(t, c.read, c.caller.MayRead(c.owner), "%s reads %s", c.caller.User, c.owner)
		assert.Equal(t, c.change, c.caller.MayChange(c.owner), "%s changes %s", c.caller.User, c.owner)
	}
}
