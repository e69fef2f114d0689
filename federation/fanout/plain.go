package fanout

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"starling/api/ivoa"
)

// Bounds of what is kept of other nodes' words.
const (
	mostText     = 500      // bytes of a sentence
	mostName     = 200      // of a name, a kind or a type
	mostMessages = 20       // of one offer, or beside the offers
	mostValues   = 32       // of one message
	mostWords    = 16 << 10 // bytes of all of those messages together
)

// plain makes of another node's words what may be shown: one short line of text,
// without URLs, which would lead past this node.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	for {
		at := strings.Index(text, "://")
		if at < 0 {
			break
		}
		from := strings.LastIndexFunc(text[:at], func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) + 1
		to := strings.IndexAny(text[at:], " \"'<>)")
		if to < 0 {
			to = len(text) - at
		}
		text = text[:from] + "(URL)" + text[at+to:]
	}
	return clip(text, mostText)
}

func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}

// messages keeps what is well-formed and bounded of another node's messages. They
// may name URLs of the user's own data; those of nodes have no business there.
func messages(list []ivoa.Message) []ivoa.Message {
	var kept []ivoa.Message
	size := 0
	for _, m := range list {
		if len(kept) == mostMessages {
			break
		}
		if m.Kind == "" || m.Text == "" || len(m.Values) > mostValues || m.Time.IsZero() {
			continue
		}
		switch m.Level {
		case ivoa.LevelDebug, ivoa.LevelInfo, ivoa.LevelWarn, ivoa.LevelError, ivoa.LevelOther:
		default:
			continue
		}
		m.Kind, m.Template, m.Text = clip(m.Kind, mostName), clip(m.Template, mostText), clip(m.Text, mostText)
		size += len(m.Kind) + len(m.Template) + len(m.Text)
		for name, value := range m.Values {
			if len(name) > mostName {
				delete(m.Values, name)
				continue
			}
			m.Values[name] = clip(value, mostText)
			size += len(name) + len(m.Values[name])
		}
		if size > mostWords {
			break
		}
		kept = append(kept, m)
	}
	return kept
}

// tidy bounds what a node says of a component, and leaves out what may be done with
// it: that is no node's own idea.
func tidy(c *ivoa.Component) {
	if c.Meta == nil {
		return
	}
	m := c.Meta
	m.Name, m.Description = clip(m.Name, mostText), clip(m.Description, mostText)
	m.Messages, m.Options = messages(m.Messages), nil
}

// detailOf is the detail of a problem document; "" if it is none.
func detailOf(body []byte) string {
	if len(body) > mostProblem {
		return ""
	}
	var problem struct {
		Detail string `json:"detail"`
	}
	if json.Unmarshal(body, &problem, jsontext.AllowInvalidUTF8(true)) != nil {
		return ""
	}
	return problem.Detail
}
