package config

import (
	"fmt"
	"strings"
)

// GroupPattern is a group's name, or all that differ in one part of it.
type GroupPattern string

// placeholder is the part that differs.
const placeholder = "{proposal}"

func parseGroupPattern(text string) (GroupPattern, error) {
	plain := strings.Trim(text, "/")
	if plain == "" {
		return "", fmt.Errorf("%q is no group, as ska/pulsars or ska/proposals/%s are", text, placeholder)
	}
	if strings.ContainsAny(strings.Replace(plain, placeholder, "", 1), "{}*") {
		return "", fmt.Errorf("%q may hold %s once, and no other braces or stars", text, placeholder)
	}
	return GroupPattern(plain), nil
}

// captures reports whether the pattern fits more than one group.
func (p GroupPattern) captures() bool { return strings.Contains(string(p), placeholder) }

// Match reports whether a group is one of the pattern's, and what stands there in
// the place of {proposal}: never nothing, and never more than a part between
// slashes. The group is written without slashes at its ends.
func (p GroupPattern) Match(group string) (captured string, ok bool) {
	before, after, captures := strings.Cut(string(p), placeholder)
	if !captures {
		return "", group == string(p)
	}
	rest, begins := strings.CutPrefix(group, before)
	captured, ends := strings.CutSuffix(rest, after)
	if !begins || !ends || captured == "" || strings.Contains(captured, "/") {
		return "", false
	}
	return captured, true
}

// Of returns the proposal that members of the group may have charged by this
// rule, if they may.
func (r ProposalRule) Of(group string) (proposal string, ok bool) {
	captured, ok := r.Group.Match(group)
	switch {
	case !ok:
		return "", false
	case r.Proposal == "":
		return captured, true
	}
	return strings.ReplaceAll(r.Proposal, placeholder, captured), true
}
