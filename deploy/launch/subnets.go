package launch

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"

	"github.com/moby/moby/client"
)

// subnets are the networks of one cluster: 16 of 64 addresses each, beside each other.
// The engine's own pools have room for some 30 networks on a machine, which is four
// clusters; and in 10.64.0.0/10 nobody is likely to be but other clusters.
type subnets struct{ first netip.Addr }

const (
	clusterBits = 22 // of a cluster
	networkBits = 26 // of one of its networks
)

// of is the i-th of them.
func (s subnets) of(i int) string {
	four := s.first.As4()
	binary.BigEndian.PutUint32(four[:], binary.BigEndian.Uint32(four[:])+uint32(i)<<(32-networkBits))
	return netip.PrefixFrom(netip.AddrFrom4(four), networkBits).String()
}

// chooseSubnets finds addresses that nobody on this machine has. It is done once.
func (c *Cluster) chooseSubnets(ctx context.Context) error {
	if most := 1 << (networkBits - clusterBits); len(c.networks()) > most {
		return fmt.Errorf("a cluster has %d networks at most, not %d", most, len(c.networks()))
	}
	if c.subnets.first.IsValid() {
		return nil
	}
	taken, err := c.taken(ctx)
	if err != nil {
		return err
	}
	for range 1000 {
		block := rand.Uint32N(1 << (clusterBits - 10))
		var four [4]byte
		binary.BigEndian.PutUint32(four[:], 10<<24|64<<16|block<<(32-clusterBits))
		prefix := netip.PrefixFrom(netip.AddrFrom4(four), clusterBits)
		if !slices.ContainsFunc(taken, prefix.Overlaps) {
			c.subnets.first = prefix.Addr()
			return nil
		}
	}
	return errors.New("all networks of 10.64.0.0/10 are taken on this machine: remove clusters that nobody needs")
}

// taken are the networks of this machine and of its engine.
func (c *Cluster) taken(ctx context.Context) ([]netip.Prefix, error) {
	var all []netip.Prefix
	found, err := c.engine.NetworkList(ctx, client.NetworkListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list the engine's networks: %w", err)
	}
	for _, n := range found.Items {
		for _, config := range n.IPAM.Config {
			all = append(all, config.Subnet)
		}
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	for _, a := range addresses {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			all = append(all, prefix)
		}
	}
	return all, nil
}
