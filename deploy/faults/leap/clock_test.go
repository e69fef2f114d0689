package leap

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestOnlyTheWallClockLeaps(t *testing.T) {
	for _, off := range []time.Duration{0, 30 * time.Second, time.Hour, -time.Hour, 24 * time.Hour, -24 * time.Hour} {
		var c Clock
		before := c.Now()
		c.Set(off)
		after := c.Now()
		assert.Equal(t, off, c.Off())
		assert.InDelta(t, off.Seconds(), after.Round(0).Sub(before.Round(0)).Seconds(), 5, "%s by the wall", off)
		assert.InDelta(t, 0, after.Sub(before).Seconds(), 5, "%s by the monotonic reading", off)
		assert.Contains(t, after.String(), "m=", "a monotonic reading")
		assert.InDelta(t, off.Seconds(), float64(after.UnixMilli()-time.Now().UnixMilli())/1000, 5)
	}
}
