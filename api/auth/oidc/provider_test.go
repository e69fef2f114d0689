package oidc

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/auth/jwks"
)

const iam = "https://iam.example.org"

func TestAProviderFindsKeysAndEndpointsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(iam)
		want := s.add(t, "1")
		p := open(t, s)
		key, err := p.Key(t.Context(), jwks.EdDSA, "1")
		require.NoError(t, err)
		assert.True(t, want.Equal(key))
		endpoints, err := p.Endpoints(t.Context())
		require.NoError(t, err)
		assert.Equal(t, Endpoints{Token: iam + "/token", DeviceAuthorization: iam + "/devicecode", GrantTypes: []string{"refresh_token"}}, endpoints)
		assert.True(t, endpoints.Offers("refresh_token"))
		assert.False(t, endpoints.Offers("password"))
		assert.NoError(t, p.Trouble())
	})
}

// An issuer that is down for an hour changes nothing for the keys that it had, and
// nobody waits for it.
func TestAnIssuerThatIsDownChangesNothingForKnownKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, log := newServer(iam), &logged{}
		want := s.add(t, "1")
		p := open(t, s, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(log, nil)) })
		synctest.Wait()
		before := p.Generation()
		s.change(func(s *server) { s.down = true })
		for range 61 {
			time.Sleep(time.Minute)
			asked := time.Now()
			key, err := p.Key(t.Context(), jwks.EdDSA, "1")
			require.NoError(t, err)
			assert.True(t, want.Equal(key))
			assert.Zero(t, time.Since(asked), "nobody waits")
		}
		assert.Equal(t, before, p.Generation(), "what is remembered of tokens counts on")
		require.Error(t, p.Trouble())
		assert.Contains(t, p.Trouble().Error(), "tokens are checked with its keys of 2000-01-01T00:00:00Z")
		assert.Equal(t, 1, log.count("can't be asked"), "it is said once")

		s.change(func(s *server) { s.down = false })
		time.Sleep(refresh)
		synctest.Wait()
		assert.NoError(t, p.Trouble())
		assert.Equal(t, 1, log.count("answers again"))
	})
}

// A hanging issuer is worse than one that is down: every request would wait.
func TestNobodyWaitsForAHangingIssuerWhoseKeyIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(iam)
		s.add(t, "1")
		p := open(t, s)
		synctest.Wait()
		s.change(func(s *server) { s.gate = make(chan struct{}) })
		time.Sleep(refresh + time.Second) // it is being asked now
		began := time.Now()
		_, err := p.Key(t.Context(), jwks.EdDSA, "1")
		require.NoError(t, err)
		_, err = p.Endpoints(t.Context())
		require.NoError(t, err)
		assert.Zero(t, time.Since(began))
		_, err = p.Key(t.Context(), jwks.EdDSA, "2")
		assert.ErrorIs(t, err, jwks.ErrNoKey)
		assert.Equal(t, patience, time.Since(began), "for an unknown one they wait a little")
	})
}

// A key that its issuer has withdrawn is refused within five minutes.
func TestAWithdrawnKeyIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(iam)
		s.add(t, "stolen")
		p := open(t, s)
		synctest.Wait()
		before := p.Generation()
		s.change(func(s *server) { s.keys = []map[string]any{} })
		s.add(t, "new")
		time.Sleep(5*time.Minute + time.Second)
		synctest.Wait()
		_, err := p.Key(t.Context(), jwks.EdDSA, "stolen")
		assert.ErrorIs(t, err, jwks.ErrNoKey)
		_, err = p.Key(t.Context(), jwks.EdDSA, "new")
		assert.NoError(t, err)
		assert.NotEqual(t, before, p.Generation())

		s.change(func(s *server) { s.keys = []map[string]any{} })
		time.Sleep(5*time.Minute + time.Second)
		synctest.Wait()
		_, err = p.Key(t.Context(), jwks.EdDSA, "new")
		assert.ErrorIs(t, err, jwks.ErrNoKey, "an issuer may withdraw all of them")
	})
}

func TestANewKeyIsFetchedWhenATokenNamesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(iam)
		s.add(t, "1")
		p := open(t, s)
		synctest.Wait()
		time.Sleep(pause)
		want := s.add(t, "2")
		key, err := p.Key(t.Context(), jwks.EdDSA, "2")
		require.NoError(t, err)
		assert.True(t, want.Equal(key))
		assert.Equal(t, 2, s.times())
	})
}

// Anybody can send tokens that name keys which don't exist: the issuer isn't asked
// for each, nor by each.
func TestUnknownKeysAreAskedForSeldomAndTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(iam)
		s.add(t, "1")
		p := open(t, s)
		synctest.Wait()
		require.Equal(t, 1, s.times())
		for range 100 { // the issuer was asked just now
			_, err := p.Key(t.Context(), jwks.EdDSA, "forged")
			assert.ErrorIs(t, err, jwks.ErrNoKey)
		}
		assert.Equal(t, 1, s.times())
		for round := range 3 {
			time.Sleep(pause)
			var together sync.WaitGroup
			for range 100 {
				together.Go(func() {
					_, err := p.Key(t.Context(), jwks.EdDSA, "forged")
					assert.ErrorIs(t, err, jwks.ErrNoKey)
				})
			}
			together.Wait()
			assert.Equal(t, round+2, s.times(), "one flight")
		}
		began := time.Now()
		for range 600 {
			time.Sleep(time.Second)
			_, _ = p.Key(t.Context(), jwks.EdDSA, "forged")
		}
		assert.LessOrEqual(t, s.times(), 4+int(time.Since(began)/pause))
	})
}

// Who asked while the answer was on its way has it: that is no reason to ask again.
func TestAWishThatCameTooLateIsNoNewQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(iam)
		s.add(t, "1")
		p := open(t, s)
		synctest.Wait()
		p.wanted <- struct{}{}
		synctest.Wait()
		assert.Equal(t, 1, s.times())
	})
}

func TestWhoHasGoneDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(iam)
		s.gate = make(chan struct{})
		p := open(t, s)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := p.Key(ctx, jwks.EdDSA, "1")
		assert.ErrorIs(t, err, ErrUnreachable)
		assert.Equal(t, time.Second, time.Since(began))
	})
}

// A node starts without its issuer, says so, and finds it when it is there.
func TestAnIssuerMayComeLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(iam)
		s.add(t, "1")
		s.down = true
		metrics := prometheus.NewRegistry()
		p := open(t, s, func(o *Options) { o.Metrics = metrics })
		synctest.Wait()
		_, err := p.Key(t.Context(), jwks.EdDSA, "1")
		assert.ErrorIs(t, err, ErrUnreachable)
		_, err = p.Endpoints(t.Context())
		assert.ErrorIs(t, err, ErrUnreachable)
		require.Error(t, p.Trouble())
		assert.Contains(t, p.Trouble().Error(), "has not answered yet: its users can't be let in")
		assert.Equal(t, map[string]float64{
			"starling_issuer_failures_total": 1, "starling_issuer_keys": 0, "starling_issuer_keys_age_seconds": -1,
		}, gathered(t, metrics))
		s.change(func(s *server) { s.down = false })
		time.Sleep(retry)
		synctest.Wait()
		_, err = p.Key(t.Context(), jwks.EdDSA, "1")
		assert.NoError(t, err)
		assert.NoError(t, p.Trouble())
		time.Sleep(time.Minute)
		assert.Equal(t, map[string]float64{
			"starling_issuer_failures_total": 1, "starling_issuer_keys": 1, "starling_issuer_keys_age_seconds": 60,
		}, gathered(t, metrics))
	})
}

// gathered are the metrics of the one issuer.
func gathered(t *testing.T, from prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := from.Gather()
	require.NoError(t, err)
	values := map[string]float64{}
	for _, family := range families {
		metric := family.GetMetric()[0]
		assert.Equal(t, iam, metric.GetLabel()[0].GetValue())
		values[family.GetName()] = metric.GetGauge().GetValue() + metric.GetCounter().GetValue()
	}
	return values
}

// An issuer that is down is asked less and less often, up to every five minutes.
func TestAnIssuerThatIsDownIsAskedLessOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(iam)
		var asked atomic.Int32
		client := near(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			w.WriteHeader(http.StatusBadGateway)
		}))
		open(t, s, func(o *Options) { o.Client = client })
		time.Sleep(5 * time.Minute) // after 5, 10, 20, 40, 80, 160 s
		synctest.Wait()
		assert.EqualValues(t, 6, asked.Load())
		time.Sleep(hour)
		synctest.Wait()
		assert.EqualValues(t, 6+12, asked.Load())
	})
}

func TestKeysThatAreNotUsedAreSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, log := newServer(iam), &logged{}
		s.add(t, "1")
		s.keys = append(s.keys, map[string]any{"kty": "oct", "k": "AA"})
		p := open(t, s, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(log, nil)) })
		time.Sleep(hour)
		synctest.Wait()
		assert.Equal(t, 1, log.count("is not used"))
		_, err := p.Key(t.Context(), jwks.EdDSA, "1")
		assert.NoError(t, err)
	})
}

func TestCloseEndsWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(iam)
		s.gate = make(chan struct{})
		p := open(t, s)
		done := make(chan error)
		go func() {
			_, err := p.Key(context.Background(), jwks.EdDSA, "1")
			done <- err
		}()
		synctest.Wait()
		p.Close()
		p.Close()
		assert.ErrorIs(t, <-done, ErrUnreachable)
	})
}
