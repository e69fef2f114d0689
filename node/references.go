package node

import (
	"fmt"
	"strconv"
	"strings"

	"starling/api/ivoa"
)

// complete adds what a request may leave out: a compute resource, and storage
// for data that have none.
func (r *reader) complete() {
	if r.request.Compute == nil {
		c := &ivoa.SimpleComputeResource{}
		c.Kind = ivoa.KindSimpleCompute
		r.request.Compute = c
	}
	taken := map[string]bool{}
	for _, c := range walk(&r.request.Components) {
		taken[c.Base().Name()] = true
	}
	for i, d := range r.request.Data {
		if d.Place().Storage != "" {
			continue
		}
		if holder := r.holderOf(d); holder != nil {
			d.Place().Storage = nameOf(holder, "storage", taken)
			continue
		}
		s := &ivoa.SimpleStorageResource{Size: ivoa.Exactly(dataSize(d))}
		s.Kind = ivoa.KindSimpleStorage
		r.request.Storage = append(r.request.Storage, s)
		own := d.Base().Name()
		if own == "" {
			own = strconv.Itoa(i + 1)
		}
		d.Place().Storage = nameOf(s, "storage-of-"+own, taken)
	}
}

// nameOf returns a component's name, giving it one like the proposal if it has
// none.
func nameOf(c base, proposal string, taken map[string]bool) string {
	if name := c.Base().Name(); name != "" {
		return name
	}
	name := proposal
	for n := 2; taken[name]; n++ {
		name = fmt.Sprintf("%s-%d", proposal, n)
	}
	taken[name] = true
	c.Base().NeedMeta().Name = name
	return name
}

// holderOf finds the storage resource that says it holds the data.
func (r *reader) holderOf(d ivoa.DataResource) ivoa.StorageResource {
	for _, s := range r.request.Storage {
		for _, ref := range s.Holds().Data {
			if ref != "" && (ref == d.Base().Name() || ref == d.Base().UUID()) {
				return s
			}
		}
	}
	return nil
}

// register notes the names and UUIDs by which components may be referred to.
func (r *reader) register() {
	r.components = walk(&r.request.Components)
	for i, c := range r.components {
		for _, name := range []string{c.Base().Name(), c.Base().UUID()} {
			if name == "" {
				continue
			}
			if first, twice := r.names[name]; twice && first != i {
				r.object(ivoa.MessageDuplicateResource, "two components are called {name}: names must differ, since other components refer to them", "name", name)
				continue
			}
			r.names[name] = i
		}
	}
}

// place turns a reference by name or UUID into one by place.
func (r *reader) place(path, ref, what string) string {
	index, found := r.names[ref]
	if !found {
		r.object(ivoa.MessageResourceNotFound, "{path} refers to {name}, but no component of the request is called that", "path", path, "name", ref)
		return ref
	}
	if !isA(r.components[index], what) {
		r.object(ivoa.MessageInvalidValue, "{path} refers to {name}, which is no {what} resource", "path", path, "name", ref, "what", what)
	}
	return placeRef(index)
}

func isA(c base, what string) bool {
	_, isData := c.(ivoa.DataResource)
	_, isStorage := c.(ivoa.StorageResource)
	switch what {
	case "data":
		return isData
	case "storage":
		return isStorage
	}
	return isData || isStorage
}

// linkBack lists each data resource in the storage resource that it is put in.
func (r *reader) linkBack() {
	for i, c := range r.components {
		d, ok := c.(ivoa.DataResource)
		if !ok {
			continue
		}
		if s, ok := r.at(d.Place().Storage).(ivoa.StorageResource); ok {
			s.Holds().Data = addOnce(s.Holds().Data, placeRef(i))
		}
	}
}

// claims objects where storage says that it holds data which say that they are
// elsewhere.
func (r *reader) claims() {
	for i, s := range r.request.Storage {
		for j, ref := range s.Holds().Data {
			d, ok := r.at(ref).(ivoa.DataResource)
			if !ok || r.at(d.Place().Storage) == base(s) {
				continue
			}
			r.object(ivoa.MessageInvalidValue, "{path} refers to {name}, which says that it is in another storage resource",
				"path", fmt.Sprintf("/storage/%d/data/%d", i, j), "name", d.Base().Name())
		}
	}
}

// at is the component at a place; nil where there is none.
func (r *reader) at(ref string) base {
	place, found := strings.CutPrefix(ref, placePrefix)
	index, err := strconv.Atoi(place)
	if !found || err != nil || index < 0 || index >= len(r.components) {
		return nil
	}
	return r.components[index]
}
