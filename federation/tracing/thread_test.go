package tracing

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"starling/federation/identity"
)

const (
	someTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	someSpan  = "00f067aa0ba902b7"
)

func TestAThreadGoesFromRequestToRequest(t *testing.T) {
	ctx := Receive(context.Background(), http.Header{Header: {"00-" + someTrace + "-" + someSpan + "-01"}, "Tracestate": {"a=b"}}, true)
	assert.Equal(t, identity.Trace(someTrace), Of(ctx))
	out := http.Header{}
	Send(ctx, out)
	assert.Equal(t, http.Header{Header: {"00-" + someTrace + "-" + someSpan + "-01"}}, out)
	assert.Equal(t, Of(ctx), Of(Receive(context.Background(), out, false)))
}

// A client doesn't decide what the node's operator pays for.
func TestTheWishToBeSampledIsBelievedOfNodesAlone(t *testing.T) {
	in := http.Header{Header: {"00-" + someTrace + "-" + someSpan + "-01"}}
	for believed, flags := range map[bool]string{true: "-01", false: "-00"} {
		out := http.Header{}
		Send(Receive(context.Background(), in, believed), out)
		assert.True(t, strings.HasSuffix(out.Get(Header), flags), believed)
	}
}

func TestWhatIsNoTraceContextIsReplaced(t *testing.T) {
	seen := map[identity.Trace]bool{}
	for _, wrong := range [][]string{
		nil, {""}, {"00"}, {"4bf92f3577b34da6a3ce929d0e0e4736"},
		{"00-" + strings.Repeat("0", 32) + "-" + someSpan + "-01"}, {"00-" + someTrace + "-" + strings.Repeat("0", 16) + "-01"},
		{"00-" + strings.ToUpper(someTrace) + "-" + someSpan + "-01"}, {"00-" + someTrace[1:] + "-" + someSpan + "-01"}, {"00-" + someTrace + "0-" + someSpan + "-01"},
		{"ff-" + someTrace + "-" + someSpan + "-01"}, {"00-" + someTrace + "-" + someSpan + "-01-more"}, {"00-" + someTrace + "-" + someSpan}, {"00-" + someTrace + "\n-" + someSpan + "-01"},
		{"00-" + someTrace + "-" + someSpan + "-01", "00-" + someTrace + "-" + someSpan + "-01"},
		{"01-" + someTrace + "-" + someSpan + "-01-" + strings.Repeat("x", 1000)},
	} {
		got := Of(Receive(context.Background(), http.Header{Header: wrong}, true))
		assert.True(t, got.Valid(), wrong)
		assert.NotEqual(t, identity.Trace(someTrace), got, wrong)
		assert.False(t, seen[got], "each has one of its own")
		seen[got] = true
	}
}

func TestWhatWasLeftForLaterIsTakenUpAgain(t *testing.T) {
	assert.Equal(t, identity.Trace(someTrace), Of(Resume(context.Background(), someTrace)))
	assert.Equal(t, identity.Trace(""), Of(Resume(context.Background(), "no trace")))
	begun := Begin(context.Background())
	assert.Equal(t, Of(begun), Of(Resume(begun, "")))
	out := http.Header{}
	Send(context.Background(), out)
	assert.Empty(t, out, "who has no thread sends none")
}

func TestLinesOfALogBearTheTraceOfTheirContext(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(Handler(slog.NewTextHandler(&out, nil))).With("node", "a")
	log.Info("without")
	assert.NotContains(t, out.String(), "trace=")
	out.Reset()
	log.InfoContext(Resume(context.Background(), someTrace), "with")
	assert.Contains(t, out.String(), "node=a trace="+someTrace)
}
