// Package wan makes a wide-area network of a bridge: it loses, refuses and delays what
// goes from one container to another, in one direction or both, by address and by
// protocol.
//
// The kernel need have no netem. Rules stand in the network namespace of the container
// that receives, where its process doesn't see them and its sender isn't told: a packet
// that is lost has been sent. A rule looks at single packets and knows nothing of
// connections, so open ones are cut like new ones, and hang as they do when a cable is
// cut. Loss is iptables' statistic match. For a delay the kernel hands the packet's
// number to us (NFQUEUE), and we tell it later to deliver it; its order on the way from
// one end to the other is kept, whatever the jitter, as on one line.
//
// All of a namespace's rules are in one chain, so that they are imposed, and cleared,
// at once. Nothing of it survives the namespace, which ends with the container. If we
// die, what was delayed flows freely, and Sweep clears the rest.
//
// It needs root, iptables (legacy or nftables) and nsenter.
package wan
