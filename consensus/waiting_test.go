package consensus

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// Whatever bit of a waiting command a disk flips, it is not handed over.
func TestAWaitingCommandWithAFlippedBitIsRefused(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_000)
	value := sealRecord(now, []byte("a command"))
	got, whole := commandIn(value)
	assert.True(t, whole)
	assert.Equal(t, "a command", string(got))
	written, dated := writtenIn(value)
	assert.True(t, dated)
	assert.Equal(t, now, written)
	for bit := 8 * stampBytes; bit < 8*len(value); bit++ {
		value[bit/8] ^= 1 << (bit % 8)
		_, whole := commandIn(value)
		assert.False(t, whole, "bit %d", bit)
		value[bit/8] ^= 1 << (bit % 8)
	}
	for size := range stampBytes {
		_, whole := commandIn(value[:size])
		assert.False(t, whole, "%d bytes", size)
	}
}

// What versions before checksums have left waiting is handed over as it is.
func TestAWaitingCommandOfAnOlderVersionIsRead(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_000)
	got, whole := commandIn(append(binary.BigEndian.AppendUint64(nil, uint64(now.UnixMilli())), "a command"...))
	assert.True(t, whole)
	assert.Equal(t, "a command", string(got))
}
