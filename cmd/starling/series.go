package main

import (
	"fmt"
	"strings"

	"starling/api/ivoa"
	"starling/cmd/starling/internal/words"
)

// seriesText says how far a session that is executed again and again has come,
// "" for others: "2 of 10 completed, 1 failed, 1 window missed".
func seriesText(s *ivoa.Session) string {
	r := s.Repeats
	if r == nil {
		return ""
	}
	text := fmt.Sprintf("%d completed", r.Completed)
	if r.Most != nil {
		text = fmt.Sprintf("%d of %d completed", r.Completed, *r.Most)
	}
	parts := []string{text}
	if r.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", r.Failed))
	}
	if r.Missed > 0 {
		parts = append(parts, words.Many(int(r.Missed), "window")+" missed")
	}
	return strings.Join(parts, ", ")
}

// seriesKind is the kind of the message in which a broker says on an offer what
// the costs of a series are of.
const seriesKind = "urn:starling:message:repeats"

// transferKind is the kind of the message in which a broker says on an offer from
// where its data come, and how long that takes.
const transferKind = "urn:starling:message:transfer"

// placeKind is the kind of the message in which a broker says of an offer why it is
// where it is among all.
const placeKind = "urn:starling:message:place"

// notes are the messages that an offer's reader must see.
func notes(offer *ivoa.Session) (marked []string) {
	for _, m := range messagesOf(&offer.Component) {
		switch {
		case m.Level == ivoa.LevelWarn || m.Level == ivoa.LevelError:
			marked = append(marked, "! "+m.Text)
		case m.Kind == seriesKind, m.Kind == transferKind:
			marked = append(marked, m.Text)
		case m.Kind == placeKind && m.Values["options"] != "1":
			marked = append(marked, strings.TrimPrefix(m.Text, m.Values["site"]+": "))
		}
	}
	return marked
}
