package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"starling/deploy/faults/load"
)

// keep puts what may explain a failure into a directory: what every container has said,
// and the whole directory of the cluster, with keys and data, as it was when all nodes
// had been stopped.
func (f *containerFederation) keep(ctx context.Context, dir string) error {
	var errs []error
	for _, s := range f.sites {
		errs = append(errs,
			os.WriteFile(filepath.Join(dir, s.Name()+".log"), []byte(s.launched.Node.Said(0)), 0o600),
			os.WriteFile(filepath.Join(dir, s.Name()+"-executor.log"), []byte(s.launched.Executor.Said(0)), 0o600))
	}
	errs = append(errs, f.cluster.Down(ctx))
	if said, err := exec.CommandContext(ctx, "cp", "-a", f.cluster.Dir, filepath.Join(dir, "cluster")).CombinedOutput(); err != nil {
		errs = append(errs, fmt.Errorf("copy %s: %w: %s", f.cluster.Dir, err, said))
	}
	return errors.Join(errs...)
}

// evidence keeps all of a run that has failed, and returns the directory's name.
func evidence(ctx context.Context, below string, r run, plan uint64, f federation, record *load.Record, out result) (string, error) {
	dir, err := filepath.Abs(filepath.Join(below, fmt.Sprintf("%s-%d-of-%d", r.Fault.Name, r.Number, plan)))
	if err != nil {
		return "", err
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	errs := []error{writeJSON(filepath.Join(dir, "result.json"), out), f.keep(ctx, dir)}
	if record != nil {
		errs = append(errs, writeJSON(filepath.Join(dir, "record.json"), record))
	}
	return dir, errors.Join(errs...)
}

// again is the command that makes a run alone.
func again(r run, plan uint64) string {
	return fmt.Sprintf("go run ./deploy/faults --runs %s --seed %d --again", r.name(), plan)
}

func writeJSON(path string, v any) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	out := json.NewEncoder(file)
	out.SetIndent("", " ")
	return errors.Join(out.Encode(v), file.Close())
}
