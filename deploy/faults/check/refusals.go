package check

import (
	"encoding/json"

	"starling/deploy/faults/load"
)

// refusal is what may be in the answer of somebody who says no: a problem's detail, or
// a document's messages.
type refusal struct {
	Title, Detail string
	Meta          struct {
		Messages []struct {
			Kind, Time, Level, Template, Message string
			Values                               map[string]string
		}
	}
}

// refusals checks promise 9: every NO says why.
func (c *checker) refusals() {
	for _, o := range c.record.Ops {
		if o.Outcome != load.Refused || len(o.Answer) == 0 && o.Status == 0 {
			continue
		}
		switch o.Kind {
		case load.Report, load.Complete, load.Again, load.Otherwise, load.Send:
			c.looked("refusals", 1)
			if len(o.Answer) == 0 {
				c.broken(9, string(o.Kind)+" of "+o.Object, "%s refused it with %d and no detail", o.Site(), o.Status)
			}
			continue
		}
		c.refusal(o)
	}
}

func (c *checker) refusal(o *load.Op) {
	c.looked("refusals", 1)
	object := string(o.Kind) + " of " + o.Who + " " + o.Object
	var said refusal
	if err := json.Unmarshal(o.Answer, &said); err != nil {
		if len(o.Answer) < 16<<10 { // longer ones were cut
			c.broken(9, object, "%s refused it with %d, and what isn't a document: %s", o.Site(), o.Status, brief(string(o.Answer)))
		}
		return
	}
	if said.Title != "" && said.Detail != "" {
		return
	}
	if len(said.Meta.Messages) == 0 {
		c.broken(9, object, "%s refused it with %d, and doesn't say why: %s", o.Site(), o.Status, brief(string(o.Answer)))
		return
	}
	for _, m := range said.Meta.Messages {
		if m.Kind == "" || m.Time == "" || m.Level == "" || m.Template == "" || m.Message == "" {
			c.broken(9, object, "%s refused it with a message that isn't complete: %+v", o.Site(), m)
		}
	}
}
