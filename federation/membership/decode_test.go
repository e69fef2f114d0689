package membership

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var someone = Self{Name: "a", Federation: fed, Server: "a-1", Raft: "a.example.org:7000", URL: "https://a.example.org/starling", CommandVersion: 3, Version: "1.0"}

func TestWhatANodeSaysOfItselfIsReadAsItWasSaid(t *testing.T) {
	meta, err := someone.encode("gossip.example.org:7946")
	require.NoError(t, err)
	self, gossip, err := decodeSelf("a", meta)
	require.NoError(t, err)
	assert.Equal(t, someone, self)
	assert.Equal(t, "gossip.example.org:7946", gossip)

	_, _, err = decodeSelf("a", append(meta, "what a later version adds"...))
	assert.NoError(t, err)
	for n := range meta {
		_, _, err := decodeSelf("a", meta[:n])
		assert.Error(t, err, "cut after %d bytes", n)
	}
}

func TestWhatANodeMustNotSayOfItself(t *testing.T) {
	for name, change := range map[string]func(*Self){
		"name":                 func(s *Self) { s.Name = "A" },
		"no federation":        func(s *Self) { s.Federation = "" },
		"long federation":      func(s *Self) { s.Federation = strings.Repeat("f", mostFederation+1) },
		"federation of blanks": func(s *Self) { s.Federation = "a b" },
		"server with newline":  func(s *Self) { s.Server = "a\nlevel=ERROR" },
		"long server":          func(s *Self) { s.Server = strings.Repeat("s", mostServer+1) },
		"raft without port":    func(s *Self) { s.Raft = "10.0.0.1" },
		"raft port 0":          func(s *Self) { s.Raft = "10.0.0.1:0" },
		"raft port too large":  func(s *Self) { s.Raft = "10.0.0.1:65536" },
		"raft wildcard":        func(s *Self) { s.Raft = "[::]:1" },
		"raft mapped wildcard": func(s *Self) { s.Raft = "[::ffff:0.0.0.0]:1" },
		"raft multicast":       func(s *Self) { s.Raft = "224.0.0.1:1" },
		"raft without host":    func(s *Self) { s.Raft = ":7000" },
		"raft of no name":      func(s *Self) { s.Raft = "a b:7000" },
		"raft with path":       func(s *Self) { s.Raft = "a/../b:7000" },
		"long raft":            func(s *Self) { s.Raft = strings.Repeat("a.", 70) + "a:1" },
		"URL without scheme":   func(s *Self) { s.URL = "a.example.org" },
		"URL of another kind":  func(s *Self) { s.URL = "file:///etc/passwd" },
		"URL with a password":  func(s *Self) { s.URL = "https://u:p@a.example.org" },
		"URL with a query":     func(s *Self) { s.URL = "https://a.example.org/?x" },
		"URL without host":     func(s *Self) { s.URL = "https:///x" },
		"long URL":             func(s *Self) { s.URL = "https://" + strings.Repeat("a", mostURL) },
		"command version 0":    func(s *Self) { s.CommandVersion = 0 },
		"command version":      func(s *Self) { s.CommandVersion = mostCommand + 1 },
		"long version":         func(s *Self) { s.Version = strings.Repeat("v", mostVersion+1) },
	} {
		s := someone
		change(&s)
		meta, err := s.encode("")
		require.NoError(t, err, name)
		_, _, err = decodeSelf(s.Name, meta)
		assert.Error(t, err, name)
	}
}

func TestSelfMustFit(t *testing.T) {
	s := someone
	s.Federation, s.Server, s.URL = strings.Repeat("f", mostFederation), strings.Repeat("s", mostServer), "https://"+strings.Repeat("u", mostURL-8)
	s.Raft, s.Version = strings.Repeat("a.", 60)+"a:1", strings.Repeat("v", mostVersion)
	require.NoError(t, s.Validate())
	_, err := s.encode("")
	assert.ErrorContains(t, err, "shorten its URL")
}

func TestRecordsAreReadAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := drawNews(t)
		n.start, n.sequence = rapid.Uint64Range(0, mostStart).Draw(t, "start"), rapid.Uint64Range(0, mostSequence).Draw(t, "sequence")
		n.note = rapid.SliceOfN(rapid.Byte(), 0, MaxNote).Draw(t, "note")
		again, err := decodeNews(n.append(nil))
		require.NoError(t, err)
		require.Zero(t, n.compare(again.record))
		require.Equal(t, n.name, again.name)
		require.Equal(t, n.age, again.age)
	})
}

func TestRecordsAreBounded(t *testing.T) {
	for name, n := range map[string]news{
		"note":     {name: "a", record: record{note: make([]byte, MaxNote+1)}},
		"start":    {name: "a", record: record{start: mostStart + 1}},
		"sequence": {name: "a", record: record{sequence: mostSequence + 1}},
		"name":     {name: "A"},
	} {
		_, err := decodeNews(n.append(nil))
		assert.Error(t, err, name)
	}
	_, err := decodeState(encodeState(make([]news, mostRecords+1)))
	assert.Error(t, err)
}

func FuzzDecodeSelf(f *testing.F) {
	meta, err := someone.encode("")
	require.NoError(f, err)
	f.Add(meta)
	f.Add([]byte{selfLayout})
	f.Fuzz(func(t *testing.T, meta []byte) {
		self, gossip, err := decodeSelf("a", meta)
		if err != nil {
			return
		}
		require.NoError(t, self.Validate())
		again, err := self.encode(gossip)
		require.NoError(t, err)
		same, _, err := decodeSelf("a", again)
		require.NoError(t, err)
		assert.Equal(t, self, same)
	})
}

func FuzzDecodeNews(f *testing.F) {
	f.Add(news{name: "a", record: record{start: 1, sequence: 2, note: []byte("note")}}.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := decodeNews(b)
		if err != nil {
			return
		}
		require.LessOrEqual(t, len(n.note), MaxNote)
		again, err := decodeNews(n.append(nil))
		require.NoError(t, err)
		require.Zero(t, n.compare(again.record))
	})
}

func FuzzDecodeState(f *testing.F) {
	one := news{name: "a", record: record{start: 1, sequence: 2, note: []byte("note")}}
	f.Add(encodeState([]news{one, one}))
	f.Add(encodeState(nil))
	f.Add([]byte{recordLayout, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := decodeState(b)
		if err != nil {
			return
		}
		require.LessOrEqual(t, len(all), mostRecords)
		again, err := decodeState(encodeState(all))
		require.NoError(t, err)
		require.Len(t, again, len(all))
	})
}

func FuzzLabel(f *testing.F) {
	f.Add(labelOf(fed))
	f.Add(labelOf(""))
	f.Add([]byte{labelMark, 3, 'a'})
	f.Fuzz(func(t *testing.T, b []byte) {
		packet, _, errPacket := unlabel(b)
		stream, errStream := readLabel(io.MultiReader(bytes.NewReader(b)))
		if errStream == nil {
			require.NoError(t, errPacket)
			require.Equal(t, packet, stream)
		}
	})
}

func FuzzDecodePeers(f *testing.F) {
	f.Add([]byte(`{"layout":1,"federation":"f-1","start":1,"peers":[{"name":"a","server":"a-1","gossip":"127.0.0.1:1","raft":"127.0.0.1:2","url":"http://x","commandVersion":1,"seen":"2026-01-01T00:00:00Z"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		known, err := decodePeers(b)
		if err != nil {
			return
		}
		again, err := json.Marshal(known)
		require.NoError(t, err)
		_, err = decodePeers(again)
		require.NoError(t, err)
	})
}

// A damaged file keeps no node away: it is put aside, and what it knew is found
// out again.
func TestADamagedFileOfPeersIsPutAside(t *testing.T) {
	for name, text := range map[string]string{
		"cut short":      `{"layout":1,"federation":"f-1","peers":[{"name":"b"`,
		"empty":          ``,
		"later layout":   `{"layout":2,"federation":"f-1"}`,
		"no federation":  `{"layout":1}`,
		"impossible":     `{"layout":1,"federation":"f-1","peers":[{"name":"../b"}]}`,
		"far too large":  strings.Repeat(" ", mostPeersFile+1),
		"a later start":  `{"layout":1,"federation":"f-1","start":18446744073709551615}`,
		"not even JSON":  "\x00\x01",
		"strange clocks": `{"layout":1,"federation":"f-1","peers":[{"name":"b","seen":"yesterday"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			o := w.options("a")
			require.NoError(t, os.WriteFile(o.File, []byte(text), 0o600))
			a := w.start(o)
			assert.Empty(t, a.Remembered())
			aside, err := os.ReadFile(o.File + ".damaged")
			require.NoError(t, err)
			assert.Equal(t, text, string(aside))
			require.NoError(t, a.Close())
			_, err = readPeers(o.File)
			assert.NoError(t, err, "a new one was written")
		})
	}
}

func TestWhetherANodeBelongedIsKnownWithoutStartingIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "peers.json")
	assert.Empty(t, Belongs(path), "no file")
	for text, want := range map[string]string{
		`{`:                               "",
		`{"layout":1,"federation":"f-1"}`: "", // it never met anybody
		`{"layout":1,"federation":"f-1","peers":[{"name":"b","server":"b-1","gossip":"127.0.0.1:1","raft":"127.0.0.1:2","url":"http://x","commandVersion":1}]}`: fed,
	} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		assert.Equal(t, want, Belongs(path), text)
	}
}

// Each life of a node begins above the one before, whatever the clock says.
func TestAStartIsAboveTheLast(t *testing.T) {
	w := newWorld(t)
	o := w.options("a")
	const last = 1 << 50
	require.NoError(t, os.WriteFile(o.File, fmt.Appendf(nil, `{"layout":1,"federation":"f-1","start":%d}`, last), 0o600))
	m, err := prepare(o)
	require.NoError(t, err)
	assert.Equal(t, uint64(last+1), m.voice.start)
}

func TestTheFileOfAnotherFederationIsNotUsed(t *testing.T) {
	w := newWorld(t)
	o := w.options("a")
	require.NoError(t, os.WriteFile(o.File, []byte(`{"layout":1,"federation":"f-2","start":1,"peers":[{"name":"b","server":"b-1","gossip":"127.0.0.1:1","raft":"127.0.0.1:2","url":"http://x","commandVersion":1,"seen":"2026-01-01T00:00:00Z"}]}`), 0o600))
	a := w.start(o)
	assert.Equal(t, fed, a.Federation())
	assert.Empty(t, a.Remembered())
}

func TestTheFileIsPrivateAndHasNoRemainsBesideIt(t *testing.T) {
	w := newWorld(t)
	all := w.federation(2)
	for _, m := range all {
		require.NoError(t, m.Close())
	}
	entries, err := os.ReadDir(w.dir)
	require.NoError(t, err)
	require.Len(t, entries, 2)
	info, err := os.Stat(filepath.Join(w.dir, "n0.json"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	known, err := readPeers(filepath.Join(w.dir, "n0.json"))
	require.NoError(t, err)
	require.Len(t, known.Peers, 1)
	assert.Equal(t, "n1", known.Peers[0].Name)
	assert.WithinDuration(t, time.Now(), known.Peers[0].Seen, patience)
}
