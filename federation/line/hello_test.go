package line

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What follows a hello is the next protocol's: not a byte of it is taken.
func TestAHelloIsReadToItsEndAndNoFurther(t *testing.T) {
	said := hello{protocolHTTP, "a", "b", ""}
	r := bytes.NewReader(append(said.encode(), "GET /"...))
	got, err := readHello(r)
	require.NoError(t, err)
	assert.Equal(t, said, got)
	assert.Equal(t, 5, r.Len())
}

func TestAnAnswerIsCutRatherThanRefused(t *testing.T) {
	got, err := readAnswer(bytes.NewReader(answer{ReasonBusy, strings.Repeat("x", 2000)}.encode()))
	require.NoError(t, err)
	assert.Equal(t, answer{ReasonBusy, strings.Repeat("x", 255)}, got)
}

// Whatever is sent, a hello that is believed is one that could have been said, and
// can be written into a log.
func FuzzHello(f *testing.F) {
	f.Add(hello{protocolRaft, "a", "b", "0190-f"}.encode())
	f.Add(frame("raft", "a", "b"))
	f.Add(frame("raft", "a", "b", "c", "d"))
	f.Add(append([]byte(magic), version, 0, 2, 9, 'x'))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		got, err := readHello(bytes.NewReader(sent))
		if err != nil {
			return
		}
		assert.NoError(t, got.validate())
		assert.True(t, bytes.HasPrefix(sent, got.encode()))
		assert.Equal(t, clean(got.federation, 64), got.federation)
	})
}

// An answer comes from a node that may have been broken into.
func FuzzAnswer(f *testing.F) {
	f.Add(answer{}.encode())
	f.Add(answer{ReasonFederation, "no\x1b"}.encode())
	f.Fuzz(func(t *testing.T, sent []byte) {
		got, err := readAnswer(bytes.NewReader(sent))
		if err == nil {
			assert.Equal(t, clean(got.message, 255), got.message)
			assert.Equal(t, clean(string(got.reason), 32), string(got.reason))
		}
	})
}
