package prometheus

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// dashboard is Grafana's, as far as it is looked at here.
type dashboard struct {
	Title         string  `json:"title"`
	SchemaVersion int     `json:"schemaVersion"`
	Panels        []panel `json:"panels"`
	Annotations   struct {
		List []struct {
			Expr string `json:"expr"`
		} `json:"list"`
	} `json:"annotations"`
	Templating struct {
		List []struct {
			Name       string `json:"name"`
			Definition string `json:"definition"`
		} `json:"list"`
	} `json:"templating"`
}

type panel struct {
	ID      int    `json:"id"`
	Type    string `json:"type"`
	Title   string `json:"title"`
	GridPos struct {
		X, Y, W, H int
	} `json:"gridPos"`
	Targets []struct {
		Expr string `json:"expr"`
	} `json:"targets"`
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	text, err := os.ReadFile("../grafana/starling.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &d))
	require.NotEmpty(t, d.Panels)
	return d
}

// expressions are all that the dashboard asks Prometheus.
func (d dashboard) expressions() (list []string) {
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			list = append(list, target.Expr)
		}
	}
	for _, a := range d.Annotations.List {
		list = append(list, a.Expr)
	}
	return list
}

// Every expression is one: they are made rules of, which promtool reads.
func TestTheDashboardAsksWhatPrometheusUnderstands(t *testing.T) {
	var file ruleFile
	file.Groups = append(file.Groups, struct {
		Name  string `json:"name"`
		Rules []rule `json:"rules"`
	}{Name: "dashboard"})
	for i, expr := range readDashboard(t).expressions() {
		file.Groups[0].Rules = append(file.Groups[0].Rules, rule{Record: fmt.Sprintf("dashboard:%d", i), Expr: chosen(expr)})
	}
	text, err := yaml.Marshal(file)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "dashboard.yaml")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	assert.Contains(t, promtool(t, "check", "rules", path), fmt.Sprintf("%d rules found", len(file.Groups[0].Rules)))
}

// chosen is an expression with a node chosen.
func chosen(expr string) string { return strings.ReplaceAll(expr, "$instance", "uksrc|jpsrc") }

// Panels have titles and ids of their own, and none lies on another.
func TestTheDashboardIsTidy(t *testing.T) {
	d := readDashboard(t)
	assert.GreaterOrEqual(t, d.SchemaVersion, 36, "Grafana 9 and later")
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		assert.NotEmpty(t, p.Title)
		assert.False(t, ids[p.ID], "panel %q has the id of another", p.Title)
		ids[p.ID] = true
		at := p.GridPos
		assert.LessOrEqual(t, at.X+at.W, 24, p.Title)
		for x := at.X; x < at.X+at.W; x++ {
			for y := at.Y; y < at.Y+at.H; y++ {
				assert.Empty(t, taken[[2]int{x, y}], "%q lies on another panel", p.Title)
				taken[[2]int{x, y}] = p.Title
			}
		}
		for _, target := range p.Targets {
			assert.True(t, strings.Contains(target.Expr, "$instance") || strings.HasPrefix(target.Expr, `sum(up{`), "%q shows nodes that weren't chosen", p.Title)
		}
	}
}
