package line

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"starling/federation/certificate"
	"starling/federation/certificate/certificatetest"
)

// BenchmarkLine is what it costs to call a node, and to ask one that was called.
func BenchmarkLine(b *testing.B) {
	ca := certificatetest.New(b)
	for name, private := range map[string]bool{"private": true, "dev": false} {
		b.Run(name, func(b *testing.B) {
			ports := map[string]*Port{}
			for _, node := range []string{"a", "b"} {
				var credentials *certificate.Credentials
				if private {
					credentials = ca.Credentials(b, node)
				}
				port, err := Listen(b.Context(), Options{
					Node: node, Federation: func() string { return "f" }, Listen: "127.0.0.1:0",
					Credentials: credentials, Log: slog.New(slog.DiscardHandler),
				})
				require.NoError(b, err)
				defer port.Close()
				ports[node] = port
			}
			address := ports["b"].Addr()
			ports["b"].Serve(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
				_, _ = io.Copy(io.Discard, request.Body)
			}))
			go func() {
				for {
					conn, err := ports["b"].Stream().Accept()
					if err != nil {
						return
					}
					_ = conn.Close()
				}
			}()
			b.Run("call", func(b *testing.B) {
				for b.Loop() {
					conn, err := ports["a"].Stream().Dial("b", address, soon)
					require.NoError(b, err)
					_ = conn.Close()
				}
			})
			client := ports["a"].Client(at(map[string]string{"b": address}))
			body := make([]byte, 64<<10)
			b.Run("request of 64 KiB", func(b *testing.B) {
				b.SetBytes(int64(len(body)))
				for b.Loop() {
					answer, err := client.Post("http://b/peer/x", "application/octet-stream", bytes.NewReader(body))
					require.NoError(b, err)
					_, _ = io.Copy(io.Discard, answer.Body)
					_ = answer.Body.Close()
				}
			})
		})
	}
}
