package certificate

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// watched is a file whose content counts if it isn't "broken".
type watched struct {
	path string
	ends time.Time

	mu   sync.Mutex
	used string
	read int
}

func newWatched(t *testing.T, ends time.Time) *watched {
	w := &watched{path: filepath.Join(t.TempDir(), "file"), ends: ends}
	w.write(t, "one")
	require.NoError(t, w.reload())
	return w
}

func (w *watched) write(t *testing.T, text string) {
	require.NoError(t, os.WriteFile(w.path, []byte(text), 0o600))
}

func (w *watched) reload() error {
	text, err := os.ReadFile(w.path)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.read++
	if string(text) == "broken" {
		return errors.New("it is broken")
	}
	w.used = string(text)
	return nil
}

func (w *watched) uses() (string, int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.used, w.read
}

func (w *watched) source() Source {
	return Source{Name: "tls", Files: []string{w.path}, Reload: w.reload, Expires: func() time.Time { return w.ends }}
}

// gauge is the value of the one metric of a name.
func gauge(t *testing.T, registry *prometheus.Registry, name string) float64 {
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		if family.GetName() == name {
			return family.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

// A file that is exchanged is used without a restart; one that can't be used
// changes nothing and is told of, until it can.
func TestFilesAreReadAgainWhenTheyChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		w, registry := newWatched(t, time.Now().Add(365*24*time.Hour)), prometheus.NewRegistry()
		r, err := NewReloader(slog.New(slog.NewTextHandler(&log, nil)), registry, time.Now, w.source())
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		again, ended := make(chan os.Signal, 1), make(chan struct{})
		go func() { defer close(ended); r.Run(ctx, again) }()
		pass := func() { time.Sleep(reloadEvery); synctest.Wait() }

		pass()
		_, read := w.uses()
		assert.Equal(t, 1, read, "what is the same isn't read again")
		assert.Empty(t, r.Troubles())

		w.write(t, "two")
		pass()
		used, _ := w.uses()
		assert.Equal(t, "two", used)

		w.write(t, "broken")
		pass()
		pass()
		used, read = w.uses()
		assert.Equal(t, "two", used)
		assert.Equal(t, 3, read, "once, as long as it stays as it is")
		require.Len(t, r.Troubles(), 1)
		assert.Contains(t, r.Troubles()[0], "tls: the files were exchanged and can't be used, so the old ones still are: it is broken")
		assert.Contains(t, log.String(), "level=ERROR")
		assert.InDelta(t, 1, gauge(t, registry, "starling_reload_failing"), 0)

		w.write(t, "three")
		pass()
		used, _ = w.uses()
		assert.Equal(t, "three", used)
		assert.Empty(t, r.Troubles())
		assert.InDelta(t, 0, gauge(t, registry, "starling_reload_failing"), 0)

		again <- os.Interrupt
		synctest.Wait()
		_, read = w.uses()
		assert.Equal(t, 5, read, "a signal has it read in any case")
		cancel()
		<-ended
		r.Close()
		left, err := registry.Gather()
		require.NoError(t, err)
		assert.Empty(t, left)
	})
}

func TestAnEndIsToldOfAMonthBefore(t *testing.T) {
	var log bytes.Buffer
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	w := newWatched(t, now.Add(31*24*time.Hour))
	r, err := NewReloader(slog.New(slog.NewTextHandler(&log, nil)), nil, func() time.Time { return now }, w.source())
	require.NoError(t, err)
	r.check(false)
	assert.Empty(t, r.Troubles())

	now = now.Add(2 * 24 * time.Hour)
	r.check(false)
	r.check(false)
	require.Len(t, r.Troubles(), 1)
	assert.Contains(t, r.Troubles()[0], "ends on 2027-01-01, in 29 days: put others in place")
	assert.Equal(t, 1, bytes.Count(log.Bytes(), []byte("ends on")), "once a day")
	now = now.Add(24 * time.Hour)
	r.check(false)
	assert.Equal(t, 2, bytes.Count(log.Bytes(), []byte("ends on")))

	now = now.Add(40 * 24 * time.Hour)
	assert.Contains(t, r.Troubles()[0], "ended on 2027-01-01, and is refused")
}
