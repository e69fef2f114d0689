package config

import (
	"os"
	"path/filepath"
	"testing"
)

// Whatever a file holds, reading it ends with a configuration or an error.
func FuzzFile(f *testing.F) {
	for _, seed := range []string{
		"", Reference(), "---\n", "%YAML 1.1\n---\n...\n", "? [a]\n: b\n", "<<: {name: a}\n", "a: &a [*a]\n", "name: !!binary aGk=\n",
		"tariff: {rates: {a: &x {price: 1}, b: *x}, daily: [~, {}]}\n", "proxies: [[a], {b: c}, ~]\n", "offers: !!str\n", "\xff\xfe", "'", "- \n",
	} {
		f.Add([]byte(seed))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, body []byte) {
		path := filepath.Join(dir, "node.yaml")
		if err := os.WriteFile(path, body, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _ = Load(Sources{File: path, Host: "h"})
	})
}
