package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/scheduling"
)

var pinned = "sha256:" + strings.Repeat("ab", 32)

func TestWithoutAPolicyEverythingIsAllowed(t *testing.T) {
	p, err := New(Config{})
	require.NoError(t, err)
	for _, r := range []Request{{}, container("\x00"), container()} {
		d := p.Decide(r)
		assert.True(t, d.Allowed)
		assert.Equal(t, r.Max, d.Max)
		assert.Empty(t, d.Trace())
		assert.True(t, d.Offer(Offer{}).Allowed)
	}
}

// Every name means what the reference says.
func TestWhatRulesSee(t *testing.T) {
	r := container("ghcr.io/ska/pulsars:1.4@" + pinned)
	for _, when := range []string{
		`user == "alice" && issuer == "https://iam.example.org/" && proposal == "P-7"`,
		`"ska/pulsars" in groups && groups.size() == 2 && roles == ["user"]`,
		`executable.kind == "docker-container" && executable.image.startsWith("ghcr.io/ska/pulsars:")`,
		`executable.registry == "ghcr.io" && executable.repository == "ska/pulsars"`,
		`executable.tag == "1.4" && executable.digest.startsWith("sha256:abab")`,
		`executable.command == ["/bin/sh", "-c", "true"]`,
		`data.size() == 1 && data.all(d, d.kind == "simple-data" && d.host == "data.skao.int" && d.scheme == "https" && d.bytes == 0.0)`,
		`data[0].location == "https://Data.SKAO.int./a.fits"`,
		`cores.min == 2.0 && cores.max == 8.0 && memory.min == 4.0 && memory.max == 16.0 && storage.min == 0.0 && storage.max == 10.0 && gpus.min == 0.0 && gpus.max == 0.0`,
		`duration == duration("1h") && hours == 1.0 && !repeats && sessions == 3.0`,
		`offer.start == timestamp("2026-11-23T21:30:00Z") && offer.end - offer.start == duration("1h")`,
		`offer.timeOfDay >= "21:00" && offer.weekday == "mon"`,
		`offer.cores == 4.0 && offer.memory == 8.0 && offer.storage == 0.0 && offer.gpus == 0.0`,
		`offer.price["monetary"] + offer.price.energy == 2.6 && "energy" in offer.price`,
	} {
		p := compiled(t, Config{Rules: []RuleConfig{deny("r", when)}})
		d := p.Decide(r)
		require.Empty(t, d.Failed, when)
		assert.Equal(t, "r", firstOf(d.Rule, d.Offer(monday()).Rule), when)
	}
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

func TestTheFirstRuleThatMatchesDecides(t *testing.T) {
	allow := func(name, when string) RuleConfig { return RuleConfig{Name: name, When: when, Then: Allow} }
	limit := func(name, when string, cores int64) RuleConfig {
		return RuleConfig{Name: name, When: when, Then: Limit, Cap: Cap{Cores: amount(cores)}}
	}
	for name, c := range map[string]struct {
		rules   []RuleConfig
		request string // the rule that denies the request, or "yes"
		offer   string // and then the offer
		cores   int64
	}{
		"none":                            {nil, "yes", "yes", 8},
		"deny":                            {[]RuleConfig{deny("a", `user == "alice"`)}, "a", "a", 8},
		"allow before deny":               {[]RuleConfig{allow("a", `true`), deny("b", `true`)}, "yes", "yes", 8},
		"deny before allow":               {[]RuleConfig{deny("a", `true`), allow("b", `true`)}, "a", "a", 8},
		"no match":                        {[]RuleConfig{deny("a", `user == "bob"`)}, "yes", "yes", 8},
		"caps add up, the least counts":   {[]RuleConfig{limit("a", `true`, 6), limit("b", `true`, 5), limit("c", `true`, 7)}, "yes", "yes", 5},
		"a cap behind an allow":           {[]RuleConfig{allow("a", `true`), limit("b", `true`, 5)}, "yes", "yes", 8},
		"a cap below the least":           {[]RuleConfig{limit("a", `true`, 1)}, "a", "a", 8},
		"an offer is too late":            {[]RuleConfig{deny("a", `offer.timeOfDay > "21:00"`)}, "yes", "a", 8},
		"an offer is too dear":            {[]RuleConfig{deny("a", `offer.price["monetary"] > 2.0`)}, "yes", "a", 8},
		"an allow for offers comes first": {[]RuleConfig{allow("a", `offer.weekday == "mon"`), deny("b", `true`)}, "yes", "yes", 8},
		"an allow for offers that fails":  {[]RuleConfig{allow("a", `offer.weekday == "tue"`), deny("b", `true`)}, "yes", "b", 8},
		"a deny for offers comes first":   {[]RuleConfig{deny("a", `offer.weekday == "mon"`), allow("b", `true`)}, "yes", "a", 8},
		"a cap for offers":                {[]RuleConfig{limit("a", `offer.weekday == "mon"`, 3)}, "yes", "a", 8},
		"a cap behind an allow for offers that doesn't match": {[]RuleConfig{allow("a", `offer.weekday == "tue"`), limit("b", `true`, 3)}, "yes", "b", 8},
	} {
		t.Run(name, func(t *testing.T) {
			d := compiled(t, Config{Rules: c.rules}).Decide(container("debian"))
			said := "yes"
			if !d.Allowed {
				said = d.Rule
			}
			assert.Equal(t, c.request, said, "%v", d.Trace())
			assert.Equal(t, c.cores, d.Max.Cores)
			v, said := d.Offer(monday()), "yes"
			if !v.Allowed {
				said = v.Rule
				assert.Contains(t, v.Message.Template, "{rule}")
			}
			assert.Equal(t, c.offer, said, "%v", v.Trace())
		})
	}
}

func TestATraceSaysWhatCameOfEachRule(t *testing.T) {
	p := compiled(t, Config{
		Serves: Serves{Groups: []string{"ska"}}, Images: Images{Registries: []string{"docker.io"}},
		Rules: []RuleConfig{
			deny("a", `user == "bob"`), deny("b", `offer.cores > 100.0`), {Name: "c", When: `true`, Then: Limit, Cap: Cap{Cores: amount(int64(6))}},
			{Name: "d", When: `cores.max > 4`, Then: Deny, Message: "{user} wants {cores.max} cores"}, deny("e", `true`),
		},
	})
	d := p.Decide(container("debian"))
	assert.Equal(t, []Step{
		{"serves", Deny, NotMatched, ""}, {"images", Deny, NotMatched, ""}, {"a", Deny, NotMatched, ""}, {"b", Deny, PerOffer, ""}, {"c", Limit, Matched, ""},
		{"d", Deny, Matched, "alice wants 8 cores (rule d)"}, {"e", Deny, NotReached, ""},
	}, d.Trace())
	assert.Equal(t, "d", d.Rule)
}

func TestCapsCutDownOrRefuse(t *testing.T) {
	limits := func(c Cap) RuleConfig { return RuleConfig{Name: "small", When: `true`, Then: Limit, Cap: c} }
	hour := func(d time.Duration) Cap { return Cap{Duration: d} }
	for want, c := range map[string]Cap{
		"cores: 2 is more than the 1 that are given here (rule small)":          {Cores: amount(int64(1))},
		"memory: 4 GiB is more than the 3 GiB that are given here (rule small)": {Memory: amount(int64(3))},
		"duration: 1h0m0s is more than the 30m0s that are given here":           hour(30 * time.Minute),
	} {
		d := compiled(t, Config{Rules: []RuleConfig{limits(c)}}).Decide(container("debian"))
		require.False(t, d.Allowed, want)
		assert.Contains(t, d.Message.String(), want)
	}
	p := compiled(t, Config{Rules: []RuleConfig{limits(Cap{Cores: amount(int64(4)), Storage: amount(int64(0)), GPUs: amount(int64(0)), Duration: time.Hour, Price: amount(2.0)})}})
	d := p.Decide(container("debian"))
	require.True(t, d.Allowed)
	assert.Equal(t, scheduling.Resources{Cores: 4, Memory: 16}, d.Max)
	require.Len(t, d.Remarks, 2)
	assert.Equal(t, "cores: 4 instead of 8 (rule small)", d.Remarks[0].String())
	most, limited := d.MaxPrice()
	assert.True(t, limited)
	assert.InDelta(t, 2.0, most, 0)
	dear := d.Offer(monday())
	assert.False(t, dear.Allowed)
	assert.Contains(t, dear.Message.String(), "price: 2.5 is more than the 2")
	cheap := monday()
	cheap.Price = map[string]float64{"monetary": 2}
	assert.True(t, d.Offer(cheap).Allowed)
	cheap.Price = map[string]float64{}
	assert.False(t, d.Offer(cheap).Allowed, "what isn't known is not cheap")
}

// Promise 9: what fails to be judged is denied, and the message names the rule.
func TestPromise9ARuleThatFailsDenies(t *testing.T) {
	for _, rules := range [][]RuleConfig{
		{deny("broken", `data[7].host == "x"`)},
		{{Name: "broken", When: `data[7].host == "x"`, Then: Allow}},
		{{Name: "broken", When: `1 / (sessions == 3.0 ? 0 : 1) > 0`, Then: Limit, Cap: Cap{Cores: amount(int64(1))}}},
		{deny("broken", `offer.price["monetary"] > 1.0`)},
	} {
		d := compiled(t, Config{Rules: rules}).Decide(container("debian"))
		offer := monday()
		offer.Price = nil // a tariff with an error
		v := d.Offer(offer)
		require.False(t, v.Allowed, rules[0].When)
		assert.Contains(t, v.Message.String(), "rule broken can't be evaluated")
		assert.Equal(t, []string{"broken"}, append(d.Failed, v.Failed...)[:1])
	}
}

func TestWhomASiteServes(t *testing.T) {
	for name, c := range map[string]struct {
		serves Serves
		want   bool
	}{
		"everybody":            {Serves{}, true},
		"her":                  {Serves{Users: []string{"alice"}}, true},
		"somebody else":        {Serves{Users: []string{"bob"}}, false},
		"her group":            {Serves{Users: []string{"bob"}, Groups: []string{"ska"}}, true},
		"a group above hers":   {Serves{Groups: []string{"ska/pulsars/x"}}, false},
		"her proposal":         {Serves{Proposals: []string{"P-7"}}, true},
		"no proposal":          {Serves{Proposals: []string{""}}, false},
		"her issuer":           {Serves{Issuers: []string{"https://iam.example.org/"}}, true},
		"another issuer":       {Serves{Issuers: []string{"https://iam.example.org"}}, false},
		"another issuer's her": {Serves{Issuers: []string{"https://evil.org/"}, Users: []string{"alice"}}, false},
	} {
		r := container("debian")
		if name == "no proposal" {
			r.Caller.Proposal = ""
		}
		d := compiled(t, Config{Serves: c.serves}).Decide(r)
		assert.Equal(t, c.want, d.Allowed, name)
		if !c.want {
			assert.Equal(t, RuleServes, d.Rule)
			assert.Contains(t, d.Message.String(), "none of those whom this site serves")
		}
	}
}

// Attack: an image passes for another's.
func TestAttackImagesThatPassForOthers(t *testing.T) {
	other := "sha256:" + strings.Repeat("cd", 32)
	registries := Images{Registries: []string{"docker.io", "ghcr.io/ska-telescope", "localhost:5000"}}
	for name, c := range map[string]struct {
		images  Images
		request Request
		want    bool
	}{
		"allowed":                         {registries, container("debian:12"), true},
		"allowed below a path":            {registries, container("ghcr.io/ska-telescope/a/b"), true},
		"allowed, docker's own way":       {registries, container("docker://index.docker.io/library/debian"), true},
		"allowed port":                    {registries, container("localhost:5000/a"), true},
		"another port":                    {registries, container("localhost:5001/a"), false},
		"a path that begins alike":        {registries, container("ghcr.io/ska-telescope-evil/a"), false},
		"a registry that begins alike":    {registries, container("docker.io.evil.com/library/debian"), false},
		"a registry as a path":            {registries, container("evil.com/docker.io/library/debian"), false},
		"a registry as a user":            {registries, container("docker.io@evil.com/debian"), false},
		"in capitals":                     {registries, container("GHCR.IO/ska-telescope/a"), true},
		"in Cyrillic":                     {registries, container("ghсr.io/ska-telescope/a"), false},
		"a scheme":                        {registries, container("library://docker.io/debian"), false},
		"one of two":                      {registries, container("debian", "evil.com/debian"), false},
		"none at all":                     {registries, container(), false},
		"too many":                        {registries, container(strings.Split(strings.Repeat("debian ", 32)+"debian", " ")...), false},
		"a digest too short":              {registries, container("debian@sha256:" + strings.Repeat("a", 63)), false},
		"no digest":                       {Images{RequireDigest: true}, container("debian"), false},
		"a digest":                        {Images{RequireDigest: true}, container("debian@" + pinned), true},
		"a tag that looks like one":       {Images{RequireDigest: true}, container("debian:sha256-" + strings.Repeat("ab", 32)), false},
		"a digest beside":                 {Images{RequireDigest: true}, beside(pinned, "debian"), true},
		"nonsense beside":                 {Images{RequireDigest: true}, beside("sha256:", "debian"), false},
		"capitals beside":                 {Images{RequireDigest: true}, beside(strings.ToUpper(pinned), "debian"), false},
		"a digest on the list":            {Images{Digests: []string{pinned}}, container("evil.com/x@" + pinned), true},
		"a digest not on it":              {Images{Digests: []string{pinned}}, container("debian@" + other), false},
		"a name's digest counts":          {Images{Digests: []string{pinned}}, beside(pinned, "debian@"+other), false},
		"denied":                          {Images{Deny: []string{"docker.io/evil"}}, container("evil/x"), false},
		"denied with https's port":        {Images{Deny: []string{"ghcr.io"}}, container("ghcr.io:443/a"), false},
		"denied in capitals":              {Images{Deny: []string{"ghcr.io"}}, container("GHCR.io/a"), false},
		"denied by digest":                {Images{Deny: []string{pinned}}, container("debian@" + pinned), false},
		"not denied":                      {Images{Deny: []string{"docker.io/evil", other}}, container("evilish/x"), true},
		"a process has no image":          {registries, processOf("true"), true},
		"what an unknown kind runs":       {registries, unknownOf("urn:evil:container"), false},
		"a singularity image":             {registries, singularityOf("docker://ghcr.io/ska-telescope/a"), true},
		"a singularity image of a server": {registries, singularityOf("https://docker.io/library/debian"), false},
		"a singularity image of nothing":  {registries, singularityOf(""), false},
	} {
		d := compiled(t, Config{Images: c.images}).Decide(c.request)
		assert.Equal(t, c.want, d.Allowed, "%s: %v", name, d.Message)
		if !c.want {
			assert.Equal(t, RuleImages, d.Rule, name)
		}
	}
}

// beside has the digest where the request has it, beside the locations.
func beside(digest string, locations ...string) Request {
	r := container()
	r.Executable = Executable{Kind: "docker-container"}
	r.Executable.images(locations, digest)
	return r
}

func executableOf(e ivoa.Executable) Request {
	r := container("debian")
	r.Executable, r.Data = Describe(&ivoa.ExecutionRequest{Components: ivoa.Components{Executable: e}})
	return r
}

func processOf(command ...string) Request {
	p := &ivoa.Process{Command: command}
	p.Kind = ivoa.KindProcess
	return executableOf(p)
}

func unknownOf(kind string) Request {
	u := &ivoa.UnknownExecutable{}
	u.Kind = kind
	return executableOf(u)
}

func singularityOf(location string) Request {
	s := &ivoa.SingularityContainer{Location: location}
	s.Kind = ivoa.KindSingularityContainer
	return executableOf(s)
}

// A request with several locations is judged with each.
func TestEveryLocationOfAnImageIsJudged(t *testing.T) {
	p := compiled(t, Config{Rules: []RuleConfig{
		{Name: "ours", When: `executable.registry == "ghcr.io"`, Then: Allow},
		{Name: "others", When: `true`, Then: Deny, Message: "{executable.image} isn't ours"},
	}})
	assert.True(t, p.Decide(container("ghcr.io/a", "ghcr.io/b")).Allowed)
	d := p.Decide(container("ghcr.io/a", "debian", "ghcr.io/b"))
	assert.False(t, d.Allowed)
	assert.Equal(t, "debian isn't ours (rule others)", d.Message.String())
}

// An unknown kind can't pass for a known one by how it ends.
func TestAttackAKindThatEndsAlike(t *testing.T) {
	p := compiled(t, Config{Rules: []RuleConfig{{Name: "programs", When: `executable.kind == "process"`, Then: Allow}, deny("rest", `true`)}})
	assert.True(t, p.Decide(processOf("true")).Allowed)
	assert.False(t, p.Decide(unknownOf("urn:evil:executable:process-1.0")).Allowed)
}

// Attack: what a stranger writes gets into answers, logs and terminals by way of a
// message.
func TestAttackMessagesCarryNothingThatDoesSomething(t *testing.T) {
	p := compiled(t, Config{Rules: []RuleConfig{{Name: "r", When: `true`, Then: Deny, Message: "{user}: {executable.command[0]} and {data[9].host}"}}})
	r := processOf("\x1b[2J\r\nSet-Cookie: a=b\u202eevil\u2028{rule}{site}" + strings.Repeat("é", 5000))
	r.Caller.User = "mallory\n{rule}"
	text := p.Decide(r).Message.String()
	assert.NotContains(t, text, "\n")
	assert.False(t, strings.ContainsFunc(text, unprintable), "%q", text)
	assert.Contains(t, text, "mallory\ufffd{rule}: \ufffd[2J\ufffd\ufffdSet-Cookie: a=b\ufffdevil\ufffd{rule}{site}é")
	assert.Contains(t, text, "… and ? (rule r)", "cut, and what fails says so")
	assert.Less(t, len(text), 1000)
}

// Attack: expressions and requests that would take for ever.
func TestAttackRulesThatTakeForEver(t *testing.T) {
	p := compiled(t, Config{Rules: []RuleConfig{deny("loops", `data.all(a, data.all(b, data.all(c, a.host + b.host + c.host != "x")))`)}})
	r := container("debian")
	for range 3000 {
		r.Data = append(r.Data, r.Data[0])
	}
	d := p.Decide(r)
	assert.False(t, d.Allowed)
	assert.Contains(t, d.Message.String(), "cost limit")

	small := p.Decide(container("debian"))
	assert.Equal(t, "loops", small.Rule, "which a usual request can afford")
	assert.Empty(t, small.Failed)

	one := compiled(t, Config{Rules: []RuleConfig{deny("once", `data.exists(d, d.host.endsWith(".evil.org"))`)}})
	assert.True(t, one.Decide(r).Allowed, "one look at each of many data is no bomb")

	// Patterns take time in proportion to the text: that is bounded.
	pattern := compiled(t, Config{Rules: []RuleConfig{deny("pattern", `executable.command.exists(c, c.matches("^(a|aa|a*)*$"))`)}})
	d = pattern.Decide(processOf(strings.Repeat("a", 1<<20) + "b"))
	assert.Equal(t, RuleSize, d.Rule)
	assert.Contains(t, d.Message.String(), "a text in the request has 1048577 bytes")
	long := strings.Repeat("a", maxText)
	assert.Contains(t, pattern.Decide(processOf(long, long, long, long, long)).Message.String(), "rule pattern")
}

func TestWhatIsWrongWithAPolicyIsSaidWhereItStands(t *testing.T) {
	rule := func(edit func(*RuleConfig)) Config {
		r := deny("r", `true`)
		edit(&r)
		return Config{Rules: []RuleConfig{deny("ok", `true`), r}}
	}
	quota := func(q Quota) Config { return Config{Quotas: []Quota{q}} }
	one := amount(int64(1))
	for want, c := range map[string]Config{
		"rules[1].when: column 1: nothing is called usr; there are":                                             rule(func(r *RuleConfig) { r.When = `usr == "a"` }),
		"rules[1].when: column 6: cores has no mix; there are max, min":                                         rule(func(r *RuleConfig) { r.When = `cores.mix > 1.0` }),
		"rules[1].when: column 1: cores alone is no value; there are cores.max":                                 rule(func(r *RuleConfig) { r.When = `cores > 1.0` }),
		"rules[1].when: column 14: nothing here is called .hosts":                                               rule(func(r *RuleConfig) { r.When = `data.all(d, d.hosts == "a")` }),
		`rules[1].when: column 13: offer.price has no "money"; there are`:                                       rule(func(r *RuleConfig) { r.When = `offer.price["money"] > 1.0` }),
		"rules[1].when: makes a value of type string; a rule wants":                                             rule(func(r *RuleConfig) { r.When = `user` }),
		"rules[1].when: is empty":                                                                               rule(func(r *RuleConfig) { r.When = ` ` }),
		"rules[1].when: column 13: matches wants its pattern":                                                   rule(func(r *RuleConfig) { r.When = `user.matches(executable.image)` }),
		"rules[1].name: another rule is called ok too":                                                          rule(func(r *RuleConfig) { r.Name = "ok" }),
		"rules[1].name: \"a\\nb\" is no name":                                                                   rule(func(r *RuleConfig) { r.Name = "a\nb" }),
		"rules[1].name: \"images\" is how something else":                                                       rule(func(r *RuleConfig) { r.Name = "images" }),
		"rules[1].then: \"refuse\" is neither":                                                                  rule(func(r *RuleConfig) { r.Then = "refuse" }),
		"rules[1].cap: is for rules that cap":                                                                   rule(func(r *RuleConfig) { r.Cap.Cores = one }),
		"rules[1].message: a } is missing":                                                                      rule(func(r *RuleConfig) { r.Message = "{user" }),
		"rules[1].message: column 1: nothing is called usr":                                                     rule(func(r *RuleConfig) { r.Message = "{user} {usr}" }),
		"rules[1].message: makes a value of type list":                                                          rule(func(r *RuleConfig) { r.Message = "{groups}" }),
		"rules[1].message: must be of at most":                                                                  rule(func(r *RuleConfig) { r.Message = "a\r\nb" }),
		"images.registries[0]: \"Docker.io\" is no registry as images have it":                                  {Images: Images{Registries: []string{"Docker.io"}}},
		"images.registries[0]: \"debian\" is no registry as images have it; that would be \"docker.io/debian\"": {Images: Images{Registries: []string{"debian"}}},
		"images.deny[0]: \"a b\" is no registry":                                                                {Images: Images{Deny: []string{"a b"}}},
		"images.digests[0]: \"sha256:1\" is not":                                                                {Images: Images{Digests: []string{"sha256:1"}}},
		"quotas[0]: limits nothing":                                                                             quota(Quota{For: PerUser}),
		"quotas[0].for: \"users\" is neither":                                                                   quota(Quota{For: "users", Sessions: one}),
		"quotas[0].name: everybody has no name":                                                                 quota(Quota{For: Everybody, Name: "x", Sessions: one}),
		"quotas[0].period: goes with coreHours":                                                                 quota(Quota{For: PerUser, CoreHours: amount(1.0)}),
		"quotas[1]: another quota is for user *":                                                                {Quotas: []Quota{{For: PerUser, Sessions: one}, {For: PerUser, Name: "*", Cores: one}}},
		"rules: more than 256 rules":                                                                            {Rules: make([]RuleConfig, 257)},
	} {
		c.Prices = []string{"monetary"}
		_, err := New(c)
		assert.ErrorContains(t, err, want)
	}
}

// Whoever asks, whatever for: a decision is made, it has a reason, and offers that
// are allowed keep to its caps.
func FuzzDecide(f *testing.F) {
	f.Add("alice", "ska", "P-7", "debian", "sha256:", "https://a/b", int64(1), int64(8), int64(3600))
	f.Add("", "", "", "ghcr.io/a@"+pinned, pinned, "::", int64(-1), int64(1<<62), int64(-1))
	f.Add("a\x00", "\xff", "{user}", "docker://evil.com/docker.io/a", "", "s3://", int64(5), int64(4), int64(1<<60))
	p := compiled(f, Config{
		Serves: Serves{Groups: []string{"ska"}, Users: []string{"alice", ""}}, Images: Images{Deny: []string{"evil.com"}},
		Rules: []RuleConfig{
			{Name: "cap", When: `user != "bob"`, Then: Limit, Cap: Cap{Cores: amount(int64(4)), Duration: time.Hour}},
			{Name: "deny", When: `data.exists(d, d.host == "evil.com") || executable.tag.matches("^(x+)+$")`, Then: Deny, Message: "{user} {data[0].host} {cores.max}"},
			{Name: "allow", When: `offer.cores > 1.0 && proposal.startsWith("P")`, Then: Allow},
			{Name: "late", When: `offer.timeOfDay > "20:00"`, Then: Deny},
		},
	})
	f.Fuzz(func(t *testing.T, user, group, proposal, image, digest, data string, least, most, seconds int64) {
		docker := &ivoa.DockerContainer{Image: &ivoa.DockerImage{Locations: []string{image}, Digest: digest}, Command: []string{user}}
		docker.Kind = ivoa.KindDockerContainer
		simple := &ivoa.SimpleDataResource{Location: data}
		simple.Kind = ivoa.KindSimpleData
		r := Request{
			Caller: identity.Caller{User: user, Groups: []string{group}, Proposal: proposal},
			Min:    scheduling.Resources{Cores: least}, Max: scheduling.Resources{Cores: most}, Duration: time.Duration(seconds) * time.Second,
		}
		r.Executable, r.Data = Describe(&ivoa.ExecutionRequest{Components: ivoa.Components{Executable: docker, Data: []ivoa.DataResource{simple}}})
		d := p.Decide(r)
		require.Equal(t, d.Allowed, d.Message == nil)
		if !d.Allowed {
			require.NotEmpty(t, d.Rule)
			require.NotEmpty(t, d.Message.String())
			return
		}
		for _, cores := range []int64{0, 1, 4, 5} {
			o := monday()
			o.Size.Cores = cores
			if v := d.Offer(o); v.Allowed {
				require.LessOrEqual(t, o.Size.Cores, int64(4))
			} else {
				require.NotEmpty(t, v.Message.String())
			}
		}
		_ = fmt.Sprint(d.Trace())
	})
}
