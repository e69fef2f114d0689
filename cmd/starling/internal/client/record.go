package client

import (
	"context"
	"net/url"
	"strconv"

	"starling/accounting"
	broker "starling/node"
)

// HistoryList is a page of execution attempts.
type HistoryList struct {
	History []accounting.HistoryEntry `json:"history"`
	Next    string                    `json:"next,omitempty"`
}

// HistoryFilter chooses attempts; what is empty chooses all.
type HistoryFilter struct {
	Owner    string // kind:id
	Session  string
	Phase    string
	User     string
	Proposal string
	At       string // a node
	Trace    string
	Since    string // RFC 3339, as Until is
	Until    string
	Limit    int
}

func (HistoryFilter) path() string { return "/history" }

func (f HistoryFilter) query() url.Values {
	query := limited(f.Limit)
	for name, value := range map[string]string{
		"owner": f.Owner, "session": f.Session, "phase": f.Phase, "user": f.User, "proposal": f.Proposal, "node": f.At, "trace": f.Trace,
		"since": f.Since, "until": f.Until,
	} {
		setUnlessEmpty(query, name, value)
	}
	return query
}

// History lists attempts, the newest first, one page of them or all.
func (c *Client) History(ctx context.Context, filter HistoryFilter, all bool) (*HistoryList, error) {
	list := &HistoryList{History: []accounting.HistoryEntry{}}
	next, err := pages(ctx, c, filter.path(), filter.query(), all, func(page *HistoryList) string {
		list.History = append(list.History, page.History...)
		return page.Next
	})
	list.Next = next
	return list, err
}

// HistoryEntry returns the record of one attempt in full.
func (c *Client) HistoryEntry(ctx context.Context, ref string) (*accounting.HistoryEntry, error) {
	entry := new(accounting.HistoryEntry)
	return entry, c.getJSON(ctx, "/history/"+url.PathEscape(ref), c.asWanted(nil), entry)
}

// UpdateList is a page of what was reported of an attempt.
type UpdateList struct {
	Updates []accounting.Update `json:"updates"`
	Next    string              `json:"next,omitempty"`
}

// Updates lists what was reported of an attempt, in order, one page of it or
// all.
func (c *Client) Updates(ctx context.Context, ref string, limit int, all bool) (*UpdateList, error) {
	list := new(UpdateList)
	next, err := pages(ctx, c, "/history/"+url.PathEscape(ref)+"/updates", limited(limit), all, func(page *UpdateList) string {
		list.Updates = append(list.Updates, page.Updates...)
		return page.Next
	})
	list.Next = next
	return list, err
}

// ExecutorList lists a node's executors.
type ExecutorList struct {
	Executors []broker.Executor `json:"executors"`
}

// Executors lists the executors that the caller may see.
func (c *Client) Executors(ctx context.Context) (*ExecutorList, error) {
	list := new(ExecutorList)
	return list, c.getJSON(ctx, "/executors", nil, list)
}

// AccountList is a page of accounts.
type AccountList struct {
	Accounts []accounting.Account `json:"accounts"`
	Next     string               `json:"next,omitempty"`
}

// AccountFilter chooses accounts; what is empty chooses all.
type AccountFilter struct {
	Owner, Period, Resource, Side string
	Limit                         int
}

// Accounts lists accounts, one page of them or all.
func (c *Client) Accounts(ctx context.Context, filter AccountFilter, all bool) (*AccountList, error) {
	query := limited(filter.Limit)
	setUnlessEmpty(query, "owner", filter.Owner)
	setUnlessEmpty(query, "period", filter.Period)
	setUnlessEmpty(query, "resource", filter.Resource)
	setUnlessEmpty(query, "side", filter.Side)
	list := new(AccountList)
	next, err := pages(ctx, c, "/accounts", query, all, func(page *AccountList) string {
		list.Accounts = append(list.Accounts, page.Accounts...)
		return page.Next
	})
	list.Next = next
	return list, err
}

func limited(limit int) url.Values {
	query := url.Values{}
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	return query
}

// pages gets one page, or all; it returns where the rest begins.
func pages[Page any](ctx context.Context, c *Client, path string, query url.Values, all bool, take func(*Page) string) (string, error) {
	query = c.asWanted(query)
	for {
		page := new(Page)
		if err := c.getJSON(ctx, path, query, page); err != nil {
			return "", err
		}
		next := take(page)
		if next == "" || !all {
			return next, nil
		}
		var err error
		if path, query, err = c.following(next); err != nil {
			return "", err
		}
	}
}
