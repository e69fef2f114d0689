package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
)

// Tokens end, or are of another user: whoever puts another into the file needn't stop the
// work.
func TestATokenThatIsRefusedIsReadAgain(t *testing.T) {
	for _, refusal := range []int{http.StatusUnauthorized, http.StatusForbidden} {
		t.Run(http.StatusText(refusal), func(t *testing.T) { readAgain(t, refusal) })
	}
}

func readAgain(t *testing.T, refusal int) {
	good := "old"
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+good {
			w.WriteHeader(refusal)
			return
		}
		_, _ = w.Write([]byte(`{"uuid": "x", "renewSeconds": 30}`))
	}))
	defer node.Close()
	a, _, _ := testApp(t, node.URL)
	a.token, a.tokenFile = "", filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(a.tokenFile, []byte("old\n"), 0o600))
	client, err := a.despatchClient(slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer client.HTTP.CloseIdleConnections()
	register := func() error {
		_, err := client.Register(t.Context(), despatch.Registration{Name: "x"})
		return err
	}
	require.NoError(t, register())
	good = "new"
	require.NoError(t, os.WriteFile(a.tokenFile, []byte("new\n"), 0o600))
	assert.Error(t, register(), "it finds out")
	assert.NoError(t, register())
}
