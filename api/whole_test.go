package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
	"starling/api/conformance"
	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/consensus"
	"starling/node"
	"starling/node/config"
	"starling/node/store"
	"starling/scheduling"
)

// realBroker is a whole broker on a disk of its own.
func realBroker(t testing.TB, area string, edit ...func(*node.Options)) *node.Broker {
	t.Helper()
	dir := t.TempDir()
	sessions, err := store.Open(store.Options{Path: filepath.Join(dir, "sessions.db")})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, sessions.Close()) })
	outbox, err := consensus.NewOutbox(sessions.DB(), consensus.OutboxOptions{})
	require.NoError(t, err)
	record, err := consensus.OpenLocal(consensus.Options{Node: "kth", Dir: dir, Outbox: outbox, NoSync: true})
	require.NoError(t, err)
	record.Start(context.Background())
	t.Cleanup(func() { assert.NoError(t, record.Close()) })
	costs, err := accounting.NewTariff(accounting.TariffConfig{
		Currency: "EUR", Rates: map[string]accounting.RateConfig{"core-seconds": {Price: "0.01", Energy: "0.001", Carbon: "0.0001"}},
	})
	require.NoError(t, err)
	defaults := config.Default(true)
	options := node.Options{
		Name: "kth", Capacity: scheduling.Resources{Cores: 8, Memory: 16, Storage: 100},
		Offers: defaults.Offers, Sessions: defaults.Sessions, Transfers: defaults.TransferSite(), Costs: costs, Areas: []string{area},
		Store: sessions, Outbox: outbox, Record: record, Logger: quiet,
	}
	for _, e := range edit {
		e(&options)
	}
	broker, err := node.New(context.Background(), options)
	require.NoError(t, err)
	t.Cleanup(broker.Close)
	return broker
}

const wholeRequest = `
executable:
  kind: https://www.purl.org/ivoa.net/Calycopis-openapi/schema/v1.0/kinds/executable/docker-container.yaml
  meta: {name: counter}
  image: {locations: ["ghcr.io/example/counts:1.4"]}
  command: [60, 0]
compute:
  kind: https://www.purl.org/ivoa.net/Calycopis-openapi/schema/v1.0/kinds/compute/simple-compute-resource.yaml
  cores: {min: 2}
  memory: {min: 1}
data:
  - kind: https://www.purl.org/ivoa.net/Calycopis-openapi/schema/v1.0/kinds/data/simple-data-resource.yaml
    meta: {name: table}
    location: https://example.org/table.vot
schedule: {requested: {duration: PT30M}}
`

// The trip of a session, from the question to the bill, over HTTP with a real
// broker behind it, and every document of the standard on the way checked.
func TestASessionFromAskToStatement(t *testing.T) {
	area := t.TempDir()
	broker := realBroker(t, area)
	w := newWorld(t, func(o *Options) { o.Broker, o.Limits.Poll = broker, time.Millisecond })
	var documents []conformance.Document
	keep := func(method, path string, resp *http.Response) []byte {
		body := []byte(text(t, resp))
		documents = append(documents, conformance.Document{
			Name: method + " " + path, Op: method + " " + path, Status: resp.StatusCode, Location: resp.Header.Get("Location"),
			MediaType: resp.Header.Get("Content-Type"), Strict: true, Body: body,
		})
		return body
	}

	executor := despatch.Client{Base: "http://local", HTTP: &http.Client{Transport: w.server.Local(builtIn)}}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	registered, err := executor.Register(ctx, despatch.Registration{
		Name: "lt-1", Kinds: []string{ivoa.KindDockerContainer, ivoa.KindSimpleData}, Schemes: []string{"https"},
		Capacity: despatch.Capacity{Cores: 8, Memory: 16, Storage: 100},
	})
	require.NoError(t, err)

	// Ask and accept.
	resp := w.do(call{method: "POST", path: "/requests", body: wholeRequest, header: map[string]string{"Content-Type": "application/yaml"}})
	require.Equal(t, http.StatusSeeOther, resp.StatusCode)
	body := keep("POST", "/requests", resp)
	var offers ivoa.OfferSet
	_, err = ivoa.Decode(ivoa.JSON, body, ivoa.Limits{}, &offers)
	require.NoError(t, err)
	require.Equal(t, ivoa.Yes, offers.Result, string(body))
	assert.Equal(t, offers.Meta.URL, documents[0].Location)
	path := strings.TrimPrefix(offers.Offers[0].Meta.URL, testBase)
	keep("GET", strings.TrimPrefix(offers.Meta.URL, testBase), w.get(strings.TrimPrefix(offers.Meta.URL, testBase)))
	keep("GET", path, w.get(path))
	wantProblem(t, w.do(call{path: path, header: map[string]string{"Authorization": "Bearer mallory"}}), http.StatusNotFound)
	resp = w.post(path, acceptUpdate)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	keep("POST", path, resp)
	resp = w.post(path, strings.Replace(acceptUpdate, "ACCEPTED", "REJECTED", 1))
	assert.Equal(t, http.StatusConflict, resp.StatusCode, text(t, resp))

	// It is watched from now on.
	server := w.serve()
	_, events := w.stream(server, path+"/events", nil)
	_, output := w.stream(server, path+"/stdout?follow=true", nil)

	// Run.
	work, reasons, err := executor.Despatch(ctx, registered.UUID, 30*time.Second)
	require.NoError(t, err)
	require.NotNil(t, work, reasons)
	assert.Equal(t, testBase+path, work.Session.URL)
	stdout := filepath.Join(area, "stdout")
	require.NoError(t, os.WriteFile(stdout, []byte("counting\n"), 0o600))
	_, err = executor.Update(ctx, work.HistoryRef, despatch.Updates{Fence: work.Fence, Updates: []despatch.Update{
		{Key: "k1", Type: despatch.ActionStarted, Action: "run", Time: time.Now()},
		{Key: "k2", Type: despatch.FileSeen, Time: time.Now(), File: &despatch.File{Name: "stdout", Role: despatch.RoleStdout, Location: "file://" + stdout}},
	}}, 0)
	require.NoError(t, err)
	line, err := output.ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "counting\n", line)
	keep("GET", path, w.get(path))
	content := []byte("counting\ndone\n")
	grows, err := os.OpenFile(stdout, os.O_APPEND|os.O_WRONLY, 0) // a file that shrinks is read anew
	require.NoError(t, err)
	_, err = grows.WriteString("done\n")
	require.NoError(t, errors.Join(err, grows.Close()))
	require.NoError(t, executor.Complete(ctx, work.HistoryRef, despatch.Completion{
		Fence: work.Fence, Key: "k9", Time: time.Now(), Outcome: despatch.Completed,
		Resources: []despatch.Resource{{Name: "core-seconds", Amount: "12.5", Unit: "s"}},
		Files:     []despatch.File{{Name: "stdout", Role: despatch.RoleStdout, Location: "file://" + stdout, Bytes: int64(len(content)), SHA256: checksum(content)}},
	}))

	// It ends for those who watch.
	line, err = output.ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "done\n", line)
	_, err = output.ReadByte()
	assert.Error(t, err, "the output ends")
	for !strings.HasPrefix(block(t, events), "event: end") {
	}
	keep("GET", path, w.get(path))
	assert.Equal(t, "sha-256", strings.Split(w.get(path+"/stdout").Header.Get("Repr-Digest"), "=")[0])

	// The record.
	w.checkRecord(work.HistoryRef)
	t.Run("conform", func(t *testing.T) { conformance.New(t).Check(t, documents...) })
}

// checkRecord reads the record as alice, checking each answer with our document.
func (w *world) checkRecord(ref string) {
	w.Helper()
	d := readDocument(w.TB)
	for path, schema := range map[string]string{
		"/history/" + ref: "HistoryEntry", "/history/" + ref + "/updates": "UpdateList", "/history": "HistoryList", "/accounts": "AccountList", "/statements": "Statement",
		"/sessions": "SessionList", "/federation/nodes": "NodeList", "/federation/log": "LogStatus", "/executors": "ExecutorList",
	} {
		answer := text(w, w.get(path))
		var value any
		require.NoError(w, json.Unmarshal([]byte(answer), &value), answer)
		assert.Empty(w, d.check("", tree{"$ref": "#/components/schemas/" + schema}, value, true), "%s: %s", path, answer)
	}
	statement := text(w, w.get("/statements"))
	assert.Contains(w, statement, `"used":"12.5"`)
	assert.Contains(w, statement, `"charged":"0.125"`)
	assert.NotContains(w, text(w, w.do(call{path: "/history", header: map[string]string{"Authorization": "Bearer mallory"}})), ref)
	var accounts struct{ Accounts []struct{ ID string } }
	require.NoError(w, json.NewDecoder(bytes.NewReader([]byte(text(w, w.get("/accounts"))))).Decode(&accounts))
	require.NotEmpty(w, accounts.Accounts)
	assert.Equal(w, http.StatusOK, w.get("/accounts/"+accounts.Accounts[0].ID+"/entries").StatusCode)
	wantProblem(w, w.get("/accounts?cursor=xyz"), http.StatusBadRequest)
}
