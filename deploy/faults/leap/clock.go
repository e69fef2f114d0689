// Package leap is a clock that can be set wrong while programs read it, as an
// operator or a broken NTP server sets a machine's.
package leap

import (
	"sync/atomic"
	"time"
	"unsafe"
)

// Clock is the machine's clock, off by as much as it was told. Its zero value is
// right. It is safe for concurrent use.
type Clock struct {
	off atomic.Int64 // seconds
}

// Set sets the clock off by so much, in whole seconds, from one instant to the next.
func (c *Clock) Set(off time.Duration) { c.off.Store(int64(off / time.Second)) }

// Off is how far it is off.
func (c *Clock) Off() time.Duration { return time.Duration(c.off.Load()) * time.Second }

// instant is a time.Time as Go 1.26 lays it out: in wall, a flag that there is a
// monotonic reading, 33 bits of seconds since 1885 and 30 of nanoseconds; in reading,
// what the monotonic clock said.
type instant struct {
	wall    uint64
	reading int64
	where   *time.Location
}

// Now is what the clock says. Its wall clock is off and its monotonic reading is not,
// which is what becomes of a machine's clock that is set. time.Time.Add moves both, so
// that time itself would seem to leap: no real clock does that, and no program need
// survive it.
func (c *Clock) Now() time.Time {
	now := time.Now()
	(*instant)(unsafe.Pointer(&now)).wall += uint64(c.off.Load()) << 30
	return now
}
