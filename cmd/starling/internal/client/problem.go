package client

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// Problem is an error that the node answered (RFC 9457).
type Problem struct {
	Status    int    `json:"status"`
	Title     string `json:"title"`
	Detail    string `json:"detail"`
	Field     string `json:"field"`
	RequestID string `json:"requestId"`
	Trace     string `json:"trace"`
	Known     *Known `json:"known"`

	body []byte
	// stale says that a token was sent, which is no good (RFC 6750 section 3.1).
	stale bool
}

// Error says what is wrong, where, and what to do where that is known.
func (p *Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.said())
	switch {
	case p.Status == http.StatusUnauthorized && p.stale:
		b.WriteString(" — log in again: `starling login`")
	case p.Status == http.StatusUnauthorized:
		b.WriteString(" — log in with `starling login`, or give a token with --token-file or STARLING_TOKEN")
	case p.Field != "" && !strings.Contains(p.Detail, p.Field):
		fmt.Fprintf(&b, " (at %s)", p.Field)
	case p.Status >= 500 && p.RequestID != "":
		fmt.Fprintf(&b, " (request %s in the node's log)", p.RequestID)
	}
	return b.String()
}

// ForOperator reports whether an error is one that somebody who runs nodes can look
// into, and under what trace: all but what the user can put right alone.
func ForOperator(err error) (trace string, is bool) {
	var p *Problem
	if !errors.As(err, &p) || p.Trace == "" || Unfit(err) || NotFound(err) || p.Status == http.StatusUnauthorized {
		return "", false
	}
	return p.Trace, true
}

func (p *Problem) said() string {
	if p.Detail != "" {
		return p.Detail + p.Known.told(time.Now())
	}
	return fmt.Sprintf("the node answered %d %s", p.Status, p.Title)
}

func problemOf(resp *http.Response, body []byte) *Problem {
	p := &Problem{}
	// Whatever isn't a problem document is told by its status alone.
	if json.Unmarshal(body, p) != nil || p.Title == "" && p.Detail == "" {
		p.Title = http.StatusText(resp.StatusCode)
	}
	p.Status, p.body = resp.StatusCode, body
	p.stale = strings.Contains(resp.Header.Get("WWW-Authenticate"), `error="invalid_token"`)
	return p
}

// hasStatus reports whether an error is a Problem of one of these statuses.
func hasStatus(err error, statuses ...int) bool {
	var p *Problem
	if !errors.As(err, &p) {
		return false
	}
	for _, s := range statuses {
		if p.Status == s {
			return true
		}
	}
	return false
}

// NotFound reports whether the node doesn't know what was asked for, or doesn't
// show it to this caller.
func NotFound(err error) bool { return hasStatus(err, http.StatusNotFound, http.StatusGone) }

// Unfit reports whether the node found fault with what was sent.
func Unfit(err error) bool {
	return hasStatus(err, http.StatusBadRequest, http.StatusRequestEntityTooLarge)
}

// Unreachable says that no answer came from a node.
type Unreachable struct {
	Base string
	Err  error
}

// Error says which node, why, and what to do.
func (u *Unreachable) Error() string {
	switch {
	case errors.Is(u.Err, syscall.ECONNREFUSED):
		return fmt.Sprintf("no node answers at %s — is `starling serve` running? Another one is chosen with --node", u.Base)
	case errors.Is(u.Err, context.DeadlineExceeded):
		return fmt.Sprintf("the node at %s did not answer in time; --timeout gives it longer", u.Base)
	case errors.As(u.Err, new(x509.UnknownAuthorityError)):
		return fmt.Sprintf("the certificate of the node at %s is of a CA that this machine doesn't know; if it is your site's own, name the CA's file with --ca (STARLING_CA)", u.Base)
	}
	return fmt.Sprintf("no answer from the node at %s: %v", u.Base, u.Err)
}

// Unwrap returns why there was no answer.
func (u *Unreachable) Unwrap() error { return u.Err }

// unreachable keeps a cancellation what it is: the user's own doing.
func (c *Client) unreachable(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if errors.Is(err, context.Canceled) {
		return context.Canceled
	}
	return &Unreachable{c.Base, err}
}

func isUnreachable(err error) bool {
	var u *Unreachable
	return errors.As(err, &u)
}
