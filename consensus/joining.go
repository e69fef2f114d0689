package consensus

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/hashicorp/raft"

	"starling/accounting"
)

// A Candidate is a node that asks to be let in, as it says of itself. Its name is
// certain.
type Candidate struct {
	Server         Server
	Federation     string    // that its record is of; "" if of none
	Clock          time.Time // as the request was sent
	CommandVersion int       // the newest that it understands
}

// The longest name, id and address of a server, in bytes.
const (
	nameBytes    = 63
	addressBytes = 255
)

// Joined reports whether this node is a member of the log and hears its leader.
func (r *Raft) Joined() bool {
	_, leader := r.raft.LeaderWithID()
	if leader == "" {
		return false
	}
	return slices.ContainsFunc(r.Servers(), func(s Server) bool { return s.ID == r.id })
}

// Join asks nodes, one after the other, to have this one let into the log, as a
// replica at first; one that has Joined asks for nothing. ErrRefused tells why the leader won't have it; anything else is worth
// another call, after a while. A member that hears no leader may have been taken
// out while it was down: it should call Join, too.
func (r *Raft) Join(ctx context.Context, nodes []string) error {
	if r.Joined() {
		return nil
	}
	request := Candidate{
		Server: Server{ID: r.id, Node: r.node, Address: r.address()}, Federation: r.state.whose().lineage(),
		Clock: r.now(), CommandVersion: accounting.Version,
	}.encode()
	errs := []error{errors.New("no node that was asked could let this one into the log")}
	for _, node := range nodes {
		if node == r.node {
			continue
		}
		err := r.askToJoin(ctx, node, request)
		if err == nil || errors.Is(err, ErrRefused) {
			return err
		}
		errs = append(errs, fmt.Errorf("ask %s: %w", node, err))
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

func (r *Raft) askToJoin(ctx context.Context, node string, request []byte) error {
	ctx, cancel := context.WithTimeout(ctx, r.timing.Request)
	defer cancel()
	data, err := r.forwarder.Forward(ctx, node, request)
	if err == nil {
		_, err = readAnswer(data, group{})
	}
	return err
}

func (c Candidate) encode() []byte {
	data := appendBytes([]byte{askJoin}, []byte(c.Server.ID))
	data = appendBytes(data, []byte(c.Server.Address))
	data = appendBytes(data, []byte(c.Federation))
	data = binary.AppendUvarint(data, uint64(max(0, c.Clock.UnixMilli())))
	return binary.AppendUvarint(data, uint64(c.CommandVersion))
}

func readCandidate(data []byte) (c Candidate, err error) {
	r := reader{data: data}
	c.Server.ID, c.Server.Address, c.Federation = string(r.bytes()), string(r.bytes()), string(r.bytes())
	clock, version := r.number(), r.number()
	c.Server.Node, c.Clock, c.CommandVersion = NodeOf(c.Server.ID), time.UnixMilli(int64(clock)), int(version)
	if r.short || len(r.data) > 0 || clock > 1<<60 || version > 1<<30 {
		return Candidate{}, errors.New("no candidate")
	}
	return c, nil
}

// admit lets a node into the log, as the leader or not at all. One that is there
// keeps its vote; another server takes the place of the one that the node was before.
func (r *Raft) admit(ctx context.Context, from string, c Candidate) error {
	if err := r.presentable(from, c); err != nil {
		return err
	}
	if r.raft.State() != raft.Leader {
		return ErrNotLeader
	}
	if r.admits != nil {
		if err := r.admits(c); err != nil {
			return refuse("%s", err)
		}
	}
	return r.exclusively(ctx, func() error {
		if slices.ContainsFunc(r.Servers(), func(s Server) bool { return s.ID == c.Server.ID }) {
			return nil
		}
		r.log.Info("a node is let into the log", "server", c.Server.ID, "address", c.Server.Address)
		return r.AddReplica(ctx, c.Server)
	})
}

// presentable refuses what no member can be.
func (r *Raft) presentable(from string, c Candidate) error {
	own := r.state.whose().lineage()
	switch {
	case c.Server.Node == "" || c.Server.Node == c.Server.ID || len(c.Server.Node) > nameBytes || !simple(c.Server.ID):
		return refuse("%.80q is no server", c.Server.ID)
	case c.Server.Node != from:
		return refuse("%s can't join for %s", from, c.Server.Node)
	case !simple(c.Server.Address) || len(c.Server.Address) > addressBytes:
		return refuse("%.80q is no address", c.Server.Address)
	case c.Federation != "" && own != "" && c.Federation != own && sameFederation(c.Federation, own):
		return refuse("the node's record is of %.80q, a majority of which was given up; starling debug recover --rejoin there lets it join anew as one of %s", c.Federation, own)
	case c.Federation != "" && own != "" && c.Federation != own:
		return refuse("this is federation %s, and the node's record is of %.80q; let it begin with an empty data directory", own, c.Federation)
	case c.CommandVersion < r.version():
		return refuse("the federation speaks version %d of the commands, the node only version %d; install a newer program there", r.version(), c.CommandVersion)
	}
	return nil
}

// simple is what names and addresses are made of.
func simple(text string) bool {
	return text != "" && len(text) <= nameBytes+addressBytes && !strings.ContainsFunc(text, func(c rune) bool {
		return c == '@' || c > unicode.MaxASCII || !unicode.IsGraphic(c) || c == ' '
	})
}

// exclusively has the members changed by one at a time.
func (r *Raft) exclusively(ctx context.Context, change func() error) error {
	select {
	case r.changing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-r.changing }()
	return change()
}
