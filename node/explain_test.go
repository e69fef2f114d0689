package node

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/policy"
)

func (w *world) check(caller identity.Caller, whom PolicySubject, req *ivoa.ExecutionRequest, at time.Time) *PolicyCheck {
	w.t.Helper()
	check, err := w.CheckPolicy(context.Background(), caller, whom, req, nil, at)
	require.NoError(w.t, err)
	return check
}

var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

func TestACheckExplainsWhatAnAskWouldDecide(t *testing.T) {
	w := under(t, policy.Config{
		Rules: []policy.RuleConfig{
			rule("bobs", `user == "bob"`), {Name: "small", When: `true`, Then: policy.Limit, Cap: policy.Cap{Cores: most(int64(2))}},
			rule("far off", `offer.start > timestamp("2100-01-01T00:00:00Z")`),
		},
		Quotas: []policy.Quota{{For: policy.PerUser, Sessions: most(int64(1)), Cores: most(int64(1))}},
	})
	yes := w.check(alice, PolicySubject{}, ranging(1, 8), noon)
	assert.Equal(t, ivoa.Yes, yes.Result)
	assert.Equal(t, []policy.Step{{Rule: "bobs", Then: policy.Deny, Result: policy.NotMatched}, {Rule: "small", Then: policy.Limit, Result: policy.Matched}, {Rule: "far off", Then: policy.Deny, Result: policy.NotMatched}}, yes.Rules)
	assert.Equal(t, []string{"cores: 2 instead of 8 (rule small)"}, yes.Messages)
	assert.Equal(t, int64(1), yes.Offer.Cores, "which the quota leaves")
	assert.Equal(t, noon, yes.Offer.Start)
	assert.InDelta(t, 0.6, yes.Offer.Price["monetary"], 1e-9)
	assert.Len(t, yes.Quotas, 2)
	assert.Empty(t, w.state.sets, "nothing is held")

	late := w.check(alice, PolicySubject{}, request(1), noon.AddDate(100, 0, 0))
	assert.Equal(t, ivoa.No, late.Result)
	assert.Equal(t, "far off", late.Rule)
	assert.Equal(t, "bobs", w.check(bob, PolicySubject{}, request(1), noon).Rule)

	w.accepted(alice, request(1))
	full := w.check(alice, PolicySubject{}, request(1), noon)
	assert.Equal(t, ivoa.No, full.Result)
	assert.Equal(t, "quota user *", full.Rule)
	assert.InDelta(t, 1.0, full.Quotas[0].Used, 0)

	bad := w.check(alice, PolicySubject{}, request(1, func(r *ivoa.ExecutionRequest) { r.Executable = &ivoa.Process{} }), noon)
	assert.Equal(t, ivoa.No, bad.Result)
	assert.Contains(t, bad.Messages[0], "/executable/command is missing")
}

// Promise 8: what the policy makes of somebody, and what she has used, is for her to
// see, and for those who see all.
func TestPromise8WhoMayCheckForWhom(t *testing.T) {
	w := under(t, policy.Config{
		Rules:  []policy.RuleConfig{rule("outsiders", `!("ska" in groups) || issuer != "https://iam.example.org/"`)},
		Quotas: []policy.Quota{{For: policy.PerUser, Sessions: most(int64(5))}},
	})
	for _, whom := range []PolicySubject{{User: "bob"}, {Groups: []string{"ska"}}, {User: "alice", Proposal: "P-7"}, {Issuer: "https://iam.example.org/"}} {
		_, err := w.CheckPolicy(context.Background(), alice, whom, request(1), nil, noon)
		var p *Problem
		require.ErrorAs(t, err, &p, "%v", whom)
		assert.Equal(t, CodeForbidden, p.Code)
	}
	_, err := w.CheckPolicy(context.Background(), identity.Caller{}, PolicySubject{}, request(1), nil, noon)
	require.Error(t, err)
	assert.Equal(t, "alice", w.check(alice, PolicySubject{User: "alice"}, request(1), noon).As.User)
	assert.Equal(t, ivoa.No, w.check(operator, PolicySubject{User: "bob"}, request(1), noon).Result)
	carol := w.check(auditor, PolicySubject{User: "carol", Groups: []string{"ska"}, Issuer: "https://iam.example.org/", Proposal: "P-7"}, request(1), noon)
	assert.Equal(t, ivoa.Yes, carol.Result)
	assert.Equal(t, PolicySubject{User: "carol", Groups: []string{"ska"}, Issuer: "https://iam.example.org/", Proposal: "P-7"}, carol.As)
}

// Without a node nobody knows what is used; all else is the same.
func TestAPolicyCanBeTriedBeforeANodeHasIt(t *testing.T) {
	w := under(t, policy.Config{Rules: []policy.RuleConfig{rule("dear", `offer.price["monetary"] > 1.0`)}, Quotas: []policy.Quota{{For: policy.Everybody, Sessions: most(int64(5))}}})
	w.accepted(alice, request(1))
	e := Explainer{w.options.Name, w.options.Policy, w.options.Costs, w.options.Offers}
	check, err := e.Explain(alice, request(2), nil, noon)
	require.NoError(t, err)
	assert.Equal(t, "dear", check.Rule)
	assert.True(t, check.Offline)
	assert.Zero(t, check.Quotas[0].Used)
}
