package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/auth/exchange"
	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/consensus"
	"starling/federation/identity"
	"starling/node/credentials"
	"starling/node/store"
)

const (
	iamURL   = "https://iam.example.org"
	stormURL = "https://storm.example.org:8443"
	fitsURL  = stormURL + "/ska/a.fits"
)

// iam gives tokens in exchange for those of its users.
type iam struct {
	mu       sync.Mutex
	err      error
	lasting  time.Duration // of tokens that can't be renewed; 0: all can be
	wants    []exchange.Want
	good     string // the refresh token that is good, and no other is
	renewals int
	during   func() // called while a token is renewed
}

func (i *iam) Exchange(_ context.Context, subject identity.Secret, w exchange.Want) (exchange.Token, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.wants = append(i.wants, w)
	if i.err != nil {
		return exchange.Token{}, i.err
	}
	t := exchange.Token{Access: identity.NewSecret("access-of-" + subject.Reveal()), Expires: time.Now().Add(max(i.lasting, time.Hour))}
	if i.lasting > 0 {
		t.Expires = time.Now().Add(i.lasting)
		return t, nil
	}
	i.good = fmt.Sprintf("refresh-%s-%d", subject.Reveal(), len(i.wants))
	t.Refresh = identity.NewSecret(i.good)
	return t, nil
}

func (i *iam) Refresh(_ context.Context, refresh identity.Secret, w exchange.Want) (exchange.Token, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.during != nil {
		i.during()
	}
	if i.err != nil {
		return exchange.Token{}, i.err
	}
	if refresh.Reveal() != i.good {
		return exchange.Token{}, &exchange.Refusal{Issuer: iamURL, Code: "invalid_grant", Detail: "reused"}
	}
	i.renewals++
	i.good = "refresh-again-" + strconv.Itoa(i.renewals)
	return exchange.Token{
		Access: identity.NewSecret("access-renewed-" + strconv.Itoa(i.renewals)), Refresh: identity.NewSecret(i.good), Expires: time.Now().Add(time.Hour),
	}, nil
}

func (i *iam) fail(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.err = err
}

// withToken is a caller with a token of the issuer.
func withToken(c identity.Caller) identity.Caller {
	c.Token = identity.NewSecret("secret-token-of-" + c.User)
	c.Subject = identity.Subject{Issuer: iamURL, Name: c.User, Expires: time.Now().Add(time.Hour)}
	return c
}

// tokened is a world at whose storage data want tokens, which its executor takes.
func tokened(t *testing.T, edit ...func(*Options)) (*world, *iam) {
	issuer := &iam{}
	keeper, err := credentials.Open(credentials.Options{
		Dir:     t.TempDir(),
		Sources: []credentials.Source{{URL: stormURL, Issuer: iamURL, Audience: "storm", Scope: "storage.read:{path}"}},
		Issuers: map[string]credentials.Issuer{iamURL: issuer},
	})
	require.NoError(t, err)
	w := newWorld(t, append(edit, func(o *Options) { o.Credentials = keeper })...)
	w.lendTokens(append(testKinds[:len(testKinds):len(testKinds)], despatch.KindDataToken))
	return w, issuer
}

// lendTokens registers the built-in executor with other kinds.
func (w *world) lendTokens(kinds []string) {
	_, _, err := w.Register(context.Background(), builtIn, despatch.Registration{
		Name: "process", Kinds: kinds, Schemes: []string{"http", "https"},
		Capacity: despatch.Capacity{Cores: w.options.Capacity.Cores, Memory: w.options.Capacity.Memory, Storage: w.options.Capacity.Storage},
	})
	require.NoError(w.t, err)
}

// reading asks for data at locations.
func reading(locations ...string) *ivoa.ExecutionRequest {
	return request(1, func(r *ivoa.ExecutionRequest) {
		for _, l := range locations {
			d := &ivoa.SimpleDataResource{Location: l}
			d.Kind = ivoa.KindSimpleData
			r.Data = append(r.Data, d)
		}
	})
}

// sealed is what is kept for a session.
func (w *world) sealed(s *ivoa.Session) []byte {
	w.t.Helper()
	var kept []byte
	require.NoError(w.t, w.settle())
	require.NoError(w.t, w.options.Store.View(func(tx *store.Tx) error {
		kept = tx.Credentials(id(w.t, s))
		return nil
	}))
	return kept
}

func TestAnExecutorGetsATokenForTheUsersData(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w, issuer := tokened(t)
		offer := w.offer(withToken(alice), reading(fitsURL+"#sha256="+strings.Repeat("ab", 32), "https://example.org/b.fits"))
		assert.Empty(t, issuer.wants, "an offer costs nobody a token")
		assert.Nil(t, w.sealed(offer))
		s, err := w.update(withToken(alice), offer, ivoa.SessionAccepted)
		require.NoError(t, err)
		assert.Equal(t, []exchange.Want{{Audience: "storm", Scope: []string{"storage.read:/ska/a.fits"}, Offline: true}}, issuer.wants)
		kept := w.sealed(s)
		require.NotEmpty(t, kept)
		assert.NotContains(t, string(kept), "refresh")

		d := w.takeWork()
		require.NotNil(t, d.Sequence[0].Stage.Authorization)
		assert.Equal(t, "access-renewed-1", d.Sequence[0].Stage.Authorization.Token.Reveal())
		assert.Equal(t, despatch.SchemeBearer, d.Sequence[0].Stage.Authorization.Scheme)
		assert.Nil(t, d.Sequence[1].Stage.Authorization, "another's server gets none")
		assert.NotEqual(t, kept, w.sealed(s), "the issuer has replaced what renews it")
		_, err = w.complete(d, completion(d, despatch.Completed))
		require.NoError(t, err)
		assert.Empty(t, w.sealed(s), "it is erased with the session's end")
	})
}

// Promise 8: what is kept of tokens is gone, however a session ends.
func TestPromise8TokensAreErasedHoweverASessionEnds(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *world, *ivoa.Session){
		"cancelled": func(t *testing.T, w *world, s *ivoa.Session) {
			_, err := w.update(alice, s, ivoa.SessionCancelled)
			require.NoError(t, err)
		},
		"cancelled while it runs": func(t *testing.T, w *world, s *ivoa.Session) {
			w.takeWork()
			_, err := w.update(alice, s, ivoa.SessionCancelled)
			require.NoError(t, err)
		},
		"failed": func(t *testing.T, w *world, _ *ivoa.Session) {
			d := w.takeWork()
			_, err := w.complete(d, completion(d, despatch.Failed))
			require.NoError(t, err)
		},
		"lost": func(t *testing.T, w *world, _ *ivoa.Session) {
			for range w.options.Sessions.Attempts {
				w.takeWork()
				time.Sleep(2 * w.options.Sessions.Lease)
				synctest.Wait()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				w, _ := tokened(t)
				s := w.accepted(withToken(alice), reading(fitsURL))
				assert.NotEmpty(t, w.sealed(s))
				end(t, w, s)
				assert.True(t, store.Terminal(w.session(s).Phase), "%s", w.session(s).Phase)
				assert.Empty(t, w.sealed(s))
			})
		})
	}
}

// Promise 8: neither a token, nor what it was exchanged for, is where anybody reads:
// in answers, the history, the log or a file of the data directory.
func TestPromise8NoTokenIsShown(t *testing.T) {
	inTime(t, func(t *testing.T) {
		var logged strings.Builder
		w, _ := tokened(t, func(o *Options) {
			o.Logger = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		s := w.accepted(withToken(alice), reading(fitsURL))
		d := w.takeWork()
		_, err := w.report(d, despatch.ActionStarted, "stage-1")
		require.NoError(t, err)
		var seen []string
		for _, who := range []identity.Caller{alice, operator, auditor} {
			view, err := w.Session(context.Background(), who, id(t, s))
			require.NoError(t, err)
			text, err := ivoa.Encode(ivoa.JSON, view)
			require.NoError(t, err)
			entry, err := w.HistoryEntry(context.Background(), who, nil, ref(t, d))
			require.NoError(t, err)
			seen = append(seen, string(text), fmt.Sprintf("%+v", entry))
		}
		w.stop()
		for _, name := range []string{"sessions.db", consensus.StateFile} {
			text, err := os.ReadFile(filepath.Join(w.dir, name))
			require.NoError(t, err)
			seen = append(seen, string(text))
		}
		for _, text := range append(seen, logged.String()) {
			for _, secret := range []string{"secret-token-of", "access-renewed", "refresh-"} {
				assert.False(t, strings.Contains(text, secret), "%s is in %.200s", secret, text)
			}
		}
	})
}

func TestDataThatNeedATokenAreRefusedToWhoHasNone(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w, issuer := tokened(t)
		relayed := alice
		relayed.Via = []identity.NodeName{"kth"}
		stranger := withToken(alice)
		stranger.Subject.Issuer = "https://else.example.org"
		for why, caller := range map[string]identity.Caller{
			"you sent none": alice, "kth asked on your behalf": relayed, "your token is another's": stranger,
		} {
			set := w.ask(caller, reading(fitsURL))
			assert.Equal(t, ivoa.No, set.Result)
			assert.Contains(t, set.Meta.Messages[0].Text, "the data at "+stormURL+" need a token; ")
			assert.Contains(t, set.Meta.Messages[0].Text, why)
		}
		set := w.ask(withToken(alice), reading(stormURL+"/a/../b"))
		assert.Equal(t, ivoa.No, set.Result)
		assert.Contains(t, set.Meta.Messages[0].Text, "no //, . or ..")
		assert.Equal(t, ivoa.Yes, w.ask(alice, reading("https://example.org/a")).Result)

		w.lendTokens(testKinds)
		set = w.ask(withToken(alice), reading(fitsURL))
		assert.Equal(t, ivoa.No, set.Result)
		assert.Contains(t, set.Meta.Messages[len(set.Meta.Messages)-1].Text, "fetches data that need a token")
		assert.Empty(t, issuer.wants)
	})
}

// Promise 8: data are read with their reader's own token, never with that of an
// operator who accepts in her place.
func TestPromise8OnlyItsOwnerAcceptsWhatNeedsHerToken(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w, issuer := tokened(t)
		offer := w.offer(withToken(alice), reading(fitsURL))
		for who, code := range map[string]Code{"oscar": CodeForbidden, "bob": CodeNotFound} {
			caller := map[string]identity.Caller{"oscar": operator, "bob": bob}[who]
			_, err := w.update(withToken(caller), offer, ivoa.SessionAccepted)
			var p *Problem
			require.ErrorAs(t, err, &p, who)
			assert.Equal(t, code, p.Code)
		}
		assert.Empty(t, issuer.wants)
		_, err := w.update(alice, offer, ivoa.SessionAccepted)
		assert.ErrorContains(t, err, "you sent none")
		_, err = w.update(withToken(alice), offer, ivoa.SessionAccepted)
		assert.NoError(t, err)
	})
}

func TestDirectGetsATokenToo(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w, issuer := tokened(t)
		s, err := w.Direct(context.Background(), withToken(alice), reading(fitsURL), nil, "k", Asking{})
		require.NoError(t, err)
		again, err := w.Direct(context.Background(), withToken(alice), reading(fitsURL), nil, "k", Asking{})
		require.NoError(t, err)
		assert.Equal(t, s.UUID(), again.UUID())
		assert.Len(t, issuer.wants, 1)
		d := w.takeWork()
		assert.NotNil(t, d.Sequence[0].Stage.Authorization)
	})
}

func TestARefusedExchangeRefusesTheAcceptance(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w, issuer := tokened(t)
		offer := w.offer(withToken(alice), reading(fitsURL))
		var p *Problem
		issuer.fail(&exchange.Refusal{Issuer: iamURL, Code: "invalid_target"})
		_, err := w.update(withToken(alice), offer, ivoa.SessionAccepted)
		require.ErrorAs(t, err, &p)
		assert.Equal(t, CodeConflict, p.Code)
		assert.Equal(t, ivoa.SessionOffered, p.Session.Phase)
		assert.Contains(t, p.Detail, "issuer "+iamURL+" gives no token: invalid_target")
		issuer.fail(fmt.Errorf("issuer: %w", exchange.ErrUnavailable))
		_, err = w.update(withToken(alice), offer, ivoa.SessionAccepted)
		require.ErrorAs(t, err, &p)
		assert.Equal(t, CodeUnavailable, p.Code)
		assert.NotZero(t, p.RetryAfter)
		issuer.fail(nil)
		_, err = w.update(withToken(alice), offer, ivoa.SessionAccepted)
		assert.NoError(t, err)
	})
}

func TestATokenThatCannotBeRenewedMustLast(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w, issuer := tokened(t)
		issuer.lasting = time.Hour
		later := func(r *ivoa.ExecutionRequest) {
			r.Schedule.Requested.Start = ivoa.FormatInstant(time.Now().Add(2*time.Hour)) + "/PT1H"
		}
		req := reading(fitsURL)
		later(req)
		offer := w.offer(withToken(alice), req)
		warned := offer.Meta.Messages[len(offer.Meta.Messages)-1]
		assert.Equal(t, messageToken, warned.Kind)
		assert.Contains(t, warned.Text, "yours ends at")
		_, err := w.update(withToken(alice), offer, ivoa.SessionAccepted)
		assert.ErrorContains(t, err, "can't be renewed")
		issuer.lasting = 4 * time.Hour
		_, err = w.update(withToken(alice), offer, ivoa.SessionAccepted)
		assert.NoError(t, err)
		time.Sleep(2*time.Hour + time.Second)
		d := w.takeWork()
		assert.Equal(t, "access-of-secret-token-of-alice", d.Sequence[0].Stage.Authorization.Token.Reveal())
	})
}

func TestASessionWaitsForAnIssuerThatIsAway(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w, issuer := tokened(t)
		s := w.accepted(withToken(alice), reading(fitsURL))
		issuer.fail(fmt.Errorf("issuer %s: %w", iamURL, exchange.ErrUnavailable))
		for range w.options.Sessions.Attempts + 2 {
			d, _, err := w.Despatch(context.Background(), builtIn, w.executor, 30*time.Second)
			require.NoError(t, err)
			assert.Nil(t, d)
			assert.Equal(t, ivoa.SessionWaiting, w.session(s).Phase, "it is no try")
			time.Sleep(10 * time.Minute)
		}
		assert.Contains(t, w.lastMessage(s), "the data at "+stormURL+" need a token")
		issuer.fail(nil)
		d, _, err := w.Despatch(context.Background(), builtIn, w.executor, time.Minute)
		for d == nil && err == nil {
			d, _, err = w.Despatch(context.Background(), builtIn, w.executor, time.Minute)
		}
		require.NoError(t, err)
		_, err = w.complete(d, completion(d, despatch.Completed))
		require.NoError(t, err)
		assert.Equal(t, ivoa.SessionCompleted, w.session(s).Phase)
		w.audit()
	})
}

func TestASessionWhoseTokenIsRefusedHasFailed(t *testing.T) {
	for _, refusal := range []error{&exchange.Refusal{Issuer: iamURL, Code: "invalid_grant"}, fmt.Errorf("x: %w", exchange.ErrUnusable), errors.New("odd")} {
		inTime(t, func(t *testing.T) {
			w, issuer := tokened(t)
			s := w.accepted(withToken(alice), reading(fitsURL))
			other := w.accepted(alice, request(1))
			issuer.fail(refusal)
			d := w.takeWork()
			assert.Equal(t, other.UUID(), d.Session.UUID, "the poll goes on to what else there is")
			assert.Equal(t, ivoa.SessionFailed, w.session(s).Phase)
			assert.Contains(t, w.lastMessage(s), "attempt 1 was not begun: the data at "+stormURL+" need a token")
			w.audit()
		})
	}
}

// What renews a token is never lost to a restart, nor used twice.
func TestWhatRenewsATokenSurvivesACrash(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w, issuer := tokened(t)
		w.accepted(withToken(alice), reading(fitsURL))
		w.takeWork()
		w.crash()
		time.Sleep(3 * w.options.Sessions.Lease)
		w.lendTokens(append(testKinds[:len(testKinds):len(testKinds)], despatch.KindDataToken))
		d := w.takeWork()
		assert.Equal(t, 2, d.Attempt)
		assert.Equal(t, "access-renewed-2", d.Sequence[0].Stage.Authorization.Token.Reveal())
		assert.Equal(t, 2, issuer.renewals)
	})
}

// A session that is cancelled while its token is renewed keeps nothing.
func TestPromise8ATokenRenewedTooLateIsNotKept(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w, issuer := tokened(t)
		s := w.accepted(withToken(alice), reading(fitsURL))
		cancelled := false
		issuer.during = func() {
			_, err := w.update(alice, s, ivoa.SessionCancelled)
			cancelled = assert.NoError(t, err)
		}
		d := w.takeWork()
		assert.True(t, cancelled)
		assert.Empty(t, w.sealed(s))
		answer, err := w.report(d, despatch.ActionStarted, "stage-1")
		require.NoError(t, err)
		assert.NotNil(t, answer.Stop)
	})
}
