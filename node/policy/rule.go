package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/common/types"

	"starling/accounting/expression"
)

// maxRules bounds a policy's rules, and its quotas.
const maxRules = 256

// A rule is compiled.
type rule struct {
	name    string
	when    *expression.Expression
	then    Outcome
	message *template
	cap     Cap
	offers  bool // it can only be judged of an offer
	times   bool // and by when that starts
}

// condition is what the expressions of rules must be.
var condition = expression.Form{
	Kinds: []types.Kind{types.BoolKind},
	Wants: "a rule wants what is true or false",
	Empty: `write when the rule matches, as executable.kind == "process" is; true is always`,
}

// ruleName is what a rule may be called: it stands in messages and metrics.
var ruleName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$`)

func (p *Policy) addRule(l *expression.Language, i int, c RuleConfig) error {
	key := fmt.Sprintf("rules[%d]", i)
	switch {
	case !ruleName.MatchString(c.Name):
		return wrong(key+".name", "%q is no name of a rule: it has up to 64 letters, digits, spaces, dots, _ and -", c.Name)
	case slices.Contains([]string{RuleServes, RuleImages, RuleSize}, c.Name) || strings.HasPrefix(c.Name, quotaPrefix):
		return wrong(key+".name", "%q is how something else is called in decisions; choose another name", c.Name)
	case slices.ContainsFunc(p.rules, func(other *rule) bool { return other.name == c.Name }):
		return wrong(key+".name", "another rule is called %s too", c.Name)
	case c.Then != Allow && c.Then != Deny && c.Then != Limit:
		return wrong(key+".then", "%q is neither allow, deny nor cap", c.Then)
	case (c.Then == Limit) == c.Cap.isZero():
		return wrong(key+".cap", "is for rules that cap, and a rule that caps needs it: {cores: 8}, say")
	case c.Message != "" && c.Then == Allow:
		return wrong(key+".message", "is for rules that deny or cap; nobody reads one that allows")
	}
	when, err := l.Compile(key+".when", c.When, condition)
	if err != nil {
		return err
	}
	message, err := newTemplate(l, key+".message", c.Message)
	if err != nil {
		return err
	}
	p.rules = append(p.rules, &rule{
		name: c.Name, when: when, then: c.Then, message: message, cap: c.Cap,
		offers: when.Uses(varOffer) || message.uses(varOffer), times: slices.ContainsFunc(varTimes, when.Uses),
	})
	return nil
}

// matches evaluates the rule.
func (r *rule) matches(in *scope) (bool, error) {
	value, err := in.value(r.when)
	if err != nil {
		return false, err
	}
	yes, ok := value.(types.Bool)
	if !ok {
		return false, fmt.Errorf("the result is a %s", value.Type().TypeName())
	}
	return bool(yes), nil
}

// why is the message of a rule that has denied.
func (r *rule) why(in *scope) *Message {
	if r.message.text == "" {
		return &Message{"rule {rule} forbids it", []string{"rule", r.name}}
	}
	return &Message{r.message.text + " (rule {rule})", append(r.message.values(in), "rule", r.name)}
}

// failed is the message of a rule that can't be evaluated.
func (r *rule) failed(err error) *Message {
	return &Message{"rule {rule} can't be evaluated, so that nothing is allowed: {reason}; the site's operator should mend it",
		[]string{"rule", r.name, "reason", clean(err.Error())}}
}
