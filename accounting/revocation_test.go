package accounting_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	. "starling/accounting"
)

func TestACertificateIsRevokedOnceAndForGood(t *testing.T) {
	l := newLedger(t)
	assert.Zero(t, CountRevocations(l.tx))
	first := RevokeCertificate{Fingerprint: Fingerprint(strings.Repeat("b", 64)), Node: "b", Reason: "stolen", By: "oscar", Time: noon}
	other := RevokeCertificate{Fingerprint: Fingerprint(strings.Repeat("a", 64)), Node: "b", By: "oscar", Time: noon}
	for _, c := range []RevokeCertificate{first, other} {
		result, err := Apply(l.tx, c)
		require.NoError(t, err)
		assert.False(t, result.Duplicate)
	}
	again := first
	again.Reason, again.Time = "another reason", noon+1
	result, err := Apply(l.tx, again)
	require.NoError(t, err)
	assert.True(t, result.Duplicate)
	list, err := Revocations(l.tx)
	require.NoError(t, err)
	assert.Equal(t, []RevokeCertificate{other, first}, list, "by fingerprint; what was said first stands")
	assert.Equal(t, 2, CountRevocations(l.tx))
}

func TestARevocationThatNamesNoCertificateIsRefused(t *testing.T) {
	good := RevokeCertificate{Fingerprint: Fingerprint(strings.Repeat("b", 64)), Node: "b", By: "oscar", Time: noon}
	for name, change := range map[string]func(*RevokeCertificate){
		"no fingerprint": func(c *RevokeCertificate) { c.Fingerprint = "" },
		"a short one":    func(c *RevokeCertificate) { c.Fingerprint = "bb" },
		"capitals":       func(c *RevokeCertificate) { c.Fingerprint = Fingerprint(strings.Repeat("B", 64)) },
		"no digits":      func(c *RevokeCertificate) { c.Fingerprint = Fingerprint(strings.Repeat("x", 64)) },
		"no node":        func(c *RevokeCertificate) { c.Node = "" },
		"nobody":         func(c *RevokeCertificate) { c.By = "" },
		"no time":        func(c *RevokeCertificate) { c.Time = 0 },
		"a long reason":  func(c *RevokeCertificate) { c.Reason = strings.Repeat("x", 501) },
	} {
		bad := good
		change(&bad)
		assert.ErrorIs(t, bad.Validate(), ErrInvalid, name)
	}
	assert.NoError(t, good.Validate())
}
