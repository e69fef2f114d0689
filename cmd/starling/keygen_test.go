package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/certificate"
)

func atNoon() time.Time { return noon }

// What keygen makes is what a node takes, without a change.
func TestKeygenMakesWhatNodesTake(t *testing.T) {
	dir := t.TempDir()
	ca, node, gossip := filepath.Join(dir, "ca"), filepath.Join(dir, "node"), filepath.Join(dir, "gossip.keys")
	got := starling(t, "", "keygen", "ca", "--name", "flock", "--out", ca)
	require.Equal(t, 0, got.status, got.err)
	assert.Contains(t, got.out, ca+"/ca.pem")
	assert.Equal(t, "good until 2036-11-28\n", got.err)
	got = starling(t, "", "keygen", "node", "jodrell", "--ca", ca, "--out", node, "--days", "30")
	require.Equal(t, 0, got.status, got.err)
	assert.Contains(t, got.out, "federation.certificate")
	got = starling(t, "", "keygen", "gossip", "--out", gossip)
	require.Equal(t, 0, got.status, got.err)

	credentials, err := certificate.Load(certificate.Files{
		CA: filepath.Join(ca, "ca.pem"), Certificate: filepath.Join(node, "jodrell.pem"), Key: filepath.Join(node, "jodrell.key"),
	}, "jodrell", atNoon)
	require.NoError(t, err)
	assert.Equal(t, noon.Add(30*24*time.Hour), credentials.Expires())
	keys, err := certificate.GossipKeys(gossip)
	require.NoError(t, err)
	assert.Len(t, keys, 1)

	for _, path := range []string{filepath.Join(ca, "ca.key"), filepath.Join(node, "jodrell.key"), gossip} {
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), path)
		secret, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.NotContains(t, got.out+got.err, string(secret))
	}
}

func TestKeygenOverwritesNothing(t *testing.T) {
	dir := t.TempDir()
	require.Equal(t, 0, starling(t, "", "keygen", "ca", "--out", dir).status)
	key, err := os.ReadFile(filepath.Join(dir, "ca.key"))
	require.NoError(t, err)
	got := starling(t, "", "keygen", "ca", "--out", dir)
	assert.Equal(t, 1, got.status)
	assert.Equal(t, "starling: "+dir+"/ca.pem is there already; nothing is overwritten: move it away, or write elsewhere\n", got.err)
	still, err := os.ReadFile(filepath.Join(dir, "ca.key"))
	require.NoError(t, err)
	assert.Equal(t, key, still)
}

func TestKeygenTellsProgramsWhatItWrote(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gossip.keys")
	got := starling(t, "", "keygen", "gossip", "--out", path, "-o", "json")
	require.Equal(t, 0, got.status, got.err)
	var wrote struct {
		Files []keyFile `json:"files"`
	}
	require.NoError(t, json.Unmarshal([]byte(got.out), &wrote))
	assert.Equal(t, []keyFile{{Path: path, Key: "federation.gossipKeys", Secret: true, Holds: "the key of gossip, for every node"}}, wrote.Files)
}

func TestKeygenRefusesWhatMakesNoSense(t *testing.T) {
	dir := t.TempDir()
	require.Equal(t, 0, starling(t, "", "keygen", "ca", "--out", dir, "--days", "10").status)
	for want, args := range map[string][]string{
		"a certificate for which node? Its name is wanted":  {"node"},
		`node name "A.b": want lower-case letters`:          {"node", "A.b", "--ca", dir},
		"--days: want 1 to 10957, not 0":                    {"node", "a", "--days", "0"},
		"--days: want 1 to 10957, not 20000":                {"ca", "--days", "20000"},
		"--name: name of the federation: want 1 to 64":      {"ca", "--name", ""},
		"the CA's certificate ends on 2026-12-11":           {"node", "a", "--ca", dir, "--out", dir, "--days", "11"},
		"--ca is the directory that `starling keygen ca` w": {"node", "a", "--ca", dir + "/none"},
	} {
		got := starling(t, "", append([]string{"keygen"}, args...)...)
		assert.NotEqual(t, 0, got.status, args)
		assert.Contains(t, got.err, want)
		assert.Empty(t, got.out)
	}
	assert.NoFileExists(t, filepath.Join(dir, "a.key"))
}
