package launch

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/moby/moby/client"

	"starling/deploy/cluster"
)

// Images are what the containers of a site are made of.
type Images struct {
	Node, Executor string
}

// BuildStatic builds a program of this repository as images want it: static, for any
// Linux of this machine's architecture.
func BuildStatic(ctx context.Context, pkg, to string) error {
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", to, pkg)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w:\n%s", pkg, err, said)
	}
	return nil
}

// BuildImages makes the images of a static starling binary. Their names are nobody
// else's, whoever builds the same at the same time: who has made them removes them.
func BuildImages(ctx context.Context, program string) (Images, error) {
	binary, err := os.ReadFile(program)
	if err != nil {
		return Images{}, err
	}
	base, err := executorBase()
	if err != nil {
		return Images{}, err
	}
	engine, err := openEngine(ctx)
	if err != nil {
		return Images{}, err
	}
	defer engine.Close()
	var images Images
	for _, image := range []struct {
		name       *string
		repository string
		dockerfile string
		files      map[string][]byte
	}{
		{&images.Node, "starling", "Dockerfile", map[string][]byte{"starling": binary}},
		{&images.Executor, "starling-executor", "executor.Dockerfile", map[string][]byte{"starling": binary, "base.tar": base}},
	} {
		text, err := cluster.Files.ReadFile(image.dockerfile)
		if err != nil {
			return Images{}, err
		}
		image.files["Dockerfile"] = text
		if *image.name, err = BuildImage(ctx, engine, image.repository, image.files); err != nil {
			return Images{}, err
		}
	}
	return images, nil
}

// Remove removes the images, of which there must be no containers any more.
func (i Images) Remove(ctx context.Context) error {
	engine, err := openEngine(ctx)
	if err != nil {
		return err
	}
	defer engine.Close()
	var errs []error
	for _, name := range []string{i.Node, i.Executor} {
		if _, err := engine.ImageRemove(ctx, name, client.ImageRemoveOptions{PruneChildren: true}); err != nil {
			errs = append(errs, fmt.Errorf("remove image %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// BuildImage builds an image of files, the Dockerfile among them. Its name tells what is
// in it and is nobody else's.
func BuildImage(ctx context.Context, engine *client.Client, repository string, files map[string][]byte) (string, error) {
	packed, err := pack(files)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(packed)
	name := fmt.Sprintf("%s:%x-%s", repository, sum[:6], randomName())
	answer, err := engine.ImageBuild(ctx, bytes.NewReader(packed), client.ImageBuildOptions{Tags: []string{name}, Remove: true, ForceRemove: true})
	if err != nil {
		return "", fmt.Errorf("build image %s: %w", name, err)
	}
	defer answer.Body.Close()
	for said := json.NewDecoder(answer.Body); ; {
		var line struct{ Error string }
		err := said.Decode(&line)
		if errors.Is(err, io.EOF) {
			return name, nil
		}
		if err != nil || line.Error != "" {
			return "", fmt.Errorf("build image %s: %w", name, errors.Join(err, errors.New(line.Error)))
		}
	}
}

// pack makes an archive of files, the same of the same.
func pack(files map[string][]byte) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(files[name])), ModTime: time.Unix(0, 0)}); err != nil {
			return nil, err
		}
		if _, err := w.Write(files[name]); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), w.Close()
}

// busybox is where Debian's busybox-static puts it.
const busybox = "/bin/busybox"

// static reports whether a program needs nothing but the kernel.
func static(binary []byte) bool {
	file, err := elf.NewFile(bytes.NewReader(binary))
	return err == nil && !slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
}

// executorBase is the file system on which sessions' programs run: busybox under all of
// its names, and places to write.
func executorBase() ([]byte, error) {
	binary, err := os.ReadFile(busybox)
	if err != nil {
		return nil, fmt.Errorf("the executors' image is made of busybox: apt-get install busybox-static: %w", err)
	}
	if !static(binary) {
		return nil, fmt.Errorf("%s needs libraries that a container doesn't have: apt-get install busybox-static", busybox)
	}
	names, err := exec.Command(busybox, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("ask %s for its names: %w", busybox, err)
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	var errs []error
	put := func(h *tar.Header, content []byte) {
		h.Size, h.ModTime = int64(len(content)), time.Unix(0, 0)
		errs = append(errs, w.WriteHeader(h))
		_, err := w.Write(content)
		errs = append(errs, err)
	}
	for _, dir := range []string{"bin/", "etc/", "tmp/", "usr/", "var/", "var/lib/"} {
		mode := int64(0o755)
		if dir == "tmp/" {
			mode = 0o1777
		}
		put(&tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: mode}, nil)
	}
	put(&tar.Header{Typeflag: tar.TypeReg, Name: "bin/busybox", Mode: 0o755}, binary)
	put(&tar.Header{Typeflag: tar.TypeSymlink, Name: "usr/bin", Linkname: "/bin", Mode: 0o777}, nil)
	for _, name := range bytes.Fields(names) {
		if base := filepath.Base(string(name)); base != "busybox" {
			put(&tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + base, Linkname: "busybox", Mode: 0o777}, nil)
		}
	}
	put(&tar.Header{Typeflag: tar.TypeReg, Name: "etc/passwd", Mode: 0o644}, []byte("nobody:x:65532:65532::/tmp:/bin/sh\n"))
	errs = append(errs, w.Close())
	return out.Bytes(), errors.Join(errs...)
}
