package otlp

import (
	"log/slog"
	"time"
)

// trouble is what is said of a collector that doesn't take spans: when that begins, and
// when it is over, but for one that can't make up its mind no more often than seldom.
type trouble struct {
	log    *slog.Logger
	seldom time.Duration
	said   time.Time // when it was
	open   bool      // and that it is over wasn't
}

func (t *trouble) with(err error) {
	if now := time.Now(); t.said.IsZero() || now.Sub(t.said) >= t.seldom {
		t.said, t.open = now, true
		t.log.Warn("spans can't be sent to the collector (tracing.endpoint); nothing else suffers, and what there is no room for is lost", "error", err)
	}
}

func (t *trouble) over() {
	if t.open {
		t.open = false
		t.log.Info("the collector takes spans")
	}
}
