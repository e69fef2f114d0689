package policy

import (
	"time"

	"starling/accounting/expression"
)

// Config is what a site's policy is made of. Its zero value allows everything.
type Config struct {
	Site   string // for messages
	Serves Serves
	Images Images
	Rules  []RuleConfig // in order
	Quotas []Quota
	// Prices are the resources that offers have a price in: "monetary", "energy".
	Prices []string
	// Suggest returns "; did you mean …?" where a name is near to a known one, and
	// "" otherwise; nil never suggests.
	Suggest func(name string, known []string) string
}

// Serves is whom a site serves: those whom one of the issuers knows, and of them
// the users, members of groups and proposals named. What is empty restricts
// nobody.
type Serves struct {
	Issuers, Users, Groups, Proposals []string
}

// Images is what a site runs of containers' images.
type Images struct {
	// Registries alone are pulled from; one may go on with the beginning of a path:
	// "ghcr.io/ska-telescope".
	Registries []string
	// Digests alone are run, "sha256:…".
	Digests []string
	// RequireDigest wants every image pinned by its digest.
	RequireDigest bool
	// Deny lists registries, as Registries does, and digests that are never run.
	Deny []string
}

// An Outcome is what a rule does where it matches.
type Outcome string

// The outcomes of rules.
const (
	Allow Outcome = "allow" // decides: what follows is not looked at
	Deny  Outcome = "deny"  // decides
	Limit Outcome = "cap"   // goes on, with less
)

// RuleConfig is one rule.
type RuleConfig struct {
	Name    string
	When    string // an expression that makes true or false
	Then    Outcome
	Message string // why it denies; {expressions} in braces are replaced by their values
	Cap     Cap
}

// A Cap is the most that a request gets. What is nil, or zero of a duration, is
// not limited.
type Cap struct {
	Cores, Memory, Storage, GPUs *int64 // GiB of memory and storage
	Duration                     time.Duration
	Price                        *float64 // of an offer, in the tariff's currency
}

// Kind is by what a quota counts.
type Kind string

// What quotas count by.
const (
	PerUser     Kind = "user"
	PerProposal Kind = "proposal"
	PerGroup    Kind = "group"
	Everybody   Kind = "everybody"
)

// Anyone stands for each name by itself.
const Anyone = "*"

// A Quota bounds what somebody has at this node. What is nil is not limited.
type Quota struct {
	For  Kind
	Name string // whom it is for; Anyone: each of them by itself
	// Sessions are those accepted and not at their end; Cores, Memory (GiB) and GPUs
	// what they have booked together.
	Sessions, Cores, Memory, GPUs *int64
	Offers                        *int64 // that are open
	// CoreHours are those booked since Period ago, and ahead.
	CoreHours *float64
	Period    time.Duration
}

// wrong is an error about a key of the policy.
func wrong(key, format string, values ...any) error {
	return expression.Wrong(key, format, values...)
}
