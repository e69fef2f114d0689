package api

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node"
	"starling/node/config"
	"starling/node/uploads"
)

// passports is an authenticator that takes a bearer token for the name of one of a
// few people.
type passports map[string][]identity.Role

func (p passports) Authenticate(r *http.Request) (identity.Caller, error) {
	name, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	roles, known := p[name]
	if !known {
		return identity.Caller{}, errNobody
	}
	return identity.Caller{User: name, Roles: roles, Subject: subjectOf(name)}, nil
}

// Caller takes them for the same where another node speaks for them.
func (p passports) Caller(subject identity.Subject) (identity.Caller, error) {
	roles, known := p[subject.Name]
	if !known {
		return identity.Caller{}, errNobody
	}
	return identity.Caller{User: subject.Name, Roles: roles, Subject: subject}, nil
}

var people = passports{
	"alice":   {identity.RoleUser},
	"mallory": {identity.RoleUser},
	"drone":   {identity.RoleExecutor},
	"robot":   {identity.RoleExecutor},
	"eve":     {identity.RoleAuditor},
}

// openForAll are the operations that anybody may have, without a token.
var openForAll = []string{
	"GET /availability", "GET /capabilities", "GET /healthz", "GET /readyz", "GET /openapi.yaml",
	"GET /.well-known/oauth-protected-resource",
	"GET /sessions/{uuid}/links/{connector}/{secret}", // the secret is the token
}

// sent is what is sent to each operation that takes a body; what comes to another's
// thing by it would do something.
var sent = map[string]string{
	"POST /policy/check":                                  sampleRequest,
	"POST /federation/revocations":                        `{"node": "jpsrc", "reason": "m"}`,
	"POST /requests":                                      sampleRequest,
	"POST /direct":                                        sampleRequest,
	"POST /sessions/{uuid}":                               strings.Replace(acceptUpdate, "ACCEPTED", "CANCELLED", 1),
	"POST /executors":                                     `{"name": "mine", "kinds": ["urn:x"], "capacity": {"cores": 1, "memory": 1, "storage": 1}}`,
	"POST /history/{ref}/updates":                         `{"fence": 1, "updates": [{"key": "m", "type": "log", "message": "hacked", "time": "2026-11-22T12:00:00Z"}]}`,
	"POST /history/{ref}/completion":                      `{"fence": 1, "key": "m", "time": "2026-11-22T12:00:00Z", "outcome": "FAILED"}`,
	"PUT /history/{ref}/files/{name}":                     "hacked",
	"POST /allocations":                                   `{"owner": "user:alice", "period": "2026B", "limit": "hard", "amount": {"name": "monetary", "amount": 0, "unit": "EUR"}, "reason": "m"}`,
	"POST /owners":                                        `{"owner": "user:alice", "name": "Mallory"}`,
	"POST /history/{ref}/corrections":                     `{"reason": "m", "resources": []}`,
	"POST /history/{ref}/refunds":                         `{"reason": "m", "amounts": [{"amount": 0.1}]}`,
	"POST /history/{ref}/discounts":                       `{"reason": "m", "amounts": [{"amount": 0.1}]}`,
	"POST /sessions/{uuid}/connect/{connector}/{name}":    "x",
	"PUT /sessions/{uuid}/connect/{connector}/{name}":     "x",
	"PATCH /sessions/{uuid}/connect/{connector}/{name}":   "x",
	"DELETE /sessions/{uuid}/connect/{connector}/{name}":  "x",
	"OPTIONS /sessions/{uuid}/connect/{connector}/{name}": "x",
}

// A scene is alice's: an answer with open offers, a session that runs, with files,
// output and a notebook, and one that has ended and was charged.
type scene struct {
	*world     // that is asked
	owner      *world
	operations []operation
	running    string
	ended      string
	attempt    string // of the one that has ended
	under      string // of the one that runs
	offers     string
	account    string
	executor   string // robot's
	traces     []string
}

// An operation is one of the document.
type operation struct {
	method, path string
	query        []string
	body         bool
}

func (o operation) String() string { return o.method + " " + o.path }

// names reports whether an operation names something that has an owner.
func (o operation) names() bool {
	return strings.Contains(o.path, "{uuid}") || strings.Contains(o.path, "{ref}") || strings.Contains(o.path, "{id}")
}

func operationsOf(t *testing.T) (list []operation) {
	d := readDocument(t)
	for path, item := range asTree(d.root["paths"]) {
		shared := asList(asTree(item)["parameters"])
		for method, op := range asTree(item) {
			if method == "parameters" {
				continue
			}
			o := operation{method: strings.ToUpper(method), path: path, body: asTree(op)["requestBody"] != nil}
			for _, p := range append(slices.Clone(shared), asList(asTree(op)["parameters"])...) {
				if p := d.resolve(p); p["in"] == "query" {
					o.query = append(o.query, p["name"].(string))
				}
			}
			list = append(list, o)
		}
	}
	slices.SortFunc(list, func(a, b operation) int { return strings.Compare(a.String(), b.String()) })
	return list
}

const secretOutput, secretFile, secretNotebook, secretMessage = "the-galaxy-is-at-rest", "secret-map.fits", "lab-of-alice", "looking at M31"

// theScenes: the scene is alice's at node kth, which is asked itself or by way of another. Both have
// the same record, as nodes do; through is how that is said.
var theScenes = map[string]bool{"itself": false, "through another node": true}

func prepareScene(t *testing.T, through bool) *scene {
	area := t.TempDir()
	sent, err := uploads.Open(uploads.Options{Dir: t.TempDir(), Space: 1 << 30})
	require.NoError(t, err)
	broker := realBroker(t, area, func(o *node.Options) {
		o.Connect, o.Uploads = config.Connect{Networks: []string{"127.0.0.0/8"}}, sent
	})
	sc := &scene{operations: operationsOf(t)}
	s := newSites(t)
	s.owner[identity.NodeName("kth").Tag()] = "kth"
	inside := func(o *Options) { o.Broker, o.Authenticator, o.Mapping = broker, people, people }
	sc.owner = s.node("kth", inside, func(o *Options) { o.BaseURL = testBase })
	sc.world = sc.owner
	if through {
		sc.world = s.node("jodrell", inside)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	robot := despatch.Client{Base: "http://local", HTTP: &http.Client{Transport: sc.owner.server.Local(identity.Caller{User: "robot", Roles: people["robot"]})}}
	hers, err := robot.Register(ctx, despatch.Registration{Name: "telescope", Kinds: []string{ivoa.KindSequence}, Capacity: despatch.Capacity{Cores: 1, Memory: 1, Storage: 1}})
	require.NoError(t, err)
	executor := despatch.Client{Base: "http://local", HTTP: &http.Client{Transport: sc.owner.server.Local(builtIn)}}
	registered, err := executor.Register(ctx, despatch.Registration{
		Name: "lt-1", Kinds: []string{ivoa.KindDockerContainer, ivoa.KindSimpleData}, Schemes: []string{"https"}, Origins: []string{"127.0.0.0/8"},
		Capacity: despatch.Capacity{Cores: 8, Memory: 16, Storage: 100},
	})
	require.NoError(t, err)

	run := func() (session string, work *despatch.Despatch) {
		offer := sc.ask()[0]
		path := strings.TrimPrefix(offer.Meta.URL, testBase)
		require.Equal(t, http.StatusOK, sc.owner.post(path, acceptUpdate).StatusCode)
		work, reasons, err := executor.Despatch(ctx, registered.UUID, 30*time.Second)
		require.NoError(t, err)
		require.NotNil(t, work, reasons)
		stdout := filepath.Join(area, offer.UUID())
		require.NoError(t, os.WriteFile(stdout, []byte(secretOutput), 0o600))
		_, err = executor.Update(ctx, work.HistoryRef, despatch.Updates{Fence: work.Fence, Updates: []despatch.Update{
			{Key: "k1", Type: despatch.ActionStarted, Action: "run", Time: time.Now()},
			{Key: "k2", Type: despatch.FileSeen, Time: time.Now(), File: &despatch.File{Name: "stdout", Role: despatch.RoleStdout, Location: "file://" + stdout}},
			{Key: "k3", Type: despatch.FileSeen, Time: time.Now(), File: &despatch.File{Name: secretFile, Location: "file://" + stdout}},
			{Key: "k4", Type: despatch.LogLine, Message: secretMessage, Time: time.Now()},
			{Key: "k5", Type: despatch.ConnectorOpened, Time: time.Now(), Connector: &despatch.Connector{Name: secretNotebook, Protocol: despatch.ProtocolHTTP, Origin: "http://127.0.0.1:1"}},
		}}, 0)
		require.NoError(t, err)
		return offer.UUID(), work
	}
	var work *despatch.Despatch
	sc.ended, work = run()
	sc.attempt = work.HistoryRef
	require.NoError(t, executor.Complete(ctx, work.HistoryRef, despatch.Completion{
		Fence: work.Fence, Key: "k9", Time: time.Now(), Outcome: despatch.Completed,
		Resources: []despatch.Resource{{Name: "core-seconds", Amount: "777.7", Unit: "s"}},
	}))
	sc.running, work = run()
	sc.under, sc.executor = work.HistoryRef, hers.UUID
	sc.ask() // and leaves these open
	var accounts struct{ Accounts []struct{ ID string } }
	require.NoError(t, json.Unmarshal([]byte(text(t, sc.get("/accounts"))), &accounts))
	require.NotEmpty(t, accounts.Accounts)
	sc.account = accounts.Accounts[0].ID

	sc.traces = []string{"alice", "robot", "telescope", secretOutput, secretFile, secretNotebook, secretMessage, "777.7", "7.777", "M31"}
	for _, path := range []string{"/sessions?limit=1000", "/offersets/" + sc.offers, "/history", "/accounts", "/executors"} {
		for _, id := range regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}`).FindAllString(text(t, sc.get(path)), -1) {
			sc.traces = append(sc.traces, id)
		}
	}
	sc.traces = append(sc.traces, sc.executor)
	slices.Sort(sc.traces)
	sc.traces = slices.Compact(sc.traces)
	return sc
}

// ask asks as alice, and keeps the offer set's id.
func (sc *scene) ask() []*ivoa.Session {
	sc.Helper()
	resp := sc.owner.do(call{method: "POST", path: "/requests", body: wholeRequest, header: map[string]string{"Content-Type": "application/yaml"}})
	var set ivoa.OfferSet
	_, err := ivoa.Decode(ivoa.JSON, []byte(text(sc, resp)), ivoa.Limits{}, &set)
	require.NoError(sc, err)
	require.Equal(sc, ivoa.Yes, set.Result, set.Meta.Messages)
	sc.offers = set.Meta.UUID
	return set.Offers
}

// places are where an operation is to be found, for each thing of alice's that it may
// name; of none, if there are none.
func (sc *scene) places(o operation, ids map[string][]string) (list []string) {
	list = []string{o.path}
	for _, parameter := range slices.Sorted(maps.Keys(ids)) {
		var next []string
		for _, path := range list {
			if !strings.Contains(path, parameter) {
				next = append(next, path)
				continue
			}
			for _, id := range ids[parameter] {
				next = append(next, strings.Replace(path, parameter, id, 1))
			}
		}
		list = next
	}
	for i := range list {
		list[i] = strings.NewReplacer("{connector}", secretNotebook, "{secret}", "x", "{name}", nameIn(o.path)).Replace(list[i])
	}
	return list
}

func nameIn(path string) string {
	if strings.HasPrefix(path, "/federation") {
		return "jpsrc"
	}
	return secretFile
}

// things are alice's, by what stands for them in paths.
func (sc *scene) things(o operation) map[string][]string {
	ids := map[string][]string{"{ref}": {sc.attempt, sc.under}, "{id}": {sc.account}, "{uuid}": {sc.running, sc.ended}}
	switch {
	case strings.HasPrefix(o.path, "/offersets"):
		ids["{uuid}"] = []string{sc.offers}
	case strings.HasPrefix(o.path, "/executors"):
		ids["{uuid}"] = []string{sc.executor}
	}
	return ids
}

// nothings are ids of nothing at all, at alice's node.
func (sc *scene) nothings() map[string][]string {
	none := "019a0000-0000-8000-8000-" + sc.running[24:]
	return map[string][]string{"{ref}": {none}, "{uuid}": {none}, "{id}": {strings.Repeat("0d", 16)}}
}

// queries are the ways in which an operation can be asked for what is alice's.
func (sc *scene) queries(o operation) (list []string) {
	list = []string{""}
	about := map[string][]string{
		"owner": {"alice", "user:alice", "node:kth"}, "user": {"alice"}, "session": {sc.ended}, "object": {"session:" + sc.ended}, "node": {"kth"},
		"consistency": {"strong"},
	}
	for _, name := range o.query {
		for _, value := range about[name] {
			list = append(list, "?"+url.Values{name: {value}}.Encode())
		}
	}
	return list
}

func (sc *scene) as(who string, o operation, target string, header map[string]string) *http.Response {
	c := call{method: o.method, path: target, body: sent[o.String()], stranger: true, header: maps.Clone(header)}
	if c.header == nil {
		c.header = map[string]string{}
	}
	if who != "" {
		c.header["Authorization"] = "Bearer " + who
	}
	// Who is let in by mistake may be let into a stream that doesn't end.
	ctx, cancel := context.WithTimeout(sc.Context(), 10*time.Second)
	defer cancel()
	recorder := httptest.NewRecorder()
	sc.server.ServeHTTP(recorder, c.request().WithContext(ctx))
	return recorder.Result()
}

// found are the traces of alice in an answer that its request didn't bring along.
func (sc *scene) found(resp *http.Response, body, target string) (list []string) {
	var header strings.Builder
	_ = resp.Header.Write(&header)
	asked, _ := url.QueryUnescape(target)
	for _, trace := range sc.traces {
		if strings.Contains(body+header.String(), trace) && !strings.Contains(asked, trace) {
			list = append(list, trace)
		}
	}
	return list
}

// Promise 8: whoever is not alice, and has no role to see all, finds nothing of hers on
// any path of the document, changes nothing, and isn't even told that it is there.
func TestPromise8AStrangerFindsNothingOfAlicesOnAnyRoute(t *testing.T) {
	for how, through := range theScenes {
		t.Run(how, func(t *testing.T) { strangers(t, prepareScene(t, through)) })
	}
}

func strangers(t *testing.T, sc *scene) {
	before := sc.alicesView()
	for _, o := range sc.operations {
		require.True(t, !o.body || sent[o.String()] != "", "say in sent what a stranger sends to %s", o)
		if !slices.Contains(openForAll, o.String()) {
			for _, place := range sc.places(o, sc.things(o)) {
				resp := sc.as("", o, place, nil)
				assert.Equal(t, http.StatusUnauthorized, resp.StatusCode, "%s: nobody", o)
				assert.Empty(t, sc.found(resp, text(t, resp), place), "%s: nobody", o)
			}
		}
		for _, who := range []string{"mallory", "drone"} {
			sc.strange(who, o)
		}
	}
	assert.Equal(t, before, sc.alicesView(), "and nothing of it was changed")
	sc.passedOn()

	// All of it is on record, for auditors; that doesn't tell the strangers either.
	trail := operation{method: "GET", path: "/audit"}
	for who, tried := range map[string]string{"mallory": `"action":"cancel"`, "drone": `"action":"drive"`} {
		path := "/audit?limit=1000&user=" + who
		eventually(t, func() bool { return strings.Contains(text(t, sc.as("eve", trail, path, nil)), tried) })
		var own auditList
		require.NoError(t, json.Unmarshal([]byte(text(t, sc.as(who, trail, path, nil))), &own))
		for _, e := range own.Audit {
			// What was refused whatever it named tells nothing of it.
			assert.True(t, strings.HasPrefix(e.Rule, "role ") || e.Action == "list" || e.Decision == accounting.Allowed, "%+v", e)
		}
	}
}

// passedOn checks that what is its owner's to answer was asked of it, where that isn't
// who was asked.
func (sc *scene) passedOn() {
	if sc.owner == sc.world {
		return
	}
	said := strings.Split(sc.owner.log.String(), "\n")
	for _, r := range sc.server.routes() {
		if ownedParameter(r.method, r.path) != "" {
			assert.True(sc, slices.ContainsFunc(said, func(line string) bool {
				return strings.Contains(line, " method="+r.method+" route="+r.path+" ") && strings.Contains(line, " by=jodrell")
			}), "%s %s", r.method, r.path)
		}
	}
}

// strange walks one operation as one who has nothing to do with alice.
func (sc *scene) strange(who string, o operation) {
	sc.Helper()
	for _, place := range sc.places(o, sc.things(o)) {
		for _, query := range sc.queries(o) {
			target := place + query
			label := fmt.Sprintf("%s %s as %s", o.method, target, who)
			resp := sc.as(who, o, target, nil)
			body := text(sc, resp)
			assert.Empty(sc, sc.found(resp, body, target), "%s: %s", label, body)
			switch {
			case slices.Contains(openForAll, o.String()):
			case o.names():
				assert.Contains(sc, []int{http.StatusNotFound, http.StatusForbidden}, resp.StatusCode, "%s: %s", label, body)
				// What isn't there at all is answered the same.
				nothing := sc.places(o, sc.nothings())[0] + query
				other := sc.as(who, o, nothing, nil)
				assert.Equal(sc, other.StatusCode, resp.StatusCode, label)
				assert.Equal(sc, anonymous(text(sc, other), nothing), anonymous(body, place+query), label)
			case o.method != http.MethodGet:
				assert.Contains(sc, mayDo[who], o.String()+" "+fmt.Sprint(resp.StatusCode), "%s: %s", label, body)
			case o.path == "/metrics":
				assert.Equal(sc, http.StatusForbidden, resp.StatusCode, label)
			default:
				assert.Contains(sc, []int{http.StatusOK, http.StatusNotFound, http.StatusForbidden}, resp.StatusCode, "%s: %s", label, body)
			}
		}
	}
}

// mayDo is what becomes of operations that name nothing of anybody's.
var mayDo = map[string][]string{
	"mallory": {
		"POST /policy/check 200", "POST /policy/check 403", // for herself, for alice
		"POST /requests 303", "POST /direct 303", "POST /executors 403", "POST /allocations 403", "POST /owners 403",
		"POST /federation/leave 403", "POST /federation/revocations 403", "DELETE /federation/nodes/{name} 403",
	},
	"drone": {
		"POST /policy/check 403",
		"POST /requests 403", "POST /direct 403", "POST /executors 201", "POST /executors 200", "POST /allocations 403", "POST /owners 403",
		"POST /federation/leave 403", "POST /federation/revocations 403", "DELETE /federation/nodes/{name} 403",
	},
	"eve": {
		"POST /policy/check 200",
		"POST /requests 403", "POST /direct 403", "POST /executors 403", "POST /allocations 403", "POST /owners 403",
		"POST /federation/leave 403", "POST /federation/revocations 403", "DELETE /federation/nodes/{name} 403",
	},
}

var someID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}`)

// anonymous is an answer without the ids in it, which are those of the request.
func anonymous(body, _ string) string {
	return regexp.MustCompile(`"requestId":"[^"]*"`).ReplaceAllString(someID.ReplaceAllString(body, "ID"), "")
}

// An auditor reads everything, and changes nothing.
func TestPromise8AnAuditorReadsEverythingAndChangesNothing(t *testing.T) {
	for how, through := range theScenes {
		t.Run(how, func(t *testing.T) { auditors(t, prepareScene(t, through)) })
	}
}

func auditors(t *testing.T, sc *scene) {
	before := sc.alicesView()
	for _, o := range sc.operations {
		things := sc.things(o)
		if strings.HasSuffix(o.path, "/events") {
			things["{uuid}"] = []string{sc.ended} // the other's never end
		}
		for _, place := range sc.places(o, things) {
			resp := sc.as("eve", o, place, nil)
			body := text(t, resp)
			label := fmt.Sprintf("%s %s: %s", o.method, place, body)
			switch {
			case slices.Contains(openForAll, o.String()):
			case strings.Contains(o.path, "/connect/"), strings.Contains(o.path, "/links/"):
				assert.Equal(t, http.StatusForbidden, resp.StatusCode, label)
			case o.method != http.MethodGet && o.names():
				assert.Contains(t, []int{http.StatusForbidden, http.StatusNotFound}, resp.StatusCode, label)
			case o.method != http.MethodGet:
				assert.Contains(t, mayDo["eve"], o.String()+" "+fmt.Sprint(resp.StatusCode), label)
			default:
				assert.Equal(t, http.StatusOK, resp.StatusCode, label)
			}
		}
	}
	for _, list := range []string{"/sessions", "/history", "/accounts?owner=alice", "/statements?owner=alice"} {
		resp := sc.as("eve", operation{method: "GET", path: list}, list, nil)
		assert.NotEmpty(t, sc.found(resp, text(t, resp), list), list)
	}
	assert.Equal(t, before, sc.alicesView())
}

// alicesView is all that alice sees of hers.
func (sc *scene) alicesView() (list []string) {
	for _, path := range []string{
		"/sessions", "/sessions/" + sc.running, "/sessions/" + sc.ended, "/sessions/" + sc.running + "/files", "/sessions/" + sc.ended + "/stdout",
		"/offersets/" + sc.offers, "/history", "/history/" + sc.attempt, "/history/" + sc.under, "/history/" + sc.under + "/updates",
		"/accounts", "/statements", "/budgets", "/allocations",
	} {
		resp := sc.get(path)
		require.Equal(sc, http.StatusOK, resp.StatusCode, path)
		list = append(list, path+": "+text(sc, resp))
	}
	return list
}
