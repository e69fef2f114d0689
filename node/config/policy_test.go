package config

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const goodPolicy = `
policy:
  serves: {groups: [ska]}
  images: {registries: [docker.io, ghcr.io/ska-telescope], requireDigest: true}
  rules:
    - name: small
      when: '!("ska/pulsars" in groups) && offer.price["energy"] >= 0.0'
      then: cap
      cap: {cores: 8, gpus: 0, duration: 12h, price: 20}
    - {name: no night, when: 'offer.weekday == "sat"', then: deny, message: "{user}: not on a {offer.weekday}"}
  quotas:
    - {for: user, sessions: 10, coreHours: 1000, period: 168h}
    - {for: proposal, name: P-7, cores: 100}
`

func TestAPolicyIsReadAndCompiled(t *testing.T) {
	c, err := load(t, goodPolicy, []string{"STARLING_POLICY_SERVES_USERS=alice,bob"})
	require.NoError(t, err)
	assert.Equal(t, []string{"alice", "bob"}, c.Policy.Serves.Users)
	cap := c.Policy.Rules[0].Cap
	assert.Equal(t, int64(8), *cap.Cores)
	assert.Zero(t, *cap.GPUs, "none is a limit")
	assert.Nil(t, cap.Memory, "which is not said is none")
	assert.InDelta(t, 20, *cap.Price, 0)
	costs, err := c.Tariff.Costs()
	require.NoError(t, err)
	p, err := c.Policy.Compile(c.Name, costs.Units())
	require.NoError(t, err)
	assert.True(t, p.JudgesTimes())
}

func TestWhatIsWrongWithAPolicyIsNamedWithItsLine(t *testing.T) {
	for want, text := range map[string]string{
		"node.yaml:4: policy.rules[0].when: column 1: nothing is called usr; did you mean user?": `
policy:
  rules:
    - {name: a, when: 'usr == "a"', then: deny}
`,
		"node.yaml:4: policy.rules[0].then: \"forbid\" is unknown; it must be allow, deny or cap": `
policy:
  rules:
    - {name: a, when: 'true', then: forbid}
`,
		"node.yaml:4: policy.rules[0].when: is missing": `
policy:
  rules:
    - {name: a, then: deny}
`,
		"node.yaml:4: policy.rules[0].cap.cores: -1 is out of bounds; it must be from 0 to 1000000": `
policy:
  rules:
    - {name: a, when: 'true', then: cap, cap: {cores: -1}}
`,
		"node.yaml:4: policy.rules[0].cap.core: unknown key; did you mean cores?": `
policy:
  rules:
    - {name: a, when: 'true', then: cap, cap: {core: 1}}
`,
		`node.yaml:4: policy.rules[0].when: column 13: offer.price has no "water"; there are carbon, energy, monetary: what the tariff charges for`: `
policy:
  rules:
    - {name: a, when: 'offer.price["water"] > 1.0', then: deny}
`,
		"node.yaml:4: policy.quotas[0].period: goes with coreHours: over how long are they counted?": `
policy:
  quotas:
    - {for: user, coreHours: 1}
`,
		`node.yaml:3: policy.images.registries[0]: "Docker.io" is no registry as images have it; that would be "docker.io"`: `
policy:
  images: {registries: [Docker.io]}
`,
	} {
		_, err := load(t, text, nil)
		assert.EqualError(t, err, want)
	}
}
