package despatch

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"starling/federation/tracing"
)

// maxAnswer bounds what a client reads of any answer.
const maxAnswer = 16 << 20

// ReasonsHeader carries the Reasons of a 204 as "not-yet=3, too-large=1".
const ReasonsHeader = "Starling-Reasons"

// Client speaks the protocol to one node.
type Client struct {
	// Base is the node's URL, without a trailing slash.
	Base string
	// Token is the executor's bearer token; empty sends none.
	Token string
	// HTTP does the requests. Its timeout must exceed every wait.
	HTTP *http.Client
}

// Problem is an error answer of the node (RFC 9457).
type Problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
}

// Error implements error.
func (p *Problem) Error() string {
	return fmt.Sprintf("the node answered %d %s: %s", p.Status, p.Title, p.Detail)
}

// Refused reports whether repeating the same request is useless: the node has
// understood it and says no. Overload, time-outs and server errors are not
// refusals.
func (p *Problem) Refused() bool {
	return p.Status >= 400 && p.Status < 500 &&
		p.Status != http.StatusRequestTimeout && p.Status != http.StatusTooManyRequests
}

// Register registers or renews the executor.
func (c *Client) Register(ctx context.Context, r Registration) (Registered, error) {
	var answer Registered
	_, err := c.post(ctx, "/executors", r, &answer)
	return answer, err
}

// Despatch asks for work, waiting up to wait for it. It returns nil and the
// reasons when there is none.
func (c *Client) Despatch(ctx context.Context, executor string, wait time.Duration) (*Despatch, Reasons, error) {
	var answer Despatch
	path := "/executors/" + url.PathEscape(executor) + "/despatch?wait=" + waitParameter(wait)
	header, err := c.post(ctx, path, nil, &answer)
	if err != nil {
		return nil, nil, err
	}
	if answer.HistoryRef == "" {
		return nil, ParseReasons(header.Get(ReasonsHeader)), nil
	}
	return &answer, nil, nil
}

// Update reports events. With a wait, the answer is held back until the broker
// has an order for the executor or the time is up.
func (c *Client) Update(ctx context.Context, ref string, u Updates, wait time.Duration) (UpdatesAnswer, error) {
	var answer UpdatesAnswer
	_, err := c.post(ctx, "/history/"+url.PathEscape(ref)+"/updates?wait="+waitParameter(wait), u, &answer)
	return answer, err
}

// Complete sends the final report.
func (c *Client) Complete(ctx context.Context, ref string, done Completion) error {
	_, err := c.post(ctx, "/history/"+url.PathEscape(ref)+"/completion", done, nil)
	return err
}

// Send sends a piece of a file of which the node can't read what lies at its
// location, n bytes of a body.
func (c *Client) Send(ctx context.Context, ref string, fence uint64, p Piece, body io.Reader, n int64) (Received, error) {
	q := url.Values{"fence": {strconv.FormatUint(fence, 10)}, "role": {p.Role}, "offset": {strconv.FormatInt(p.Offset, 10)}}
	if p.SHA256 != "" {
		q.Set("bytes", strconv.FormatInt(p.Bytes, 10))
		q.Set("sha256", p.SHA256)
	}
	path := "/history/" + url.PathEscape(ref) + "/files/" + escape(p.Name) + "?" + q.Encode()
	if n == 0 {
		body = http.NoBody
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, c.Base+path, body)
	if err != nil {
		return Received{}, err
	}
	req.ContentLength = n
	req.Header.Set("Content-Type", "application/octet-stream")
	var answer Received
	_, err = c.do(req, &answer)
	return answer, err
}

// escape makes a file's name part of a path, keeping its slashes.
func escape(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return strings.Join(parts, "/")
}

// post sends body as JSON and reads a JSON answer into answer, unless the
// answer is empty.
func (c *Client) post(ctx context.Context, path string, body, answer any) (http.Header, error) {
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("encode the body of POST %s: %w", path, err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Base+path, bytes.NewReader(sent))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	return c.do(req, answer)
}

// do sends a request and reads the answer. Errors of the node are *Problem.
func (c *Client) do(req *http.Request, answer any) (http.Header, error) {
	req.Header.Set("Accept", "application/json")
	tracing.Send(req.Context(), req.Header)
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read the answer to %s %s: %w", req.Method, req.URL.Path, err)
	}
	if resp.StatusCode >= 300 {
		return nil, problemOf(resp, got)
	}
	if answer == nil || len(got) == 0 {
		return resp.Header, nil
	}
	if err := json.Unmarshal(got, answer); err != nil {
		return nil, fmt.Errorf("decode the answer to %s %s: %w", req.Method, req.URL.Path, err)
	}
	return resp.Header, nil
}

// problemOf makes an error of an answer, whatever its body is.
func problemOf(resp *http.Response, body []byte) *Problem {
	p := &Problem{}
	if json.Unmarshal(body, p) != nil || p.Title == "" {
		p.Title = http.StatusText(resp.StatusCode)
	}
	p.Status = resp.StatusCode
	return p
}

func waitParameter(wait time.Duration) string {
	return strconv.FormatInt(wait.Milliseconds(), 10) + "ms"
}

// String formats reasons as the header has them, sorted by name.
func (r Reasons) String() string {
	parts := make([]string, 0, len(r))
	for _, name := range slices.Sorted(maps.Keys(r)) {
		parts = append(parts, name+"="+strconv.Itoa(r[name]))
	}
	return strings.Join(parts, ", ")
}

// ParseReasons reads the header; what it doesn't understand it leaves out.
func ParseReasons(text string) Reasons {
	reasons := Reasons{}
	for part := range strings.SplitSeq(text, ",") {
		name, count, _ := strings.Cut(strings.TrimSpace(part), "=")
		if n, err := strconv.Atoi(count); err == nil && name != "" {
			reasons[name] = n
		}
	}
	return reasons
}
