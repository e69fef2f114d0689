package prometheus

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/deploy/launch"
)

// word is whatever may be the name of a metric in an expression. Only those are looked
// at that tell what they are of.
var word = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*`)

// quoted is what stands for values of labels, and braces for all that is about labels.
var quoted = regexp.MustCompile(`"[^"]*"`)

// metricsOf are the metrics that an expression looks at.
func metricsOf(expr string) (list []string) {
	for _, name := range word.FindAllString(quoted.ReplaceAllString(expr, ""), -1) {
		for _, of := range []string{"starling_", "instance:starling_", "process_", "go_"} {
			if strings.HasPrefix(name, of) {
				list = append(list, name)
			}
		}
	}
	return list
}

// An alert on what nobody exports never fires, and says nothing of it.
func TestEveryMetricThatIsLookedAtIsExported(t *testing.T) {
	exported := exportedByAFederation(t)
	recorded := map[string]bool{}
	var expressions []string
	for _, r := range rules(t) {
		recorded[r.Record] = true
		expressions = append(expressions, r.Expr)
	}
	d := readDashboard(t)
	expressions = append(expressions, d.expressions()...)
	for _, v := range d.Templating.List {
		expressions = append(expressions, v.Definition)
	}
	seen := map[string]bool{}
	for _, expr := range expressions {
		for _, name := range metricsOf(expr) {
			seen[name] = true
			assert.True(t, exported[name] || recorded[name], "%s, in %s, is exported by no node", name, expr)
		}
	}
	assert.Greater(t, len(seen), 50, "the test has not found the names")
}

// site has an issuer that isn't there, and a rule that can't be evaluated: both are
// metrics, too.
const site = `
auth: {issuers: [{url: "http://127.0.0.1:1/"}], roles: [{role: user, user: "*"}]}
policy: {rules: [{name: broken, when: 'groups[7] == "ska"', then: deny}]}
`

// exportedByAFederation are the metrics of two nodes that have done a little of
// everything: they have a certificate, an issuer, and each other.
func exportedByAFederation(t *testing.T) map[string]bool {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	dir := t.TempDir()
	program := filepath.Join(dir, "starling")
	said, err := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", program, "starling/cmd/starling").CombinedOutput()
	require.NoError(t, err, "%s", said)
	run := func(args ...string) {
		said, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
		require.NoError(t, err, "%v: %s", args, said)
	}
	run("keygen", "ca", "--out", filepath.Join(dir, "ca"))
	run("keygen", "gossip", "--out", filepath.Join(dir, "gossip.keys"))

	file := filepath.Join(dir, "site.yaml")
	require.NoError(t, os.WriteFile(file, []byte(site), 0o600))
	f, err := launch.NewFederation(program, dir, 2, "--config", file,
		"--set", "federation.ca="+filepath.Join(dir, "ca", "ca.pem"),
		"--set", "federation.gossipKeys="+filepath.Join(dir, "gossip.keys"))
	require.NoError(t, err)
	for _, n := range f.Nodes {
		run("keygen", "node", n.Name, "--ca", filepath.Join(dir, "ca"), "--out", filepath.Join(dir, n.Name+".keys"))
		n.Arguments = append(n.Arguments,
			"--set", "federation.certificate="+filepath.Join(dir, n.Name+".keys", n.Name+".pem"),
			"--set", "federation.key="+filepath.Join(dir, n.Name+".keys", n.Name+".key"))
		require.NoError(t, n.Start())
		t.Cleanup(n.Kill)
		require.NoError(t, n.Ready(ctx))
	}
	node := f.Nodes[0]
	// A request that the broken rule denies.
	_ = exec.CommandContext(ctx, program, "offers", "--node", node.URL, "--", "true").Run()
	exported := map[string]bool{}
	for _, n := range f.Nodes {
		for _, name := range scrape(ctx, t, n.URL) {
			exported[name] = true
		}
	}
	return exported
}

// scrape returns the names of all series that a node exports.
func scrape(ctx context.Context, t *testing.T, url string) (names []string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/metrics", nil)
	require.NoError(t, err)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode, "%s", text)
	for line := range strings.Lines(string(text)) {
		if name := word.FindString(line); name != "" && !strings.HasPrefix(line, "#") {
			names = append(names, name)
		}
	}
	return names
}
