package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"starling/accounting"
)

// Budget is what an owner was allocated, and what is left of it.
type Budget struct {
	accounting.BudgetID
	Limit     accounting.Limit   `json:"limit,omitempty"`
	Start     accounting.Instant `json:"start,omitzero"`
	End       accounting.Instant `json:"end,omitzero"`
	Allocated accounting.Decimal `json:"allocated"`
	Charged   accounting.Decimal `json:"charged"`
	Held      accounting.Decimal `json:"held"`
	Entrusted accounting.Decimal `json:"entrusted"`
	Left      accounting.Decimal `json:"left,omitempty"`
	Pending   bool               `json:"pending,omitzero"`

	Overdrafts []accounting.Overdraft `json:"overdrafts,omitempty"`
}

// BudgetList is a page of budgets.
type BudgetList struct {
	Budgets []Budget `json:"budgets"`
	Next    string   `json:"next,omitempty"`
}

// Budgets lists where owners stand whom anything was allocated to, one page of
// them or all. Of the filter, side is not used.
func (c *Client) Budgets(ctx context.Context, filter AccountFilter, all bool) (*BudgetList, error) {
	query := limited(filter.Limit)
	query.Set("limited", "true")
	setUnlessEmpty(query, "owner", filter.Owner)
	setUnlessEmpty(query, "period", filter.Period)
	setUnlessEmpty(query, "resource", filter.Resource)
	list := new(BudgetList)
	next, err := pages(ctx, c, "/budgets", query, all, func(page *BudgetList) string {
		list.Budgets = append(list.Budgets, page.Budgets...)
		return page.Next
	})
	list.Next = next
	return list, err
}

// Statement is an accounting.Statement as it is read.
type Statement struct {
	accounting.Statement
	Budgets []Budget `json:"budgets,omitempty"`
}

// Statement returns what an owner was estimated, used and was charged in a
// period, with one page of the sessions or all. Empty values mean the caller,
// and now.
func (c *Client) Statement(ctx context.Context, owner, period string, all bool) (*Statement, error) {
	var statement *Statement
	next, err := pages(ctx, c, "/statements", ofWhom(owner, period), all, func(page *Statement) string {
		if statement == nil {
			statement = page
			return string(page.Next)
		}
		statement.Sessions = append(statement.Sessions, page.Sessions...)
		return string(page.Next)
	})
	if err != nil {
		return nil, err
	}
	statement.Next = accounting.Cursor(next)
	return statement, nil
}

// StatementCSV writes a whole statement as CSV.
func (c *Client) StatementCSV(ctx context.Context, owner, period string, to io.Writer) error {
	path, query := "/statements", c.asWanted(ofWhom(owner, period))
	for {
		got, err := c.do(ctx, call{method: http.MethodGet, path: path, query: query, header: http.Header{"Accept": {"text/csv"}}})
		if err != nil {
			return err
		}
		if _, err := to.Write(got.body); err != nil {
			return err
		}
		next, more := strings.CutSuffix(got.header.Get("Link"), `>; rel="next"`)
		if !more {
			return nil
		}
		if path, query, err = c.following(strings.TrimPrefix(next, "<")); err != nil {
			return err
		}
	}
}

func ofWhom(owner, period string) url.Values {
	query := url.Values{}
	setUnlessEmpty(query, "owner", owner)
	setUnlessEmpty(query, "period", period)
	return query
}

// AllocationAnswer is an allocation as it was made, and where its budget stands.
type AllocationAnswer struct {
	accounting.Allocate
	Budget    Budget `json:"budget"`
	Duplicate bool   `json:"duplicate,omitempty"`
}

// Allocate grants, raises or lowers what an owner may be charged. With a key it
// may be repeated.
func (c *Client) Allocate(ctx context.Context, order map[string]any, key string) (*AllocationAnswer, error) {
	answer := new(AllocationAnswer)
	return answer, c.order(ctx, "/allocations", order, key, answer)
}

// Enrol gives an owner a name and a place in the tree.
func (c *Client) Enrol(ctx context.Context, order accounting.OwnerRecord) (*accounting.OwnerRecord, error) {
	answer := new(accounting.OwnerRecord)
	return answer, c.order(ctx, "/owners", order, "", answer)
}

// Adjusted is a history entry with what was corrected or given back.
type Adjusted struct {
	accounting.HistoryEntry
	Duplicate bool `json:"duplicate,omitempty"`
}

// Adjust orders a correction, a refund or a discount of an attempt: what is the
// end of its path.
func (c *Client) Adjust(ctx context.Context, ref, what string, order map[string]any, key string) (*Adjusted, error) {
	answer := new(Adjusted)
	return answer, c.order(ctx, "/history/"+url.PathEscape(ref)+"/"+what, order, key, answer)
}

// order posts an order and reads the answer.
func (c *Client) order(ctx context.Context, path string, order any, key string, into any) error {
	body, err := json.Marshal(order)
	if err != nil {
		return err
	}
	header := http.Header{}
	if key != "" {
		header.Set("Idempotency-Key", key)
	}
	got, err := c.do(ctx, call{method: http.MethodPost, path: path, media: "application/json", body: body, header: header})
	if err != nil {
		return err
	}
	if err := json.NewDecoder(bytes.NewReader(got.body)).Decode(into); err != nil {
		return fmt.Errorf("the node's answer can't be read: %w", err)
	}
	return nil
}
