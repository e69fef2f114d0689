package workload

import (
	"bytes"
	"os"
	"testing"
)

// Whatever the bytes, reading ends without a panic, and what it accepts can be replayed or is refused with an error.
func FuzzRead(f *testing.F) {
	log, err := os.ReadFile("testdata/six-jobs.swf")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(log)
	f.Add([]byte("\x1f\x8b"))
	f.Add([]byte("; MaxProcs: 4\n1 0 -1 70 3 -1 -1 3 100 -1 1 1 1 -1 -1 -1 -1 -1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		trace, err := Read(bytes.NewReader(data))
		if err != nil || len(trace.Jobs) > 100 {
			return
		}
		for _, policy := range Policies() {
			_, _ = Replay(trace, Options{Policy: policy, CPUs: Requested})
		}
	})
}
