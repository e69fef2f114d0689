package accounting_test

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	. "starling/accounting"
)

func TestAmountsAreReadAsDecimals(t *testing.T) {
	cases := []struct {
		text string
		unit Unit
		want Amount
		kind error
	}{
		{"612.5", "s", 612_500_000, nil},
		{"0", "s", 0, nil},
		{"-0", "s", 0, nil},
		{"-1.5", "s", -1_500_000, nil},
		{"+1", "s", 1_000_000, nil},
		{".5", "s", 500_000, nil},
		{"5.", "s", 5_000_000, nil},
		{"1e3", "s", 1_000_000_000, nil},
		{"12E-4", "s", 1200, nil},
		{"0.0000005", "s", 0, nil}, // half: to even
		{"0.0000015", "s", 2, nil}, // half: to even
		{"0.0000025", "s", 2, nil}, // half: to even
		{"0.00000250000001", "s", 3, nil},
		{"0.00000051", "s", 1, nil},
		{"0.00000049", "s", 0, nil},
		{"-0.0000015", "s", -2, nil},
		{"5e-7", "s", 0, nil},
		{"5e-999", "s", 0, nil},
		{"0e999", "s", 0, nil},
		{"8640", Bytes, 8640, nil},
		{"0.5", Bytes, 0, nil},
		{"1.5", Bytes, 2, nil},
		{"2.5", Bytes, 2, nil},
		{"9223372036854775807", Bytes, 1<<63 - 1, nil},
		{"-9223372036854775807", Bytes, -(1<<63 - 1), nil},
		{"9223372036854775807.4", Bytes, 1<<63 - 1, nil},
		{"9223372036854775807.5", Bytes, 0, ErrOverflow},
		{"9223372036854775808", Bytes, 0, ErrOverflow},
		{"-9223372036854775808", Bytes, 0, ErrOverflow},
		{"9223372036854.775807", "s", 1<<63 - 1, nil},
		{"9223372036854.775808", "s", 0, ErrOverflow},
		{"1e999", "s", 0, ErrOverflow},
		{"1e1000", "s", 0, ErrInvalid},
		{"", "s", 0, ErrInvalid},
		{".", "s", 0, ErrInvalid},
		{"-", "s", 0, ErrInvalid},
		{"e5", "s", 0, ErrInvalid},
		{"1e", "s", 0, ErrInvalid},
		{"1.2.3", "s", 0, ErrInvalid},
		{"1_000", "s", 0, ErrInvalid},
		{"0x10", "s", 0, ErrInvalid},
		{" 1", "s", 0, ErrInvalid},
		{"NaN", "s", 0, ErrInvalid},
		{"Infinity", "s", 0, ErrInvalid},
		{"١", "s", 0, ErrInvalid},
		{strings.Repeat("1", 65), "s", 0, ErrInvalid},
	}
	for _, c := range cases {
		got, err := ParseAmount(c.text, c.unit)
		require.ErrorIs(t, err, c.kind, c.text)
		assert.Equal(t, c.want, got, c.text)
	}
}

func TestAmountsAreWrittenWithoutNeedlessZeros(t *testing.T) {
	assert.Equal(t, Decimal("612.5"), Amount(612_500_000).Format("s"))
	assert.Equal(t, Decimal("-0.000001"), Amount(-1).Format("s"))
	assert.Equal(t, Decimal("0"), Amount(0).Format("s"))
	assert.Equal(t, Decimal("-8640"), Amount(-8640).Format(Bytes))
	assert.Equal(t, Decimal("9223372036854.775807"), Amount(1<<63-1).Format("s"))
}

// Property: writing and reading an amount gives the same amount.
func TestAmountsSurviveWritingAndReading(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		amount := Amount(rapid.Int64Range(-(1<<63-1), 1<<63-1).Draw(rt, "amount"))
		unit := rapid.SampledFrom([]Unit{Bytes, "s"}).Draw(rt, "unit")
		again, err := ParseAmount(string(amount.Format(unit)), unit)
		require.NoError(rt, err)
		require.Equal(rt, amount, again)
	})
}

// Property: totals add as integers without bounds do.
func TestTotalsAre128BitsWide(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var total Total
		want := new(big.Int)
		for _, n := range rapid.SliceOf(rapid.Int64Range(-(1<<63-1), 1<<63-1)).Draw(rt, "amounts") {
			var err error
			total, err = total.Add(Amount(n))
			require.NoError(rt, err)
			want.Add(want, big.NewInt(n))
		}
		require.Equal(rt, Decimal(want.String()), total.Format(Bytes))
	})
}

func TestASumThatDoesNotFitIsAnError(t *testing.T) {
	const most = Amount(1<<63 - 1)
	_, err := most.Add(1)
	assert.ErrorIs(t, err, ErrOverflow)
	_, err = (-most).Add(-1)
	assert.ErrorIs(t, err, ErrOverflow)
	sum, err := most.Add(-most)
	assert.NoError(t, err)
	assert.Zero(t, sum)
}

func TestQuantitiesAreReadFromStringsAndNumbers(t *testing.T) {
	for _, text := range []string{
		`{"name":"total-time","amount":"612.5","unit":"s"}`,
		`{"name":"total-time","amount":612.5,"unit":"s"}`,
		`{"unit":"s","amount":6.125e2,"name":"total-time"}`,
	} {
		var q Quantity
		require.NoError(t, json.Unmarshal([]byte(text), &q), text)
		assert.Equal(t, Quantity{Name: TotalTime, Amount: 612_500_000, Unit: "s"}, q)
		written, err := json.Marshal(q)
		require.NoError(t, err)
		assert.JSONEq(t, `{"name":"total-time","amount":"612.5","unit":"s"}`, string(written))
	}
	for _, text := range []string{
		`{"name":"x","unit":"s"}`, `{"name":"x","amount":true,"unit":"s"}`, `{"name":"x","amount":[1],"unit":"s"}`,
		`{"name":"x","amount":"","unit":"s"}`, `{"name":"x","amount":null}`, `{"name":"x","amount":1,"more":2}`, `[]`,
	} {
		var q Quantity
		assert.Error(t, json.Unmarshal([]byte(text), &q), text)
	}
}

func TestBytesHaveOneName(t *testing.T) {
	for _, unit := range []Unit{"B", "byte", "bytes"} {
		q, err := NewQuantity("staged", "3", unit)
		require.NoError(t, err)
		assert.Equal(t, Quantity{Name: "staged", Amount: 3, Unit: Bytes}, q)
	}
}

func FuzzParseAmount(f *testing.F) {
	for _, seed := range []string{"612.5", "-1e-6", "9223372036854775807", "1e999", "0.0000005", ".", "+"} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, text string, bytes bool) {
		unit := Unit("s")
		if bytes {
			unit = Bytes
		}
		amount, err := ParseAmount(text, unit)
		if err != nil {
			return
		}
		exact, ok := new(big.Rat).SetString(text)
		require.True(t, ok, "%q is read here but no number to math/big", text)
		written, _ := new(big.Rat).SetString(string(amount.Format(unit)))
		half := big.NewRat(1, 2_000_000)
		if bytes {
			half = big.NewRat(1, 2)
		}
		off := new(big.Rat).Sub(exact, written)
		require.LessOrEqual(t, off.Abs(off).Cmp(half), 0, "%q became %s", text, amount.Format(unit))
	})
}
