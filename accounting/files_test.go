package accounting_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	. "starling/accounting"
)

// A file is reported when it is opened and again when it is whole; one of the
// same name elsewhere is another.
func TestAFileReportedAgainIsListedOnceAsItWasLast(t *testing.T) {
	l := newLedger(t)
	l.apply(open(1, "alice"))
	file := func(key Key, f File) Update { return Update{Key: key, Type: FileMade, Recorded: noon, File: &f} }
	l.apply(RecordUpdates{Ref: ref(1), Updates: []Update{
		file("a", File{Name: "stdout", Location: "file:///1/stdout"}),
		file("b", File{Name: "stdout", Location: "file:///1/output/stdout", Bytes: 3}),
		file("c", File{Name: "stdout", Location: "file:///1/stdout", Bytes: 7, SHA256: "ab"}),
	}})
	assert.Equal(t, []File{
		{Name: "stdout", Location: "file:///1/stdout", Bytes: 7, SHA256: "ab"},
		{Name: "stdout", Location: "file:///1/output/stdout", Bytes: 3},
	}, l.history(ref(1)).Files)
}
