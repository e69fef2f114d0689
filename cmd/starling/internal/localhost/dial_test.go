package localhost

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dialled records where a dialer was led to, which connects to some places only.
type dialled struct {
	to   []string
	open string
}

func (d *dialled) dial(_ context.Context, _, address string) (net.Conn, error) {
	d.to = append(d.to, address)
	if address != d.open {
		return nil, errors.New("refused by " + address)
	}
	conn, _ := net.Pipe()
	return conn, nil
}

func TestNamesBelowLocalhostAreThisMachine(t *testing.T) {
	for address, want := range map[string]string{
		"uksrc.localhost:7711":    "127.0.0.1:7711",
		"a.b.LOCALHOST.:443":      "127.0.0.1:443",
		"localhost:80":            "localhost:80",
		"notlocalhost:80":         "notlocalhost:80",
		"localhost.example.org:1": "localhost.example.org:1",
	} {
		d := &dialled{open: want}
		conn, err := Aware(d.dial)(t.Context(), "tcp", address)
		require.NoError(t, err, address)
		conn.Close()
		assert.Equal(t, []string{want}, d.to)
	}
}

func TestWhereNobodyListensBothAddressesOfThisMachineAreTried(t *testing.T) {
	d := &dialled{open: "[::1]:7711"}
	conn, err := Aware(d.dial)(t.Context(), "tcp", "uksrc.localhost:7711")
	require.NoError(t, err)
	conn.Close()
	assert.Equal(t, []string{"127.0.0.1:7711", "[::1]:7711"}, d.to)

	d = &dialled{}
	_, err = Aware(d.dial)(t.Context(), "tcp", "nobody-here.localhost:7711")
	require.ErrorContains(t, err, "refused by 127.0.0.1:7711")
}
