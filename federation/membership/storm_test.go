package membership

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// storms is how many are let loose; STARLING_STORM replays one by its seed.
const storms = 4

// Whatever was cut, in one direction or two, lost, killed, restarted, moved or
// told meanwhile: when the network is whole again, all are there for all, with
// the newest note of each.
func TestAfterAStormAllKnowTheSame(t *testing.T) {
	seeds := make([]uint64, 0, storms)
	for range storms {
		seeds = append(seeds, rand.Uint64())
	}
	if text := os.Getenv("STARLING_STORM"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
		seeds = []uint64{seed}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { storm(t, seed) })
	}
}

func storm(t *testing.T, seed uint64) {
	w := newWorld(t)
	rng := rand.New(rand.NewPCG(seed, 1))
	all := w.federation(5)
	notes := map[string]string{}
	for step := range 40 {
		i, j := rng.IntN(len(all)), rng.IntN(len(all))
		switch rng.IntN(10) {
		case 0: // killed, and somewhere else at once; one stays, or nobody might know where anybody is
			o := w.newcomer(all[i].self.Name)
			if i == 0 {
				o.Listen = all[0].Addr()
			}
			require.NoError(t, all[i].Close())
			all[i] = w.start(o)
			notes[o.Self.Name] = ""
		case 1, 2, 3:
			w.block(all[i], all[j], true)
		case 4:
			w.block(all[i], all[j], false)
		case 5:
			w.setLoss(rng.Float64() / 2)
		default:
			notes[all[i].self.Name] = fmt.Sprint("step ", step)
			require.NoError(t, all[i].Announce([]byte(notes[all[i].self.Name])))
		}
		time.Sleep(time.Duration(rng.IntN(100)) * time.Millisecond) // the storm's own pace
	}
	w.mend()
	w.together(all...)
	for _, m := range all {
		for name, note := range notes {
			w.hears(m, name, note)
		}
	}
}
