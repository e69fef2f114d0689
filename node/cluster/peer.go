package cluster

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"starling/consensus"
	"starling/federation/fanout"
	"starling/federation/line"
	"starling/federation/membership"
)

// logPath is where nodes bring what they ask of each other's part of the log.
const logPath = "/peer/log"

// handler answers other nodes. Who they are, the port has found out.
func (c *Cluster) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+logPath, func(w http.ResponseWriter, r *http.Request) {
		request, err := io.ReadAll(http.MaxBytesReader(w, r.Body, consensus.RequestBytes))
		if err != nil {
			http.Error(w, "the request can't be read: "+err.Error(), http.StatusBadRequest)
			return
		}
		if line.Newcomer(r.Context()) && !consensus.ForNewcomers(request) {
			http.Error(w, "a node that belongs to no federation may only ask to join", http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(c.log.Answer(r.Context(), line.PeerOf(r.Context()), request)) // the asker will ask again
	})
	mux.HandleFunc("GET "+slowPath, c.showSlow)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == fanout.TellPath || strings.HasPrefix(r.URL.Path, APIPath+"/") { // which has paths that a mux would tidy up
			c.guests.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// find is where a node's port is: as gossip says, or else the log of one that
// isn't heard of. Who is there, the port finds out.
func (c *Cluster) find(node string) (address string, known bool) {
	if gossip := c.gossip.Load(); gossip != nil {
		for _, m := range gossip.Members() {
			if m.Name == node && m.State == membership.Alive {
				return m.Raft, true
			}
		}
	}
	if log := c.record.Load(); log != nil {
		for _, s := range log.Servers() {
			if s.Node == node {
				return s.Address, true
			}
		}
	}
	return "", false
}

// forwarder carries the log's requests between nodes.
type forwarder struct{ http *http.Client }

// mostAnswer bounds an answer, in bytes: a code, a number, and words why not.
const mostAnswer = 64 << 10

// Forward is described at consensus.Forwarder.
func (f forwarder) Forward(ctx context.Context, node string, request []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+node+logPath, bytes.NewReader(request))
	if err != nil {
		return nil, err
	}
	answer, err := f.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, mostAnswer))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", node, err)
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s: %.200s", node, answer.Status, body)
	}
	return body, nil
}
