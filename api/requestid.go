package api

import (
	"crypto/rand"
	"strconv"
	"sync/atomic"
)

// requestIDs makes ids that are unique among all runs of all nodes: a random
// beginning for each run, then a count.
type requestIDs struct {
	prefix string
	count  atomic.Uint64
}

func newRequestIDs() *requestIDs { return &requestIDs{prefix: rand.Text()[:10] + "-"} }

// maxRequestID bounds an id that a client sends.
const maxRequestID = 64

// of returns the id that the client gave the request, where it is fit for logs
// and headers, and a new one otherwise.
func (r *requestIDs) of(sent string) string {
	if saneID(sent) {
		return sent
	}
	return r.prefix + strconv.FormatUint(r.count.Add(1), 36)
}

func saneID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for _, b := range []byte(id) {
		letter := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'
		if !letter && b != '-' && b != '_' && b != '.' {
			return false
		}
	}
	return true
}
