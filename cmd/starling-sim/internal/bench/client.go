package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// client is somebody with one connection to a node, which is kept. It shares the machine with the node, so that it does
// only what has to be done: net/http's own client takes more of a core than the node does for a simple answer.
//
// It is not safe for concurrent use.
type client struct {
	conn   net.Conn
	in     *bufio.Reader
	out    []byte
	answer bytes.Buffer
	host   string
}

func (n *node) dial() (*client, error) {
	conn, err := net.Dial("tcp", n.Address)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, in: bufio.NewReaderSize(conn, 64<<10), host: n.Address}, nil
}

func (c *client) close() { c.conn.Close() }

// answerTime is how long an answer may take.
const answerTime = time.Minute

// do sends a request and returns its answer, which is good until the next one.
func (c *client) do(ctx context.Context, method, path string, body []byte) (status int, answer []byte, err error) {
	if err := ctx.Err(); err != nil {
		return 0, nil, err
	}
	if err := c.conn.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return 0, nil, err
	}
	c.out = append(c.out[:0], method+" "+path+" HTTP/1.1\r\nHost: "+c.host+"\r\nContent-Type: application/json\r\nContent-Length: "...)
	c.out = append(strconv.AppendInt(c.out, int64(len(body)), 10), "\r\n\r\n"...)
	if _, err := c.conn.Write(append(c.out, body...)); err != nil {
		return 0, nil, err
	}
	response, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0, nil, fmt.Errorf("read the answer to %s %s: %w", method, path, err)
	}
	c.answer.Reset()
	_, err = c.answer.ReadFrom(response.Body)
	return response.StatusCode, c.answer.Bytes(), errors.Join(err, response.Body.Close())
}

// want is do for an answer that must have a certain status.
func (c *client) want(ctx context.Context, status int, method, path string, body []byte) ([]byte, error) {
	got, answer, err := c.do(ctx, method, path, body)
	if err == nil && got != status {
		err = fmt.Errorf("%s %s was answered %d: %.500s", method, path, got, answer)
	}
	return answer, err
}
