package network

import (
	"math"
	"slices"
)

// Quantiles sum up numbers.
type Quantiles struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P95  float64 `json:"p95"`
	P99  float64 `json:"p99"`
	Max  float64 `json:"max"`
}

// quantiles sums up numbers, which it sorts; there may be none.
func quantiles(all []float64) Quantiles {
	if len(all) == 0 {
		return Quantiles{}
	}
	slices.Sort(all)
	at := func(part float64) float64 { return all[int(math.Ceil(part*float64(len(all))))-1] }
	return Quantiles{mean(all), at(0.5), at(0.95), at(0.99), all[len(all)-1]}
}

func mean(all []float64) float64 {
	sum := 0.0
	for _, x := range all {
		sum += x
	}
	return sum / float64(max(1, len(all)))
}
