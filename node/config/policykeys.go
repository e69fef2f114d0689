package config

import "time"

// Policy is what a site runs, and for whom. Everything else is answered NO, with
// the rule that says so; `starling policy check` explains it. Whom it serves and
// which images it runs is looked at first, then the rules in their order, then
// quotas.
type Policy struct {
	// Whom the site serves. Default: everybody with role user.
	Serves Serves `key:"serves"`
	// Which images of containers it runs. Default: any.
	Images Images `key:"images"`
	// Rules in CEL (cel.dev), taken in order. The first one that matches and that
	// denies or allows decides; those that cap are added up, and the least counts.
	// What no rule decides is allowed. A condition sees
	//   user, issuer, proposal (texts; "" is none), groups, roles (lists)
	//   executable.kind ("docker-container", "process", "sequence", …), .image,
	//     .registry ("docker.io"), .repository ("library/debian"), .tag, .digest
	//     ("sha256:…" or ""), .command (a list)
	//   data: a list with .kind, .location, .scheme, .host, .bytes (0: not known),
	//     as in data.all(d, d.host.endsWith(".skao.int"))
	//   cores.min, cores.max, and the same of memory and storage (GiB) and gpus
	//   duration, hours, repeats (whether a timing says so)
	//   sessions: how many the user has here, accepted and not at their end
	//   offer.start, .end, .timeOfDay ("22:05"), .weekday ("sat"), all UTC, .cores,
	//     .memory, .storage, .gpus, .price["monetary"]: rules that use these are
	//     decided for each offer
	// All numbers are decimals: write cores.max * 2.0 == 8.0, but cores.max > 8 will
	// do. Patterns, as in user.matches("^ska-"), must be written out. An
	// image with several locations must be allowed with each. A rule that fails (an
	// index out of range, say) denies.
	Rules []PolicyRule `key:"rules"`
	// What users, proposals and groups may have at this node at a time.
	Quotas []Quota `key:"quotas"`
}

// Serves is whom a site serves.
type Serves struct {
	// Only those whom one of these issuers knows.
	Issuers []string `key:"issuers" example:"[https://iam.example.org/]"`
	// Only these users, and those of the groups and proposals below.
	Users []string `key:"users" example:"[alice, bob]"`
	// Only members of these groups, and the users above and below.
	Groups []string `key:"groups" example:"[ska/pulsars]"`
	// Only who asks on behalf of these proposals, and the users above.
	Proposals []string `key:"proposals" example:"[P-7]"`
}

// Images is which images a site runs.
type Images struct {
	// Only images from these registries, or from below a path in one; names without
	// a registry are of docker.io.
	Registries []string `key:"registries" example:"[docker.io, ghcr.io/ska-telescope]"`
	// Only images with these digests.
	Digests []string `key:"digests" example:"[\"sha256:…\"]"`
	// Whether only images are run of which the request names the digest.
	RequireDigest bool `key:"requireDigest"`
	// Registries, paths in them and digests that are never run. A digest that the
	// request doesn't name isn't known here: allow what you trust, rather.
	Deny []string `key:"deny" example:"[docker.io/evil]"`
}

// PolicyRule is one rule.
type PolicyRule struct {
	// Its name, for messages, metrics and the record.
	Name string `key:"name"`
	// The condition.
	When string `key:"when"`
	// What it does where the condition holds: allow and deny decide, cap limits
	// what is given.
	Then string `key:"then" oneof:"allow deny cap"`
	// Why, for the user. What stands in braces is an expression: "images from
	// {executable.registry} are not run here".
	Message string `key:"message" optional:"yes"`
	// The most that is given, of a rule that caps. What is asked is cut down to it,
	// or the answer is NO where less won't do.
	Cap PolicyCap `key:"cap" optional:"yes"`
}

// PolicyCap is the most that is given.
type PolicyCap struct {
	// Cores.
	Cores *int64 `key:"cores" optional:"yes" min:"0" max:"1000000"`
	// Memory in GiB.
	Memory *int64 `key:"memory" optional:"yes" min:"0" max:"100000000"`
	// Storage in GiB.
	Storage *int64 `key:"storage" optional:"yes" min:"0" max:"1000000000"`
	// GPUs.
	GPUs *int64 `key:"gpus" optional:"yes" min:"0" max:"1000000"`
	// How long it may run.
	Duration time.Duration `key:"duration" optional:"yes" min:"1s" max:"43800h"`
	// What an offer may cost, in the tariff's currency.
	Price *float64 `key:"price" optional:"yes" min:"0" max:"1e12"`
}

// Quota is what somebody may have at this node at a time.
type Quota struct {
	// By what it counts.
	For string `key:"for" oneof:"user proposal group everybody"`
	// Whom it is for; * where absent: each of them by itself. Everybody has no name.
	Name string `key:"name" optional:"yes"`
	// Sessions that are accepted and not at their end.
	Sessions *int64 `key:"sessions" optional:"yes" min:"0" max:"1000000000"`
	// Offers that are open.
	Offers *int64 `key:"offers" optional:"yes" min:"0" max:"1000000000"`
	// Cores of those sessions together.
	Cores *int64 `key:"cores" optional:"yes" min:"0" max:"1000000"`
	// Memory of them in GiB.
	Memory *int64 `key:"memory" optional:"yes" min:"0" max:"100000000"`
	// GPUs of them.
	GPUs *int64 `key:"gpus" optional:"yes" min:"0" max:"1000000"`
	// Core hours booked within the period until now, and ahead.
	CoreHours *float64 `key:"coreHours" optional:"yes" min:"0" max:"1e12"`
	// Over how long core hours are counted.
	Period time.Duration `key:"period" optional:"yes" min:"1m" max:"8784h"`
}
