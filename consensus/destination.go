package consensus

import (
	"strings"

	"github.com/hashicorp/raft"
)

// A server's address in raft's configuration is its id and the address under which
// it joined. It is dialled by the first, at whatever address gossip knows by now: an
// address may pass to another node, and a node to another server. It is never
// changed, which raft would not do safely while it sends to it (v1.8.0 reads it
// without its lock).

// destination is such an address.
func destination(id, address string) raft.ServerAddress {
	return raft.ServerAddress(id + "@" + address)
}

// whither is destination backwards.
func whither(d raft.ServerAddress) (id, address string) {
	id, address, _ = strings.Cut(string(d), "@")
	return id, address
}

// locate is where a server is reached now.
func (r *Raft) locate(id, joined string) string {
	if r.members == nil {
		return joined
	}
	for _, m := range r.members() {
		if m.Node == NodeOf(id) && m.Address != "" && (m.Server == "" || m.Server == id) {
			return m.Address
		}
	}
	return joined
}
