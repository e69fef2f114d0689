package main

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"starling/api/ivoa"
	"starling/cmd/starling/internal/words"
)

// facts are what people want to know of a session, gathered from where the
// schema has them.
type facts struct {
	*ivoa.Session
	site   string // which site made the offer
	why    string // why it ranks where it does
	start  time.Time
	length time.Duration
	cores  string
	memory string
	gpus   string
}

func factsOf(s *ivoa.Session) facts {
	f := facts{Session: s}
	f.read(s.Meta)
	f.plan(s.Schedule)
	if c, ok := s.Compute.(*ivoa.SimpleComputeResource); ok {
		f.cores = rangeText(c.Cores, "")
		f.memory = rangeText(c.Memory, " GiB")
		if s.Schedule == nil {
			f.plan(c.Schedule)
		}
	}
	return f
}

// read finds the message in which the broker says who offers this, and why.
func (f *facts) read(meta *ivoa.Metadata) {
	if meta == nil {
		return
	}
	for _, m := range meta.Messages {
		site := m.Values["site"]
		if site == "" || f.site != "" {
			continue
		}
		f.site = site
		f.why = strings.TrimPrefix(m.Text, site+": ")
		if gpus := m.Values["gpus"]; gpus != "0" {
			f.gpus = gpus
		}
	}
}

// plan reads from when and for how long a session has its resources.
func (f *facts) plan(schedule *ivoa.Schedule) {
	if schedule == nil || schedule.Available == nil {
		return
	}
	if span, err := ivoa.ParseInterval(schedule.Available.Start); err == nil {
		f.start = span.Start
	}
	if d, err := ivoa.ParseDuration(schedule.Available.Duration); err == nil {
		f.length = d
	}
}

func rangeText(r *ivoa.Range, unit string) string {
	switch {
	case r == nil || r.Min == nil && r.Max == nil:
		return ""
	case r.Max == nil:
		return strconv.FormatInt(*r.Min, 10) + "+" + unit
	case r.Min == nil || *r.Min == *r.Max:
		return strconv.FormatInt(*r.Max, 10) + unit
	}
	return strconv.FormatInt(*r.Min, 10) + "–" + strconv.FormatInt(*r.Max, 10) + unit
}

// cost says one type of cost, "" where it isn't known. The schema has no slot
// for units: where the description is a word, it is taken for one.
func (f *facts) cost(costType string) string {
	for _, item := range f.Costs {
		c, ok := item.(*ivoa.FloatCost)
		if !ok || c.Type != costType || c.Max == nil && c.Min == nil {
			continue
		}
		value := c.Max
		if value == nil {
			value = c.Min
		}
		text := words.Amount(*value)
		if c.Description != "" && !strings.ContainsAny(c.Description, " \t\n") {
			text += " " + c.Description
		}
		return text
	}
	return ""
}

// printMessages writes what a broker has to say, one line a message.
func (a *app) printMessages(messages []ivoa.Message) {
	for _, m := range messages {
		mark := "  "
		switch m.Level {
		case ivoa.LevelWarn:
			mark = "! "
		case ivoa.LevelError:
			mark = "✗ "
		case ivoa.LevelDebug:
			continue
		}
		text := words.Clean(words.Local(firstOf(m.Text, m.Template, m.Kind), a.now()))
		for i, line := range words.Wrap(text, a.errWidth-len("! ")) {
			if i > 0 {
				mark = "  "
			}
			say(a.err, "%s%s", mark, line)
		}
	}
}

// warnings leaves out what is only said for information.
func warnings(messages []ivoa.Message) []ivoa.Message {
	return slices.DeleteFunc(slices.Clone(messages), func(m ivoa.Message) bool {
		return m.Level != ivoa.LevelWarn && m.Level != ivoa.LevelError
	})
}

func messagesOf(c *ivoa.Component) []ivoa.Message {
	if c.Meta == nil {
		return nil
	}
	return c.Meta.Messages
}
