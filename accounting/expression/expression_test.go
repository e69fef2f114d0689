package expression

import (
	"reflect"
	"strings"
	"testing"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Star is what a list of these tests holds.
type Star struct {
	Name string  `cel:"name"`
	Mass float64 `cel:"mass"`
}

// sky is a language with names of every sort.
func sky(t testing.TB) *Language {
	l, err := New(Names{
		Types: map[string]*cel.Type{
			"user": cel.StringType, "size.cores": cel.DoubleType, "size.memory": cel.DoubleType,
			"offer.price": cel.MapType(cel.StringType, cel.DoubleType), "stars": cel.ListType(cel.ObjectType("expression.Star")),
		},
		Members: map[string]Members{"offer.price": {Known: []string{"carbon", "monetary"}, More: ", and no more"}},
		Structs: []reflect.Type{reflect.TypeFor[Star]()},
	}, Bounds{Steps: 1000, Size: 100, Sizes: map[string]uint64{"stars": 50}}, nil)
	require.NoError(t, err)
	return l
}

var yesOrNo = Form{Kinds: []types.Kind{types.BoolKind}, Wants: "want true or false", Empty: "write something"}

// values are what the names stand for.
type values map[string]any

func (values) Parent() cel.Activation { return nil }

func (v values) ResolveName(name string) (any, bool) {
	value, found := v[name]
	return value, found
}

func TestWhatIsWrongIsSaidInWords(t *testing.T) {
	l := sky(t)
	for text, want := range map[string]string{
		" ":                                "rule: is empty: write something",
		`user`:                             "rule: makes a value of type string; want true or false",
		`size > 8.0`:                       "column 1: size alone is no value; there are size.cores, size.memory",
		`size.disc > 8.0`:                  "column 5: size has no disc; there are cores, memory",
		`offer.prize["monetary"] > 1.0`:    "column 6: offer has no prize; there are price",
		`offer.price["money"] > 1.0`:       `column 13: offer.price has no "money"; there are carbon, monetary, and no more`,
		`stars.exists(s, s.weight > 1.0)`:  "column 18: nothing here is called .weight",
		`stars[0].name.matches(user)`:      "column 22: matches wants its pattern written out",
		`stars[0].name.matches("a" + "b")`: "matches wants its pattern written out",
		`user.matches("(")`:                "missing closing ): `(`",
		`user.matches("(a{999}){999}")`:    "invalid repeat count",
		`usr == "a"`:                       "column 1: nothing is called usr; there are offer.price, size.cores",
	} {
		_, err := l.Compile("rule", text, yesOrNo)
		require.Error(t, err, text)
		assert.Contains(t, err.Error(), want)
		assert.ErrorAs(t, err, new(*Error))
	}
}

func TestAnExpressionSaysWhichNamesItUses(t *testing.T) {
	e, err := sky(t).Compile("rule", `stars.exists(s, s.mass > 1.0) && "carbon" in offer.price`, yesOrNo)
	require.NoError(t, err)
	assert.True(t, e.Uses("offer"))
	assert.True(t, e.Uses("stars"))
	assert.False(t, e.Uses("user"))
	assert.False(t, e.Uses("off"))
}

// What could take too long is counted as it runs, unless the form has it written
// otherwise; and so is what is larger than usual.
func TestWorkIsBounded(t *testing.T) {
	l := sky(t)
	const text = `stars.all(s, stars.all(o, o.mass <= s.mass))`
	many := make([]Star, 1000)
	e, err := l.Compile("rule", text, yesOrNo)
	require.NoError(t, err)
	got, err := e.Value(values{"stars": many[:3]})
	require.NoError(t, err)
	assert.Equal(t, types.True, got)
	_, err = e.Value(values{"stars": many})
	require.ErrorContains(t, err, "cost limit")

	usual, err := l.Compile("rule", `stars.all(s, s.mass < 1.0)`, yesOrNo)
	require.NoError(t, err)
	_, err = usual.Value(values{"stars": many[:50]})
	require.NoError(t, err)
	_, err = usual.Counted(values{"stars": many})
	require.ErrorContains(t, err, "cost limit")

	strict := yesOrNo
	strict.Heavy = "write less"
	_, err = l.Compile("rule", text, strict)
	assert.ErrorContains(t, err, "could take more than 1000 steps, the most that is allowed: write less")
}

func TestAnExtensionKnowsMore(t *testing.T) {
	l := sky(t)
	more, err := l.Extend(map[string]*cel.Type{"moon": cel.BoolType})
	require.NoError(t, err)
	_, err = more.Compile("rule", `moon && user == "a"`, yesOrNo)
	require.NoError(t, err)
	_, err = l.Compile("rule", `moon`, yesOrNo)
	assert.ErrorContains(t, err, "nothing is called moon")
}

// Whatever is written, it compiles or is refused in words; and what compiles can
// be evaluated.
func FuzzCompile(f *testing.F) {
	for _, seed := range []string{
		`user == "a"`, `stars.all(s, s.mass > 1.0 && s.name.matches("^a+$"))`, `offer.price["carbon"] < size.cores * 2.0`, `has(stars[0].name)`,
		`[1,2].map(x, x * x).exists(y, y == 4)`, strings.Repeat("(", 60), `"\x00" + user == b"a"`, `size.cores.x.y`, `duration("1h") > duration("1s")`,
		`user.matches("((((a*)*)*)*)*b")`, `timestamp("2026-01-01T00:00:00Z").getHours() > 1`, `{"a": 1}.a == 1 ? true : false`,
	} {
		f.Add(seed)
	}
	l := sky(f)
	in := values{"user": "alice", "size.cores": 1.0, "size.memory": 2.0, "offer.price": map[string]float64{"carbon": 1, "monetary": 2}, "stars": []Star{{"a", 1}}}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := l.Compile("rule", text, yesOrNo)
		if err != nil {
			var said *Error
			require.ErrorAs(t, err, &said)
			return
		}
		if value, err := e.Value(in); err == nil {
			require.IsType(t, types.True, value)
		}
	})
}
