package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"starling/api/ivoa"
)

func TestASeriesIsToldInWords(t *testing.T) {
	most := int64(10)
	for want, r := range map[string]*ivoa.Repeats{
		"":            nil,
		"0 completed": {},
		"3 of 10 completed, 1 failed, 1 window missed": {Completed: 3, Failed: 1, Missed: 1, Most: &most},
		"2 completed, 12 windows missed":               {Completed: 2, Missed: 12},
	} {
		assert.Equal(t, want, seriesText(&ivoa.Session{Repeats: r}))
	}
}

// Who compares offers must see that she pays each time.
func TestAnOfferShowsWhatItsCostsAreOf(t *testing.T) {
	offer := &ivoa.Session{}
	offer.AddMessages(
		ivoa.Message{Kind: "urn:starling:message:offer", Level: ivoa.LevelInfo, Text: "earliest"},
		ivoa.Message{Kind: seriesKind, Level: ivoa.LevelInfo, Text: "again and again"},
		ivoa.Message{Kind: "urn:x", Level: ivoa.LevelWarn, Text: "careful"},
	)
	assert.Equal(t, []string{"again and again", "! careful"}, notes(offer))
}
