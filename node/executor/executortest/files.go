package executortest

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"

	"starling/api/despatch"
)

// receive takes a piece of a file. What is there is skipped, a gap isn't taken.
// A body that breaks off leaves what had come.
func (n *Node) receive(w http.ResponseWriter, r *http.Request, ref, name string) {
	q := r.URL.Query()
	offset, _ := strconv.Atoi(q.Get("offset"))
	piece, broken := io.ReadAll(r.Body)
	file := q.Get("role") + ":" + name
	status, have := http.StatusOK, 0
	n.change(func() {
		a := n.attempts[ref]
		if a == nil || q.Get("fence") != strconv.FormatUint(a.Fence, 10) || a.Completion != nil {
			status = http.StatusConflict
			return
		}
		text := a.Files[file]
		if skip := len(text) - offset; skip >= 0 && skip <= len(piece) {
			text += string(piece[skip:])
		}
		have = len(text)
		if q.Has("sha256") && strconv.Itoa(have) == q.Get("bytes") && sumOf(text) != q.Get("sha256") {
			status, text = http.StatusBadRequest, ""
		}
		a.Files[file] = text
	})
	if broken != nil {
		panic(http.ErrAbortHandler)
	}
	if status != http.StatusOK {
		refuse(w, status, "this piece is not taken")
		return
	}
	answer(w, http.StatusOK, despatch.Received{Bytes: int64(have)})
}

func sumOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
