package cluster

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"starling/accounting"
	"starling/federation/certificate"
	"starling/federation/certificate/certificatetest"
)

// record writes a revocation as a broker does: through the node's own outbox, and
// waits until it is applied.
func (s *site) record(ctx context.Context, r accounting.RevokeCertificate) error {
	if err := s.db.Update(func(tx *bbolt.Tx) error {
		_, err := s.outbox.Append(tx, r)
		return err
	}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return s.cluster.Log().Barrier(ctx)
}

func (s *site) revoke(r Revocation) (Exclusion, error) {
	return s.cluster.Revoke(context.Background(), r, "olga", s.record)
}

// Promise 8: a node whose certificate is revoked is out everywhere, leads and votes
// no more, and gets nothing of what is recorded then, but may come back with another
// certificate. Whoever was down hears of it before it speaks to anybody.
func TestPromise8ARevokedNodeIsOutEverywhereUntilItHasAnotherCertificate(t *testing.T) {
	ca := certificatetest.New(t)
	sites := make([]*site, 4)
	for i, name := range []string{"a", "b", "c", "d"} {
		var join []*site
		if i > 0 {
			join = sites[:1]
		}
		s := newSite(t, name, join...)
		files := ca.Files(t, name)
		s.config.CA, s.config.Certificate, s.config.Key = files.CA, files.Certificate, files.Key
		sites[i] = s.up()
	}
	a, b, c, d := sites[0], sites[1], sites[2], sites[3]
	for _, s := range sites {
		s.eventually("all to vote", func() bool {
			for _, m := range s.cluster.Members() {
				if m.Role != "voter" && m.Role != "leader" {
					return false
				}
			}
			return len(s.cluster.Members()) == 4
		})
	}
	a.write(1)
	b.eventually("the record", func() bool { return b.has(1) })
	d.down() // it hears of the revocation when it is back

	_, err := b.revoke(Revocation{Node: "b"})
	require.ErrorIs(t, err, ErrRefused, "it is itself")
	_, err = a.revoke(Revocation{Node: "nobody"})
	require.ErrorIs(t, err, ErrUnknown)
	assert.ErrorContains(t, err, "--certificate")
	_, err = a.revoke(Revocation{Node: "b", Fingerprint: "short"})
	require.ErrorIs(t, err, ErrRefused)
	assert.Empty(t, c.cluster.Revocations(), "nothing has changed")

	out, err := c.revoke(Revocation{Node: "b", Reason: "stolen"})
	require.NoError(t, err)
	require.Len(t, out.Revocations, 1)
	assert.True(t, out.Removed, "%v", out.Messages)
	assert.Contains(t, out.Messages[0], "key of gossip")
	fingerprint := b.cluster.credentials.Fingerprint()
	assert.Equal(t, fingerprint, string(out.Revocations[0].Fingerprint))
	for _, s := range []*site{a, c} {
		s.eventually("the revocation", func() bool { return len(s.cluster.Revocations()) == 1 })
		s.eventually("b to be shown as revoked", func() bool { return s.member("b").State == Revoked && s.member("b").Role == gone })
	}
	_, err = c.revoke(Revocation{Node: "b"})
	require.ErrorIs(t, err, ErrRefused, "there is nothing left to revoke")
	b.eventually("to know why", func() bool {
		trouble := b.cluster.Trouble()
		return trouble != nil && strings.Contains(trouble.Error(), "certificate") && strings.Contains(trouble.Error(), "revoked")
	})

	a.write(2)
	c.eventually("the record", func() bool { return c.has(2) })
	d.up()
	d.eventually("the record", func() bool { return d.has(2) })
	d.eventually("the revocation", func() bool { return len(d.cluster.Revocations()) == 1 })
	d.eventually("b to be shown as revoked", func() bool { return d.member("b").State == Revoked })
	assert.False(t, b.has(2), "it gets nothing any more")
	_, err = forwarder{d.cluster.peers}.Forward(context.Background(), "b", nil)
	assert.ErrorContains(t, err, "revoked")
	_, err = forwarder{b.cluster.peers}.Forward(context.Background(), "d", nil)
	assert.ErrorContains(t, err, "revoked")

	// The others know it after a restart, before they speak to anybody.
	a.down()
	a.up()
	assert.Len(t, a.cluster.Revocations(), 1)
	_, err = forwarder{b.cluster.peers}.Forward(context.Background(), "a", nil)
	assert.ErrorContains(t, err, "revoked")

	ca.Files(t, "b") // another, over the old one
	require.NoError(t, b.cluster.credentials.Reload())
	b.eventually("what it has missed", func() bool { return b.has(2) })
	b.eventually("to be at peace", func() bool { return b.cluster.Trouble() == nil })
	for _, s := range []*site{a, c, d} {
		s.eventually("b to be back", func() bool { return s.member("b").State == Alive && s.member("b").Role != gone })
	}
}

// A node that can't reach the record refuses the certificate all the same.
func TestARevocationHoldsAtOnceWhereTheRecordDoesNotGetOn(t *testing.T) {
	ca := certificatetest.New(t)
	a := newSite(t, "a")
	files := ca.Files(t, "a")
	a.config.CA, a.config.Certificate, a.config.Key = files.CA, files.Certificate, files.Key
	a.up()
	fingerprint, node, err := certificate.FingerprintOf(ca.Files(t, "b").Certificate)
	require.NoError(t, err)
	require.Equal(t, "b", node)
	stuck := func(context.Context, accounting.RevokeCertificate) error { return os.ErrDeadlineExceeded }
	out, err := a.cluster.Revoke(context.Background(), Revocation{Node: "b", Fingerprint: fingerprint}, "olga", stuck)
	require.NoError(t, err)
	assert.False(t, out.Removed)
	assert.Contains(t, out.Messages[1], "a refuses the certificate from now on")
	why, is := a.cluster.why(fingerprint)
	assert.True(t, is)
	assert.NotContains(t, why, "olga", "it is told to strangers")
}

// The longest of everything still fits into a packet of gossip.
func TestANoteHasRoom(t *testing.T) {
	n := note{
		Applied: 1 << 62, Commit: 1 << 62, Term: 1 << 62, Role: "candidate", Depth: 1 << 40, Oldest: 1e9 + 0.123456, Clock: 1 << 50,
		Public: strings.Repeat("x", 64), Keys: strings.Repeat("x", mostKeys), Certificate: strings.Repeat("x", shownFingerprint),
	}
	assert.LessOrEqual(t, len(n.bytes()), 1000)
	again, said := readNote(n.bytes())
	assert.True(t, said)
	assert.Equal(t, n, again)
	n.Keys += "y"
	data, err := json.Marshal(n)
	require.NoError(t, err)
	_, said = readNote(data)
	assert.False(t, said)
	assert.Nil(t, note{Keys: "<script>"}.keys())
}
