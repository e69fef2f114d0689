package load

import (
	"sync"

	"starling/federation/identity"
)

// departed are sites that don't come back.
type departed struct {
	mu    sync.Mutex
	names map[string]bool
	tags  map[identity.Tag]bool
}

func (d *departed) add(names []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.names == nil {
		d.names, d.tags = map[string]bool{}, map[identity.Tag]bool{}
	}
	for _, name := range names {
		d.names[name], d.tags[identity.NodeName(name).Tag()] = true, true
	}
}

// has reports whether a site is gone.
func (d *departed) has(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.names[name]
}

// owned reports whether something belonged to a site that is gone, as its UUID tells.
func (d *departed) owned(id string) bool {
	uuid, err := identity.ParseUUID(id)
	d.mu.Lock()
	defer d.mu.Unlock()
	return err == nil && d.tags[uuid.Owner()]
}
