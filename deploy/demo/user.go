package main

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

	"starling/deploy/launch"
)

// user is somebody at a terminal, who types at whichever site he is.
type user struct {
	binary string // its absolute path
	dir    string // where he works
}

// types shows a command, runs it at a site, and returns what it has printed.
func (u user) types(ctx context.Context, at *launch.Member, arguments ...string) (string, error) {
	shown := shown(arguments)
	fmt.Printf("\n%s$ starling %s\n", at.Name, shown)
	command := exec.CommandContext(ctx, u.binary, arguments...)
	command.Env, command.Dir = append(os.Environ(), "STARLING_NODE="+at.URL), u.dir
	var printed bytes.Buffer
	both := io.MultiWriter(&paper{to: os.Stdout}, &printed) // one, so that what comes first is shown first
	command.Stdout, command.Stderr = both, both
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("starling %s at %s: %w", shown, at.Name, err)
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

// asks asks a site for offers, and returns the best one's UUID.
func (u user) asks(ctx context.Context, at *launch.Member, arguments ...string) (string, error) {
	printed, err := u.types(ctx, at, append([]string{"offers"}, arguments...)...)
	if err != nil {
		return "", err
	}
	best := uuid.FindString(printed)
	if best == "" {
		return "", errors.New("there is no offer's UUID in what `starling offers` prints")
	}
	return best, nil
}
