package check

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/url"

	"starling/deploy/faults/load"
)

// attempts checks promises 3 and 6: every despatch is on record once, as it was
// completed, and no session was completed twice.
func (c *checker) attempts() {
	t := c.told[0]
	for _, a := range c.record.Attempts {
		if c.excused(a.Ref) {
			continue
		}
		c.looked("attempts", 1)
		on, known := t.history[a.Ref]
		switch {
		case !known:
			c.broken(3, "attempt "+a.Ref, "%s had it despatched, and nothing is on record", a.Executor)
			continue
		case on.Session != a.Session:
			c.broken(3, "attempt "+a.Ref, "it was despatched for session %s, and is on record for %s", a.Session, on.Session)
		}
		if a.Completed > 0 && on.Phase != a.Outcome {
			c.broken(3, "attempt "+a.Ref, "its completion as %s was acknowledged, and it is on record as %s", a.Outcome, on.Phase)
		}
	}
	done := map[string][]string{}
	for ref, a := range t.history {
		if a.Phase == "COMPLETED" || a.Phase == "PARTIAL" {
			done[a.Session] = append(done[a.Session], ref)
		}
	}
	for id, s := range t.sessions {
		if n := len(done[id]); n > 1 || s.Phase == "COMPLETED" && n == 0 {
			c.broken(3, "session "+id, "it is %s, and has %d attempts that were completed: %v", s.Phase, n, done[id])
		}
	}
	for _, o := range c.record.Ops {
		switch {
		case o.Kind == load.Again && o.Outcome == load.Refused:
			c.broken(3, "attempt "+o.Object, "the same completion again was refused by %s: %d %s", o.Site(), o.Status, o.Answer)
		case o.Kind == load.Otherwise && o.Outcome == load.Acknowledged:
			c.broken(3, "attempt "+o.Object, "another completion of it was taken by %s", o.Site())
		case o.Kind == load.Again, o.Kind == load.Otherwise:
			c.looked("second completions", 1)
		}
	}
}

// cancelled checks promise 7: what was cancelled is never despatched again, and whoever
// worked on it was told to stop.
func (c *checker) cancelled() {
	when := map[string]*load.Op{}
	for _, o := range c.record.Ops {
		if o.Kind == load.Cancel && o.Outcome == load.Acknowledged && o.Phase == "CANCELLED" && when[o.Object] == nil {
			when[o.Object] = o
		}
	}
	c.looked("sessions that were cancelled", len(when))
	for _, a := range c.record.Attempts {
		o := when[a.Session]
		if o == nil || c.excused(a.Session) {
			continue
		}
		switch {
		case a.Polled > o.Return:
			c.broken(7, "session "+a.Session, "%s said at %s that it is cancelled, and at %s had it despatched to %s of %s", o.Site(), o.Return, a.Despatched, a.Executor, a.Site)
		case a.Completed == 0 && !a.Lost && a.Stopped == 0:
			c.broken(7, "session "+a.Session, "%s said at %s that it is cancelled, and %s of %s was never told", o.Site(), o.Return, a.Executor, a.Site)
		}
	}
}

// files checks that every file is there whose arrival was acknowledged, of attempts
// that were completed, and that it is what was sent. A few are read at every site.
func (c *checker) files(ctx context.Context) {
	for i, a := range c.record.Attempts {
		if a.Completed == 0 || a.Outcome != "COMPLETED" || c.excused(a.Session) {
			continue
		}
		for _, file := range a.Files {
			sites := c.sites[i%len(c.sites) : i%len(c.sites)+1]
			if i < c.options.Sample {
				sites = c.sites
			}
			for _, site := range sites {
				status, body, err := get(ctx, site, load.Operator, "/sessions/"+a.Session+"/files/"+url.PathEscape(file.Name))
				c.looked("files", 1)
				sum := sha256.Sum256(body)
				switch {
				case err != nil:
					c.inconclusive("file %s of session %s can't be read at %s: %v", file.Name, a.Session, site.Name, err)
				case status != 200:
					c.broken(2, "file "+file.Name+" of session "+a.Session, "it was sent whole, and %s answers %d: %s", site.Name, status, brief(string(body)))
				case hex.EncodeToString(sum[:]) != file.SHA256:
					c.broken(2, "file "+file.Name+" of session "+a.Session, "%s has %d bytes that aren't the %d that were sent", site.Name, len(body), file.Bytes)
				}
			}
		}
	}
}
