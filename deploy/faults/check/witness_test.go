package check

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"starling/deploy/faults/load"
)

// Records that differ after the same entry are told; those of different entries, or of a
// program that tells no sum, can't be compared.
func TestRecordsAreComparedAfterTheSameEntry(t *testing.T) {
	of := func(site string, entry uint64, sum string) *testimony {
		return &testimony{site: load.Site{Name: site}, record: recordSum{entry, sum}}
	}
	assert.Empty(t, differences([]*testimony{of("a", 7, "1"), of("b", 7, "1"), of("c", 8, "2"), of("d", 7, "")}))
	assert.Equal(t, []difference{{"the record after entry 7", "b", "sum 1", "c", "sum 2"}},
		differences([]*testimony{of("a", 8, "2"), of("b", 7, "1"), of("c", 7, "2")}))
}
