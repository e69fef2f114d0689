package changeling

import (
	"bytes"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"
)

// A mind answers another node's request in the node's stead; own is what the node
// would do.
type mind func(w http.ResponseWriter, r *http.Request, own http.Handler, random *rand.Rand)

// minds are those that there are, by their names.
func minds() map[string]mind {
	return map[string]mind{
		"slow": func(w http.ResponseWriter, r *http.Request, own http.Handler, random *rand.Rand) {
			select { // at times sooner than the others' patience with offers ends, and at times later
			case <-time.After(time.Second + time.Duration(random.Int64N(int64(9*time.Second)))):
				own.ServeHTTP(w, r)
			case <-r.Context().Done():
			}
		},
		"failing": fails,
		"silent":  func(_ http.ResponseWriter, r *http.Request, _ http.Handler, _ *rand.Rand) { <-r.Context().Done() },
		"dripping": stream(func(random *rand.Rand) []byte {
			time.Sleep(10 * time.Millisecond)
			return []byte(" ")
		}),
		"endless": stream(func(*rand.Rand) []byte { return bytes.Repeat([]byte(" "), 1<<20) }),
		"breaking-off": func(w http.ResponseWriter, r *http.Request, own http.Handler, random *rand.Rand) {
			own.ServeHTTP(&limited{ResponseWriter: w, left: random.IntN(200)}, r)
			panic(http.ErrAbortHandler)
		},
		"redirecting": func(w http.ResponseWriter, r *http.Request, _ http.Handler, random *rand.Rand) {
			to := []string{"http://169.254.169.254/latest/meta-data", "https://evil.example" + r.URL.Path, r.URL.Path}
			status := []int{http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect}
			http.Redirect(w, r, to[random.IntN(len(to))], status[random.IntN(len(status))])
		},
		"talking-nonsense": func(w http.ResponseWriter, _ *http.Request, _ http.Handler, random *rand.Rand) {
			said := []string{"", "<html>", "null", "[]", `{"offers": {}}`, `{"result": "YES", "offers": [{}]}`, `{"phase": "COMPLETED"}`}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader([]int{200, 201, 204, 303}[random.IntN(4)])
			_, _ = io.WriteString(w, said[random.IntN(len(said))])
		},
		"lying":         lies,
		"lying-of-more": boasts,
	}
}

func fails(w http.ResponseWriter, _ *http.Request, _ http.Handler, random *rand.Rand) {
	http.Error(w, "no", http.StatusInternalServerError+random.IntN(4))
}

// Minds are the names of all.
func Minds() []string { return slices.Sorted(maps.Keys(minds())) }

// stream never ends.
func stream(of func(*rand.Rand) []byte) mind {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler, random *rand.Rand) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
		for r.Context().Err() == nil {
			if _, err := w.Write(of(random)); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
		}
	}
}

// limited lets only the beginning of an answer through.
type limited struct {
	http.ResponseWriter
	left int
}

func (l *limited) Write(b []byte) (int, error) {
	some := b[:min(l.left, len(b))]
	l.left -= len(some)
	if _, err := l.ResponseWriter.Write(some); err != nil {
		return 0, err
	}
	_ = http.NewResponseController(l.ResponseWriter).Flush()
	return len(b), nil
}

// Unwrap is for http.ResponseController.
func (l *limited) Unwrap() http.ResponseWriter { return l.ResponseWriter }
