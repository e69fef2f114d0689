package accounting

// A Trace names the request that something was done for, so that what many nodes
// know of it can be found together: 32 lower-case hexadecimal digits. It came with
// version 3 of the commands, and is left out where a node doesn't know that yet.
type Trace string

// tracesSince is the version of commands that say a trace.
const tracesSince = 3

func (t Trace) validate(subject string) error {
	if t == "" {
		return nil
	}
	for _, digit := range []byte(t) {
		if (digit < '0' || digit > '9') && (digit < 'a' || digit > 'f') {
			return invalid(subject, "the trace is not of lower-case hexadecimal digits")
		}
	}
	return check(len(t) == 32, subject, "a trace has 32 digits")
}

func (c OpenAttempt) needs() int {
	if c.Trace != "" {
		return tracesSince
	}
	return 1
}

func (c OpenAttempt) without(version int) Command {
	if version < tracesSince {
		c.Trace = ""
	}
	return c
}

func (c RecordAudit) needs() int {
	for _, r := range c.Records {
		if r.Trace != "" {
			return tracesSince
		}
	}
	return 2
}

func (c RecordAudit) without(version int) Command {
	if version >= tracesSince {
		return c
	}
	records := make([]AuditRecord, len(c.Records))
	for i, r := range c.Records {
		r.Trace = ""
		records[i] = r
	}
	return RecordAudit{records}
}
