package policy

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/scheduling"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func compiled(t testing.TB, c Config) *Policy {
	t.Helper()
	c.Site, c.Prices = "jodrell", []string{"monetary", "energy"}
	p, err := New(c)
	require.NoError(t, err)
	return p
}

// deny is a rule that denies.
func deny(name, when string) RuleConfig { return RuleConfig{Name: name, When: when, Then: Deny} }

func amount[T int64 | float64](v T) *T { return &v }

// container is a request of alice's for a container from these locations, on 2 to
// 8 cores for an hour, with one file.
func container(locations ...string) Request {
	docker := &ivoa.DockerContainer{Image: &ivoa.DockerImage{Locations: locations}, Entrypoint: "/bin/sh", Command: []string{"-c", "true"}}
	docker.Kind = ivoa.KindDockerContainer
	data := &ivoa.SimpleDataResource{Location: "https://Data.SKAO.int./a.fits"}
	data.Kind = ivoa.KindSimpleData
	r := Request{
		Caller: identity.Caller{
			User: "alice", Groups: []string{"ska", "ska/pulsars"}, Roles: []identity.Role{identity.RoleUser}, Proposal: "P-7",
			Subject: identity.Subject{Issuer: "https://iam.example.org/"},
		},
		Min: scheduling.Resources{Cores: 2, Memory: 4}, Max: scheduling.Resources{Cores: 8, Memory: 16, Storage: 10},
		Duration: time.Hour, Sessions: 3,
	}
	r.Executable, r.Data = Describe(&ivoa.ExecutionRequest{Components: ivoa.Components{Executable: docker, Data: []ivoa.DataResource{data}}})
	return r
}

// monday is an offer that begins on a Monday evening.
func monday() Offer {
	start := time.Date(2026, 11, 23, 21, 30, 0, 0, time.UTC)
	return Offer{Start: start, End: start.Add(time.Hour), Size: scheduling.Resources{Cores: 4, Memory: 8}, Price: map[string]float64{"monetary": 2.5, "energy": 0.1}}
}
