package api

import (
	"net/netip"
	"slices"

	"starling/api/despatch"
)

// private reports whether nobody on the way can read what is answered: the request
// came over TLS, to a trusted proxy in front at least, or from this machine.
func (v *visit) private() bool {
	r := v.Request()
	if v.peer != "" { // the line between the nodes is, but not necessarily what comes before
		return r.Header.Get(privateHeader) == "1"
	}
	if v.local || r.TLS != nil {
		return true
	}
	if v.server.fromProxy(r) {
		return r.Header.Get("X-Forwarded-Proto") == "https"
	}
	// One who forwards from this machine and isn't known may have it from anywhere.
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && from.Addr().Unmap().IsLoopback() && r.Header.Get("X-Forwarded-For") == "" && r.Header.Get("Forwarded") == ""
}

// withoutTokens takes back what an executor registers that it can't be trusted
// with over the line it has chosen, and says so.
func withoutTokens(r *despatch.Registration) (message string) {
	if !slices.Contains(r.Kinds, despatch.KindDataToken) {
		return ""
	}
	r.Kinds = slices.DeleteFunc(slices.Clone(r.Kinds), func(kind string) bool { return kind == despatch.KindDataToken })
	return "you get no work whose data need a token: this line could be read on the way. Use the node's https URL"
}
