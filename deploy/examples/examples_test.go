// Package examples holds no code, only the tests that keep the examples true.
package examples

import (
	"fmt"
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
	"starling/node/config"
)

// Nothing in an example is misspelt: an unknown property would be a notice.
func TestEveryExampleRequestIsUnderstoodWhole(t *testing.T) {
	var found []string
	for _, pattern := range []string{"*.yaml", "*/*.yaml"} {
		paths, err := filepath.Glob(pattern)
		require.NoError(t, err)
		found = append(found, paths...)
	}
	require.Contains(t, found, "hubble/request.yaml")
	for _, path := range found {
		if path == "starling.yaml" || filepath.Dir(path) == "sites" {
			continue
		}
		body, err := os.ReadFile(path)
		require.NoError(t, err)
		understoodWhole(t, path, body)
	}
}

// The README's request is an example too, where K stands for the address of the
// kinds.
func TestTheRequestOfTheREADMEIsUnderstoodWhole(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	request := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(text)
	require.NotNil(t, request, "README.md has no request")
	kinds := strings.TrimSuffix(ivoa.KindSimpleCompute, "/compute/simple-compute-resource.yaml")
	require.Contains(t, string(text), "`"+kinds+"`", "README.md says what K stands for")
	understoodWhole(t, "README.md", []byte(strings.ReplaceAll(string(request[1]), "kind: K/", "kind: "+kinds+"/")))
}

// And its rules are a configuration.
func TestTheRulesOfTheREADMEAreAConfiguration(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	rules := regexp.MustCompile("(?s)```yaml\n(auth:\n.*?)```").FindSubmatch(text)
	require.NotNil(t, rules, "README.md has no rules")
	path := filepath.Join(t.TempDir(), "rules.yaml")
	require.NoError(t, os.WriteFile(path, append(rules[1], "url: https://broker.example.org\n"...), 0o600))
	c, err := config.Load(config.Sources{File: path, Host: "elsewhere"})
	require.NoError(t, err)
	assert.Len(t, c.Auth.Issuers, 2)
}

func understoodWhole(t *testing.T, name string, body []byte) {
	t.Helper()
	var request ivoa.ExecutionRequest
	notices, err := ivoa.Decode(ivoa.YAML, body, ivoa.DefaultLimits(), &request)
	require.NoError(t, err, name)
	assert.Empty(t, notices, name)
	require.NotNil(t, request.Executable, name)
	for _, kind := range unknownKinds(&request) {
		assert.Fail(t, "nobody knows this kind", "%s: %s", name, kind)
	}
}

// unknownKinds lists the kinds of a request that the standard's types don't have.
func unknownKinds(r *ivoa.ExecutionRequest) []string {
	all := []any{r.Executable, r.Compute}
	if r.Compute != nil {
		for _, v := range r.Compute.Mounted().Volumes {
			all = append(all, v)
		}
	}
	for _, s := range r.Storage {
		all = append(all, s)
	}
	for _, d := range r.Data {
		all = append(all, d)
	}
	for _, c := range r.Costs {
		all = append(all, c)
	}
	var unknown []string
	for _, component := range all {
		if name := fmt.Sprintf("%T", component); strings.Contains(name, "Unknown") {
			unknown = append(unknown, fmt.Sprintf("%+v", component))
		}
	}
	return unknown
}

// Each site of the demonstration is a configuration of its own name.
func TestTheSitesOfTheDemonstrationAreGood(t *testing.T) {
	paths, err := filepath.Glob("sites/*.yaml")
	require.NoError(t, err)
	require.Len(t, paths, 3)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		served := filepath.Join(t.TempDir(), filepath.Base(path))
		require.NoError(t, os.WriteFile(served, []byte(strings.ReplaceAll(string(text), "DATA", "http://127.0.0.1:1")), 0o600))
		c, err := config.Load(config.Sources{File: served, Host: "elsewhere", Flags: []config.Flag{{Name: "--dev", Key: "dev", Value: "true"}}})
		require.NoError(t, err)
		assert.Equal(t, strings.TrimSuffix(filepath.Base(path), ".yaml"), c.Name)
		assert.Len(t, c.StorageElements, 1)
	}
}

func TestTheExampleConfigurationIsGood(t *testing.T) {
	c, err := config.Load(config.Sources{File: "starling.yaml", Host: "elsewhere", Serve: true})
	require.NoError(t, err)
	assert.Equal(t, "jodrell", c.Name)

	costs, err := c.Tariff.Costs()
	require.NoError(t, err)
	tuesday := time.Date(2026, 11, 17, 0, 0, 0, 0, time.UTC)
	work := accounting.Work{
		Owners: accounting.Owners{Programme: accounting.Party{ID: "commissioning"}},
		Size:   accounting.Footprint{Cores: 10, MemoryGiB: 100, StorageGiB: 240},
	}
	for hour, want := range map[int]string{2: "0.075", 12: "0.225"} { // by night, by day
		work.Start = tuesday.Add(time.Duration(hour) * time.Hour)
		work.End = work.Start.Add(time.Hour)
		work.Usage, err = work.Size.Usage(time.Hour)
		require.NoError(t, err)
		bill, err := costs.Charge(work)
		require.NoError(t, err)
		half := bill.Discounts[0].Off
		assert.Equal(t, want, string(bill.Charges[0].Amount.Format("GBP")))
		assert.Equal(t, bill.Charges[0].Amount, 2*half.Amount)
	}
}
