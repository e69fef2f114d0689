package line

import (
	"net"
	"sync"
	"time"
)

// stranger counts a connection that was not greeted, and tells of it now and then.
func (p *Port) stranger(conn net.Conn, reason Reason, err error) {
	p.metrics.refused.WithLabelValues(string(reason)).Inc()
	if p.closing() {
		return // this node has ended it
	}
	if others, tell := p.quiet.tell(reason, time.Now()); tell {
		p.log.Info("refused a connection", "from", conn.RemoteAddr().String(), "reason", string(reason), "error", err, "others", others)
	}
}

// pause is how long a reason isn't told again: strangers must not fill the log.
const pause = 30 * time.Second

// quiet remembers when each reason was told last.
type quiet struct {
	mu    sync.Mutex
	told  map[Reason]time.Time
	since map[Reason]int
}

func newQuiet() *quiet {
	return &quiet{told: make(map[Reason]time.Time), since: make(map[Reason]int)}
}

// tell reports whether it is time to tell of a reason again, and of how many
// others nobody was told.
func (q *quiet) tell(reason Reason, now time.Time) (others int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if last, told := q.told[reason]; told && now.Sub(last) < pause {
		q.since[reason]++
		return 0, false
	}
	others = q.since[reason]
	q.told[reason], q.since[reason] = now, 0
	return others, true
}
