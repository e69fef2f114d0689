package ivoa

import (
	"os"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

// Property: reading never panics, and what is read is the same when it is
// written and read again.
func fuzzDecode(f *testing.F, media Media, others ...Media) {
	request, err := os.ReadFile("testdata/request.yaml")
	require.NoError(f, err)
	var sample ExecutionRequest
	_, err = Decode(YAML, request, Limits{}, &sample)
	require.NoError(f, err)
	for _, seed := range []any{&sample, SetPhase(SessionAccepted)} {
		body, err := Encode(media, seed)
		require.NoError(f, err)
		f.Add(body)
	}
	types := []reflect.Type{typeOf[ExecutionRequest](), typeOf[OfferSet](), typeOf[Update](), typeOf[Executable]()}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, typ := range types {
			value := reflect.New(typ)
			if _, err := Decode(media, body, Limits{}, value.Interface()); err != nil {
				continue
			}
			for _, again := range append(others, media) {
				written, err := Encode(again, value.Interface())
				require.NoError(t, err)
				back := reflect.New(typ)
				notices, err := Decode(again, written, unlimited, back.Interface())
				require.NoError(t, err, "%s", written)
				require.Empty(t, notices)
				if !reflect.DeepEqual(value.Interface(), back.Interface()) {
					require.Equal(t, value.Interface(), back.Interface(), "%s", written)
				}
			}
		}
	})
}

func FuzzDecodeJSON(f *testing.F) { fuzzDecode(f, JSON, YAML) }
func FuzzDecodeYAML(f *testing.F) { fuzzDecode(f, YAML, JSON) }
func FuzzDecodeXML(f *testing.F)  { fuzzDecode(f, XML, JSON, YAML) }

// Property: whatever is an interval or a duration is written and read back the same.
func FuzzInterval(f *testing.F) {
	for _, seed := range []string{
		"2023-08-09T12:00:00Z/2023-08-09T13:00:00Z", "2023-08-09/PT2H", "PT2H/2023-08-09", "2023-08-09/2023-08-10",
		"P1Y2M3DT4H5M6.7S", "-P2W", "2026-12-01T10:30:15.1239+05:30/P1M", "P1DT",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if i, err := ParseInterval(text); err == nil {
			again, err := ParseInterval(FormatInterval(i))
			require.NoError(t, err)
			require.Equal(t, i, again)
		}
		if d, err := ParseDuration(text); err == nil {
			require.LessOrEqual(t, d.Abs(), MaxDuration)
			again, err := ParseDuration(FormatDuration(d))
			require.NoError(t, err)
			require.Equal(t, d, again)
		}
	})
}
