package docker

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

	"starling/node/executor/work"
)

// open makes the files of stdout and stderr.
func (j *job) open() error {
	for _, name := range []string{work.StdoutFile, work.StderrFile} {
		file, err := os.OpenFile(j.Dir.Join(name), os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		file.Close()
	}
	return nil
}

// pour copies what the container has printed since the last time into the
// files, and goes on as long as it prints if it is to follow. The engine keeps
// all of it, in order, so that what is there already can be skipped.
func (j *job) pour(ctx context.Context, follow bool) error {
	said, err := j.engine.ContainerLogs(ctx, j.name, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Follow: follow})
	if err != nil {
		return err
	}
	defer said.Close()
	stdout, err := j.rest(work.StdoutFile)
	if err != nil {
		return err
	}
	defer stdout.Close()
	stderr, err := j.rest(work.StderrFile)
	if err != nil {
		return err
	}
	defer stderr.Close()
	_, err = stdcopy.StdCopy(stdout, stderr, said)
	return err
}

// rest takes a whole stream and appends to a file what it doesn't have.
type rest struct {
	file *os.File
	skip int64
}

func (j *job) rest(name string) (*rest, error) {
	file, err := os.OpenFile(j.Dir.Join(name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &rest{file: file, skip: info.Size()}, nil
}

// Write implements io.Writer.
func (r *rest) Write(bytes []byte) (int, error) {
	skipped := min(r.skip, int64(len(bytes)))
	r.skip -= skipped
	if skipped == int64(len(bytes)) {
		return len(bytes), nil
	}
	n, err := r.file.Write(bytes[skipped:])
	return int(skipped) + n, err
}

func (r *rest) Close() error { return r.file.Close() }

var _ io.WriteCloser = (*rest)(nil)
