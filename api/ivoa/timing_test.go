package ivoa

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A timing reads the same in all three forms, and stands where a client that
// doesn't know it looks past it: beside what the standard calls requested.
func TestATimingIsReadAlikeInAllForms(t *testing.T) {
	maximum, phase, width := int64(10), 0.25, 0.1
	epoch, err := ParseInstant("2026-01-01T00:00:00Z")
	require.NoError(t, err)
	for _, c := range []struct {
		want            Timing
		json, yaml, xml string
	}{
		{&MonitorTiming{TimingKind{KindMonitorTiming}, "PT1H", "PT10M", &maximum},
			`{"kind":"urn:starling:timing:monitor-1.0","period":"PT1H","window":"PT10M","maximum":10}`,
			`{kind: "urn:starling:timing:monitor-1.0", period: PT1H, window: PT10M, maximum: 10}`,
			`<timing kind="urn:starling:timing:monitor-1.0"><period>PT1H</period><window>PT10M</window><maximum>10</maximum></timing>`},
		{&EphemerisTiming{TimingKind{KindEphemerisTiming}, At(epoch), "P3DT12H", &phase, &width, nil},
			`{"kind":"urn:starling:timing:ephemeris-1.0","epoch":"2026-01-01T00:00:00Z","cycle":"P3DT12H","phase":0.25,"window":1e-1}`,
			`{kind: "urn:starling:timing:ephemeris-1.0", epoch: 2026-01-01T00:00:00Z, cycle: P3DT12H, phase: .25, window: 0.1}`,
			`<timing kind="urn:starling:timing:ephemeris-1.0"><epoch>2026-01-01T00:00:00.000Z</epoch><cycle>P3DT12H</cycle><phase>0.25</phase><window>0.1</window></timing>`},
		{&UnknownTiming{TimingKind{"urn:x"}, Raw(`{"a":"b"}`)}, `{"kind":"urn:x","a":"b"}`, `{kind: urn:x, a: b}`, `<timing kind="urn:x"><a>b</a></timing>`},
	} {
		for media, body := range map[Media]string{
			JSON: `{"schedule":{"timing":` + c.json + `}}`, YAML: `{schedule: {timing: ` + c.yaml + `}}`,
			XML: `<offers-request><schedule>` + c.xml + `</schedule></offers-request>`,
		} {
			var request ExecutionRequest
			notices, err := Decode(media, []byte(body), Limits{}, &request)
			require.NoError(t, err, body)
			assert.Empty(t, notices)
			assert.Equal(t, c.want, request.Schedule.Timing, body)
		}
	}
}
