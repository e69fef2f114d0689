package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"starling/cmd/starling/internal/login"
)

// A token goes to the node that it is for, and to no other:
//
//   - one of --token and --token-file, to the node of this command line;
//   - STARLING_TOKEN to the node of STARLING_NODE, if that is set;
//   - one of a login, or of `starling token --save`, to the origin (scheme, host
//     and port) of the node that it was got for;
//   - one in the file starling/token, which says of none what it is for, to the
//     node that is asked without --node.
//
// The first that there is for a node is sent.

// findToken returns where tokens for a node are from, nil where there is none,
// which a development node takes.
func (a *app) findToken(node string) (func(context.Context) (string, error), error) {
	if a.token != "" {
		return fixed(a.token), nil
	}
	if a.tokenFile != "" {
		token, err := readToken(a.tokenFile)
		return fixed(token), err
	}
	origin, err := login.Origin(node)
	if err != nil {
		return nil, err
	}
	if token := a.getenv("STARLING_TOKEN"); token != "" && (a.getenv("STARLING_NODE") == "" || a.isUsual(origin)) {
		return fixed(token), nil
	}
	logins, err := a.logins()
	if err != nil {
		return nil, nil // there is no home, so there is no file
	}
	switch _, err := logins.Find(origin); {
	case err == nil:
		issuers, err := a.issuers()
		return (&login.Tokens{Store: logins, Origin: origin, Caller: issuers}).Token, err
	case !errors.Is(err, login.ErrNone):
		return nil, err
	}
	if !a.isUsual(origin) {
		return nil, nil
	}
	token, err := readToken(filepath.Join(filepath.Dir(logins.Dir), "token"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return fixed(token), err
}

func fixed(token string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return token, nil }
}

// isUsual reports whether a node is the one that is asked without --node.
func (a *app) isUsual(origin string) bool {
	usual, err := login.Origin(firstOf(a.getenv("STARLING_NODE"), defaultNode))
	return err == nil && usual == origin
}

// logins is where the user's logins are.
func (a *app) logins() (login.Store, error) {
	dir, err := a.configDir()
	if err != nil {
		return login.Store{}, fmt.Errorf("find the directory for logins: %w", err)
	}
	return login.Store{Dir: filepath.Join(dir, "starling", "logins")}, nil
}

// readToken reads a token that nobody else can read.
func readToken(path string) (string, error) {
	text, err := login.ReadPrivate(path)
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}
