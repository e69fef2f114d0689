package node

import (
	"strconv"
	"strings"

	"starling/api/ivoa"
	"starling/federation/identity"
)

// base is what every component of a request has.
type base interface{ Base() *ivoa.Component }

// living is a component that changes while its session runs.
type living interface {
	base
	Life() *ivoa.Lifecycle
}

// walk lists a request's components in a fixed order: the executable, the
// compute resource, its volumes, storage, data. A session keeps the UUIDs of
// its components in this order.
func walk(c *ivoa.Components) []base {
	var all []base
	if c.Executable != nil {
		all = append(all, c.Executable)
	}
	if c.Compute != nil {
		all = append(all, c.Compute)
		for _, v := range c.Compute.Mounted().Volumes {
			all = append(all, v)
		}
	}
	for _, s := range c.Storage {
		all = append(all, s)
	}
	for _, d := range c.Data {
		all = append(all, d)
	}
	return all
}

// A stored request refers to its components by their place in the walk, since
// each session that it is offered as has components with UUIDs of their own.
const placePrefix = "#"

func placeRef(index int) string { return placePrefix + strconv.Itoa(index) }

// resolve turns a reference of a stored request into the UUID of the session's
// component.
func resolve(ref string, ids []identity.UUID) string {
	place, found := strings.CutPrefix(ref, placePrefix)
	index, err := strconv.Atoi(place)
	if !found || err != nil || index < 0 || index >= len(ids) {
		return ref
	}
	return ids[index].String()
}

func resolveAll(refs []string, ids []identity.UUID) []string {
	if len(refs) == 0 {
		return nil
	}
	resolved := make([]string, len(refs))
	for i, ref := range refs {
		resolved[i] = resolve(ref, ids)
	}
	return resolved
}
