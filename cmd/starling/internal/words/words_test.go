package words

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestDurationsAreSaidInTwoUnits(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0 s":    0,
		"350 ms": 350 * time.Millisecond,
		"1.5 s":  1500 * time.Millisecond,
		"2 s":    2 * time.Second,
		"59 s":   59*time.Second + 900*time.Millisecond,
		"3m05s":  185 * time.Second,
		"10m":    10 * time.Minute,
		"5h10m":  5*time.Hour + 10*time.Minute,
		"47h":    47 * time.Hour,
		"3d04h":  76 * time.Hour,
		"-1m":    -time.Minute,
	} {
		assert.Equal(t, want, Duration(d))
	}
}

func TestTimesAreSaidAsShortlyAsCanBe(t *testing.T) {
	now := time.Date(2026, 12, 1, 14, 0, 0, 0, time.UTC)
	assert.Equal(t, "in 12 s", In(now.Add(12*time.Second), now))
	assert.Equal(t, "now", In(now.Add(-300*time.Millisecond), now))
	assert.Equal(t, "3m05s ago", In(now.Add(-185*time.Second), now))
	assert.Equal(t, "15:30:00", Instant(now.Add(90*time.Minute), now))
	assert.Equal(t, "2 Dec 02:00", Instant(now.Add(12*time.Hour), now))
	assert.Equal(t, "2027-12-01", Instant(now.AddDate(1, 0, 0), now))
	assert.Empty(t, Instant(time.Time{}, now))
	assert.Equal(t, "in 59m", Start(now.Add(59*time.Minute), now))
	assert.Equal(t, "16:00:00", Start(now.Add(2*time.Hour), now))
}

func TestNumbersAreSaidToTheDigitsThatMatter(t *testing.T) {
	for want, n := range map[string]int64{
		"0 B": 0, "1023 B": 1023, "1.0 KiB": 1024, "1.5 MiB": 3 << 19, "512 GiB": 512 << 30, "1.0 TiB": 1 << 40,
	} {
		assert.Equal(t, want, Size(n))
	}
	for want, x := range map[string]float64{"0": 0, "0.0312": 0.03124, "2.5": 2.5, "1235": 1234.6, "0.000012": 0.000012} {
		assert.Equal(t, want, Amount(x))
	}
	assert.Equal(t, "612", Decimal("611.5"))
	assert.Equal(t, "45 %", Percent(0.459))
	assert.Equal(t, "1 file", Many(1, "file"))
	assert.Equal(t, "0 files", Many(0, "file"))
}

func TestTextOfOthersCannotMoveTheCursor(t *testing.T) {
	assert.Equal(t, "a[31mred b", Clean("a\x1b[31mred\nb\u202e"))
	assert.Equal(t, "abcd…", Cut("abcdefgh", 5))
	assert.Equal(t, "abc", Cut("abc", 3))
}

func TestTextIsWrappedBetweenWords(t *testing.T) {
	assert.Equal(t, []string{"one two", "three", "élephantine", "x"}, Wrap("one two three élephantine x", 8))
	assert.Equal(t, []string{"one  two"}, Wrap("one  two", 0))
	assert.Equal(t, []string{""}, Wrap("", 8))
}

func TestInstantsWithinTextAreSaidShortly(t *testing.T) {
	now := time.Date(2026, 12, 1, 14, 0, 0, 0, time.FixedZone("", 3600))
	assert.Equal(t, "starts at 13:07:44, or 2 Dec 01:00", Local("starts at 2026-12-01T12:07:44.275Z, or 2026-12-02T00:00:00Z", now))
}
