package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Save fetches a file of a session into a directory, under its own name, and
// returns its path. A name that leads out of the directory, by itself or by a
// symbolic link, is refused. The file appears there once it is whole and its
// checksum right; an older one of that name is replaced then.
func (c *Client) Save(ctx context.Context, id string, f File, dir string) (string, error) {
	name := filepath.FromSlash(f.Name)
	if !filepath.IsLocal(name) {
		return "", fmt.Errorf("the node names a file %q, which would lie outside of %s; it is not fetched", f.Name, dir)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", fmt.Errorf("save %s: %w", f.Name, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", fmt.Errorf("save %s: %w", f.Name, err)
	}
	defer root.Close()
	if err := root.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return "", fmt.Errorf("save %s: %w", f.Name, err)
	}
	if err := c.saveWithin(ctx, root, id, f, name); err != nil {
		return "", fmt.Errorf("save %s: %w", f.Name, err)
	}
	return filepath.Join(dir, name), nil
}

func (c *Client) saveWithin(ctx context.Context, root *os.Root, id string, f File, name string) error {
	body, err := c.OpenFile(ctx, id, f.Name)
	if err != nil {
		return err
	}
	defer body.Close()
	partial := name + ".part"
	file, err := root.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return err
	}
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(file, sum), body)
	if err = errors.Join(err, file.Close()); err == nil {
		err = compareSums(f.SHA256, hex.EncodeToString(sum.Sum(nil)))
	}
	if err != nil {
		return errors.Join(err, root.Remove(partial))
	}
	return root.Rename(partial, name)
}

func compareSums(want, got string) error {
	if want == "" || strings.EqualFold(want, got) {
		return nil
	}
	return fmt.Errorf("its SHA-256 is %s, the node says %s: what came is not what was written", got, want)
}
