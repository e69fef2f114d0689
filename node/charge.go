package node

import (
	"fmt"
	"strings"

	"starling/accounting"
	"starling/api/ivoa"
	"starling/node/store"
)

// charge prices what an attempt used from when to when, and puts it into the
// command that completes it. What can't be priced is not charged: the record of
// what was used is worth more than the money, and an operator can correct it.
// It returns the commands that go before it, to say so, and those after it,
// which give discounts.
func (b *Broker) charge(s *store.Session, c *accounting.CompleteAttempt, began, ended store.Millis) (before, after []accounting.Command) {
	work := b.work(s)
	work.Usage, work.Start, work.End = c.Resources, wall(began), wall(ended)
	bill, err := b.options.Costs.Charge(work)
	c.Charges, c.Estimate, c.Tariff = bill.Charges, b.estimateOf(s), b.options.Costs.Hash()
	if err != nil {
		b.log.Error("an attempt can't be charged", "attempt", string(c.Ref), "error", err)
		b.metrics.unpriced.Inc()
		text := fmt.Sprintf("not charged: %v; an operator can correct it", err)
		before = append(before, accounting.AddNote{
			Ref: c.Ref, Key: "costs", Time: c.Recorded, Text: strings.ToValidUTF8(text[:min(len(text), accounting.MaxText)], "?"),
		})
	}
	for _, d := range bill.Discounts {
		after = append(after, accounting.Credit{
			ID: accounting.AdjustmentID(b.mint.New(ended).String()), Ref: c.Ref, Kind: accounting.EntryDiscount,
			Amounts: []accounting.Quantity{d.Off}, Reason: d.Name, By: tariffAuthor, Time: c.Recorded,
		})
	}
	return before, after
}

// tariffAuthor is by whose word the discounts of a tariff are given.
const tariffAuthor accounting.OwnerID = "tariff"

// priceMessages say what there is to say of the price of an offer beside the
// price itself: what was taken off it, and what could not be priced.
func (b *Broker) priceMessages(s *store.Session, now store.Millis) []ivoa.Message {
	bill, err := b.bill(s)
	var said []ivoa.Message
	for _, d := range bill.Discounts {
		said = append(said, ivoa.NewMessage(wall(now), ivoa.LevelInfo, messagePrice, "discount {discount}: {amount} {unit} off; the price says what is left",
			"discount", d.Name, "amount", string(d.Off.Amount.Format(d.Off.Unit)), "unit", string(d.Off.Unit)))
	}
	if err != nil {
		b.log.ErrorContext(threadOf(s), "an offer can't be priced", "session", s.ID.String(), "error", err)
		said = append(said, ivoa.NewMessage(wall(now), ivoa.LevelWarn, messagePrice, "{site} can't say all of what this costs: its tariff has an error, of which its operator knows",
			"site", string(b.options.Name)))
	}
	return said
}
