package node

import (
	"fmt"
	"runtime/debug"
)

// guard is deferred by every call that decides something, once what was sent has
// been looked at. A server recovers from the panics of its handlers; but one
// within a decision may leave the lock held and the state changed by half, and
// then nothing would be right any more, and nobody would notice. So the process
// ends, as if it had been killed: what is on the disk is right, and is read when
// it is started again (promise 2).
func (b *Broker) guard() {
	if reason := recover(); reason != nil {
		b.log.Error("a decision has failed: the process ends, and goes on from the disk when it is started again", "reason", reason)
		b.crash(reason, debug.Stack())
	}
}

// crash ends the process: of a panic in a goroutine of its own nobody recovers.
func crash(reason any, stack []byte) {
	go panic(fmt.Sprintf("a decision has failed: %v\n%s", reason, stack))
	select {}
}
