package auth

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starling/api/auth/jwks"
	"starling/federation/identity"
	"starling/node/config"
)

// BenchmarkVerify checks tokens of a user with twenty groups: one that was never
// seen before, whose keys are known, and one that was.
func BenchmarkVerify(b *testing.B) {
	issuer := newIAM(b, iamURL)
	groups := make([]string, 20)
	for i := range groups {
		groups[i] = fmt.Sprintf("/ska/proposals/P-%d", i)
	}
	claims := issuer.claimed("wlcg.groups", groups, "scope", "openid profile offline_access compute.create")
	for _, algorithm := range []string{jwks.RS256, jwks.ES256, jwks.EdDSA} {
		token := issuer.sign(algorithm, claims)
		b.Run(algorithm, func(b *testing.B) {
			verifier := issuer.verifier()
			b.ReportAllocs()
			median(b, func() {
				clear(verifier.seen.subjects)
				_, err := verifier.Verify(b.Context(), token)
				require.NoError(b, err)
			})
		})
	}
	b.Run("remembered", func(b *testing.B) {
		verifier, token := issuer.verifier(), issuer.sign(jwks.ES256, claims)
		b.ReportAllocs()
		median(b, func() {
			_, err := verifier.Verify(b.Context(), token)
			require.NoError(b, err)
		})
	})
}

// median reports what half of the runs stay below: the machine may be busy.
func median(b *testing.B, run func()) {
	b.Helper()
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		run()
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "p50-ns")
}

// BenchmarkMapping makes a caller of a user with twenty groups, by fifty rules.
func BenchmarkMapping(b *testing.B) {
	r := rules()
	for i := range 40 {
		r.Roles = append(r.Roles, config.RoleRule{Role: "auditor", Group: fmt.Sprintf("/site/%d/auditors", i)})
	}
	m := NewMapping(MappingOptions{Rules: r})
	s := identity.Subject{Issuer: iamURL, Name: "alice"}
	for i := range 20 {
		s.Groups = append(s.Groups, fmt.Sprintf("/ska/proposals/P-%d", i))
	}
	b.ReportAllocs()
	median(b, func() {
		_, err := m.Caller(s)
		require.NoError(b, err)
	})
}
