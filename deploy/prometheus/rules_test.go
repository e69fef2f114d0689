package prometheus

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// ruleFile is what Prometheus reads of rules.
type ruleFile struct {
	Groups []struct {
		Name  string `json:"name"`
		Rules []rule `json:"rules"`
	} `json:"groups"`
}

type rule struct {
	Alert       string            `json:"alert,omitempty"`
	Record      string            `json:"record,omitempty"`
	Expr        string            `json:"expr"`
	For         string            `json:"for,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// unitTests is a file of promtool's unit tests, as far as it is looked at here.
type unitTests struct {
	Tests []struct {
		Alerts []struct {
			Name     string           `json:"alertname"`
			Expected []map[string]any `json:"exp_alerts"`
		} `json:"alert_rule_test"`
	} `json:"tests"`
}

func TestTheRulesAreRules(t *testing.T) {
	promtool(t, append([]string{"check", "rules"}, glob(t, "rules/*.yaml")...)...)
}

func TestAlertsFireWhenTheyShouldAndNotBefore(t *testing.T) {
	promtool(t, append([]string{"test", "rules"}, glob(t, "tests/*.yaml")...)...)
}

// The configuration is whole, with its secrets, of which Prometheus wants to see that
// they are there.
func TestTheConfigurationIsOne(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(dir, "rules"), os.DirFS("rules")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "secrets"), 0o700))
	for _, name := range []string{"ca.pem", "prometheus.secret"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "secrets", name), nil, 0o600))
	}
	text, err := os.ReadFile("prometheus.yaml")
	require.NoError(t, err)
	path := filepath.Join(dir, "prometheus.yaml")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	assert.Contains(t, promtool(t, "check", "config", path), "2 rule files found")
}

// Each alert was seen to fire, and not to: one that can't do either is no alert.
func TestEveryAlertHasItsUnitTest(t *testing.T) {
	fires, rests := map[string]bool{}, map[string]bool{}
	for _, path := range glob(t, "tests/*.yaml") {
		var file unitTests
		read(t, path, &file)
		for _, test := range file.Tests {
			for _, alert := range test.Alerts {
				fires[alert.Name] = fires[alert.Name] || len(alert.Expected) > 0
				rests[alert.Name] = rests[alert.Name] || len(alert.Expected) == 0
			}
		}
	}
	for _, alert := range alerts(t) {
		assert.True(t, fires[alert.Alert], "%s is never seen to fire", alert.Alert)
		assert.True(t, rests[alert.Alert], "%s is never seen not to fire", alert.Alert)
	}
}

// Whom an alert wakes can read what it means, and what to do.
func TestEveryAlertHasItsParagraph(t *testing.T) {
	text, err := os.ReadFile("../OPERATORS.md")
	require.NoError(t, err)
	told := map[string]string{}
	for _, p := range regexp.MustCompile(`(?ms)^#### (Starling\w+)\n(.*?)(?:\n#|\z)`).FindAllSubmatch(overlapping(text), -1) {
		told[string(p[1])] = string(p[2])
	}
	known := map[string]bool{}
	for _, alert := range alerts(t) {
		known[alert.Alert] = true
		assert.Greater(t, len(told[alert.Alert]), 80, "OPERATORS.md says nothing of %s", alert.Alert)
		assert.Equal(t, "OPERATORS.md#"+strings.ToLower(alert.Alert), alert.Annotations["runbook_url"], alert.Alert)
		assert.Contains(t, alert.Annotations["summary"], "{{ $labels.", alert.Alert)
		assert.Contains(t, []string{"page", "ticket"}, alert.Labels["severity"], alert.Alert)
	}
	for name := range told {
		assert.True(t, known[name], "OPERATORS.md tells of %s, which is no alert", name)
	}
}

// overlapping doubles the marks of headings, so that the end of one paragraph can be the
// beginning of the next.
func overlapping(text []byte) []byte {
	return []byte(strings.ReplaceAll(string(text), "\n#### ", "\n#\n#### "))
}

func alerts(t *testing.T) (list []rule) {
	for _, r := range rules(t) {
		if r.Alert != "" {
			list = append(list, r)
		}
	}
	require.NotEmpty(t, list)
	return list
}

// rules are all of them, of all groups.
func rules(t *testing.T) (list []rule) {
	for _, path := range glob(t, "rules/*.yaml") {
		var file ruleFile
		read(t, path, &file)
		for _, g := range file.Groups {
			list = append(list, g.Rules...)
		}
	}
	require.NotEmpty(t, list)
	return list
}

func read(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, into), path)
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, paths, pattern)
	return paths
}
