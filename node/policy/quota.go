package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"starling/scheduling"
)

// quotaPrefix begins what quotas are called in decisions: "quota user *".
const quotaPrefix = "quota "

// An Account is whose things a quota counts together.
type Account struct {
	For  Kind
	Name string // "" for everybody
}

// A Party is whose a session is, as far as quotas count by it.
type Party struct {
	User, Proposal string
	Groups         []string
}

// Counted are the groups of a user's by which quotas count. A session remembers
// them: nobody says later who was a member.
func (p *Policy) Counted(groups []string) (counted []string) {
	for _, g := range groups {
		if slices.ContainsFunc(p.quotas, func(q Quota) bool { return q.is(Account{PerGroup, g}) }) && !slices.Contains(counted, g) {
			counted = append(counted, g)
		}
	}
	return counted
}

// accounts are those that a party's things are counted in.
func (party Party) accounts() []Account {
	list := make([]Account, 0, 3+len(party.Groups))
	list = append(list, Account{Everybody, ""}, Account{PerUser, party.User})
	if party.Proposal != "" {
		list = append(list, Account{PerProposal, party.Proposal})
	}
	for _, g := range party.Groups {
		list = append(list, Account{PerGroup, g})
	}
	return list
}

// is reports whether a quota is one of an account.
func (q Quota) is(a Account) bool {
	return q.For == a.For && (q.For == Everybody || q.Name == Anyone || q.Name == a.Name)
}

// title is what a quota is called in decisions.
func (q Quota) title() string { return strings.TrimSpace(quotaPrefix + string(q.For) + " " + q.Name) }

func (p *Policy) addQuota(i int, q Quota) error {
	key := fmt.Sprintf("quotas[%d]", i)
	if q.Name == "" && q.For != Everybody {
		q.Name = Anyone
	}
	switch {
	case !slices.Contains([]Kind{PerUser, PerProposal, PerGroup, Everybody}, q.For):
		return wrong(key+".for", "%q is neither user, proposal, group nor everybody", q.For)
	case q.For == Everybody && q.Name != "":
		return wrong(key+".name", "everybody has no name")
	case q.Sessions == nil && q.Offers == nil && q.Cores == nil && q.Memory == nil && q.GPUs == nil && q.CoreHours == nil:
		return wrong(key, "limits nothing: it may limit sessions, offers, cores, memory, gpus and coreHours")
	case (q.CoreHours == nil) != (q.Period == 0):
		return wrong(key+".period", "goes with coreHours: over how long are they counted?")
	case slices.ContainsFunc(p.quotas, func(other Quota) bool { return other.For == q.For && other.Name == q.Name && other.Period == q.Period }):
		return wrong(key, "another quota is for %s too", strings.TrimSpace(string(q.For)+" "+q.Name))
	}
	p.quotas = append(p.quotas, q)
	return nil
}

// LooksBack is the longest time ago that quotas count from; 0: none does.
func (p *Policy) LooksBack() (longest time.Duration) {
	for _, q := range p.quotas {
		longest = max(longest, q.Period)
	}
	return longest
}

// A Want is what somebody would have more, if it were given.
type Want struct {
	Sessions, Offers int64
	Size             scheduling.Resources
	Time             scheduling.Span // for which the size is booked
}

// What quotas limit.
const (
	LimitSessions  = "sessions"
	LimitOffers    = "offers"
	LimitCores     = "cores"
	LimitMemory    = "memory"
	LimitGPUs      = "gpus"
	LimitCoreHours = "core hours"
)

// A Standing is where a party stands with one limit.
type Standing struct {
	Quota string        `json:"quota"` // what it is called
	For   Kind          `json:"for"`
	Name  string        `json:"name,omitempty"` // whose it is
	What  string        `json:"what"`
	Used  float64       `json:"used"`
	Asked float64       `json:"asked"`
	Limit float64       `json:"limit"`
	Since time.Duration `json:"-"` // how far core hours are counted back
	over  bool
}

// Over reports whether what is asked is more than the limit leaves.
func (s Standing) Over() bool { return s.over }

// Left is what the limit leaves, at least 0.
func (s Standing) Left() float64 { return max(0, s.Limit-s.Used) }

// Message says why the limit forbids something.
func (s Standing) Message() Message {
	pairs := []string{
		"account", clean(strings.TrimSpace(string(s.For) + " " + s.Name)), "what", s.What,
		"used", number(s.Used), "asked", number(s.Asked), "limit", number(s.Limit), "rule", s.Quota,
	}
	if s.Since > 0 {
		return Message{"{account} may book {limit} {what} in {period} here, has booked {used} and asks for {asked} ({rule})", append(pairs, "period", s.Since.String())}
	}
	return Message{"{account} may have {limit} {what} here at a time, has {used} and asks for {asked} ({rule})", pairs}
}

// coreHour is an hour of a core in milliseconds, in which they are counted.
const coreHour = float64(time.Hour / time.Millisecond)

// limit is one of a quota's: of core hours in milliseconds.
type limit struct {
	what string
	most int64
}

// limits are a quota's, in the order in which they are told.
func (q Quota) limits() (list []limit) {
	for _, l := range []struct {
		what string
		most *int64
	}{
		{LimitSessions, q.Sessions}, {LimitOffers, q.Offers}, {LimitCores, q.Cores}, {LimitMemory, q.Memory}, {LimitGPUs, q.GPUs},
	} {
		if l.most != nil {
			list = append(list, limit{l.what, *l.most})
		}
	}
	if q.CoreHours != nil {
		list = append(list, limit{LimitCoreHours, int64(*q.CoreHours * coreHour)})
	}
	return list
}
