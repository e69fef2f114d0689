package accountingtest

import (
	"testing"

	"starling/accounting"
)

func TestMapIsAnOrderedTransaction(t *testing.T) {
	TestTx(t, func(_ *testing.T, body func(accounting.Tx)) { body(NewMap()) })
}
