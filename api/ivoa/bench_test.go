package ivoa

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func BenchmarkDecodeRequest(b *testing.B) {
	request := sampleRequest(b)
	for _, media := range forms() {
		body, err := Encode(media, request)
		require.NoError(b, err)
		b.Run(media.String(), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				var request ExecutionRequest
				if _, err := Decode(media, body, Limits{}, &request); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEncodeOfferSet(b *testing.B) {
	offers := sampleOffers(sampleRequest(b))
	for _, media := range forms() {
		b.Run(media.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				body, err := Encode(media, offers)
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(len(body)))
			}
		})
	}
}

func BenchmarkCloneComponents(b *testing.B) {
	request := sampleRequest(b)
	b.ReportAllocs()
	for b.Loop() {
		Clone(request.Components)
	}
}

// sampleOffers is an answer of four offers as a node gives it.
func sampleOffers(request *ExecutionRequest) *OfferSet {
	at := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	set := &OfferSet{Result: Yes, Component: Component{Kind: KindOfferSet, Meta: &Metadata{
		UUID: "01890a5d-ac96-874b-bcce-b302099a8057", URL: "http://localhost:8080/offersets/01890a5d-ac96-874b-bcce-b302099a8057", Created: At(at)}}}
	for i := range 4 {
		start := at.Add(time.Duration(i) * time.Hour)
		schedule := &Schedule{
			Preparing: &StartDuration{FormatInstant(start.Add(-time.Minute)), "PT1M"},
			Available: &StartDuration{FormatInterval(Interval{start, start.Add(30 * time.Minute)}), "PT30M"},
			Releasing: &StartDuration{FormatInstant(start.Add(30 * time.Minute)), "PT1M"},
		}
		session := &Session{
			Component: Component{
				Kind: KindScheduledSession,
				Meta: &Metadata{
					UUID: fmt.Sprintf("01890a5d-ac96-874b-bcce-b302099a805%d", i), URL: fmt.Sprintf("http://localhost:8080/sessions/01890a5d-ac96-874b-bcce-b302099a805%d", i), Created: At(at),
					Messages: []Message{NewMessage(at, LevelInfo, "urn:starling:offer", "offered by {site}, rank {rank}: {why}", "site", "jodrell", "rank", "1", "why", "earliest")},
					Options:  []Option{&EnumValueOption{Target: Target{KindEnumValueOption, "/phase"}, Values: []string{"ACCEPTED", "REJECTED"}}},
				},
				Costs:   []CostItem{NewFloatCost(CostMonetary, 1.25), NewFloatCost(CostCarbon, 0.3)},
				Metrics: []MetricItem{NewFloatMetric(MetricComputePerformance, 12.5)},
			},
			Phase: SessionOffered, Expires: At(at.Add(300 * time.Second)), Components: Clone(request.Components), Schedule: schedule,
		}
		session.Compute.Life().Schedule = schedule
		set.Offers = append(set.Offers, session)
	}
	return set
}
