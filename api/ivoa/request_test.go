package ivoa

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// sampleRequest is the request of the notes, as its author wrote it.
func sampleRequest(t testing.TB) *ExecutionRequest {
	t.Helper()
	body, err := os.ReadFile("testdata/request.yaml")
	require.NoError(t, err)
	var request ExecutionRequest
	notices, err := Decode(YAML, body, Limits{}, &request)
	require.NoError(t, err)
	require.Empty(t, notices)
	return &request
}

func TestSampleRequestSurvivesEveryForm(t *testing.T) {
	request := sampleRequest(t)
	docker, ok := request.Executable.(*DockerContainer)
	require.True(t, ok)
	require.Equal(t, []string{"--column", "flux", "/input/table.vot"}, docker.Command)
	require.Equal(t, "2026-12-01T00:00:00Z/P1D", request.Schedule.Requested.Start)
	for _, media := range []Media{JSON, YAML, XML} {
		body, err := Encode(media, request)
		require.NoError(t, err)
		t.Logf("%s", body)
		var back ExecutionRequest
		notices, err := Decode(media, body, Limits{}, &back)
		require.NoError(t, err)
		require.Empty(t, notices)
		require.Equal(t, request, &back)
	}
}
