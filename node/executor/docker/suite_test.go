package docker

import (
	"fmt"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"starling/node/executor"
	"starling/node/executor/executortest"
)

func TestSuite(t *testing.T) {
	t.Parallel()
	engineOf(t)
	backends := map[string]*Backend{}
	executortest.Suite{
		Backend: func(t testing.TB, dir string) executor.Backend {
			if old := backends[dir]; old != nil {
				old.Close() // the last life
			}
			backends[dir] = newBackend(t, dir+"/work")
			return backends[dir]
		},
		Program: func(seconds float64, exit int) jsontext.Value {
			return executable(theImage(), nil, fmt.Sprint(seconds), fmt.Sprint(exit))
		},
		Outlives: true,
		Many:     8,
	}.Run(t)
}
