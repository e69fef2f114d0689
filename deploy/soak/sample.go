package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"starling/deploy/launch"
)

// sample is what a node has at one instant.
type sample struct {
	Node  string
	After time.Duration // since the load began
	// Live is what the collector found in use when it last came, in bytes: half of
	// the heap at which it comes again (GOGC is 100).
	Live int64
	// Anonymous is the resident memory of the process that is no file's. What bbolt
	// maps of its files is the kernel's to give and take.
	Anonymous, Resident int64
	Goroutines          int64
	Files               int64            // open
	Leads               bool             // the log
	Disk                map[string]int64 // bytes of each file and directory of the data
}

func (s sample) String() string {
	return fmt.Sprintf("%s live, %s anonymous, %d goroutines, %d open files", mib(s.Live), mib(s.Anonymous), s.Goroutines, s.Files)
}

func mib(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }

// take takes a sample of a node.
func take(ctx context.Context, m *launch.Member) (sample, error) {
	s := sample{Node: m.Name, Disk: map[string]int64{}}
	metrics, err := scrape(ctx, m.URL)
	if err != nil {
		return s, err
	}
	s.Live = int64(metrics["go_memstats_next_gc_bytes"] / 2)
	s.Goroutines = int64(metrics["go_goroutines"])
	s.Leads = metrics["starling_log_leads"] == 1
	if s.Goroutines == 0 || s.Live == 0 {
		return s, errors.New("/metrics doesn't tell how many goroutines there are, and how large the heap")
	}
	process := fmt.Sprintf("/proc/%d/", m.Pid())
	open, err := os.ReadDir(process + "fd")
	if err != nil {
		return s, err
	}
	s.Files = int64(len(open))
	status, err := os.ReadFile(process + "status")
	if err != nil {
		return s, err
	}
	for line := range strings.Lines(string(status)) {
		var kib int64
		if n, _ := fmt.Sscanf(line, "RssAnon: %d kB", &kib); n == 1 {
			s.Anonymous = kib << 10
		}
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kib); n == 1 {
			s.Resident = kib << 10
		}
	}
	return s, s.measure(m.Data)
}

// measure adds up what lies below each entry of a data directory.
func (s *sample) measure(data string) error {
	return filepath.WalkDir(data, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it was removed meanwhile
		}
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		below, _ := filepath.Rel(data, path)
		top, _, _ := strings.Cut(below, string(filepath.Separator))
		s.Disk[top] += info.Size()
		return nil
	})
}

// scrape reads a node's metrics that have no labels.
func scrape(ctx context.Context, url string) (map[string]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	request.Close = true
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	found := map[string]float64{}
	lines := bufio.NewScanner(io.LimitReader(answer.Body, 16<<20))
	for lines.Scan() {
		var name string
		var value float64
		if n, _ := fmt.Sscanf(lines.Text(), "%s %g", &name, &value); n == 2 {
			found[name] = value
		}
	}
	return found, lines.Err()
}
