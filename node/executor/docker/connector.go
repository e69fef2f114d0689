package docker

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/moby/moby/client"

	"starling/api/despatch"
)

// connect reports the ports that users want to reach as connectors, at the
// container's address in the executor's own network. Nothing is published on
// the machine: the node leads its users there.
func (w *watch) connect(ctx context.Context) {
	if len(w.ports) == 0 {
		return
	}
	if w.NoConnectors {
		w.Report.Log(w.id, "no port of the container can be reached: its executor has no connectors")
		return
	}
	address, err := w.address(ctx)
	if err != nil {
		w.Report.Log(w.id, "no port of the container can be reached: "+err.Error())
		return
	}
	for _, port := range w.ports {
		if port.Access != nil && !*port.Access {
			continue
		}
		if port.Protocol == "UDP" {
			w.Report.Log(w.id, fmt.Sprintf("port %d: no node leads its users to a UDP port", port.Internal.Port))
			continue
		}
		w.Report.Connector(w.id, despatch.Connector{
			Name:     strconv.Itoa(port.Internal.Port),
			Protocol: port.Protocol,
			Origin:   strings.ToLower(port.Protocol) + "://" + net.JoinHostPort(address.String(), strconv.Itoa(port.Internal.Port)),
			Path:     w.pathOf(port),
		})
	}
}

// pathOf is a port's path as a node takes it: from the root, escaped, without a
// query. What isn't such a path opens the root.
func (w *watch) pathOf(port Port) string {
	if port.Path == "" {
		return ""
	}
	u := url.URL{Path: path.Clean("/" + port.Path)}
	if strings.HasSuffix(port.Path, "/") && u.Path != "/" {
		u.Path += "/"
	}
	if len(u.EscapedPath()) > maxPath || strings.ContainsAny(port.Path, "?#") {
		w.Report.Log(w.id, fmt.Sprintf("port %d: %.100q is no path; its root is opened", port.Internal.Port, port.Path))
		return ""
	}
	return u.EscapedPath()
}

// maxPath bounds a connector's path, in bytes.
const maxPath = 1000

// address is the container's, in the executor's network.
func (w *watch) address(ctx context.Context) (netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	got, err := w.engine.ContainerInspect(ctx, w.name, client.ContainerInspectOptions{})
	if err != nil {
		return netip.Addr{}, err
	}
	if got.Container.NetworkSettings != nil {
		for _, endpoint := range got.Container.NetworkSettings.Networks {
			if endpoint != nil && endpoint.IPAddress.IsValid() {
				return endpoint.IPAddress, nil
			}
		}
	}
	return netip.Addr{}, fmt.Errorf("it has no address: containers have no network here")
}
