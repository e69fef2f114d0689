package docker

import (
	"context"
	"maps"

	"github.com/moby/moby/client"
)

// network is the one that the executor's containers share.
type network struct {
	id      string // "none" where they have none
	subnets []string
}

// networkOptions keep containers from talking to each other.
func networkOptions() map[string]string {
	return map[string]string{"com.docker.network.bridge.enable_icc": "false"}
}

// openNetwork finds the executor's network, or makes it. One that is not what
// the options say any more is replaced, unless containers of an earlier life are
// still in it.
func (b *Backend) openNetwork(ctx context.Context) (*network, error) {
	if b.Options.Network == NetworkNone {
		return &network{id: "none"}, nil
	}
	internal := b.Options.Network == NetworkInternal
	found, err := b.engine.NetworkList(ctx, client.NetworkListOptions{Filters: b.own()})
	if err != nil {
		return nil, err
	}
	for _, n := range found.Items {
		if n.Internal != internal {
			if _, err := b.engine.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{}); err == nil {
				continue
			}
			b.Logger.Warn("the containers' network stays as it was, since containers of an earlier life are in it", "network", n.Name, "internal", n.Internal)
		}
		return b.inspectNetwork(ctx, n.ID)
	}
	made, err := b.engine.NetworkCreate(ctx, namePrefix+short(b.Root), client.NetworkCreateOptions{
		Driver: "bridge", Internal: internal, Options: networkOptions(), Labels: maps.Clone(b.labels()),
	})
	if err != nil {
		return nil, err
	}
	return b.inspectNetwork(ctx, made.ID)
}

func (b *Backend) inspectNetwork(ctx context.Context, id string) (*network, error) {
	got, err := b.engine.NetworkInspect(ctx, id, client.NetworkInspectOptions{})
	if err != nil {
		return nil, err
	}
	n := &network{id: id}
	for _, c := range got.Network.IPAM.Config {
		n.subnets = append(n.subnets, c.Subnet.String())
	}
	return n, nil
}

// closeNetwork removes the network, unless containers go on in it.
func (b *Backend) closeNetwork() {
	if b.network == nil || b.Options.Network == NetworkNone {
		return
	}
	ctx, cancel := timely(context.Background())
	defer cancel()
	if _, err := b.engine.NetworkRemove(ctx, b.network.id, client.NetworkRemoveOptions{}); err != nil {
		b.Logger.Debug("the containers' network stays", "error", err)
	}
}
