package costs

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// checkNames finds the members of usage and session that don't exist: CEL takes
// any key of a map, and has little to say of a name with a dot.
func (l *language) checkNames(key string, parsed *cel.Ast) error {
	tree := parsed.NativeRep()
	var found error
	report := func(e ast.Expr, problem string) {
		if found == nil {
			at := tree.SourceInfo().GetStartLocation(e.ID())
			found = &Error{Key: key, Line: at.Line(), Column: at.Column() + 1, Problem: problem}
		}
	}
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		where, name := member(e, varUsage)
		if where != nil && !slices.Contains(l.usage, name) {
			report(where, fmt.Sprintf("no usage is called %q%s", name, l.usageHint(name)))
		}
		if e.Kind() != ast.SelectKind || !isName(e.AsSelect().Operand(), varSession) {
			return
		}
		if name := e.AsSelect().FieldName(); !slices.Contains(l.variables, varSession+"."+name) {
			report(e, fmt.Sprintf("a session has no %s%s", name, l.hint(name, l.sessionNames())))
		}
	}))
	return found
}

// member returns the name by which an expression looks into a map, usage["x"],
// usage.x or "x" in usage, and where that stands; nil where it does none.
func member(e ast.Expr, of string) (where ast.Expr, name string) {
	var literal ast.Expr
	switch e.Kind() {
	case ast.SelectKind:
		if isName(e.AsSelect().Operand(), of) {
			return e, e.AsSelect().FieldName()
		}
	case ast.CallKind:
		switch call := e.AsCall(); {
		case len(call.Args()) != 2:
		case call.FunctionName() == operators.Index && isName(call.Args()[0], of):
			literal = call.Args()[1]
		case call.FunctionName() == operators.In && isName(call.Args()[1], of):
			literal = call.Args()[0]
		}
	}
	if literal == nil || literal.Kind() != ast.LiteralKind {
		return nil, ""
	}
	return literal, fmt.Sprint(literal.AsLiteral().Value())
}

func isName(e ast.Expr, name string) bool { return e.Kind() == ast.IdentKind && e.AsIdent() == name }

func (l *language) usageHint(name string) string {
	if near := l.suggest(name, l.usage); near != "" {
		return near
	}
	return "; there are " + strings.Join(l.usage, ", ") + ", and what `usage` declares that executors report"
}

// hint suggests a near name, or lists all there are.
func (l *language) hint(name string, known []string) string {
	if near := l.suggest(name, known); near != "" {
		return near
	}
	return "; there are " + strings.Join(known, ", ")
}

func (l *language) sessionNames() []string {
	var names []string
	for _, name := range l.variables {
		if inner, ok := strings.CutPrefix(name, varSession+"."); ok {
			names = append(names, inner)
		}
	}
	return names
}

// What CEL's own findings look like where we can say more.
var (
	undeclared = regexp.MustCompile(`^undeclared reference to '([^']*)'`)
	mixed      = regexp.MustCompile(`^found no matching overload for '_?([^'_]+)_?' applied to '\((double, u?int|u?int, double)\)'`)
	overload   = regexp.MustCompile(`^found no matching overload for '_?([^'_]+)_?' applied to '(.*)'`)
)

// issue makes an error of the first thing that CEL finds, in our own words where
// they are better.
func (l *language) issue(key string, issues *cel.Issues) error {
	if issues.Err() == nil {
		return nil
	}
	first := issues.Errors()[0]
	e := &Error{Key: key, Line: first.Location.Line(), Column: first.Location.Column() + 1, Problem: first.Message}
	if m := undeclared.FindStringSubmatch(first.Message); m != nil {
		e.Problem = fmt.Sprintf("nothing is called %s%s", m[1], l.hint(m[1], l.variables))
	} else if m := mixed.FindStringSubmatch(first.Message); m != nil {
		e.Problem = fmt.Sprintf("%s doesn't mix decimals and whole numbers: write 3600.0 for 3600", m[1])
	} else if m := overload.FindStringSubmatch(first.Message); m != nil {
		e.Problem = fmt.Sprintf("%s can't be applied to %s", m[1], m[2])
	}
	return e
}
