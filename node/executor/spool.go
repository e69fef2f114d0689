package executor

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"starling/api/despatch"
)

// maxRecord bounds a file of the spool, in bytes.
const maxRecord = 16 << 20

// record is what the spool keeps of an attempt: enough to go on reporting, or
// to report at least that it is lost.
type record struct {
	Despatch   despatch.Despatch    `json:"despatch"`
	Updates    []despatch.Update    `json:"updates,omitempty"`
	Completion *despatch.Completion `json:"completion,omitempty"`
}

// orLost gives a record of which the backend knows nothing a completion.
func (r *record) orLost() *record {
	if r.Completion == nil {
		lost := Failure(CodeLost, "the executor was restarted and its work is gone", true)
		lost.Outcome = despatch.Abandoned
		lost.Fence, lost.Key, lost.Time = r.Despatch.Fence, "completion", time.Now().UTC()
		lost.IDs = ids(r.Despatch.Identification)
		r.Completion = &lost
	}
	return r
}

// spool is a directory with a file for each attempt that isn't settled. A nil
// spool keeps nothing.
type spool struct{ dir string }

func openSpool(dir string) (*spool, error) {
	if dir == "" {
		return nil, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return &spool{dir}, nil
}

func (s *spool) path(ref string) string {
	return filepath.Join(s.dir, url.PathEscape(ref)+".json")
}

// load reads every record. One that can't be read is set aside: it must not
// keep the executor from working.
func (s *spool) load(log *slog.Logger) (map[string]*record, error) {
	records := map[string]*record{}
	if s == nil {
		return records, nil
	}
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		path := filepath.Join(s.dir, entry.Name())
		if !strings.HasSuffix(path, ".json") {
			continue
		}
		r, err := readRecord(path)
		if err != nil {
			log.Error("a spooled report can't be read; set aside", "file", path, "error", err)
			os.Rename(path, path+".bad")
			continue
		}
		records[r.Despatch.HistoryRef] = r
	}
	return records, nil
}

func readRecord(path string) (*record, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxRecord {
		return nil, fmt.Errorf("%d bytes are more than a report has", info.Size())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &record{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, err
	}
	if r.Despatch.HistoryRef == "" {
		return nil, errors.New("no historyRef")
	}
	return r, nil
}

// write replaces an attempt's record, whole or not at all.
func (s *spool) write(r *record, durable bool) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	path := s.path(r.Despatch.HistoryRef)
	f, err := os.OpenFile(path+".part", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil && durable {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".part", path); err != nil || !durable {
		return err
	}
	return syncDirectory(s.dir)
}

func (s *spool) remove(ref string) error {
	if err := os.Remove(s.path(ref)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func syncDirectory(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
