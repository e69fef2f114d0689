// Package terminal is somebody who types commands, for demonstrations: each command is
// shown before it runs, and what it prints as a terminal of 80 columns shows it.
package terminal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// User is somebody at a terminal, who types at whichever site he is.
type User struct {
	Binary string   // its absolute path
	Dir    string   // where he works
	Env    []string // beside what we have ourselves
}

// Site is where he types.
type Site struct {
	Name, URL string
}

// Types shows a command, runs it at a site, and returns what it has printed.
func (u User) Types(ctx context.Context, at Site, arguments ...string) (string, error) {
	shown := shown(arguments)
	fmt.Printf("\n%s$ starling %s\n", at.Name, shown)
	command := exec.CommandContext(ctx, u.Binary, arguments...)
	command.Env, command.Dir = append(append(os.Environ(), u.Env...), "STARLING_NODE="+at.URL), u.Dir
	var printed bytes.Buffer
	both := io.MultiWriter(&paper{to: os.Stdout}, &printed) // one, so that what comes first is shown first
	command.Stdout, command.Stderr = both, both
	if err := command.Run(); err != nil {
		return printed.String(), fmt.Errorf("starling %s at %s: %w", shown, at.Name, err)
	}
	return printed.String(), nil
}

// shown is a command line as somebody would type it.
func shown(arguments []string) string {
	words := slices.Clone(arguments)
	for i, a := range arguments {
		if strings.ContainsAny(a, " ;'") {
			words[i] = "'" + a + "'"
		}
	}
	return strings.Join(words, " ")
}

var uuid = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// Asks asks a site for offers, and returns the best one's UUID.
func (u User) Asks(ctx context.Context, at Site, arguments ...string) (string, error) {
	printed, err := u.Types(ctx, at, append([]string{"offers"}, arguments...)...)
	if err != nil {
		return "", err
	}
	best := uuid.FindString(printed)
	if best == "" {
		return "", errors.New("there is no offer's UUID in what `starling offers` prints")
	}
	return best, nil
}
