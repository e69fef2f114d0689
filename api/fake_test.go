package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"starling/accounting"
	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/consensus"
	"starling/federation/digest"
	"starling/federation/identity"
	"starling/node"
	"starling/node/chronicle"
	"starling/node/policy"
	"starling/scheduling"
)

// fake is a broker that remembers what it was asked and answers from fields.
// It keeps to the contract: paths where URLs will be, *node.Problem for clients, and
// no look at what is not the caller's.
type fake struct {
	mu       sync.Mutex
	order    any // the last of the ledger's
	asked    *ivoa.ExecutionRequest
	notices  []ivoa.Notice
	how      node.Asking
	caller   identity.Caller
	key      string
	change   ivoa.Update
	filter   node.SessionFilter
	cursor   string
	limit    int
	after    uint64
	wait     time.Duration
	reg      despatch.Registration
	reported despatch.Updates
	done     despatch.Completion
	piece    despatch.Piece
	fence    uint64
	sent     string
	history  accounting.HistoryFilter
	owner    accounting.StatementFilter
	strong   bool
	audited  accounting.AuditFilter
	// permitted is what Permit was asked for.
	permitted []string

	holder  string // who owns all sessions; "": whoever asks
	err     error  // answered to everything, if set
	throw   any    // thrown by everything, if set
	no      bool   // requests are answered NO
	phase   ivoa.SessionPhase
	next    string
	missing []ivoa.Message // of sessions
	copy    node.Copy      // what is read of the record
	// attempts makes the pages of the history, if set.
	attempts   func(ctx context.Context, cursor accounting.Cursor, limit int) ([]accounting.HistoryEntry, accounting.Cursor, error)
	list       []node.Event
	live       chan node.Event // after list, until closed; nil: closes after list
	output     []byte
	open       bool // the output grows
	idle       bool // no despatch before the wait is over
	waiting    chan struct{}
	wrong      []string
	warned     []string
	target     node.Target // of every connector
	grant      string      // that opens it
	unfinished int
}

var (
	sessionID = mustUUID("01938f5e-0000-8000-8000-0123456789ab")
	offersID  = mustUUID("01938f5e-0000-8000-8001-0123456789ab")
	attemptID = mustUUID("01938f5e-0000-8000-8002-0123456789ab")
	workerID  = mustUUID("01938f5e-0000-8000-8003-0123456789ab")
	noonUTC   = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
)

func mustUUID(text string) identity.UUID {
	id, err := identity.ParseUUID(text)
	if err != nil {
		panic(err)
	}
	return id
}

// enter notes the caller and gives what every call begins with.
func (f *fake) enter(caller identity.Caller) error {
	f.caller = caller
	if f.throw != nil {
		panic(f.throw)
	}
	return f.err
}

func (f *fake) mine(caller identity.Caller, id identity.UUID) error {
	if err := f.enter(caller); err != nil {
		return err
	}
	if f.holder != "" && !caller.MayRead(f.holder) || id != sessionID && id != offersID {
		return &node.Problem{Code: node.CodeNotFound, Detail: "there is no session " + id.String()}
	}
	return nil
}

// sampleSession is a session with something in every part.
func sampleSession(phase ivoa.SessionPhase) *ivoa.Session {
	one, four := int64(1), int64(4)
	s := &ivoa.Session{Phase: phase}
	s.Kind = ivoa.KindScheduledSession
	s.Meta = &ivoa.Metadata{
		UUID: sessionID.String(), Name: "counts", URL: "/sessions/" + sessionID.String(), Description: "counts stars",
		Created: ivoa.At(noonUTC), Modified: ivoa.At(noonUTC),
		Messages: []ivoa.Message{ivoa.NewMessage(noonUTC, ivoa.LevelInfo, "urn:starling:message:site", "offered by {site}", "site", "kth")},
		Options:  []ivoa.Option{&ivoa.EnumValueOption{Target: ivoa.Target{Kind: ivoa.KindEnumValueOption, Path: "/phase"}, Values: []string{"CANCELLED"}}},
	}
	s.Costs = []ivoa.CostItem{ivoa.NewFloatCost(ivoa.CostMonetary, 1.5)}
	s.Metrics = []ivoa.MetricItem{ivoa.NewFloatMetric(ivoa.MetricIOThroughput, 2)}
	if phase == ivoa.SessionOffered {
		s.Expires = ivoa.At(noonUTC.Add(5 * time.Minute))
	}
	container := &ivoa.DockerContainer{
		Image:   &ivoa.DockerImage{Locations: []string{"ghcr.io/example/counts:1.4"}, Digest: "sha256:" + strings.Repeat("a", 64)},
		Command: []string{"--column", "flux"}, Environment: map[string]string{"TERM": "dumb"},
		Network: &ivoa.DockerNetwork{Ports: []ivoa.DockerPort{{Internal: &ivoa.DockerInternalPort{Port: ptr(int32(8080))}, Protocol: "HTTP"}}},
	}
	container.Kind = ivoa.KindDockerContainer
	container.Meta = &ivoa.Metadata{UUID: offersID.String(), Name: "program"}
	container.Phase = ivoa.LifecycleWaiting
	s.Executable = container
	mount := &ivoa.SimpleVolumeMount{Path: "/input", Mode: ivoa.ReadOnly, Resource: attemptID.String()}
	mount.Kind = ivoa.KindSimpleVolume
	compute := &ivoa.SimpleComputeResource{Cores: ivoa.Exactly(4), Memory: &ivoa.Range{Min: &one, Max: &four}}
	compute.Kind = ivoa.KindSimpleCompute
	compute.Volumes = []ivoa.VolumeMount{mount}
	schedule := &ivoa.Schedule{
		Preparing: &ivoa.StartDuration{Start: "2026-11-22T12:00:00.000Z", Duration: "PT10S"},
		Available: &ivoa.StartDuration{Start: "2026-11-22T12:00:10.000Z/PT0S", Duration: "PT30M"},
		Releasing: &ivoa.StartDuration{Start: "2026-11-22T12:30:10.000Z", Duration: "PT10S"},
	}
	compute.Schedule = schedule
	s.Compute = compute
	storage := &ivoa.SimpleStorageResource{Size: ivoa.Exactly(1)}
	storage.Kind = ivoa.KindSimpleStorage
	storage.Data = []string{attemptID.String()}
	s.Storage = []ivoa.StorageResource{storage}
	data := &ivoa.SimpleDataResource{Location: "https://example.org/table.vot"}
	data.Kind = ivoa.KindSimpleData
	data.Meta = &ivoa.Metadata{UUID: attemptID.String(), Name: "table"}
	data.Storage = workerID.String()
	s.Data = []ivoa.DataResource{data}
	s.Connectors = []ivoa.Connector{
		{Kind: ivoa.KindDockerStdout, Status: ivoa.ConnectorAvailable, Protocol: "HTTP", Location: "/sessions/" + sessionID.String() + "/stdout"},
		{Kind: "urn:example:elsewhere", Status: ivoa.ConnectorPreparing, Protocol: "HTTPS", Location: "https://elsewhere.example/x"},
	}
	s.Schedule = schedule
	return s
}

func ptr[T any](value T) *T { return &value }

func (f *fake) Ask(_ context.Context, caller identity.Caller, req *ivoa.ExecutionRequest, notices []ivoa.Notice, how node.Asking) (*ivoa.OfferSet, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked, f.notices, f.how = req, notices, how
	if err := f.enter(caller); err != nil {
		return nil, err
	}
	return f.offers(), nil
}

func (f *fake) offers() *ivoa.OfferSet {
	o := &ivoa.OfferSet{Result: ivoa.Yes, Offers: []*ivoa.Session{sampleSession(ivoa.SessionOffered)}}
	o.Kind = ivoa.KindOfferSet
	o.Meta = &ivoa.Metadata{UUID: offersID.String(), URL: "/offersets/" + offersID.String(), Created: ivoa.At(noonUTC)}
	if f.no {
		o.Result, o.Offers = ivoa.No, nil
		o.AddMessages(ivoa.NewMessage(noonUTC, ivoa.LevelError, ivoa.MessageResourceLimit, "{n} cores are more than there are", "n", "99"))
	}
	return o
}

func (f *fake) CheckPolicy(_ context.Context, caller identity.Caller, whom node.PolicySubject, req *ivoa.ExecutionRequest, notices []ivoa.Notice, at time.Time) (*node.PolicyCheck, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked, f.notices = req, notices
	if err := f.enter(caller); err != nil {
		return nil, err
	}
	return &node.PolicyCheck{
		Node: "jodrell", As: whom, Result: ivoa.No, Rule: "quota user *", Messages: []string{"too much"},
		Rules:  []policy.Step{{Rule: "small", Then: policy.Limit, Result: policy.Matched}, {Rule: "late", Then: policy.Deny, Result: policy.NotReached, Detail: "too late"}},
		Caps:   []policy.Ceiling{{What: "cores", Most: 8, Rule: "small"}},
		Offer:  node.PolicyOffer{Start: at, End: at.Add(time.Hour), Cores: 8, Memory: 16, Price: map[string]float64{"monetary": 2.5}},
		Quotas: []policy.Standing{{Quota: "quota user *", For: policy.PerUser, Name: "alice", What: policy.LimitSessions, Used: 3, Asked: 1, Limit: 3}},
	}, nil
}

func (f *fake) Direct(_ context.Context, caller identity.Caller, req *ivoa.ExecutionRequest, notices []ivoa.Notice, key string, how node.Asking) (*ivoa.Session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked, f.notices, f.key, f.how = req, notices, key, how
	if err := f.enter(caller); err != nil {
		return nil, err
	}
	if f.no {
		return nil, &node.Problem{Code: node.CodeRefused, Detail: "no", Offers: f.offers()}
	}
	return sampleSession(ivoa.SessionAccepted), nil
}

func (f *fake) OfferSet(_ context.Context, caller identity.Caller, id identity.UUID) (*ivoa.OfferSet, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.mine(caller, id); err != nil {
		return nil, err
	}
	return f.offers(), nil
}

func (f *fake) Explanation(_ context.Context, caller identity.Caller, id identity.UUID) (*chronicle.Explanation, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.mine(caller, id); err != nil {
		return nil, err
	}
	return &chronicle.Explanation{
		Session: id.String(), Name: "n", Node: "kth", Phase: "RUNNING", Summary: "it waited 12s: why", WaitedSeconds: 12,
		Chapters: []chronicle.Chapter{{
			Phase: "WAITING", From: 1, Until: 2, Seconds: 12, Attempt: 1,
			Reasons: []ivoa.Message{ivoa.NewMessage(noonUTC, ivoa.LevelInfo, "k", "{a}", "a", "why")},
		}},
		Asked: someTrace, Accepted: someTrace, Unknown: []ivoa.Message{ivoa.NewMessage(noonUTC, ivoa.LevelInfo, "k", "much")},
	}, nil
}

func (f *fake) Session(_ context.Context, caller identity.Caller, id identity.UUID) (*ivoa.Session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.mine(caller, id); err != nil {
		return nil, err
	}
	return sampleSession(f.phaseNow()), nil
}

func (f *fake) phaseNow() ivoa.SessionPhase {
	if f.phase == "" {
		return ivoa.SessionRunning
	}
	return f.phase
}

func (f *fake) Update(_ context.Context, caller identity.Caller, id identity.UUID, change ivoa.Update, key string) (*ivoa.Session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.change, f.key = change, key
	if err := f.mine(caller, id); err != nil {
		return nil, err
	}
	if value, ok := change.(*ivoa.EnumValueUpdate); ok && value.Value == "ACCEPTED" {
		return sampleSession(ivoa.SessionAccepted), nil
	}
	return nil, &node.Problem{Code: node.CodeConflict, Detail: "a session that is RUNNING can't be REJECTED", Session: sampleSession(f.phaseNow())}
}

func (f *fake) Sessions(_ context.Context, caller identity.Caller, filter node.SessionFilter, cursor string, limit int) (node.SessionPage, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.filter, f.cursor, f.limit = filter, cursor, limit
	if err := f.enter(caller); err != nil {
		return node.SessionPage{}, err
	}
	return node.SessionPage{Sessions: []*ivoa.Session{sampleSession(f.phaseNow())}, Cursor: f.next, Messages: f.missing}, nil
}

func (f *fake) Events(ctx context.Context, caller identity.Caller, id identity.UUID, after uint64) (<-chan node.Event, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.after = after
	if err := f.mine(caller, id); err != nil {
		return nil, err
	}
	out := make(chan node.Event)
	list, live := slices.Clone(f.list), f.live
	go func() {
		defer close(out)
		send := func(e node.Event) bool {
			if e.Seq != 0 && e.Seq <= after {
				return true
			}
			select {
			case out <- e:
				return true
			case <-ctx.Done():
				return false
			}
		}
		for _, e := range list {
			if !send(e) {
				return
			}
		}
		if live == nil {
			return
		}
		for {
			select {
			case e, ok := <-live:
				if !ok || !send(e) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return out, nil
}

// reader is an opened output.
type reader struct{ *bytes.Reader }

func (reader) Close() error { return nil }

func (f *fake) sampleFile(name string) node.File {
	return node.File{
		File:     despatch.File{Name: name, Bytes: int64(len(f.output)), SHA256: checksum(f.output)},
		Modified: noonUTC, Open: f.open,
	}
}

func (f *fake) Files(_ context.Context, caller identity.Caller, id identity.UUID) ([]node.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.mine(caller, id); err != nil {
		return nil, err
	}
	return []node.File{f.sampleFile("maps/m 1.fits")}, nil
}

func (f *fake) OpenFile(_ context.Context, caller identity.Caller, id identity.UUID, name string) (io.ReadSeekCloser, node.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.mine(caller, id); err != nil {
		return nil, node.File{}, err
	}
	if strings.HasPrefix(name, "none") {
		return nil, node.File{}, &node.Problem{Code: node.CodeNotFound, Detail: "no such file"}
	}
	return reader{bytes.NewReader(slices.Clone(f.output))}, f.sampleFile(name), nil
}

func (f *fake) OpenOutput(_ context.Context, caller identity.Caller, id identity.UUID, role string) (io.ReadSeekCloser, node.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.mine(caller, id); err != nil {
		return nil, node.File{}, err
	}
	return reader{bytes.NewReader(slices.Clone(f.output))}, f.sampleFile(role), nil
}

func (f *fake) Register(_ context.Context, caller identity.Caller, r despatch.Registration) (despatch.Registered, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	created := f.reg.Name != r.Name
	f.reg = r
	return despatch.Registered{UUID: workerID.String(), RenewSeconds: 30}, created, f.enter(caller)
}

func (f *fake) Executors(_ context.Context, caller identity.Caller) ([]node.Executor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return []node.Executor{{
		UUID: workerID.String(), Name: "lt-1", Kinds: []string{ivoa.KindDockerContainer}, Capacity: despatch.Capacity{Cores: 8, Memory: 32},
		Windows: []despatch.Window{{Start: noonUTC, End: noonUTC.Add(time.Hour)}}, Simulated: true, Alive: true, LastSeen: noonUTC, Running: 1,
	}}, f.enter(caller)
}

func (f *fake) Despatch(ctx context.Context, caller identity.Caller, _ identity.UUID, wait time.Duration) (*despatch.Despatch, despatch.Reasons, error) {
	f.mu.Lock()
	f.wait = wait
	err, idle, waiting := f.enter(caller), f.idle, f.waiting
	f.mu.Unlock()
	if err != nil {
		return nil, nil, err
	}
	if waiting != nil {
		close(waiting)
		<-ctx.Done()
		return nil, nil, ctx.Err()
	}
	if idle {
		return nil, despatch.Reasons{despatch.ReasonNotYet: 3, despatch.ReasonTooLarge: 1}, nil
	}
	return &despatch.Despatch{
		HistoryRef: attemptID.String(), Fence: 7, Attempt: 1,
		Lease:           despatch.Lease{Seconds: 60, Expires: noonUTC},
		Session:         despatch.SessionRef{UUID: sessionID.String(), URL: "/sessions/" + sessionID.String()},
		Identification:  despatch.Identification{User: despatch.Name{ID: "alice"}, Proposal: despatch.Name{ID: "p1", Name: "Stars"}},
		Resources:       despatch.Capacity{Cores: 1},
		WalltimeSeconds: 60,
		Sequence: []despatch.Action{
			{ID: "stage-1", Kind: despatch.ActionStageData, Stage: &despatch.Stage{Data: attemptID.String(), Kind: ivoa.KindSimpleData, Location: "https://example.org/a", Path: "/input"}},
			{ID: "run", Kind: despatch.ActionRun, Run: &despatch.Run{Executable: []byte(`{"kind":"x"}`), Volumes: []despatch.Volume{{Path: "/out", Mode: despatch.ReadWrite}}}},
		},
	}, nil, nil
}

func (f *fake) Report(_ context.Context, caller identity.Caller, _ identity.UUID, updates despatch.Updates, wait time.Duration) (despatch.UpdatesAnswer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reported, f.wait = updates, wait
	return despatch.UpdatesAnswer{
		Accepted: len(updates.Updates), Lease: despatch.Lease{Seconds: 60, Expires: noonUTC},
		Stop: &despatch.Stop{Reason: despatch.StopCancelled, Message: "by its owner"},
	}, f.enter(caller)
}

func (f *fake) Receive(_ context.Context, caller identity.Caller, _ identity.UUID, fence uint64, piece despatch.Piece, body io.Reader) (despatch.Received, error) {
	content, err := io.ReadAll(body)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.piece, f.fence, f.sent = piece, fence, string(content)
	return despatch.Received{Bytes: piece.Offset + int64(len(content))}, errors.Join(err, f.enter(caller))
}

func (f *fake) Complete(_ context.Context, caller identity.Caller, _ identity.UUID, done despatch.Completion) (node.CompletionAnswer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done = done
	return node.CompletionAnswer{HistoryEntry: sampleEntry(), Duplicate: true}, f.enter(caller)
}

func sampleEntry() accounting.HistoryEntry {
	at := accounting.At(noonUTC)
	seconds, _ := accounting.NewQuantity("core-seconds", "12.5", "s")
	euros, _ := accounting.NewQuantity("money", "0.03", "EUR")
	return accounting.HistoryEntry{
		HistoryRef: accounting.Ref(attemptID.String()), Session: accounting.SessionID(sessionID.String()),
		Phase: accounting.Partial, Attempt: 1, Node: "kth", Executor: accounting.ExecutorID(workerID.String()), ExecutorName: "lt-1",
		Owners: accounting.Owners{User: accounting.Party{ID: "alice", Name: "Alice"}, Proposal: accounting.Party{ID: "p1"}}, Period: "2026B",
		Opened: at, Started: at, Stalled: at, Ended: at, Updated: at,
		Progress:  &accounting.Progress{Time: at, Fraction: 0.5, Message: "half"},
		Actions:   []accounting.Action{{ID: "run", Started: at, Completed: at}},
		Exposures: []accounting.Exposure{{ID: "E1", Action: "run", Start: at, End: at, Files: []accounting.File{{Name: "e1.fits", Location: "file:///e1.fits", Bytes: 3, SHA256: "aa"}}}},
		Files:     []accounting.File{{Name: "m.fits", Bytes: 3}},
		Log:       []accounting.LogLine{{Time: at, Text: "begun"}},
		Resources: []accounting.Quantity{seconds}, Estimate: []accounting.Quantity{seconds}, Charges: []accounting.Quantity{euros}, Tariff: "t1",
		Failure: &accounting.Failure{Code: 660, Message: "cloud", Retry: true, VetoSeconds: 60},
		Quality: []accounting.Quality{{ID: "seeing", Value: 1.1, Description: "arcsec"}},
		Notes:   []accounting.Note{{Time: at, Text: "late"}},
	}
}

// looked notes how the record was to be read, and says what was.
func (f *fake) looked(how *node.Look) {
	if how != nil {
		f.strong = how.Strong
		how.Copy = f.copy
	}
}

func (f *fake) HistoryEntry(_ context.Context, caller identity.Caller, how *node.Look, ref identity.UUID) (accounting.HistoryEntry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looked(how)
	if ref != attemptID {
		return accounting.HistoryEntry{}, &node.Problem{Code: node.CodeNotFound, Detail: "no attempt"}
	}
	return sampleEntry(), f.enter(caller)
}

func (f *fake) Updates(_ context.Context, caller identity.Caller, how *node.Look, ref identity.UUID, cursor accounting.Cursor, limit int) ([]accounting.Update, accounting.Cursor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looked(how)
	return []accounting.Update{{Key: "k1", Type: accounting.LogWritten, Text: "hello", Time: 1, Recorded: 2}}, accounting.Cursor(f.next), f.enter(caller)
}

func (f *fake) History(ctx context.Context, caller identity.Caller, how *node.Look, filter accounting.HistoryFilter, cursor accounting.Cursor, limit int) ([]accounting.HistoryEntry, accounting.Cursor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looked(how)
	f.history, f.cursor, f.limit = filter, string(cursor), limit
	if f.attempts != nil {
		return f.attempts(ctx, cursor, limit)
	}
	return []accounting.HistoryEntry{sampleEntry()}, accounting.Cursor(f.next), f.enter(caller)
}

func (f *fake) Accounts(_ context.Context, caller identity.Caller, how *node.Look, _ accounting.AccountFilter, cursor accounting.Cursor, limit int) ([]accounting.Account, accounting.Cursor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looked(how)
	f.cursor, f.limit = string(cursor), limit
	return []accounting.Account{{
		Owner: accounting.User("alice"), Resource: "core-seconds", Unit: "s", Period: "2026B", Side: accounting.Used, Balance: "12.5", Entries: 1,
	}}, accounting.Cursor(f.next), f.enter(caller)
}

func (f *fake) Entries(_ context.Context, caller identity.Caller, how *node.Look, account accounting.AccountID, cursor accounting.Cursor, limit int) ([]accounting.Entry, accounting.Cursor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looked(how)
	f.cursor, f.limit = string(cursor), limit
	return []accounting.Entry{{
		Account: account, Number: 1, Time: accounting.At(noonUTC), Amount: "12.5", Unit: "s", Kind: accounting.EntryUsage,
		Session: accounting.SessionID(sessionID.String()), HistoryRef: accounting.Ref(attemptID.String()), Tariff: "t1",
	}}, accounting.Cursor(f.next), f.enter(caller)
}

func (f *fake) Statement(_ context.Context, caller identity.Caller, how *node.Look, filter accounting.StatementFilter, cursor accounting.Cursor, limit int) (accounting.Statement, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looked(how)
	f.owner, f.cursor, f.limit = filter, string(cursor), limit
	lines := []accounting.StatementLine{{Resource: "core-seconds", Unit: "s", Estimated: "20", Held: "1", Used: "12.5", Charged: "0"}}
	return accounting.Statement{
		Owner: filter.Owner, Name: "Alice", Period: filter.Period, Totals: lines, Next: accounting.Cursor(f.next),
		Budgets: []accounting.Budget{f.budget()},
		Sessions: []accounting.SessionStatement{{
			Session: accounting.SessionID(sessionID.String()), User: "alice", Attempts: 1, Phase: accounting.Completed,
			Ended: accounting.At(noonUTC), Lines: lines,
		}},
	}, f.enter(caller)
}

func (f *fake) Ready() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.wrong)
}

func (f *fake) Warnings() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.warned)
}

func (f *fake) LogStatus() consensus.Status {
	return consensus.Status{Node: "kth", Role: "leader", Leader: "kth", Error: "none"}
}

func (f *fake) Unfinished() int { return f.unfinished }

func (f *fake) Digest() (digest.Fast, digest.Slow) {
	eight := scheduling.Resources{Cores: 8}
	return digest.Fast{Capacity: eight, Largest: eight, Free: eight, Profile: []digest.Point{{Free: eight}}}, digest.Slow{Kinds: []string{ivoa.KindProcess}}
}

func (f *fake) Connect(_ context.Context, caller identity.Caller, id identity.UUID, name string) (node.Target, error) {
	if err := f.mine(caller, id); err != nil {
		return node.Target{}, err
	}
	target := f.target
	target.Session, target.Connector, target.User = id, name, caller.User
	return target, nil
}

func (f *fake) Link(ctx context.Context, caller identity.Caller, id identity.UUID, name string) (string, time.Time, error) {
	_, err := f.Connect(ctx, caller, id, name)
	return "secret", noonUTC, err
}

func (f *fake) Enter(_ context.Context, id identity.UUID, _, secret string) (string, error) {
	if id != sessionID || secret != "secret" {
		return "", &node.Problem{Code: node.CodeGone, Detail: "this link was used"}
	}
	return f.grant, nil
}

func (f *fake) ConnectGranted(ctx context.Context, grant string, id identity.UUID, name string) (node.Target, error) {
	if grant == "" || grant != f.grant {
		return node.Target{}, &node.Problem{Code: node.CodeForbidden, Detail: "no such grant"}
	}
	return f.Connect(ctx, identity.Caller{User: f.holder}, id, name)
}
