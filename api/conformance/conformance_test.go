package conformance

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// recorder stands in for a test that is expected to fail.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Helper()                   {}
func (r *recorder) Errorf(f string, a ...any) { r.errors = append(r.errors, fmt.Sprintf(f, a...)) }

func TestAConformingDocumentPasses(t *testing.T) {
	New(t).Check(t,
		Document{Name: "json", Schema: "OfferSetResponse", Strict: true, Body: []byte(`{"result":"NO"}`)},
		Document{Name: "yaml", Schema: "OfferSetResponse", MediaType: "application/yaml", Body: []byte("result: 'NO'\n")},
	)
}

func TestOnlyTheDocumentAtFaultIsNamed(t *testing.T) {
	r := &recorder{TB: t}
	New(t).Check(r,
		Document{Name: "good", Schema: "OfferSetResponse", Body: []byte(`{"result":"NO"}`)},
		Document{Name: "bad", Schema: "OfferSetResponse", Body: []byte(`{"result":"PERHAPS"}`)},
	)
	require.Len(t, r.errors, 1)
	require.True(t, strings.HasPrefix(r.errors[0], "bad does not conform"), r.errors[0])
	require.Contains(t, r.errors[0], "/result")
}

func TestAnAnswerWithoutItsLocationIsRefused(t *testing.T) {
	r := &recorder{TB: t}
	answer := Document{Name: "303", Op: "POST /requests", Status: 303}
	New(t).Check(r, answer)
	require.NotEmpty(t, r.errors)
	answer.Location = "http://localhost/offersets/x"
	New(t).Check(t, answer)
}
