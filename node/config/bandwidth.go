package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bandwidth is bytes per second, written as 200 MB/s, 50 MiB/s or 10 Gbit/s.
type Bandwidth int64

// bandwidthUnits are those of a text, the longer before those that they end in.
var bandwidthUnits = []struct {
	name  string
	bytes float64
}{
	{"Tbit/s", 1e12 / 8}, {"Gbit/s", 1e9 / 8}, {"Mbit/s", 1e6 / 8}, {"kbit/s", 1e3 / 8},
	{"TiB/s", 1 << 40}, {"GiB/s", 1 << 30}, {"MiB/s", 1 << 20}, {"KiB/s", 1 << 10},
	{"TB/s", 1e12}, {"GB/s", 1e9}, {"MB/s", 1e6}, {"kB/s", 1e3},
}

// String writes the bandwidth in the largest unit in which it is a whole number.
func (b Bandwidth) String() string {
	for _, name := range []string{"TB/s", "TiB/s", "GB/s", "GiB/s", "MB/s", "MiB/s", "kB/s", "KiB/s"} {
		for _, u := range bandwidthUnits {
			if n := float64(b) / u.bytes; u.name == name && b != 0 && n == math.Trunc(n) {
				return strconv.FormatFloat(n, 'f', -1, 64) + " " + name
			}
		}
	}
	return strconv.FormatFloat(float64(b)/1e3, 'f', -1, 64) + " kB/s"
}

func parseBandwidth(text string) (Bandwidth, error) {
	for _, u := range bandwidthUnits {
		number, found := strings.CutSuffix(text, u.name)
		if !found {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || strings.ContainsAny(number, "xXpP_iInN") || n < 0 || n*u.bytes > 1<<60 {
			break
		}
		return Bandwidth(math.Round(n * u.bytes)), nil
	}
	return 0, fmt.Errorf("%q is not a bandwidth; write bytes per second, as 200 MB/s (or kB/s, GB/s, TB/s, MiB/s), or bits, as 10 Gbit/s", text)
}
