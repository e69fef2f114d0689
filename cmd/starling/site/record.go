package site

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"starling/api"
	"starling/api/auth"
	"starling/consensus"
	"starling/federation/fanout"
	"starling/federation/identity"
	"starling/node"
	"starling/node/cluster"
	"starling/node/config"
	"starling/node/store"
)

// record is the node's part of the record of history and accounts, and the
// federation that it shares it with.
type record struct {
	outbox *consensus.Outbox
	log    recordLog
	// cluster is nil for a node that is alone.
	cluster *cluster.Cluster
}

// recordLog is a consensus.Local, or a consensus.Raft.
type recordLog interface {
	node.Record
	Start(ctx context.Context)
	// Failed is closed when the record is broken for good.
	Failed() <-chan struct{}
}

// openRecord opens the outbox in the session store and the log that it goes to:
// the node's own, or the one that it shares with a federation.
func openRecord(ctx context.Context, o Options, sessions *store.Store, metrics prometheus.Registerer, stops *stack) (*record, error) {
	c := o.Config
	outbox, err := consensus.NewOutbox(sessions.DB(), consensus.OutboxOptions{Keep: c.Federation.Alone(), Now: o.Now})
	if err != nil {
		return nil, err
	}
	r := &record{outbox: outbox}
	if c.Federation.Alone() {
		err = r.openAlone(c, metrics, o.Log, stops)
	} else {
		err = r.openShared(ctx, o, metrics, stops)
	}
	if err != nil {
		return nil, err
	}
	r.log.Start(context.Background())
	return r, nil
}

func (r *record) openAlone(c config.Config, metrics prometheus.Registerer, log *slog.Logger, stops *stack) error {
	// Its own log would go on from the federation's, and never fit to it again.
	if _, err := os.Stat(filepath.Join(c.Data, consensus.LogFile)); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the node in %s belongs to a federation (there is a %s): start it with --gossip and --raft, or with another --data", c.Data, consensus.LogFile)
	}
	local, err := consensus.OpenLocal(consensus.Options{Node: c.Name, Dir: c.Data, Outbox: r.outbox, Log: log, Registerer: metrics})
	if err != nil {
		return err
	}
	r.log = local
	stops.push(local.Close)
	return nil
}

func (r *record) openShared(ctx context.Context, o Options, metrics prometheus.Registerer, stops *stack) (err error) {
	c := o.Config
	var key crypto.Signer
	if c.Dev {
		issuer, err := auth.LoadIssuer(c.Data)
		if err != nil {
			return err
		}
		key = issuer.Signer()
	}
	r.cluster, err = cluster.Open(ctx, cluster.Options{
		Name: identity.NodeName(c.Name), URL: c.URL, Version: o.Version, Dir: c.Data, Config: c.Federation,
		Outbox: r.outbox, Key: key, Log: o.Log, Metrics: metrics, Now: o.Now, Network: o.Network,
	})
	if err != nil {
		return wayOut(c, err)
	}
	r.log = r.cluster.Log()
	stops.push(r.cluster.Close)
	return nil
}

// wayOut adds to the error of a damaged file what helps a node whose record others
// have, too.
func wayOut(c config.Config, err error) error {
	if c.Federation.Alone() || !errors.Is(err, consensus.ErrCorrupt) {
		return err
	}
	return fmt.Errorf("%w; or have the record from the other nodes: `starling debug recover --rejoin --yes --data %s`, and start it again", err, c.Data)
}

// answerOthers tells the other nodes how this one is, and answers what they ask of the
// API on behalf of their users and tell the broker, until the node stops: then it waits for what is under
// way.
func (r *record) answerOthers(broker *node.Broker, server *api.Server, stops *stack) {
	if r.cluster == nil {
		return
	}
	r.cluster.Describe(broker.Digest)
	stop := r.cluster.ServeAPI(server.Peer(), fanout.Listener(broker))
	stops.push(func() error {
		patience, cancel := context.WithTimeout(context.Background(), Drain)
		defer cancel()
		server.EndStreams()
		return stop(patience)
	})
}

// handOver gives the lead of the record to another node, if this one has it, while it
// still answers: draining takes seconds, in which nobody could write else.
func (r *record) handOver() error {
	if r.cluster == nil {
		return nil
	}
	patience, cancel := context.WithTimeout(context.Background(), Drain)
	defer cancel()
	_ = r.cluster.Log().Resign(patience) // else the others find out by themselves
	return nil
}

// federation is the id of the federation, "" of a node that is alone.
func (r *record) federation() string {
	if r.cluster == nil {
		return ""
	}
	return r.cluster.Federation()
}

// left is closed when the node has left its federation; never for one that is
// alone.
func (r *record) left() <-chan struct{} {
	if r.cluster == nil {
		return nil
	}
	return r.cluster.Left()
}
