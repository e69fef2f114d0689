package identity

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestASecretIsShownNowhere(t *testing.T) {
	secret := NewSecret("hunter2")
	caller := Caller{User: "alice", Token: secret}
	var logged strings.Builder
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "secret", secret, "caller", caller)
	encoded, err := json.Marshal(caller)
	require.NoError(t, err)
	for _, text := range []string{
		fmt.Sprint(secret), fmt.Sprintf("%v %+v %#v %s %q %x %d", caller, caller, caller, secret, secret, secret, secret),
		fmt.Sprintf("%#v", &caller), logged.String(), string(encoded), fmt.Errorf("%w: %v", io.EOF, secret).Error(),
	} {
		assert.NotContains(t, text, "hunter2")
		assert.NotContains(t, text, "68756e74657232", "nor in hexadecimal")
	}
	assert.Equal(t, "hunter2", secret.Reveal())
}
