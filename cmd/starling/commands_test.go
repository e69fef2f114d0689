package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
	"starling/api/ivoa"
	"starling/cmd/starling/internal/client"
	"starling/node"
)

func TestOffersAreATable(t *testing.T) {
	n := newFakeNode(t).offering()
	got := starling(t, n.URL, "offers", "--cores", "2:8", "--", "echo", "-n", "hello")
	assert.Equal(t, 0, got.status, got.err)
	assert.Equal(t, `
2 offers, good until 12:05:00 (in 5m)
#  SITE  STARTS    FOR  CORES  MEMORY        COST
1  dev   in 12 s   10m      2   4 GiB  0.0312 EUR
   019a0000-0000-8000-8000-000000000001
   earliest: it starts at once
2  dev   22:00:00  10m      8  16 GiB    0.02 EUR
   019a0000-0000-8000-8000-000000000002
   cheaper later: prices fall at 22:00
`[1:], got.out)
	assert.Equal(t, "take the best with `starling accept "+setID+"`\ngive them back with `starling reject "+setID+"`\n", got.err)
	require.Len(t, n.asked, 1)
	assert.Contains(t, n.asked[0], "application/yaml\n")
	assert.Contains(t, n.asked[0], `- "-n"`)
}

// That nothing would really run is said before anybody accepts it.
func TestAnOffersWarningStandsBelowIt(t *testing.T) {
	n := newFakeNode(t).offering()
	n.answer.Offers[1].AddMessages(ivoa.NewMessage(noon, ivoa.LevelWarn, "urn:test", "{site} would simulate this", "site", "dev"))
	got := starling(t, n.URL, "offers", "--", "true")
	assert.Equal(t, 0, got.status, got.err)
	assert.Contains(t, got.out, "\n   cheaper later: prices fall at 22:00\n   ! dev would simulate this\n")
}

func TestANoSaysWhyAndFails(t *testing.T) {
	n := newFakeNode(t).refusing()
	for _, command := range []string{"offers", "run"} {
		got := starling(t, n.URL, command, "--cores", "512", "--", "true")
		assert.Equal(t, 1, got.status)
		assert.Empty(t, got.out)
		assert.Equal(t, "NO: nothing can be offered, because\n✗ dev: 512 cores were asked for, it has 8\n", got.err)
	}
	got := starling(t, n.URL, "offers", "-o", "json", "--", "true")
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.out, `"result": "NO"`)
}

func TestARequestFileIsSentAsItStands(t *testing.T) {
	n := newFakeNode(t).offering()
	path := filepath.Join(t.TempDir(), "request.xml")
	require.NoError(t, os.WriteFile(path, []byte("<request/>"), 0o600))
	got := starling(t, n.URL, "offers", "-f", path, "-o", "yaml")
	assert.Equal(t, 0, got.status, got.err)
	assert.Equal(t, []string{"application/xml\n<request/>"}, n.asked)
	assert.Contains(t, got.out, "result: \"YES\"")
}

func TestPrintRequestSendsNothing(t *testing.T) {
	n := newFakeNode(t).offering()
	got := starling(t, n.URL, "run", "--print-request", "--", "true")
	assert.Equal(t, 0, got.status, got.err)
	assert.Contains(t, got.out, ivoa.KindProcess)
	assert.Empty(t, n.calls())
}

func TestMistakesInTheCommandLineAreExitStatusTwo(t *testing.T) {
	forgotten := filepath.Join(t.TempDir(), "request.yaml")
	require.NoError(t, os.WriteFile(forgotten, []byte("executable: {}\n"), 0o600))
	n := newFakeNode(t)
	for want, args := range map[string][]string{
		`unknown command "bogus" for "starling"`:                                                                               {"bogus"},
		"unknown command \"rnu\" for \"starling\"\n  Did you mean this?\n    run":                                              {"rnu"},
		"unknown flag: --colour":                                                                                               {"sessions", "--colour"},
		"UUID of an offer or an offer set is missing":                                                                          {"accept"},
		"one UUID of a session at a time, not 2":                                                                               {"logs", firstID, setID},
		"run what?: give a request with -f FILE, or a command after --":                                                        {"run"},
		`--cores: "x" is neither a whole number nor MIN:MAX`:                                                                   {"run", "--cores", "x", "--", "true"},
		forgotten + " is a request, not a program to run: -f " + forgotten + " asks for it":                                    {"offers", forgotten},
		"there is no file missing.yaml here; a request is asked for with -f FILE, a program of that name with -- missing.yaml": {"offers", "missing.yaml"},
		"either -f a.yaml or a command, not both":                                                                              {"run", "-f", "a.yaml", "--", "true"},
		"--cores builds a request; it changes nothing in that of -f a.yaml":                                                    {"offers", "-f", "a.yaml", "--cores", "1"},
		`--format: "csv" is none of table, json and yaml`:                                                                      {"sessions", "-o", "csv"},
		`--node: "nowhere" is not the URL of a node, as http://127.0.0.1:7733 is`:                                              {"sessions", "--node", "nowhere"},
		`required flag(s) "user" not set`:                                                                                      {"token"},
		"--user: whose token? A name is wanted":                                                                                {"token", "--user", ""},
		"--max-cost: -1 is no cost; leave it out for no limit":                                                                 {"run", "--max-cost", "-1", "--", "true"},
		`invalid argument "0" for "--limit" flag: want a whole number from 1`:                                                  {"history", "--limit", "0"},
		`"x" is not the UUID of a session, which looks like ` + exampleUUID:                                                    {"cancel", "x"},
		`"y" is not the UUID of an attempt, which looks like ` + exampleUUID:                                                   {"history", "y"},
		"UUID of a session is missing":                                                                                         {"cancel"},
		"--data: there is no directory /nowhere; give the data directory of the node that is to take the token": {
			"token", "--user", "alice", "--data", "/nowhere"},
		`--set: "a" is not KEY=VALUE`: {"serve", "--set", "a"},
	} {
		got := starling(t, n.URL, args...)
		assert.Equal(t, 2, got.status, args)
		assert.Contains(t, got.err, "starling: "+want+"\n")
		assert.Contains(t, got.err, "--help` says how it is used")
		assert.Empty(t, got.out)
	}
	assert.Empty(t, n.calls(), "nothing was asked of the node")
}

func TestANodeThatIsDownIsSaidSo(t *testing.T) {
	n := newFakeNode(t)
	n.Close()
	got := starling(t, n.URL, "sessions")
	assert.Equal(t, 1, got.status)
	assert.Equal(t, "starling: no node answers at "+n.URL+" — is `starling serve` running? Another one is chosen with --node\n", got.err)
}

func TestAcceptTakesAnOfferOrTheBestOfASet(t *testing.T) {
	n := newFakeNode(t).offering()
	got := starling(t, n.URL, "accept", setID, "--best")
	assert.Equal(t, 0, got.status, got.err)
	assert.Equal(t, firstID+" is ACCEPTED: starts in 12 s at dev\n", got.out)

	got = starling(t, n.URL, "accept", firstID)
	assert.Equal(t, 1, got.status)
	assert.Equal(t, "starling: session "+firstID+" is ACCEPTED; it can't be ACCEPTED any more\n", got.err)

	got = starling(t, n.URL, "accept", setID, "--pick", "cheapest", "-o", "json")
	assert.Equal(t, 0, got.status, got.err)
	assert.Contains(t, got.out, nextID)

	got = starling(t, n.URL, "accept", "019a0000-0000-8000-8000-00000000dead")
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.err, "there is no offer and no offer set 019a0000-0000-8000-8000-00000000dead, or it isn't yours")

	got = starling(t, n.URL, "accept", setID, "--pick", "3")
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.err, "there is no offer 3, only 2 offers")

	got = starling(t, n.URL, "accept", setID, "--pick", "nicest")
	assert.Equal(t, 2, got.status)
}

func TestRejectGivesBackAWholeSet(t *testing.T) {
	n := newFakeNode(t).offering()
	n.sessions[nextID].Phase = ivoa.SessionExpired
	got := starling(t, n.URL, "reject", setID)
	assert.Equal(t, 0, got.status, got.err)
	assert.Equal(t, "1 offer given back\n", got.err)
	assert.Equal(t, ivoa.SessionRejected, n.sessions[firstID].Phase)
}

func TestCancelGoesOnAfterOneThatFails(t *testing.T) {
	n := newFakeNode(t).offering()
	n.sessions[firstID].Phase, n.sessions[nextID].Phase = ivoa.SessionCompleted, ivoa.SessionRunning
	got := starling(t, n.URL, "cancel", firstID, nextID)
	assert.Equal(t, 1, got.status)
	assert.Equal(t, nextID+" is CANCELLED\n", got.out)
	assert.Contains(t, got.err, "session "+firstID+" is COMPLETED; it can't be CANCELLED any more")
}

func TestSessionsAreATableOfOneOrAllPages(t *testing.T) {
	n := newFakeNode(t).offering()
	n.sessions[firstID].NeedMeta().Name = strings.Repeat("a long name ", 10)
	got := starling(t, n.URL, "sessions")
	assert.Equal(t, 0, got.status, got.err)
	assert.Equal(t, `
UUID                                  PHASE    SITE   CREATED  NAME
019a0000-0000-8000-8000-000000000001  OFFERED  dev   12:00:00  a long name a lo…
`[1:], got.out)
	assert.Equal(t, "there is more: --all-pages shows all of it\n", got.err)

	got = starling(t, n.URL, "sessions", "--all-pages")
	assert.Contains(t, got.out, nextID)
	assert.Empty(t, got.err)
}

// What is missing is said, once for all pages; what a site refuses by its rules only to
// programs.
func TestSessionsSayWhatIsMissing(t *testing.T) {
	n := newFakeNode(t).offering()
	n.missing = []ivoa.Message{
		ivoa.NewMessage(noon, ivoa.LevelWarn, "urn:x", "{site} is left out", "site", "beta"),
		ivoa.NewMessage(noon, ivoa.LevelInfo, "urn:x", "{site} takes no alice", "site", "gamma"),
	}
	got := starling(t, n.URL, "sessions", "--all-pages")
	assert.Equal(t, "! beta is left out\n", got.err)
	got = starling(t, n.URL, "sessions", "-o", "json")
	assert.Contains(t, got.out, "gamma takes no alice")
}

// Operators see whose the sessions of others are.
func TestSessionsOfOthersNameTheirUsers(t *testing.T) {
	n := newFakeNode(t).offering()
	n.sessions[firstID].AddMessages(ivoa.NewMessage(noon, ivoa.LevelInfo, node.MessageUser, "it is {user}'s", "user", "alice"))
	got := starling(t, n.URL, "sessions")
	assert.Contains(t, got.out, "USER")
	assert.Contains(t, got.out, "alice")
}

func TestExecutorsAreATable(t *testing.T) {
	n := newFakeNode(t)
	n.workers = `{"executors": [
		{"uuid": "x", "name": "lab-7", "kinds": ["urn:starling:executable:process-1.0", "` + ivoa.KindDockerContainer + `", "` + ivoa.KindSimpleData + `"],
		 "capacity": {"cores": 16, "memory": 64, "storage": 500, "gpus": 2}, "alive": true, "lastSeen": "2026-12-01T11:59:57Z", "running": 3},
		{"uuid": "y", "name": "night", "kinds": ["urn:starling:executable:sequence-1.0"], "simulated": true,
		 "windows": [{"start": "2026-11-30T18:00:00Z", "end": "2026-12-01T06:00:00Z"}, {"start": "2026-12-01T18:00:00Z", "end": "2026-12-02T06:00:00Z"}],
		 "capacity": {"cores": 1, "memory": 1, "storage": 1, "gpus": 0}, "alive": false, "lastSeen": "2026-12-01T11:50:00Z", "running": 0}]}`
	got := starling(t, n.URL, "executors")
	assert.Equal(t, 0, got.status, got.err)
	assert.Equal(t, `
NAME   CAPACITY           RUNNING           SEEN  WORKS
lab-7  16c 64G 500G 2gpu        3        3 s ago  always
   runs process, docker-container; stages simple-data
night  1c 1G 1G                 0  10m ago, lost  from 18:00:00
   simulates sequence
`[1:], got.out)
	assert.Contains(t, starling(t, n.URL, "executors", "-o", "json").out, `"lastSeen": "2026-12-01T11:59:57Z"`)
}

func TestFilesAreListedAndFetched(t *testing.T) {
	n := newFakeNode(t)
	sum := sha256.Sum256([]byte("12 stars\n"))
	n.content["maps/a b.txt"] = "12 stars\n"
	n.files = []client.File{{Name: "maps/a b.txt", Bytes: 9, SHA256: hex.EncodeToString(sum[:]), Modified: noon}}
	got := starling(t, n.URL, "files", firstID)
	assert.Equal(t, "NAME          SIZE  MODIFIED  SHA256\nmaps/a b.txt   9 B  12:00:00  "+hex.EncodeToString(sum[:6])+"…\n", got.out)

	dir := filepath.Join(t.TempDir(), "results")
	got = starling(t, n.URL, "files", firstID, "--all", "-d", dir)
	assert.Equal(t, 0, got.status, got.err)
	text, err := os.ReadFile(filepath.Join(dir, "maps", "a b.txt"))
	require.NoError(t, err)
	assert.Equal(t, "12 stars\n", string(text))

	got = starling(t, n.URL, "files", firstID, "--get", "none")
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.err, `the session has no file "none"`)
}

func TestAFileWithAWrongChecksumIsNotKept(t *testing.T) {
	n := newFakeNode(t)
	n.content["a"] = "changed"
	n.files = []client.File{{Name: "a", Bytes: 7, SHA256: strings.Repeat("0", 64)}}
	dir := t.TempDir()
	got := starling(t, n.URL, "files", firstID, "--all", "-d", dir)
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.err, "what came is not what was written")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestAFileThatLeadsOutOfTheDirectoryIsRefused(t *testing.T) {
	n := newFakeNode(t)
	dir := t.TempDir()
	require.NoError(t, os.Symlink(t.TempDir(), filepath.Join(dir, "link")))
	for name, want := range map[string]string{
		"../a": "it is not fetched", "/etc/a": "it is not fetched", "x/../../a": "it is not fetched", "": "it is not fetched",
		"link/a": "path escapes from parent",
	} {
		n.files = []client.File{{Name: name}}
		got := starling(t, n.URL, "files", firstID, "--all", "-d", dir)
		assert.Equal(t, 1, got.status, name)
		assert.Contains(t, got.err, want)
	}
	for _, call := range n.calls() {
		assert.Equal(t, "GET /sessions/"+firstID+"/files", call, "nothing was asked for but the list")
	}
}

func TestHistoryIsATable(t *testing.T) {
	n := newFakeNode(t)
	n.history = `{"history": [{"historyRef": "` + firstID + `", "phase": "COMPLETED", "opened": "2026-12-01T11:00:00.000Z",
		"ended": "2026-12-01T11:01:12.000Z", "owners": {"user": {"id": "dev"}},
		"charges": [{"name": "energy", "amount": "1", "unit": "kWh"}, {"name": "monetary", "amount": "0.0312", "unit": "EUR"}]}]}`
	got := starling(t, n.URL, "history")
	assert.Equal(t, 0, got.status, got.err)
	assert.Equal(t, `
REF                                   PHASE        OPENED   TOOK     CHARGED
019a0000-0000-8000-8000-000000000001  COMPLETED  11:00:00  1m12s  0.0312 EUR
`[1:], got.out)

	got = starling(t, n.URL, "history", "-o", "json")
	assert.Contains(t, got.out, `"historyRef": "`+firstID+`"`)
}

func TestOneAttemptIsShownInFull(t *testing.T) {
	a, out, _ := testApp(t, "")
	charge, err := accounting.NewQuantity("monetary", "0.0312", "EUR")
	require.NoError(t, err)
	require.NoError(t, a.printEntry(&accounting.HistoryEntry{
		HistoryRef: firstID, Session: nextID, Phase: accounting.Failed, Attempt: 2, Node: "dev", ExecutorName: "process",
		Owners: accounting.Owners{User: accounting.Party{ID: "alice"}, Proposal: accounting.Party{ID: "p1"}}, Period: "2026B",
		Opened: accounting.At(noon), Ended: accounting.At(noon.Add(72 * time.Second)),
		Charges: []accounting.Quantity{charge},
		Failure: &accounting.Failure{Message: strings.Repeat("the disk is full ", 6)},
		Files:   []accounting.File{{Name: "a", Bytes: 1}, {Name: "a", Bytes: 2048}},
	}))
	assert.Equal(t, `
attempt   019a0000-0000-8000-8000-000000000001
session   019a0000-0000-8000-8000-000000000002, attempt 2
phase     FAILED
node      dev
executor  process
user      alice
paid by   proposal:p1, 2026B
opened    12:00:00
ended     12:01:12
took      1m12s
charged   0.0312 EUR
failure   the disk is full the disk is full the disk is full the disk is full
          the disk is full the disk is full
file      a, 2.0 KiB
`[1:], out.String())
}

func TestAnAttemptOfATelescopeIsShownInFull(t *testing.T) {
	a, out, _ := testApp(t, "")
	require.NoError(t, a.printEntry(&accounting.HistoryEntry{
		HistoryRef: firstID, Session: nextID, Phase: accounting.Abandoned, Attempt: 1, Node: "dev", ExecutorName: "lt-1",
		Owners: accounting.Owners{User: accounting.Party{ID: "alice"}}, Period: "2026B", Opened: accounting.At(noon),
		Actions: []accounting.Action{{ID: "run", Started: accounting.At(noon), Failed: accounting.At(noon), Message: "cloud"}},
		Exposures: []accounting.Exposure{{ID: "E1", Start: accounting.At(noon), End: accounting.At(noon.Add(time.Minute)),
			Files: []accounting.File{{Name: "e1.fits", Location: "https://a/e1.fits", Bytes: 2048}}}},
		Omitted: 3,
		Failure: &accounting.Failure{Code: 660, Message: "cloud", Retry: true, VetoSeconds: 3600},
	}))
	assert.Equal(t, `
attempt   019a0000-0000-8000-8000-000000000001
session   019a0000-0000-8000-8000-000000000002, attempt 1
phase     ABANDONED
node      dev
executor  lt-1
user      alice
paid by   user:alice, 2026B
opened    12:00:00
failure   cloud, code 660, to be tried again, not within 1h
action    run, failed: cloud
exposure  E1, 12:00:00, 1m
          e1.fits, 2.0 KiB, https://a/e1.fits
and       3 more reports: starling history 019a0000-0000-8000-8000-000000000001
          --updates --all-pages
`[1:], out.String())
}

func TestOneSessionIsShownInWords(t *testing.T) {
	n := newFakeNode(t).offering()
	got := starling(t, n.URL, "sessions", nextID)
	assert.Equal(t, 0, got.status, got.err)
	assert.Equal(t, `
session  019a0000-0000-8000-8000-000000000002
phase    OFFERED
expires  12:05:00 (in 5m)
site     dev
start    22:00:00 (in 10h)
for      10m
cores    8
memory   16 GiB
cost     0.02 EUR
`[1:], got.out)
}

func TestLogsAreTheSessionsOwnBytes(t *testing.T) {
	n := newFakeNode(t).offering()
	n.stdout, n.stderr = "\x1b[1mbold\x1b[0m", "warning"
	assert.Equal(t, "\x1b[1mbold\x1b[0m", starling(t, n.URL, "logs", firstID).out)
	assert.Equal(t, "warning", starling(t, n.URL, "logs", "--stderr", firstID).out)
}

func TestAStatementIsSideBySide(t *testing.T) {
	var b strings.Builder
	require.NoError(t, statementTable([]accounting.StatementLine{
		{Resource: "core-seconds", Unit: "s", Estimated: "1200", Used: "131.25"},
		{Resource: "monetary", Unit: "EUR", Estimated: "0.04", Charged: "0.0312"},
	}).Write(&b, 80))
	assert.Equal(t, `
RESOURCE          ESTIMATED    USED  CHARGED
core-seconds (s)       1200  131.25
monetary (EUR)         0.04           0.0312
`[1:], b.String(), "to the last digit: totals add up")
}

func TestATokenIsIssuedSavedAndSent(t *testing.T) {
	n := newFakeNode(t).offering()
	a, out, errs := testApp(t, n.URL)
	require.Equal(t, 0, execute(t.Context(), a, []string{"token", "--user", "alice", "--data", t.TempDir(), "--save"}), errs)
	assert.Empty(t, out.String())
	path := regexp.MustCompile(`saved in (\S+);`).FindStringSubmatch(errs.String())[1]
	require.Equal(t, 0, execute(t.Context(), a, []string{"sessions"}), errs)
	assert.True(t, strings.HasPrefix(n.auth, "Bearer ey"), n.auth)

	a.client = nil
	require.NoError(t, os.Chmod(path, 0o644))
	assert.Equal(t, 1, execute(t.Context(), a, []string{"sessions"}))
	assert.Contains(t, errs.String(), "others can read the token in "+path+": chmod 600 "+path)
}

func TestConfigIsPrintedAndChecked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.yaml")
	require.NoError(t, os.WriteFile(path, []byte("name: dev\noffers:\n  hold: 1s\n"), 0o600))
	got := starling(t, "", "config", "check", "-f", path)
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.err, "node.yaml:3: offers.hold: unknown key")

	reference := starling(t, "", "config")
	require.NoError(t, os.WriteFile(path, []byte(reference.out), 0o600))
	got = starling(t, "", "config", "check", "-f", path)
	assert.Equal(t, 0, got.status, got.err)
}

func TestCompletionKnowsTheSessions(t *testing.T) {
	n := newFakeNode(t).offering()
	n.sessions[firstID].NeedMeta().Name = "counts"
	got := starling(t, n.URL, "__complete", "accept", "019")
	assert.Equal(t, firstID+"\tOFFERED counts\n:4\n", got.out)
	got = starling(t, n.URL, "__complete", "cancel", "019")
	assert.Equal(t, ":4\n", got.out, "an offer can't be cancelled")
}

func TestServeFlagsBecomeSettings(t *testing.T) {
	a, _, _ := testApp(t, "")
	cmd := newServe(a)
	require.NoError(t, cmd.ParseFlags([]string{"--dev", "--executors", "", "--name", "uk", "--capacity", "cores=2,memory=3",
		"--set", "offers.holdTime=7s", "--set", "name=no"}))
	capacity, err := cmd.Flags().GetString("capacity")
	require.NoError(t, err)
	set, err := cmd.Flags().GetStringArray("set")
	require.NoError(t, err)
	c, err := a.loadConfig(cmd.Flags(), settings{keys: serveKeys, capacity: capacity, set: set})
	require.NoError(t, err)
	assert.True(t, c.Dev)
	assert.Empty(t, c.Executors)
	assert.Equal(t, "uk", c.Name)
	assert.Equal(t, int64(2), c.Capacity.Cores)
	assert.Positive(t, c.Capacity.Storage, "the machine's")
	assert.Equal(t, 7*time.Second, c.Offers.HoldTime)
}

func TestConnectPrintsALinkForTheOneConnectorThereIs(t *testing.T) {
	n := newFakeNode(t).offering()
	session := n.sessions[firstID]
	session.Phase = ivoa.SessionRunning
	at := func(name string) string { return n.URL + "/sessions/" + firstID + "/connect/" + name + "/" }
	add := func(name string, status ivoa.ConnectorStatus) {
		session.Connectors = append(session.Connectors, ivoa.Connector{Protocol: "HTTP", Status: status, Location: at(name)})
	}
	session.Connectors = []ivoa.Connector{{Protocol: "HTTP", Status: ivoa.ConnectorAvailable, Location: n.URL + "/sessions/" + firstID + "/stdout"}}
	got := starling(t, n.URL, "connect", firstID)
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.err, "is RUNNING and has no connector for a browser")

	add("old", ivoa.ConnectorFinished)
	session.Connectors = append(session.Connectors, ivoa.Connector{Protocol: "TCP", Status: ivoa.ConnectorAvailable, Location: "tcp://172.18.0.2:5432"})
	got = starling(t, n.URL, "connect", firstID)
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.err, "old (FINISHED), tcp://172.18.0.2:5432 (TCP, from within the site's network)")

	add("lab", ivoa.ConnectorAvailable)
	got = starling(t, n.URL, "connect", firstID)
	assert.Equal(t, result{out: "https://pages.example/lab\n"}, got)

	add("tree", ivoa.ConnectorAvailable)
	got = starling(t, n.URL, "connect", firstID)
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.err, "name one: lab, tree")
	got = starling(t, n.URL, "connect", firstID, "tree", "-o", "json")
	assert.Equal(t, 0, got.status)
	assert.Contains(t, got.out, `"url": "https://pages.example/tree"`)
}
