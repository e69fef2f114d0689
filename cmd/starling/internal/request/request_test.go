package request

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/ivoa"
)

func TestAWishBecomesARequest(t *testing.T) {
	built, err := Wish{
		Name: "counts", Command: []string{"wc", "-l", "/input/a.dat"}, Env: []string{"LANG=C"},
		Cores: "2:8", Memory: "4", Storage: "5", For: "10m", Start: "2026-12-01T00:00:00Z/P1D",
		Data:    []string{"http://h/a.dat#sha256=ab:/in", "https://h:80/x/a.dat"},
		Outputs: []string{"/output"}, MaxCost: 2.5,
	}.Build()
	require.NoError(t, err)
	assert.Equal(t, ivoa.YAML, built.Media)

	var r ivoa.ExecutionRequest
	notices, err := ivoa.Decode(ivoa.YAML, built.Body, ivoa.Limits{}, &r)
	require.NoError(t, err, string(built.Body))
	assert.Empty(t, notices)

	process := r.Executable.(*ivoa.Process)
	assert.Equal(t, []string{"wc", "-l", "/input/a.dat"}, process.Command)
	assert.Equal(t, map[string]string{"LANG": "C"}, process.Environment)
	assert.Equal(t, "counts", process.Name())

	compute := r.Compute.(*ivoa.SimpleComputeResource)
	assert.Equal(t, [2]int64{2, 8}, [2]int64{*compute.Cores.Min, *compute.Cores.Max})
	assert.Nil(t, compute.Memory.Max)
	assert.Equal(t, "PT10M", r.Schedule.Requested.Duration)
	assert.InDelta(t, 2.5, *r.Costs[0].(*ivoa.FloatCost).Max, 0)

	require.Len(t, r.Data, 2)
	assert.Equal(t, "http://h/a.dat#sha256=ab", r.Data[0].(*ivoa.SimpleDataResource).Location)
	assert.Equal(t, "https://h:80/x/a.dat", r.Data[1].(*ivoa.SimpleDataResource).Location)
	var mounts []string
	for _, v := range compute.Volumes {
		v := v.(*ivoa.SimpleVolumeMount)
		mounts = append(mounts, strings.Join([]string{v.Resource, v.Path, string(v.Mode)}, " "))
	}
	assert.Equal(t, []string{"a.dat /in READONLY", "a.dat-2 /input READONLY", "output /output READWRITE"}, mounts)
}

func TestAWishWithAnImageAsksForAContainer(t *testing.T) {
	built, err := Wish{Image: "ghcr.io/example/counts:1.4", Command: []string{"60"}}.Build()
	require.NoError(t, err)
	var r ivoa.ExecutionRequest
	_, err = ivoa.Decode(ivoa.YAML, built.Body, ivoa.Limits{}, &r)
	require.NoError(t, err)
	assert.Equal(t, []string{"60"}, r.Executable.(*ivoa.DockerContainer).Command)
}

func TestABadWishNamesItsFlag(t *testing.T) {
	run := []string{"true"}
	for want, w := range map[string]Wish{
		"run what?: give a request with -f FILE, or a command after --":    {},
		`--cores: "two" is neither a whole number nor MIN:MAX`:             {Command: run, Cores: "two"},
		`--memory: ":" is neither a whole number nor MIN:MAX`:              {Command: run, Memory: ":"},
		`--storage: "-1" is neither a whole number nor MIN:MAX`:            {Command: run, Storage: "-1", Outputs: []string{"/o"}},
		`--for: "soon" is not a duration; write it as 10m, 1h30m or PT10M`: {Command: run, For: "soon"},
		`--for: "0s" is no time at all`:                                    {Command: run, For: "0s"},
		`--env: "A" is not NAME=VALUE`:                                     {Command: run, Env: []string{"A"}},
		`--output: "out" is not an absolute path, as /output is`:           {Command: run, Outputs: []string{"out"}},
		`--data: ":/in" is not URL[#sha256=…][:/path]`:                     {Command: run, Data: []string{":/in"}},
	} {
		_, err := w.Build()
		require.EqualError(t, err, want)
	}
	_, err := Wish{Command: run, Start: "tomorrow"}.Build()
	require.ErrorContains(t, err, "--start: ")
}

func TestDurationsAreReadEitherWay(t *testing.T) {
	for _, text := range []string{"90m", "1h30m", "PT1H30M", "pt90m"} {
		d, err := ParseDuration(text)
		require.NoError(t, err)
		assert.Equal(t, 90*time.Minute, d)
	}
}

func TestAFileIsSentAsItStands(t *testing.T) {
	dir := t.TempDir()
	for name, tt := range map[string]struct {
		text string
		want ivoa.Media
	}{
		"a.yaml": {"{}", ivoa.YAML}, "a.yml": {"a: b", ivoa.YAML}, "a.JSON": {" {}", ivoa.JSON}, "a.xml": {"<r/>", ivoa.XML},
		"json": {"\n {}", ivoa.JSON}, "xml": {"<r/>", ivoa.XML}, "yaml": {"# hello\n", ivoa.YAML},
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(tt.text), 0o600))
		got, err := Read(path, nil)
		require.NoError(t, err)
		assert.Equal(t, tt.want, got.Media, name)
		assert.Equal(t, tt.text, string(got.Body))
	}
	got, err := Read("-", strings.NewReader("{}"))
	require.NoError(t, err)
	assert.Equal(t, ivoa.JSON, got.Media)

	_, err = Read("-", strings.NewReader(" \n"))
	require.EqualError(t, err, "- is empty")
	_, err = Read(filepath.Join(dir, "none"), nil)
	require.ErrorContains(t, err, "read the request: ")
}
