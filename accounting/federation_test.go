package accounting_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	. "starling/accounting"
	"starling/accounting/accountingtest"
)

// site is a node as the ledger sees one: it keeps its own count of its
// allowances, accepts sessions without asking anybody, and what it decides
// reaches the log later, in order.
type site struct {
	name     NodeName
	outbox   []Command
	left     map[Owner]Amount
	credited map[Owner]Amount
	number   map[Owner]uint64
}

func newSite(name NodeName) *site {
	return &site{name: name, left: map[Owner]Amount{}, credited: map[Owner]Amount{}, number: map[Owner]uint64{}}
}

// federation is two sites, one log, and a naive account of what must come of it.
type federation struct {
	*ledger
	rt    *rapid.T
	sites []*site
	seen  []Command // all that came to the log
	done  []Command // what was taken, and was new

	sessions  map[int]OwnerID  // by number: the proposal that pays
	owner     map[int]*site    // and where it was accepted
	ending    map[int]bool     // whose completion the site has sent
	ended     map[int]bool     // whose completion was taken
	due       map[int]Amount   // by the newest report
	returned  map[int]Amount   // discounts and refunds
	limits    map[Owner]Limit  // as last allocated
	granted   map[Owner]Amount // allocated, in sum
	surprised bool             // a hold was refused by a limit that wasn't there when it was decided
	ids       int              // of adjustments
}

var tagOwner = Owner{KindTAG, "tag"}

// path is all whose limits a proposal's sessions must pass.
func path(proposal OwnerID) []Owner { return []Owner{Proposal(proposal), tagOwner} }

func (f *federation) amount(most int64) Amount {
	return Amount(rapid.Int64Range(0, most).Draw(f.rt, "amount"))
}

func (f *federation) site() *site { return f.sites[rapid.IntRange(0, 1).Draw(f.rt, "site")] }

func (f *federation) money(a Amount) Quantity { return Quantity{Monetary, a, "EUR"} }

// accept books a session, if the site's allowances of all hard limits will pay
// for it.
func (f *federation) accept() {
	s, n, proposal := f.site(), len(f.sessions), rapid.SampledFrom([]OwnerID{"p1", "p2"}).Draw(f.rt, "proposal")
	estimate := f.amount(5)
	var draws []Draw
	for _, owner := range path(proposal) {
		if f.budget(owner).Limit != Hard {
			continue
		}
		if s.left[owner] < estimate {
			return
		}
		draws = append(draws, Draw{owner, f.money(estimate)})
	}
	for _, d := range draws {
		s.left[d.Owner] -= estimate
	}
	f.sessions[n], f.owner[n] = proposal, s
	placed := placeFor(f.rt, n, proposal, "0", draws...)
	placed.Node, placed.Estimate[0].Amount = s.name, estimate
	opened := open(n, "u")
	opened.Node, opened.Owners = s.name, placed.Owners
	s.outbox = append(s.outbox, placed, opened)
}

// any is a session that was accepted somewhere; false if there is none.
func (f *federation) any() (n int, s *site, ok bool) {
	if len(f.sessions) == 0 {
		return 0, nil, false
	}
	n = rapid.IntRange(0, len(f.sessions)-1).Draw(f.rt, "session")
	return n, f.owner[n], true
}

func (f *federation) complete() {
	n, s, ok := f.any()
	if !ok || f.ending[n] {
		return
	}
	f.ending[n] = true
	c := complete(f.rt, n, "0")
	c.Charges[0].Amount = f.amount(9)
	if rapid.Bool().Draw(f.rt, "last") {
		c.Hold = hold(n)
	}
	for _, owner := range path(f.sessions[n]) {
		if a := min(s.left[owner], f.amount(4)); a > 0 {
			s.left[owner] -= a
			c.Draws = append(c.Draws, Draw{owner, f.money(a)})
		}
	}
	s.outbox = append(s.outbox, c)
}

func (f *federation) void() {
	if n, s, ok := f.any(); ok {
		s.outbox = append(s.outbox, VoidHold{Hold: hold(n), Time: noon})
	}
}

func (f *federation) ask() {
	s := f.site()
	for _, owner := range everybody {
		s.number[owner]++
		least := 1 + f.amount(5)
		s.outbox = append(s.outbox, GrantAllowance{
			Node: s.name, Owner: owner, Period: "2026B", Number: s.number[owner],
			Least: f.money(least), Most: f.money(least + f.amount(5)), Time: noon,
		})
	}
}

func (f *federation) giveBack() {
	s, owner := f.site(), f.anybody()
	s.number[owner]++
	s.outbox = append(s.outbox, ReturnAllowance{
		Node: s.name, Owner: owner, Period: "2026B", Number: s.number[owner], Credited: f.money(s.credited[owner]), Time: noon,
	})
	s.left[owner] = 0
}

// credit takes up what the log has granted, once it has all that the site said.
func (f *federation) credit() {
	s := f.site()
	for _, owner := range everybody {
		if a := f.allowance(s, owner); a.Number == s.number[owner] {
			s.left[owner] += a.Granted - s.credited[owner]
			s.credited[owner] = a.Granted
		}
	}
}

func (f *federation) allowance(s *site, owner Owner) Allowance {
	a, err := FindAllowance(f.tx, s.name, f.budget(owner).BudgetID)
	require.NoError(f.rt, err)
	return a
}

// everybody has a budget.
var everybody = []Owner{Proposal("p1"), Proposal("p2"), tagOwner}

func (f *federation) anybody() Owner {
	return rapid.SampledFrom(everybody).Draw(f.rt, "owner")
}

// deliver lets the log take some of what a site has decided.
func (f *federation) deliver() {
	s := f.site()
	for range rapid.IntRange(0, 6).Draw(f.rt, "commands") {
		f.deliverOne(s)
	}
}

func (f *federation) deliverOne(s *site) {
	if len(s.outbox) == 0 {
		return
	}
	c := s.outbox[0]
	s.outbox = s.outbox[1:]
	fresh, err := f.take(c)
	switch c := c.(type) {
	case PlaceHold:
		// Promise 4 needs no refusal where allowances were spent.
		for _, owner := range c.Owners.Path() {
			spent := slices.ContainsFunc(c.Draws, func(d Draw) bool { return d.Owner == owner })
			if err != nil && !spent && f.limits[owner] == Hard { // it became one meanwhile
				f.surprised = true
				return
			}
		}
		require.NoError(f.rt, err)
	case CompleteAttempt:
		n := 0
		for ref(n) != c.Ref {
			n++
		}
		if fresh {
			require.False(f.rt, f.ended[n], "attempt %d is completed twice", n)
			f.ended[n], f.due[n] = true, c.Charges[0].Amount
		}
	case GrantAllowance, ReturnAllowance:
		require.NoError(f.rt, err)
	}
}

// take applies a command, and reports whether it was new; a refusal, or a
// duplicate, must change nothing.
func (f *federation) take(c Command) (fresh bool, err error) {
	before := f.dump()
	f.seen = append(f.seen, c)
	result, err := Apply(f.tx, c)
	if err != nil || result.Duplicate {
		require.Equal(f.rt, before, f.dump())
	}
	if err != nil {
		require.True(f.rt, Refused(err), "%v", err)
		return false, err
	}
	if !result.Duplicate {
		f.done = append(f.done, c)
	}
	return !result.Duplicate, nil
}

func (f *federation) allocate() {
	limit := rapid.SampledFrom([]Limit{Hard, Hard, Hard, Soft}).Draw(f.rt, "limit")
	f.allocateTo(f.anybody(), limit, Amount(rapid.Int64Range(-10, 20).Draw(f.rt, "change")))
}

func (f *federation) allocateTo(owner Owner, limit Limit, change Amount) {
	f.ids++
	c := allocate(f.rt, f.ids, owner, limit, "0")
	c.Amount.Amount = change
	if fresh, _ := f.take(c); fresh {
		f.limits[owner] = limit
		f.granted[owner] += change
	}
}

func (f *federation) correct() {
	n, _, ok := f.any()
	if !ok {
		return
	}
	f.ids++
	c := correct(f.rt, f.ids, n, "0", "0")
	c.Resources[0].Amount, c.Charges[0].Amount = f.amount(9), f.amount(12)
	if fresh, _ := f.take(c); fresh {
		f.due[n] = c.Charges[0].Amount
	}
}

func (f *federation) refund() {
	n, _, ok := f.any()
	if !ok {
		return
	}
	f.ids++
	c := credit(f.rt, f.ids, n, EntryRefund, "0")
	c.Amounts[0].Amount = 1 + f.amount(4)
	net := f.net(n, Charged)
	if rapid.Bool().Draw(f.rt, "discount") { // that comes off what was never billed, too
		c.Kind = EntryDiscount
		net += f.net(n, Unbilled)
	}
	if fresh, _ := f.take(c); fresh {
		require.LessOrEqual(f.rt, c.Amounts[0].Amount, net)
		f.returned[n] += c.Amounts[0].Amount
	}
}

// again repeats what the log has taken, at any later time.
func (f *federation) again() {
	if len(f.done) == 0 {
		return
	}
	before := f.dump()
	result, err := Apply(f.tx, rapid.SampledFrom(f.done).Draw(f.rt, "again"))
	require.NoError(f.rt, err)
	require.True(f.rt, result.Duplicate)
	require.Equal(f.rt, before, f.dump())
}

// net is what all entries of an attempt on its payer's account sum to.
func (f *federation) net(n int, side Side) (sum Amount) {
	list, _, err := Accounts(f.tx, AccountFilter{Caller: Everyone(), Owner: Proposal(f.sessions[n]), Resource: Monetary, Side: side}, "", 0)
	require.NoError(f.rt, err)
	for _, a := range list {
		entries, _, err := Entries(f.tx, Everyone(), a.ID, "", MaxLimit)
		require.NoError(f.rt, err)
		for _, e := range entries {
			if e.HistoryRef == ref(n) {
				amount, err := ParseAmount(string(e.Amount), e.Unit)
				require.NoError(f.rt, err)
				sum += amount
			}
		}
	}
	return sum
}

// check is what must be true at any time.
func (f *federation) check() {
	f.audit()
	taken := map[Owner]Amount{} // charged and held, by the entries alone
	for n, proposal := range f.sessions {
		charged, unbilled := f.net(n, Charged), f.net(n, Unbilled)
		require.GreaterOrEqual(f.rt, charged, Amount(0))
		require.Equal(f.rt, max(0, f.due[n]-f.returned[n]), charged+unbilled, "session %d", n)
		for _, owner := range path(proposal) {
			taken[owner] += charged
		}
	}
	list, _, err := Accounts(f.tx, AccountFilter{Caller: Everyone(), Side: Held}, "", 0)
	require.NoError(f.rt, err)
	for _, a := range list {
		amount, err := ParseAmount(string(a.Balance), a.Unit)
		require.NoError(f.rt, err)
		for _, owner := range path(a.Owner.ID) {
			taken[owner] += amount
		}
	}
	entrusted := map[Owner]Amount{}
	for owner, limit := range f.limits {
		for _, s := range f.sites {
			a := f.allowance(s, owner)
			require.GreaterOrEqual(f.rt, a.Remaining, s.left[owner], "a site has more than the log knows of")
			entrusted[owner] += a.Remaining
		}
		if limit == Hard {
			require.LessOrEqual(f.rt, taken[owner]+entrusted[owner], f.granted[owner], "the hard limit of %s is passed", owner)
		}
	}
}

// Promises 3 and 4. Property: however commands of several sites and operators
// interleave and repeat, every unit sums to zero, nothing is charged or given
// back twice, no hard limit is passed, and no hold that was paid from allowances
// is refused.
func TestPromise4HardLimitsHoldAmongSitesThatDontWaitForEachOther(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := &federation{
			ledger: newLedger(rt), rt: rt, sites: []*site{newSite("a"), newSite("b")},
			sessions: map[int]OwnerID{}, owner: map[int]*site{}, ending: map[int]bool{}, ended: map[int]bool{}, due: map[int]Amount{}, returned: map[int]Amount{},
			limits: map[Owner]Limit{}, granted: map[Owner]Amount{},
		}
		steps := map[string]func(){
			"accept": f.accept, "accept more": f.accept, "complete": f.complete, "void": f.void, "ask": f.ask, "credit": f.credit,
			"give back": f.giveBack, "deliver": f.deliver, "deliver more": f.deliver,
			"allocate": f.allocate, "correct": f.correct, "refund": f.refund, "again": f.again,
		}
		actions := map[string]func(*rapid.T){}
		for name, step := range steps {
			actions[name] = func(rt *rapid.T) { f.rt = rt; step() }
		}
		actions[""] = func(rt *rapid.T) { f.rt = rt; f.check() }
		for _, owner := range everybody {
			f.allocateTo(owner, Hard, Amount(rapid.Int64Range(0, 20).Draw(rt, "limit")))
		}
		f.ask()
		f.deliver()
		f.credit()
		rt.Repeat(actions)
		f.rt = rt
		f.settle()
		require.Equal(rt, string(accountingtest.Dump(f.tx)), f.replay(), "a replay made another state")
	})
}

// settle delivers all, and compares what the sites count with what the log does.
func (f *federation) settle() {
	for _, s := range f.sites {
		for len(s.outbox) > 0 {
			f.deliverOne(s)
		}
		for _, owner := range everybody {
			a := f.allowance(s, owner)
			unknown := a.Granted - s.credited[owner] // granted, and not taken up yet
			if !f.surprised {
				require.Equal(f.rt, a.Remaining, s.left[owner]+unknown, "%s at %s", owner, s.name)
			}
		}
	}
	f.check()
}

// replay applies all that came to the log anew, through encodings and in batches,
// as a log does after a crash.
func (f *federation) replay() string {
	tx := accountingtest.NewMap()
	rest := f.seen
	for len(rest) > 0 {
		size := rapid.IntRange(1, len(rest)).Draw(f.rt, "batch")
		batch := NewBatch(tx)
		for _, c := range rest[:size] {
			data, err := Encode(c)
			require.NoError(f.rt, err)
			if _, err = batch.ApplyEncoded(data); err != nil {
				require.True(f.rt, Refused(err))
			}
		}
		require.NoError(f.rt, batch.Flush())
		rest = rest[size:]
	}
	return string(accountingtest.Dump(tx))
}
