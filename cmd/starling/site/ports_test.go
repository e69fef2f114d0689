package site

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/node/config"
)

// Whoever started the node is told which flag to change; and nobody has been taken
// into a federation, or begun one, that can't be reached by its clients.
func TestANodeThatCannotHaveItsPortSaysWhichFlagChoosesAnother(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for flag, set := range map[string]func(*config.Config, string){
		"--http":   func(c *config.Config, a string) { c.HTTP = a },
		"--gossip": func(c *config.Config, a string) { c.Federation.Gossip = a },
		"--raft":   func(c *config.Config, a string) { c.Federation.Raft = a },
	} {
		t.Run(flag, func(t *testing.T) {
			c := config.Default(true)
			c.Name, c.Data, c.HTTP, c.URL = "a", filepath.Join(t.TempDir(), "data"), "127.0.0.1:0", "http://a.example"
			c.Federation.Gossip, c.Federation.Raft, c.Federation.Bootstrap = "127.0.0.1:0", "127.0.0.1:0", true
			set(&c, taken.Addr().String())
			err := Run(context.Background(), Options{Config: c, Log: slog.New(slog.DiscardHandler)})
			require.EqualError(t, err, "another program listens on "+taken.Addr().String()+"; "+flag+" chooses another address")
			if flag == "--http" {
				assert.NoDirExists(t, c.Data, "nothing else was done")
			}
		})
	}
}

// Whoever may have any port, as root, can't be refused one: so the refusal is made up.
func TestAPortThatIsTooLowSaysWhatItWants(t *testing.T) {
	c := config.Default(false)
	c.HTTP = "0.0.0.0:443"
	refused := &net.OpError{Op: "listen", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4zero, Port: 443}, Err: os.NewSyscallError("bind", syscall.EACCES)}
	err := unavailable(refused, c)
	assert.ErrorContains(t, err, "0.0.0.0:443 without CAP_NET_BIND_SERVICE")
	assert.ErrorContains(t, err, "--http chooses another address")
}
