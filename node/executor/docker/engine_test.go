package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"starling/api/despatch"
	"starling/node/executor/executortest"
	"starling/node/executor/stage"
)

// patience is how long a test waits for what must come, poll how often it looks.
const (
	patience = 2 * time.Minute
	poll     = 5 * time.Millisecond
)

// lab is the engine that the tests use, and the images they have made there.
type lab struct {
	*client.Client
	program      []byte // of all images
	architecture string

	mu     sync.Mutex
	images []string
}

// theLab is made for the first test that wants it, since not all do, and stays
// nil where there is no engine.
var (
	theLab  *lab
	labOnce sync.Once
	labErr  error // it couldn't be made, though there is an engine
)

func makeLab() {
	c, err := connect(context.Background(), "")
	if err != nil {
		return
	}
	theLab = &lab{Client: c.Client, architecture: c.info.Architecture}
	labErr = theLab.open()
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	status := m.Run()
	if theLab != nil {
		theLab.close()
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return status
}

// open builds the program and the image that most tests run.
func (l *lab) open() error {
	dir, err := os.MkdirTemp("", "starling-docker-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(dir, "program"), "./testdata/program")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	if l.program, err = os.ReadFile(filepath.Join(dir, "program")); err != nil {
		return err
	}
	return l.image(theImage())
}

// theImage is the one that most tests run.
func theImage() string { return fmt.Sprintf("starling-test:%d", os.Getpid()) }

// layer is a file system with the program and a few directories.
func (l *lab) layer() []byte {
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	w.WriteHeader(&tar.Header{Name: "program", Mode: 0o755, Size: int64(len(l.program))})
	w.Write(l.program)
	w.WriteHeader(&tar.Header{Name: "tmp/", Typeflag: tar.TypeDir, Mode: 0o1777})
	w.WriteHeader(&tar.Header{Name: "cache/", Typeflag: tar.TypeDir, Mode: 0o755})
	w.WriteHeader(&tar.Header{Name: "cache/filled", Mode: 0o644, Size: 4})
	w.Write([]byte("full"))
	w.Close()
	return layer.Bytes()
}

// image makes an image, with changes to it as a Dockerfile has them.
func (l *lab) image(name string, changes ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	answer, err := l.ImageImport(ctx, client.ImageImportSource{Source: bytes.NewReader(l.layer()), SourceName: "-"}, name,
		client.ImageImportOptions{Changes: append([]string{`ENTRYPOINT ["/program"]`}, changes...)})
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.images = append(l.images, name)
	l.mu.Unlock()
	_, err = io.Copy(io.Discard, answer)
	return err
}

// close removes the images.
func (l *lab) close() {
	for _, name := range l.images {
		l.ImageRemove(context.Background(), name, client.ImageRemoveOptions{Force: true, PruneChildren: true})
	}
	l.images = nil
	l.Close()
}

// forget removes all images of a repository, whatever their tags.
func (l *lab) forget(t testing.TB, repository string) {
	t.Helper()
	ctx := context.Background()
	found, err := l.ImageList(ctx, client.ImageListOptions{})
	require.NoError(t, err)
	for _, i := range found.Items {
		if slices.ContainsFunc(append(i.RepoTags, i.RepoDigests...), func(name string) bool { return strings.HasPrefix(name, repository) }) {
			_, err := l.ImageRemove(ctx, i.ID, client.ImageRemoveOptions{Force: true, PruneChildren: true})
			require.NoError(t, err)
		}
	}
}

// engineOf is the engine; a test is skipped where there is none.
func engineOf(t testing.TB) *lab {
	t.Helper()
	labOnce.Do(makeLab)
	if theLab == nil {
		t.Skip("no Docker engine")
	}
	require.NoError(t, labErr, "make the test images")
	return theLab
}

// imageOf makes an image for a test.
func imageOf(t *testing.T, name string, changes ...string) string {
	t.Helper()
	full := theImage() + "-" + name
	require.NoError(t, engineOf(t).image(full, changes...))
	t.Cleanup(func() { theLab.forget(t, full) })
	return full
}

// newBackend is a backend that is closed with its test, which then has to have
// left nothing at the engine.
func newBackend(t testing.TB, root string, change ...func(*Options)) *Backend {
	t.Helper()
	l := engineOf(t)
	o := Options{
		Root: root, NoPull: true, Logger: slog.New(slog.DiscardHandler),
		Stager: stage.New(stage.Options{AllowPrivate: true, Tries: 1}),
	}
	for _, c := range change {
		c(&o)
	}
	b, err := New(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() {
		b.Close()
		o.Stager.Close()
		if left := l.left(t, b); len(left) > 0 && !t.Failed() {
			t.Errorf("left at the engine: %v", left)
		}
	})
	return b
}

// left lists everything at the engine that bears a backend's label.
func (l *lab) left(t testing.TB, b *Backend) (names []string) {
	t.Helper()
	ctx := context.Background()
	containers, err := l.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: b.own()})
	require.NoError(t, err)
	for _, c := range containers.Items {
		names = append(names, fmt.Sprint("container ", c.Names, c.State))
	}
	volumes, err := l.VolumeList(ctx, client.VolumeListOptions{Filters: b.own()})
	require.NoError(t, err)
	for _, v := range volumes.Items {
		names = append(names, "volume "+v.Name)
	}
	networks, err := l.NetworkList(ctx, client.NetworkListOptions{Filters: b.own()})
	require.NoError(t, err)
	for _, n := range networks.Items {
		names = append(names, "network "+n.Name)
	}
	return names
}

// executable is a docker-container, with members besides the image and command.
func executable(image string, more map[string]any, command ...string) jsontext.Value {
	all := map[string]any{"kind": Kind, "image": map[string]any{"locations": []string{image}}, "command": command}
	for name, value := range more {
		all[name] = value
	}
	value, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return value
}

// does is a despatch of the test program.
func does(steps ...string) *despatch.Despatch {
	return executortest.Despatch("a", executable(theImage(), nil, steps...))
}

// with adds volumes to a despatch.
func with(d *despatch.Despatch, volumes ...despatch.Volume) *despatch.Despatch {
	d.Sequence[0].Run.Volumes = volumes
	return d
}
