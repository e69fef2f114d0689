package executortest

import (
	"net/http"
	"reflect"
	"time"

	"github.com/go-json-experiment/json"

	"starling/api/despatch"
)

// lease is what every report renews.
func lease() despatch.Lease {
	return despatch.Lease{Seconds: 60, Expires: time.Now().Add(time.Minute)}
}

func (n *Node) update(w http.ResponseWriter, r *http.Request, ref string) {
	var updates despatch.Updates
	if err := json.UnmarshalRead(r.Body, &updates); err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	status, reply := http.StatusOK, despatch.UpdatesAnswer{Lease: lease()}
	lost := false
	n.change(func() {
		a := n.attempts[ref]
		if status = n.admit(a, updates.Fence); status != http.StatusOK {
			return
		}
		reply.Accepted, reply.Duplicates = a.take(updates.Updates)
		lost = n.lose()
	})
	if status != http.StatusOK {
		refuse(w, status, "the attempt is not yours")
		return
	}
	if lost {
		panic(http.ErrAbortHandler)
	}
	n.hold(r, func() bool {
		a := n.attempts[ref]
		reply.Stop = a.Stop
		return a.Stop != nil || a.Fence != updates.Fence
	})
	answer(w, http.StatusOK, reply)
}

func (n *Node) complete(w http.ResponseWriter, r *http.Request, ref string) {
	var done despatch.Completion
	if err := json.UnmarshalRead(r.Body, &done); err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	status, lost := http.StatusOK, false
	n.change(func() {
		a := n.attempts[ref]
		if status = n.admit(a, done.Fence); status != http.StatusOK {
			return
		}
		switch {
		case a.Completion == nil:
			a.Completion = &done
		case reflect.DeepEqual(*a.Completion, done):
			a.Repeated++
		default:
			status = http.StatusConflict
			return
		}
		lost = n.lose()
	})
	if status != http.StatusOK {
		refuse(w, status, "not this completion")
		return
	}
	if lost {
		panic(http.ErrAbortHandler)
	}
	answer(w, http.StatusOK, map[string]string{"historyRef": ref})
}

// admit checks the reference and the fence.
func (n *Node) admit(a *Attempt, fence uint64) int {
	if a == nil {
		return http.StatusNotFound
	}
	if a.Fence != fence {
		a.Refused++
		return http.StatusConflict
	}
	return http.StatusOK
}

// take adds updates and counts them.
func (a *Attempt) take(updates []despatch.Update) (taken, duplicates int) {
	for _, u := range updates {
		if a.seen[u.Key] {
			duplicates++
			continue
		}
		a.seen[u.Key] = true
		taken++
		if u.Type == despatch.Heartbeat {
			a.Heartbeats++
			continue
		}
		a.Updates = append(a.Updates, u)
	}
	a.Duplicates += duplicates
	return taken, duplicates
}

func (n *Node) lose() bool {
	if n.losing == 0 {
		return false
	}
	n.losing--
	return true
}
