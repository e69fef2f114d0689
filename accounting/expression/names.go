package expression

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// checkNames finds what CEL itself lets pass: keys that a map never has, names
// behind a dot that don't exist, and patterns that aren't written down but come
// from whom the expression judges.
func (l *Language) checkNames(key string, parsed *cel.Ast) error {
	tree := parsed.NativeRep()
	var found error
	report := func(e ast.Expr, problem string) {
		if found == nil {
			at := tree.SourceInfo().GetStartLocation(e.ID())
			found = &Error{Key: key, Line: at.Line(), Column: at.Column() + 1, Problem: problem}
		}
	}
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		for of, members := range l.members {
			if where, name := member(e, of); where != nil && !slices.Contains(members.Known, name) {
				report(where, fmt.Sprintf("%s has no %q%s", of, name, l.memberHint(name, members)))
			}
		}
		if e.Kind() == ast.SelectKind && !e.AsSelect().IsTestOnly() {
			of, name := path(e.AsSelect().Operand()), e.AsSelect().FieldName()
			inner := l.inside(of)
			whole := of + "." + name
			if len(inner) > 0 && !slices.Contains(l.names, whole) && len(l.inside(whole)) == 0 {
				report(e, fmt.Sprintf("%s has no %s%s", of, name, l.hint(name, inner)))
			}
		}
		if dynamicPattern(e) {
			report(e, `matches wants its pattern written out, as matches("^ska-") is: one that comes from a request could take for ever`)
		}
	}))
	return found
}

// path is a name with its dots, "" for what is none.
func path(e ast.Expr) string {
	switch e.Kind() {
	case ast.IdentKind:
		return e.AsIdent()
	case ast.SelectKind:
		if before := path(e.AsSelect().Operand()); before != "" {
			return before + "." + e.AsSelect().FieldName()
		}
	}
	return ""
}

// dynamicPattern reports whether an expression matches against a pattern that
// only evaluation makes.
func dynamicPattern(e ast.Expr) bool {
	if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != "matches" {
		return false
	}
	args := e.AsCall().Args()
	if len(args) == 0 {
		return false
	}
	pattern := args[len(args)-1]
	if pattern.Kind() != ast.LiteralKind {
		return true
	}
	_, text := pattern.AsLiteral().(types.String)
	return !text
}

// member returns the name by which an expression looks into a map, usage["x"],
// usage.x or "x" in usage, and where that stands; nil where it does none.
func member(e ast.Expr, of string) (where ast.Expr, name string) {
	var literal ast.Expr
	switch e.Kind() {
	case ast.SelectKind:
		if path(e.AsSelect().Operand()) == of {
			return e, e.AsSelect().FieldName()
		}
	case ast.CallKind:
		switch call := e.AsCall(); {
		case len(call.Args()) != 2:
		case call.FunctionName() == operators.Index && path(call.Args()[0]) == of:
			literal = call.Args()[1]
		case call.FunctionName() == operators.In && path(call.Args()[1]) == of:
			literal = call.Args()[0]
		}
	}
	if literal == nil || literal.Kind() != ast.LiteralKind {
		return nil, ""
	}
	return literal, fmt.Sprint(literal.AsLiteral().Value())
}

func (l *Language) memberHint(name string, of Members) string {
	if near := l.suggest(name, of.Known); near != "" {
		return near
	}
	return "; there are " + strings.Join(of.Known, ", ") + of.More
}

// hint suggests a near name, or lists all there are.
func (l *Language) hint(name string, known []string) string {
	if near := l.suggest(name, known); near != "" {
		return near
	}
	return "; there are " + strings.Join(known, ", ")
}

// What CEL's own findings look like where we can say more.
var (
	undeclared = regexp.MustCompile(`^undeclared reference to '([^']*)'`)
	mixed      = regexp.MustCompile(`^found no matching overload for '_?([^'_]+)_?' applied to '\((double, u?int|u?int, double)\)'`)
	overload   = regexp.MustCompile(`^found no matching overload for '_?([^'_]+)_?' applied to '(.*)'`)
	undefined  = regexp.MustCompile(`^undefined field '([^']*)'`)
)

// issue makes an error of the first thing that CEL finds, in our own words where
// they are better.
func (l *Language) issue(key string, issues *cel.Issues) error {
	if issues.Err() == nil {
		return nil
	}
	first := issues.Errors()[0]
	e := &Error{Key: key, Line: first.Location.Line(), Column: first.Location.Column() + 1, Problem: first.Message}
	if m := undeclared.FindStringSubmatch(first.Message); m != nil {
		e.Problem = l.unknown(m[1])
	} else if m := mixed.FindStringSubmatch(first.Message); m != nil {
		e.Problem = fmt.Sprintf("%s doesn't mix decimals and whole numbers: write 3600.0 for 3600", m[1])
	} else if m := overload.FindStringSubmatch(first.Message); m != nil {
		e.Problem = fmt.Sprintf("%s can't be applied to %s", m[1], m[2])
	} else if m := undefined.FindStringSubmatch(first.Message); m != nil {
		e.Problem = fmt.Sprintf("nothing here is called .%s", m[1])
	}
	return e
}

// unknown says of a name that it is none.
func (l *Language) unknown(name string) string {
	if inner := l.inside(name); len(inner) > 0 {
		return fmt.Sprintf("%s alone is no value; there are %s.%s", name, name, strings.Join(inner, ", "+name+"."))
	}
	return fmt.Sprintf("nothing is called %s%s", name, l.hint(name, l.names))
}
