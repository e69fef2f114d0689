package node

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// gate is the one file that looks up what clients name.
const gate = "access.go"

// open are the calls of a Broker that are on nobody's behalf.
var open = []string{"Close", "Digest", "Availability", "Unfinished", "Ready", "Warnings", "LogStatus"}

// Promise 8, by construction: what a client names is looked up in one file, on the
// client's behalf. No call of the API hands a UUID on without who sent it, until that
// file has given the thing for it; none does without asking it; and roles are looked
// at nowhere else.
func TestPromise8NoCallOfTheBrokerGoesRoundTheGate(t *testing.T) {
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	p := plan{}
	for _, f := range files {
		if strings.HasSuffix(f.Name(), ".go") && !strings.HasSuffix(f.Name(), "_test.go") {
			source, err := os.ReadFile(f.Name())
			require.NoError(t, err)
			require.NoError(t, p.read(f.Name(), source))
		}
	}
	assert.Empty(t, p.wrong())
	require.NotEmpty(t, p["stored"])

	// And the test notices what it is there to notice.
	for name, round := range map[string]string{
		"reads by the id":         `func (b *Broker) Peek(caller identity.Caller, id identity.UUID) any { _ = b.mayAsk(caller); return b.state.live[id] }`,
		"passes the id on":        `func (b *Broker) Peek(caller identity.Caller, id identity.UUID) any { _ = b.mayAsk(caller); return b.sessionOf(id) }`,
		"passes it on in a list":  `func (b *Broker) Peek(caller identity.Caller, id identity.UUID) any { _ = b.mayAsk(caller); return b.look([]identity.UUID{id}) }`,
		"another passes it on":    `func (b *Broker) Peek(caller identity.Caller, id identity.UUID) any { return b.peek(caller, id) }; func (b *Broker) peek(caller identity.Caller, id identity.UUID) any { _ = b.mayAsk(caller); return b.state.live[id] }`,
		"copies it":               `func (b *Broker) Peek(caller identity.Caller, id identity.UUID) any { _ = b.mayAsk(caller); x := id; return b.sessionOf(x) }`,
		"asks nobody":             `func (b *Broker) Peek(caller identity.Caller) any { return b.state.live }`,
		"is on nobody's behalf":   `func (b *Broker) Peek(id identity.UUID) any { return b.sessionOf(id) }`,
		"hears any node":          `func (b *Broker) Peek(peer identity.NodeName) any { return b.state.sets }`,
		"decides by role":         `func (b *Broker) Peek(caller identity.Caller) any { _ = b.mayAsk(caller); return caller.Has(identity.RoleOperator) }`,
		"speaks for everyone":     `func (b *Broker) Peek(caller identity.Caller) any { _ = b.mayAsk(caller); return b.entry(accounting.Everyone()) }`,
		"hides it in a closure":   `func (b *Broker) Peek(caller identity.Caller, id identity.UUID) (s any) { _ = b.mayAsk(caller); b.view(func() { s = b.state.live[id] }); return s }`,
		"has another name for it": `func (b *Broker) Peek(who identity.Caller, ref identity.UUID) any { _ = b.mayAsk(who); return b.state.attempts[ref] }`,
	} {
		more := plan{}
		for k, v := range p {
			more[k] = v
		}
		require.NoError(t, more.read("peek.go", []byte("package node\n"+round)))
		assert.NotEmpty(t, more.wrong(), name)
	}
}

// plan is the package's functions, by name; of methods, the broker's.
type plan map[string]function

type function struct {
	*ast.FuncDecl
	file   string
	broker bool // it is a method of Broker's
	// ids and authorities are the names of the parameters by which a client names
	// something, and shows who it is.
	ids, authorities []string
}

func (p plan) read(name string, source []byte) error {
	file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	for _, d := range file.Decls {
		decl, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		f := function{FuncDecl: decl, file: name}
		if decl.Recv != nil {
			if f.broker = types.ExprString(decl.Recv.List[0].Type) == "*Broker"; !f.broker {
				continue
			}
		}
		for _, field := range decl.Type.Params.List {
			for _, param := range field.Names {
				switch kind := types.ExprString(field.Type); {
				case kind == "identity.UUID":
					f.ids = append(f.ids, param.Name)
				case kind == "identity.Caller", kind == "identity.NodeName" && param.Name == "peer", kind == "string" && (param.Name == "grant" || param.Name == "secret"):
					f.authorities = append(f.authorities, param.Name)
				}
			}
		}
		p[decl.Name.Name] = f
	}
	return nil
}

// wrong lists what goes round the gate.
func (p plan) wrong() (list []string) {
	for name, f := range p {
		if f.broker && ast.IsExported(name) {
			if len(f.authorities) == 0 && !slices.Contains(open, name) {
				list = append(list, name+" is on nobody's behalf")
			}
			if len(f.authorities) > 0 && !p.asks(name, nil) {
				list = append(list, name+" never asks "+gate)
			}
			list = append(list, p.leaks(name, nil)...)
		}
		if f.file != gate {
			list = append(list, judges(f)...)
		}
	}
	slices.Sort(list)
	return list
}

// asks reports whether a function passes its caller on to the gate.
func (p plan) asks(name string, seen []string) bool {
	f, known := p[name]
	if !known || slices.Contains(seen, name) {
		return false
	}
	if f.file == gate {
		return true
	}
	found := false
	ast.Inspect(f.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		found = found || ok && mentions(call.Args, f.authorities) && p.asks(callee(call), append(seen, name))
		return !found
	})
	return found
}

// leaks lists where a function lets a client's UUID go anywhere without the client.
// Text may be made of it, and functions that have no broker reach nothing by it.
func (p plan) leaks(name string, seen []string) (list []string) {
	f := p[name]
	if f.FuncDecl == nil || f.file == gate || slices.Contains(seen, name) {
		return nil
	}
	var above []ast.Node
	ast.Inspect(f.Body, func(n ast.Node) bool {
		if n == nil {
			above = above[:len(above)-1]
			return true
		}
		if id, ok := n.(*ast.Ident); ok && slices.Contains(f.ids, id.Name) {
			if call, ok := holder(above, id); !ok {
				list = append(list, fmt.Sprintf("%s (%s) uses %s without its caller", name, f.file, id.Name))
			} else if call != nil && mentions(call.Args, f.authorities) {
				list = append(list, p.leaks(callee(call), append(seen, name))...)
			} else if call != nil && (p[callee(call)].FuncDecl == nil || p[callee(call)].broker || mentions(call.Args, []string{"b", "tx"})) {
				list = append(list, fmt.Sprintf("%s (%s) passes %s on without its caller", name, f.file, id.Name))
			}
		}
		above = append(above, n)
		return true
	})
	return list
}

// holder is the call that has an identifier among its arguments; nil where it is only
// made text, or is a field's name. It is not ok where it is used in any other way.
func holder(above []ast.Node, id *ast.Ident) (call *ast.CallExpr, ok bool) {
	switch parent := above[len(above)-1].(type) {
	case *ast.CallExpr:
		return parent, true
	case *ast.SelectorExpr:
		return nil, parent.Sel == id || parent.Sel.Name == "String"
	case *ast.KeyValueExpr:
		return nil, parent.Key == id
	}
	return nil, false
}

// judges lists where a function decides by a caller's roles, or speaks for everyone.
func judges(f function) (list []string) {
	forTheNode := []string{"completedBefore", "fundsOf", "entryOnRecord"}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		switch s.Sel.Name {
		case "Has", "MayRead", "MayChange", "SeesAll":
			if x, ok := s.X.(*ast.Ident); ok && slices.Contains(f.authorities, x.Name) {
				list = append(list, fmt.Sprintf("%s (%s) decides by %s.%s", f.Name.Name, f.file, x.Name, s.Sel.Name))
			}
		case "Everyone":
			if !slices.Contains(forTheNode, f.Name.Name) {
				list = append(list, fmt.Sprintf("%s (%s) reads the record for everyone", f.Name.Name, f.file))
			}
		}
		return true
	})
	return list
}

func callee(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

func mentions(list []ast.Expr, names []string) (found bool) {
	for _, e := range list {
		ast.Inspect(e, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			found = found || ok && slices.Contains(names, id.Name)
			return !found
		})
	}
	return found
}
