package shortlist

import (
	"strconv"
	"testing"
	"time"

	"starling/federation/digest"
	"starling/scheduling"
)

// crowd is a thousand nodes with profiles as long as they get, the first steps full.
func crowd() []digest.Known {
	draw := steady(9)
	known := make([]digest.Known, 1000)
	for i := range known {
		free := make([]int64, digest.MaxPoints)
		for j := range free {
			free[j] = int64(draw(4))
			if j > 4 {
				free[j] = int64(draw(17))
			}
		}
		known[i] = site("node-"+strconv.Itoa(i), free...)
		known[i].Age, known[i].Fast.Running = time.Duration(draw(15000))*time.Millisecond, draw(16)
		known[i].Slow.Rates[0].CoreHour = float64(draw(100)) / 100
	}
	return known
}

func BenchmarkChoose(b *testing.B) {
	known, draw := crowd(), steady(4)
	u := NewUnconfirmed()
	for i := range 50 {
		u.Sent(known[i].Node, scheduling.EntryID{byte(i)}, scheduling.Slot{Window: noon.From(scheduling.Hour), Resources: size(2)}, noon)
	}
	for _, policy := range []string{"balanced", "fastest"} {
		b.Run(policy, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if asked, left := Choose(job(4).by(policy), known, u, draw); len(asked) != 3 || len(left) != 997 {
					b.Fatal(len(asked), len(left))
				}
			}
		})
	}
}
