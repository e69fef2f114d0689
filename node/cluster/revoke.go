package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"starling/accounting"
	"starling/federation/membership"
)

// Revoked is the state of a node whose certificate was revoked: nobody speaks to it.
const Revoked = "revoked"

// A Revocation says that certificates of a node are good for nothing any more.
type Revocation struct {
	Node string `json:"node"`
	// Fingerprint is that of one certificate; empty: all that the node has shown to
	// this one.
	Fingerprint string `json:"fingerprint,omitempty"`
	Reason      string `json:"reason,omitempty"`
}

// An Exclusion is what came of a revocation.
type Exclusion struct {
	Revocations []accounting.RevokeCertificate `json:"revocations"`
	// Removed reports whether the node is out of the replicated log, where it could
	// vote.
	Removed bool `json:"removed"`
	// Messages say what is still to be done.
	Messages []string `json:"messages,omitempty"`
}

// barred are the certificates that are revoked, by fingerprint. It is never changed.
type barred map[string]accounting.RevokeCertificate

// look takes the revocations from the record, whenever that has others: before this
// node speaks to anybody, and then before anybody hears that it has applied one.
func (c *Cluster) look(view accounting.View) {
	c.barring.Lock()
	defer c.barring.Unlock()
	if accounting.CountRevocations(view) == c.recorded {
		return
	}
	list, err := accounting.Revocations(view)
	if err != nil {
		c.slog.Error("the record's revocations can't be read; those known before still hold", "error", err)
		return
	}
	c.recorded = len(list)
	c.bar(list...)
}

// bar keeps certificates out from now on, and ends their connections. The caller
// holds c.barring.
func (c *Cluster) bar(list ...accounting.RevokeCertificate) {
	next := barred{}
	if before := c.barred.Load(); before != nil {
		maps.Copy(next, *before) // what this node was told itself may not be in the record yet
	}
	for _, r := range list {
		if _, known := next[string(r.Fingerprint)]; !known {
			c.slog.Warn("a node's certificate is revoked", "node", r.Node, "certificate", r.Fingerprint, "by", r.By, "reason", r.Reason)
		}
		next[string(r.Fingerprint)] = r
	}
	c.barred.Store(&next)
	c.port.Sever()
	signal(c.lookNow)
}

// why is why a certificate is good for nothing any more. Another node shows it to its
// operator.
func (c *Cluster) why(fingerprint string) (why string, is bool) {
	r, is := (*c.barred.Load())[fingerprint]
	if !is {
		return "", false
	}
	why = fmt.Sprintf("%s's certificate (%.16s...) was revoked on %s; with another, which starling keygen node makes, it is welcome",
		r.Node, r.Fingerprint, r.Time.Time().Format(time.DateOnly))
	if r.Reason != "" {
		why += ". Reason: " + r.Reason
	}
	return why, true
}

// Revocations are all certificates that are revoked, by node and time.
func (c *Cluster) Revocations() []accounting.RevokeCertificate {
	list := slices.AppendSeq([]accounting.RevokeCertificate{}, maps.Values(*c.barred.Load()))
	slices.SortFunc(list, func(a, b accounting.RevokeCertificate) int {
		return strings.Compare(fmt.Sprint(a.Node, "\x00", a.Time, a.Fingerprint), fmt.Sprint(b.Node, "\x00", b.Time, b.Fingerprint))
	})
	return list
}

// isOut reports whether a node is out: as the line knows it by its certificate, or
// else by what the node says that it has.
func (c *Cluster) isOut(node, announced string) bool {
	if shown := c.port.Certificates(node); announced == "" && len(shown) > 0 {
		announced = shown[len(shown)-1]
	}
	for fingerprint, r := range *c.barred.Load() {
		if string(r.Node) == node && (announced == "" || strings.HasPrefix(fingerprint, announced)) {
			return true
		}
	}
	return false
}

// Revoke keeps a node's certificate out at every node that applies the record, which
// the function record writes and waits for; here at once, should the record not get
// on. (Not before: the node may be the one that leads the record.) A node that is cut
// off hears of it when it is back; until then it believes the certificate. Where the
// others have a majority without the node, it is taken out of the log, too.
func (c *Cluster) Revoke(ctx context.Context, r Revocation, by string, record func(context.Context, accounting.RevokeCertificate) error) (Exclusion, error) {
	fingerprints, err := c.meant(ctx, r)
	if err != nil {
		return Exclusion{}, err
	}
	var out Exclusion
	for _, fingerprint := range fingerprints {
		one := accounting.RevokeCertificate{
			Fingerprint: accounting.Fingerprint(fingerprint), Node: accounting.NodeName(r.Node), Reason: r.Reason,
			By: accounting.OwnerID(by), Time: accounting.At(c.now()),
		}
		if err := one.Validate(); err != nil {
			return Exclusion{}, fmt.Errorf("%w: %w", ErrRefused, err)
		}
		out.Revocations = append(out.Revocations, one)
	}
	out.Messages = []string{fmt.Sprintf("%s has the key of gossip still: exchange that, too (starling nodes keys)", r.Node)}
	for _, one := range out.Revocations {
		if err := record(ctx, one); err != nil {
			c.barring.Lock()
			c.bar(out.Revocations...)
			c.barring.Unlock()
			out.Messages = append(out.Messages, fmt.Sprintf("%s refuses the certificate from now on, the others once they have that on record: %s. "+
				"If %s leads the record itself and keeps it back, revoke it at the other voters as well", c.name, err, r.Node))
			return out, nil
		}
	}
	if err := c.dismiss(ctx, r.Node); err != nil {
		out.Messages = append(out.Messages, fmt.Sprintf("nobody speaks to %s any more, but it is still counted in the log: %s. When that is mended: starling nodes remove %s", r.Node, err, r.Node))
		return out, nil
	}
	out.Removed = true
	return out, nil
}

// dismiss takes a node out of the log, if it is there.
func (c *Cluster) dismiss(ctx context.Context, node string) error {
	if !c.inLog(node) {
		return nil
	}
	tries := 0
	patience, cancel := context.WithTimeout(ctx, departurePatience)
	defer cancel()
	for {
		err := explained(c.log.Expel(patience, node))
		if !errors.Is(err, ErrRefused) || !c.pause(patience, dismissPause) {
			return err
		}
		// The leader may have committed the revocation and not applied it yet: to it
		// the node is alive. That passes; another reason doesn't.
		if tries++; tries == dismissTries {
			return err
		}
	}
}

// How often, and in which pauses, a leader that refuses is asked again.
const (
	dismissTries = 5
	dismissPause = 300 * time.Millisecond
)

func (c *Cluster) inLog(node string) bool {
	for _, s := range c.log.Servers() {
		if s.Node == node {
			return true
		}
	}
	return false
}

// meant are the certificates that are to be revoked. Without one that is named, they
// are those that the node has shown, and it is asked to show what it has now: what
// others say of it would be no proof.
func (c *Cluster) meant(ctx context.Context, r Revocation) ([]string, error) {
	switch {
	case c.credentials == nil:
		return nil, fmt.Errorf("%w: the nodes of this federation have no certificates (--dev)", ErrRefused)
	case r.Node == c.name, r.Fingerprint == c.credentials.Fingerprint():
		return nil, fmt.Errorf("%w: that is %s itself, which would be the first to be cut off; ask another node (--node URL)", ErrRefused, c.name)
	case r.Fingerprint != "":
		return []string{r.Fingerprint}, nil
	}
	if address, known := c.find(r.Node); known {
		c.port.Meet(ctx, r.Node, address)
	}
	var fresh []string
	shown := c.port.Certificates(r.Node)
	for _, fingerprint := range shown {
		if _, known := (*c.barred.Load())[fingerprint]; !known {
			fresh = append(fresh, fingerprint)
		}
	}
	switch {
	case len(shown) == 0:
		return nil, fmt.Errorf("%w: %s has shown no certificate to %s since that was started; name it by its file (--certificate) or its SHA-256 (--fingerprint)", ErrUnknown, r.Node, c.name)
	case len(fresh) == 0:
		return nil, fmt.Errorf("%w: every certificate that %s has shown is revoked already (starling nodes revoked)", ErrRefused, r.Node)
	}
	return fresh, nil
}

// disgrace is that this node's own certificate is revoked; nil if it isn't, as far as
// anybody has said.
func (c *Cluster) disgrace() error {
	if c.credentials != nil {
		if why, is := c.why(c.credentials.Fingerprint()); is {
			return errors.New("no other node speaks to this one: " + why)
		}
	}
	if err := c.port.Shunned(); err != nil {
		return fmt.Errorf("no other node speaks to this one: %w", err)
	}
	return nil
}

// there reports whether a member is one to speak to.
func (c *Cluster) there(m membership.Member) bool {
	if m.State != membership.Alive {
		return false
	}
	said, _ := readNote(m.Note)
	return !c.isOut(m.Name, said.Certificate)
}
