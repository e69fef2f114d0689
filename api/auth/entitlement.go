package auth

import (
	"net/url"
	"strings"
)

// entitlement reads the group out of an entitlement of the namespace, as AARC-G069
// has it: urn:geant:example.org:group:ska:pulsars:role=lead#authority. The group
// is ska/pulsars; where there is another role than member it is
// ska/pulsars/role=lead and not ska/pulsars, since somebody who only applies for
// membership has a role, too.
func entitlement(text, namespace string) (group string, ok bool) {
	rest, ok := strings.CutPrefix(text, namespace+":group:")
	if !ok {
		return "", false
	}
	rest, _, _ = strings.Cut(rest, "#")
	parts := strings.Split(rest, ":")
	role, hasRole := strings.CutPrefix(parts[len(parts)-1], "role=")
	if hasRole {
		parts = parts[:len(parts)-1]
	}
	if len(parts) == 0 {
		return "", false
	}
	for i, part := range parts {
		if parts[i], ok = component(part); !ok {
			return "", false
		}
	}
	group = strings.Join(parts, "/")
	if !hasRole {
		return group, true
	}
	if role, ok = component(role); !ok {
		return "", false
	}
	if role != "member" {
		group += "/role=" + role
	}
	return group, true
}

// component decodes one part of a group's name. A group can't be called so that
// it looks like a subgroup's, or like a role.
func component(text string) (string, bool) {
	plain, err := url.PathUnescape(text)
	if err != nil || strings.Contains(plain, "/") || strings.HasPrefix(plain, "role=") || name("group", plain) != nil {
		return "", false
	}
	return plain, true
}
