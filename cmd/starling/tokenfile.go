package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// findToken returns the token to send: of the flag, of the environment, or of
// the user's file; "" where there is none, which a development node takes.
func (a *app) findToken() (string, error) {
	if token := firstOf(a.token, a.getenv("STARLING_TOKEN")); token != "" {
		return token, nil
	}
	path, err := a.tokenPath()
	if err != nil {
		return "", nil // there is no home, so there is no file
	}
	token, err := readToken(path)
	if errors.Is(err, fs.ErrNotExist) && a.tokenFile == "" {
		return "", nil
	}
	return token, err
}

// tokenPath is where the user keeps a token.
func (a *app) tokenPath() (string, error) {
	if a.tokenFile != "" {
		return a.tokenFile, nil
	}
	dir, err := a.configDir()
	if err != nil {
		return "", fmt.Errorf("find the token file: %w", err)
	}
	return filepath.Join(dir, "starling", "token"), nil
}

// readToken reads a token that nobody else can read.
func readToken(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("others can read the token in %s: chmod 600 %s", path, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// writeToken replaces the user's token.
func writeToken(path, token string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("save the token: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "token.*") // mode 0600
	if err != nil {
		return fmt.Errorf("save the token: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(token + "\n")
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("save the token: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("save the token: %w", err)
	}
	return nil
}
