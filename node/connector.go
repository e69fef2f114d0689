package node

import (
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/address"
	"starling/node/store"
)

// Bounds of what executors report as connectors.
const (
	maxConnectors    = 32   // of one attempt
	maxConnectorName = 64   // bytes
	maxConnectorPath = 1000 // bytes
	maxOrigins       = 100  // of one registration
)

// kindConnector is our kind of a connector to what runs in a session.
const kindConnector = "urn:starling:connector:endpoint-1.0"

// connectPath is where a connector is found at every node.
func connectPath(s *store.Session, name string) string {
	return sessionPath(s.ID) + "/connect/" + name + "/"
}

// checkOrigins refuses origins that make no sense, and those of an executor
// that isn't built in where the site's configuration doesn't admit them.
func (b *Broker) checkOrigins(builtIn bool, origins []string) error {
	if len(origins) > maxOrigins {
		return &Problem{Code: CodeInvalid, Field: "/origins", Detail: fmt.Sprintf("%d origins; at most %d are registered", len(origins), maxOrigins)}
	}
	ranges, bad, err := address.ParseRanges(origins)
	if err != nil {
		return &Problem{Code: CodeInvalid, Field: fmt.Sprintf("/origins/%d", bad), Detail: err.Error()}
	}
	for i, r := range ranges {
		field := fmt.Sprintf("/origins/%d", i)
		if address.Never(address.Plain(r.Network.Addr())) && r.Network.Bits() > 0 {
			return &Problem{Code: CodeInvalid, Field: field, Detail: fmt.Sprintf("%s is unspecified, link-local, multicast or reserved: nothing there is ever connected to", r)}
		}
		if !builtIn && !b.networks.Cover(r) {
			return &Problem{Code: CodeInvalid, Field: field, Detail: fmt.Sprintf("this site doesn't lead its users to %s; its operator can admit it with connect.networks", r)}
		}
	}
	return nil
}

// mayLead says why this node leads nobody to an address on behalf of an
// executor; nil: it does. It holds at the report of a connector, and whenever
// one is used: registration and configuration may have changed.
func (b *Broker) mayLead(e *store.Executor, to netip.AddrPort) error {
	ranges, _, err := address.ParseRanges(e.Registration.Origins)
	if err != nil || !ranges.Contain(to) {
		return fmt.Errorf("%s is none of the origins that executor %s has registered", to, e.Registration.Name)
	}
	if !e.BuiltIn && !b.networks.Contain(to) {
		return fmt.Errorf("this site doesn't lead its users to %s; its operator can admit it with connect.networks", to)
	}
	return nil
}

// checkConnectors refuses a report whose connectors make no sense, or lead where
// their executor may not lead; b.mu is held.
func (b *Broker) checkConnectors(a *attempt, updates []despatch.Update) error {
	var names []string
	if s := b.state.live[a.session]; s != nil {
		for _, c := range s.Connectors {
			names = append(names, c.Name)
		}
	}
	for i, u := range updates {
		if u.Type != despatch.ConnectorOpened && u.Type != despatch.ConnectorClosed {
			continue
		}
		field := fmt.Sprintf("/updates/%d/connector", i)
		if u.Connector == nil {
			return &Problem{Code: CodeInvalid, Field: field, Detail: "an update of type " + u.Type + " says which connector"}
		}
		if u.Type == despatch.ConnectorClosed {
			continue
		}
		to, err := originOf(*u.Connector, field)
		if err != nil {
			return err
		}
		if err := b.mayLead(b.state.executors[a.executor].Executor, to); err != nil {
			return &Problem{Code: CodeInvalid, Field: field + "/origin", Detail: err.Error()}
		}
		if !slices.Contains(names, u.Connector.Name) {
			names = append(names, u.Connector.Name)
		}
		if len(names) > maxConnectors {
			return &Problem{Code: CodeInvalid, Field: field, Detail: fmt.Sprintf("a session has at most %d connectors", maxConnectors)}
		}
	}
	return nil
}

// schemes of origins, by protocol.
func schemeOf(protocol string) string {
	switch protocol {
	case despatch.ProtocolHTTP, despatch.ProtocolHTTPS, despatch.ProtocolTCP:
		return strings.ToLower(protocol)
	}
	return ""
}

// originOf reads the address of a connector, and refuses one that makes no
// sense. Field is where it stands in the report.
func originOf(c despatch.Connector, field string) (netip.AddrPort, error) {
	invalid := func(member, format string, values ...any) (netip.AddrPort, error) {
		return netip.AddrPort{}, &Problem{Code: CodeInvalid, Field: field + member, Detail: fmt.Sprintf(format, values...)}
	}
	if !connectorName(c.Name) {
		return invalid("/name", "want 1 to %d letters, digits, dots, hyphens and underscores, the first a letter or a digit", maxConnectorName)
	}
	scheme := schemeOf(c.Protocol)
	if scheme == "" {
		return invalid("/protocol", "%q is no protocol of a connector: it is HTTP, HTTPS or TCP", c.Protocol)
	}
	authority, ok := strings.CutPrefix(c.Origin, scheme+"://")
	to, err := netip.ParseAddrPort(strings.TrimSuffix(authority, "/"))
	if !ok || err != nil || to.Port() == 0 || to.Addr().Zone() != "" {
		return invalid("/origin", "want %s://, an IP address and a port, as %[1]s://172.18.0.2:8888 is; names are not taken", scheme)
	}
	if p, err := url.Parse(c.Path); c.Path != "" && (err != nil || len(c.Path) > maxConnectorPath || !strings.HasPrefix(c.Path, "/") ||
		p.EscapedPath() != c.Path || strings.HasPrefix(c.Path, "//") || path.Clean(p.Path) != strings.TrimRight(p.Path, "/") && p.Path != "/") {
		return invalid("/path", "want a path from the root, escaped, without .., ? and #, of at most %d bytes", maxConnectorPath)
	}
	return netip.AddrPortFrom(to.Addr().Unmap(), to.Port()), nil
}

func connectorName(name string) bool {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	}
	other := func(r rune) bool { return !plain(r) && !strings.ContainsRune(".-_", r) }
	return name != "" && len(name) <= maxConnectorName && plain(rune(name[0])) && !strings.ContainsFunc(name, other)
}

// putConnector adds a connector to a list, or replaces the one of its name.
func putConnector(list []store.Connector, c despatch.Connector, now store.Millis) []store.Connector {
	kept := slices.Clone(list)
	opened := store.Connector{Connector: c, Opened: now}
	for i := range kept {
		if kept[i].Name == c.Name {
			kept[i] = opened
			return kept
		}
	}
	return append(kept, opened)
}

// closeConnector marks the connector of a name as closed.
func closeConnector(list []store.Connector, name string, now store.Millis) []store.Connector {
	kept := slices.Clone(list)
	for i := range kept {
		if kept[i].Name == name && kept[i].Closed == 0 {
			kept[i].Closed = now
		}
	}
	return kept
}

// usable reports whether a connector of a session leads anywhere still.
func usable(s *store.Session, c store.Connector) bool {
	return c.Closed == 0 && inProgress(s) && !store.Terminal(s.Phase)
}

// endpoints are a session's connectors to what runs in it.
func endpoints(s *store.Session) []ivoa.Connector {
	var list []ivoa.Connector
	for _, c := range s.Connectors {
		view := ivoa.Connector{
			Kind: kindConnector, Status: ivoa.ConnectorAvailable, Protocol: c.Protocol, Location: connectPath(s, c.Name),
		}
		if !usable(s, c) {
			view.Status = ivoa.ConnectorFinished
		}
		if c.Protocol == despatch.ProtocolTCP { // not led through: who is in the site's network reaches it there
			view.Location = c.Origin
		}
		list = append(list, view)
	}
	return list
}
