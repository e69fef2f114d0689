package api

import (
	"fmt"
	"math"
	"net/http"
	"net/netip"

	"starling/api/internal/rates"
	"starling/federation/address"
	"starling/federation/identity"
	"starling/node/config"
)

// mostAskers are remembered of each kind, those who asked last.
const mostAskers = 1 << 16

// throttle slows down who asks too often. Who shows a good token is counted by
// it, wherever it comes from; only the others are counted by their address, so
// that nobody is kept out by what somebody else does behind the same one.
type throttle struct {
	users     *rates.Table[user]
	executors *rates.Table[string]
	peers     *rates.Table[identity.NodeName]
	addresses *rates.Table[netip.Addr]
	failures  *rates.Table[netip.Addr]
}

// user is one who asks. What pages of her sessions ask for counts by itself: they
// come from anybody's container, and could use up all that is hers.
type user struct {
	name     string
	programs bool
}

func newThrottle(r config.Rates) throttle {
	of := func(perSecond int) rates.Rate {
		return rates.Rate{PerSecond: float64(perSecond), Burst: int(float64(perSecond) * r.Burst.Seconds())}
	}
	return throttle{
		users:     rates.New[user](of(r.PerUser), mostAskers),
		executors: rates.New[string](of(r.PerExecutor), mostAskers),
		peers:     rates.New[identity.NodeName](of(r.PerPeer), mostAskers),
		addresses: rates.New[netip.Addr](of(r.PerAddress), mostAskers),
		failures:  rates.New[netip.Addr](rates.Rate{PerSecond: float64(r.FailedLogins) / 60, Burst: r.FailedLogins}, mostAskers),
	}
}

// By what requests are counted.
const (
	byUser         = "user"
	byExecutor     = "executor"
	byPeer         = "peer"
	byAddress      = "address"
	byFailedLogins = "failed-logins"
)

// throttled counts a request, whose sender is established as far as it will be,
// and says whether it comes too soon. refusal is why it isn't let in, if so.
func (s *Server) throttled(v *visit, refusal error) error {
	switch caller := v.caller; {
	case v.local, v.Path() == healthPath, v.Path() == readyPath:
		return nil // whoever watches over the node must not take it for dead
	case len(caller.Via) > 0:
		return slow(v, s.throttle.peers, caller.Via[len(caller.Via)-1], byPeer, "of this node")
	case caller.Has(identity.RoleExecutor):
		return slow(v, s.throttle.executors, caller.User, byExecutor, "of this executor")
	case caller.User != "":
		programs := v.Path() == connectBare || v.Path() == connectInside
		return slow(v, s.throttle.users, user{caller.User, programs}, byUser, "of yours")
	case v.entered:
		return slow(v, s.throttle.users, user{v.asker(), true}, byUser, "of this page")
	}
	return s.throttledStranger(v, refusal)
}

// throttledStranger counts a request that nobody is known to have sent. A token
// is looked at before its bearer's address is: a good one is good there, too.
func (s *Server) throttledStranger(v *visit, refusal error) error {
	from := v.source()
	if f, ok := refusal.(*fault); ok && f.status == http.StatusUnauthorized && len(v.Request().Header["Authorization"]) > 0 {
		if err := slow(v, s.throttle.failures, from, byFailedLogins, "with bad tokens from your address"); err != nil {
			return err
		}
	}
	return slow(v, s.throttle.addresses, from, byAddress, "without a good token from your address")
}

// source is what counts as one address.
func (v *visit) source() netip.Addr {
	from, _ := netip.ParseAddr(v.RealIP())
	return address.Source(from)
}

// slow takes a request out of a bucket, or says when there will be one.
func slow[K comparable](v *visit, table *rates.Table[K], asker K, policy, who string) error {
	wait := table.Take(asker, v.began)
	if wait <= 0 {
		return nil
	}
	v.throttled = true
	v.server.metrics.throttled.WithLabelValues(policy).Inc()
	rate, seconds := table.Rate(), int(math.Ceil(wait.Seconds()))
	// draft-ietf-httpapi-ratelimit-headers-10
	v.header().Set("RateLimit-Policy", `"`+policy+`";q=`+itoa(rate.Burst)+`;w=`+itoa(rate.Window()))
	v.header().Set("RateLimit", `"`+policy+`";r=0;t=`+itoa(seconds))
	return &fault{status: http.StatusTooManyRequests, code: "limit", retry: wait,
		detail: fmt.Sprintf("there are too many requests %s: at most %.4g a second are answered, and %d at once; wait as Retry-After says", who, rate.PerSecond, rate.Burst)}
}
