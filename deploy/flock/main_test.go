package flock

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// memberlist's own goroutines end within a probe after Close: they are waited for.
func TestMain(m *testing.M) {
	code := m.Run()
	var left error
	for until := time.Now().Add(time.Minute); time.Now().Before(until); {
		if left = goleak.Find(); left == nil {
			os.Exit(code)
		}
	}
	fmt.Fprintln(os.Stderr, left)
	os.Exit(1)
}
