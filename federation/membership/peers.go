package membership

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// peersLayout is the layout of the file of peers, mostPeersFile its largest size.
const (
	peersLayout   = 1
	mostPeersFile = 4 << 20
)

// peers is what must be known after a restart.
type peers struct {
	Layout     int    `json:"layout"`
	Federation string `json:"federation"`
	// Start is this process's number; the next begins above it, whatever the
	// clock says by then.
	Start uint64 `json:"start"`
	// Advertised is where others reached this node.
	Advertised string `json:"advertised,omitempty"`
	Peers      []peer `json:"peers"`
}

type peer struct {
	Name           string    `json:"name"`
	Server         string    `json:"server"`
	Gossip         string    `json:"gossip"`
	Raft           string    `json:"raft"`
	URL            string    `json:"url"`
	CommandVersion int       `json:"commandVersion"`
	Version        string    `json:"version,omitempty"`
	Seen           time.Time `json:"seen"`
	Left           bool      `json:"left,omitempty"`

	federation string
}

func (p peer) self() Self {
	return Self{Name: p.Name, Federation: p.federation, Server: p.Server, Raft: p.Raft, URL: p.URL, CommandVersion: p.CommandVersion, Version: p.Version}
}

// recall reads the file. What it holds can be found out again, and no node may
// stay away because of it: a damaged one is put aside and the node begins
// without. Then others have to find it, or it is told whom to join.
func (m *Membership) recall() {
	m.voice.start = uint64(max(1, m.now().UnixMilli()))
	if m.file == "" {
		return
	}
	known, err := readPeers(m.file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return
	case err != nil:
		aside := m.file + ".damaged"
		if moved := os.Rename(m.file, aside); moved != nil {
			aside = m.file
		}
		m.log.Warn("the file of peers is no good, and is put aside: this node knows nobody but those it is told to join", "file", aside, "reason", err)
		return
	}
	m.voice.start = max(m.voice.start, known.Start+1)
	switch m.self.Federation {
	case known.Federation:
	case "":
		m.self.Federation = known.Federation
	default:
		m.log.Warn("the file of peers is of another federation, and is not used", "file", m.file, "theirs", known.Federation, "ours", m.self.Federation)
		return
	}
	m.before = known.Advertised
	for _, p := range known.Peers {
		m.roster.remember(p, m.now())
	}
}

// Belongs is the federation of whose nodes a file of peers tells; "" if it tells of
// none, is damaged or isn't there.
func Belongs(file string) (federation string) {
	if known, err := readPeers(file); err == nil && len(known.Peers) > 0 {
		federation = known.Federation
	}
	return federation
}

// readPeers reads and checks the file.
func readPeers(path string) (peers, error) {
	file, err := os.Open(path)
	if err != nil {
		return peers{}, err
	}
	defer func() { _ = file.Close() }()
	b, err := io.ReadAll(io.LimitReader(file, mostPeersFile+1))
	if err != nil {
		return peers{}, err
	}
	return decodePeers(b)
}

func decodePeers(b []byte) (known peers, err error) {
	if len(b) > mostPeersFile {
		return peers{}, fmt.Errorf("it has more than %d bytes", mostPeersFile)
	}
	if err := json.Unmarshal(b, &known); err != nil {
		return peers{}, err
	}
	switch {
	case known.Layout != peersLayout:
		return peers{}, fmt.Errorf("its layout is %d, this node knows %d", known.Layout, peersLayout)
	case known.Federation == "":
		return peers{}, errors.New("it names no federation")
	case word(known.Federation, mostFederation, false) != nil:
		return peers{}, errors.New("its federation is no id")
	case known.Advertised != "" && hostPort(known.Advertised) != nil:
		return peers{}, errors.New("its own address is none")
	case known.Start > mostStart:
		return peers{}, fmt.Errorf("a start of %d", known.Start)
	case len(known.Peers) > mostMembers:
		return peers{}, fmt.Errorf("%d peers: at most %d are allowed", len(known.Peers), mostMembers)
	}
	for i := range known.Peers {
		p := &known.Peers[i]
		p.federation = known.Federation
		if err := errors.Join(p.self().Validate(), wrap("gossip address", hostPort(p.Gossip))); err != nil {
			return peers{}, fmt.Errorf("peer %.63q: %w", p.Name, err)
		}
	}
	return known, nil
}

// save has the file written soon.
func (m *Membership) save() { signal(m.saveNow) }

// remember writes the file when there is something new to remember, and when the
// node ends.
func (m *Membership) remember() {
	for {
		select {
		case <-m.saveNow:
		case <-m.closing.Done():
			m.write()
			return
		}
		m.write()
		select {
		case <-time.After(m.profile.Save):
		case <-m.closing.Done():
			m.write()
			return
		}
	}
}

// write writes the file, so that there is always a whole one.
func (m *Membership) write() {
	if m.file == "" {
		return
	}
	m.mu.Lock()
	known := peers{Layout: peersLayout, Federation: m.Federation(), Start: m.voice.start, Advertised: m.Addr(), Peers: m.roster.peers(m.now())}
	m.mu.Unlock()
	b, err := json.MarshalIndent(known, "", "  ")
	if err == nil {
		err = replace(m.file, append(b, '\n'))
	}
	if err != nil && m.complaints.fresh("file of peers", err.Error()) {
		m.log.Warn("peers can't be remembered", "file", m.file, "reason", err)
	}
}

// peers is the roster as the file has it.
func (r *roster) peers(now time.Time) []peer {
	all := []peer{}
	for _, m := range r.members(now, true) {
		if m.Name != r.own && m.Gossip != "" {
			all = append(all, peer{
				Name: m.Name, Server: m.Server, Gossip: m.Gossip, Raft: m.Raft, URL: m.URL, CommandVersion: m.CommandVersion,
				Version: m.Version, Seen: m.Seen.UTC().Truncate(time.Second), Left: m.State == Left,
			})
		}
	}
	slices.SortFunc(all, func(a, b peer) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// replace writes a file beside the old one and puts it in its place.
func replace(path string, b []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = file.Write(b)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
