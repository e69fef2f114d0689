package otlp

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// The bounds of what waits. A span has about 1 KiB, so that all of them have some MiB;
// a batch is what a collector takes without a thought.
const (
	mostWaiting = 4096
	mostInBatch = 512
)

// A queue holds spans until the collector has them. It is the SDK's processor.
type queue struct {
	to      sdk.SpanExporter
	timing  Timing
	log     *slog.Logger
	metrics *metrics
	trouble trouble // of the goroutine that sends

	spans   chan sdk.ReadOnlySpan
	closing chan struct{} // closed when no more is to come
	once    sync.Once
	life    context.Context // of requests to the collector
	die     context.CancelFunc
	done    chan struct{} // closed when the goroutine has ended
}

func newQueue(to sdk.SpanExporter, timing Timing, log *slog.Logger) *queue {
	q := &queue{
		to: to, timing: timing, log: log, trouble: trouble{log: log, seldom: timing.Seldom},
		spans: make(chan sdk.ReadOnlySpan, mostWaiting), closing: make(chan struct{}), done: make(chan struct{}),
	}
	q.metrics = newMetrics(func() float64 { return float64(len(q.spans)) })
	q.life, q.die = context.WithCancel(context.Background())
	return q
}

// OnEnd implements sdk.SpanProcessor. It never waits.
func (q *queue) OnEnd(s sdk.ReadOnlySpan) {
	select {
	case <-q.closing:
		q.metrics.lost(lostStopped, 1)
		return
	default:
	}
	select {
	case q.spans <- s:
	default:
		q.metrics.lost(lostFull, 1)
	}
}

// OnStart implements sdk.SpanProcessor.
func (q *queue) OnStart(context.Context, sdk.ReadWriteSpan) {}

// Shutdown implements sdk.SpanProcessor; the exporter closes the queue.
func (q *queue) Shutdown(context.Context) error { return nil }

// ForceFlush implements sdk.SpanProcessor; nobody asks for it.
func (q *queue) ForceFlush(context.Context) error { return nil }

// close sends what there is, within the time of a farewell.
func (q *queue) close() {
	q.once.Do(func() {
		close(q.closing)
		patience := time.AfterFunc(q.timing.Farewell, q.die)
		defer patience.Stop()
		<-q.done
		q.die()
	})
}

// run is the goroutine that sends.
func (q *queue) run() {
	defer close(q.done)
	for {
		batch := q.gather()
		if len(batch) == 0 {
			return
		}
		q.deliver(batch)
	}
}

// gather waits for a span, and a little for others to go with it; for none once the
// queue is closed.
func (q *queue) gather() (batch []sdk.ReadOnlySpan) {
	select {
	case s := <-q.spans:
		batch = append(batch, s)
	case <-q.closing:
	}
	linger := time.NewTimer(q.timing.Linger)
	defer linger.Stop()
	for len(batch) < mostInBatch {
		select {
		case s := <-q.spans:
			batch = append(batch, s)
			continue
		default:
		}
		select {
		case s := <-q.spans:
			batch = append(batch, s)
		case <-linger.C:
			return batch
		case <-q.closing:
			if len(q.spans) == 0 {
				return batch
			}
		}
	}
	return batch
}

// deliver sends a batch until the collector has taken or refused it. Once the queue is
// closed it is tried a last time.
func (q *queue) deliver(batch []sdk.ReadOnlySpan) {
	for pause := q.timing.Again; ; pause = min(2*pause, q.timing.AgainMax) {
		last := q.closed()
		err := q.to.ExportSpans(q.life, batch)
		if err == nil {
			q.metrics.sent.Add(float64(len(batch)))
			q.trouble.over()
			return
		}
		q.metrics.failures.Inc()
		q.trouble.with(err)
		var refused *refusal
		if errors.As(err, &refused) && refused.final() {
			q.metrics.lost(lostRefused, len(batch))
			return
		}
		if last {
			q.metrics.lost(lostStopped, len(batch))
			return
		}
		select {
		case <-time.After(pause):
		case <-q.closing:
		}
	}
}

func (q *queue) closed() bool {
	select {
	case <-q.closing:
		return true
	default:
		return false
	}
}
