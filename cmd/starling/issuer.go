package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	yaml "sigs.k8s.io/yaml"

	"starling/api/auth/issuer"
	"starling/cmd/starling/internal/login"
	"starling/cmd/starling/site"
	"starling/node/config"
)

// issuerFlags are what the flags of `starling issuer` say.
type issuerFlags struct {
	listen, url, data, profile, algorithm string
	certificate, key                      string
	users                                 string
	clients                               []string
	lifetime                              time.Duration
	insecure                              bool
}

// believes is said on every start: nobody is to mistake it for anything else.
const believes = "THIS ISSUER BELIEVES WHOEVER ASKS: it is for development and tests only"

func newIssuer(a *app) *cobra.Command {
	var f issuerFlags
	cmd := &cobra.Command{
		Use:   "issuer",
		Short: "Run a development issuer of tokens, which believes whoever asks",
		Long: `Run an OpenID Connect issuer until Ctrl-C: the protocol of an institute's, for
development, compose files and tests. On its page one types the name that one wants
to have, so that it listens on loopback only, unless --insecure-development is given.

Nodes take its tokens when their configuration names it (auth.issuers); users get
them with ` + "`starling login`, scripts with `starling token --issuer`" + `.`,
		Example: `  starling issuer
  starling issuer --users users.yaml --client jodrell:jodrell.secret
  starling token --user alice --groups ska/pulsars --issuer ./starling-issuer

where users.yaml lists who can log in:

  - {name: alice, groups: [ska/pulsars]}
  - {name: bob}`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.issue(cmd.Context(), f, newLogger(a.err, config.Log{Level: "info", Format: "text"}))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:7780", "address to listen on, HOST:PORT")
	flags.StringVar(&f.url, "url", "", `its name in tokens, "iss", and where it is reached (default: of --listen)`)
	flags.StringVar(&f.profile, "profile", string(issuer.ProfileWLCG), "how tokens tell groups: wlcg or iam")
	flags.StringVar(&f.algorithm, "key", "es256", "algorithm of its first key: es256, rs256 or eddsa")
	flags.StringVar(&f.certificate, "tls-cert", "", "certificate to serve with, PEM")
	flags.StringVar(&f.key, "tls-key", "", "its key")
	flags.StringVar(&f.users, "users", "", "file with those who can log in (default: whatever name is typed)")
	flags.StringArrayVar(&f.clients, "client", nil, "ID:SECRETFILE of a program that may exchange tokens, or ID of one without a secret; starling is always there")
	flags.DurationVar(&f.lifetime, "for", time.Hour, "how long its tokens are good")
	flags.BoolVar(&f.insecure, "insecure-development", false, "listen where others can reach it; they can be anybody, then")
	cmd.MarkFlagsRequiredTogether("tls-cert", "tls-key")
	_ = cmd.MarkFlagFilename("users", "yaml", "yml", "json")
	_ = cmd.MarkFlagFilename("tls-cert", "pem")
	_ = cmd.MarkFlagFilename("tls-key", "pem", "key")
	cmd.PersistentFlags().StringVar(&f.data, "data", "./starling-issuer", "directory for its keys and what it has granted")
	_ = cmd.MarkFlagDirname("data")
	cmd.AddCommand(newIssuerKeys(a, &f.data), newIssuerRotate(a, &f.data), newIssuerWithdraw(a, &f.data))
	return cmd
}

// issue runs an issuer until ctx ends.
func (a *app) issue(ctx context.Context, f issuerFlags, log *slog.Logger) (err error) {
	options, err := f.options(a.now)
	if err != nil {
		return err
	}
	options.Logger = log
	socket, err := site.Bind(ctx, f.listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("another program listens on %s; --listen chooses another address", f.listen)
	}
	if err != nil {
		return err
	}
	defer socket.Close()
	scheme := "http"
	if f.certificate != "" {
		scheme = "https"
		pair, err := tls.LoadX509KeyPair(f.certificate, f.key)
		if err != nil {
			return fmt.Errorf("--tls-cert, --tls-key: %w", err)
		}
		socket = tls.NewListener(socket, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}})
	}
	options.URL = firstOf(f.url, scheme+"://"+socket.Addr().String())
	serves, err := issuer.New(options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, serves.Close()) }()
	say(a.out, "%s\n%s\nit is %s, with its keys in %s", believes, strings.Repeat("=", len(believes)), options.URL, f.data)
	log.Warn("this issuer believes whoever asks: it is for development and tests only", "url", options.URL, "listen", socket.Addr().String())
	return serveIssuer(ctx, socket, serves)
}

// serveIssuer serves until ctx ends. What it answers is small: a client has
// seconds for it.
func serveIssuer(ctx context.Context, socket net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler: handler, MaxHeaderBytes: 16 << 10,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(socket) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), site.Drain)
	defer cancel()
	err := server.Shutdown(patience)
	<-ended
	return err
}

// options are what the flags make of an issuer, but its URL.
func (f issuerFlags) options(now func() time.Time) (issuer.Options, error) {
	var none issuer.Options
	host, _, err := net.SplitHostPort(f.listen)
	if err != nil {
		return none, usage("--listen: %q is not HOST:PORT", f.listen)
	}
	ip := net.ParseIP(host)
	switch {
	case !login.Loopback(host) && !f.insecure:
		return none, usage("--listen: others can reach %s, and this issuer believes whoever asks; listen on 127.0.0.1, or say --insecure-development", f.listen)
	case (host == "" || ip != nil && ip.IsUnspecified()) && f.url == "":
		return none, usage("--url: at which URL is an issuer reached that listens on %s?", f.listen)
	}
	algorithm, err := algorithmOf(f.algorithm)
	if err != nil {
		return none, err
	}
	clients, err := clientsOf(f.clients)
	if err != nil {
		return none, err
	}
	users, err := usersOf(f.users)
	return issuer.Options{
		Dir: f.data, Identity: issuer.Identity{Profile: issuer.Profile(f.profile)}, Algorithm: algorithm,
		Clients: clients, Users: users, Lifetime: f.lifetime, Now: now,
	}, err
}

func algorithmOf(text string) (issuer.Algorithm, error) {
	for _, algorithm := range issuer.Algorithms() {
		if strings.EqualFold(text, string(algorithm)) {
			return algorithm, nil
		}
	}
	return "", usage("--key: %q is none of es256, rs256 and eddsa", text)
}

// clientsOf reads those of the flags, beside the command line's own.
func clientsOf(flags []string) ([]issuer.Client, error) {
	list := []issuer.Client{{ID: issuer.PublicClient}}
	for _, text := range flags {
		id, file, confidential := strings.Cut(text, ":")
		client := issuer.Client{ID: id}
		if confidential {
			secret, err := issuer.ReadSecret(file)
			if err != nil {
				return nil, fmt.Errorf("--client %s: %w", id, err)
			}
			client.Secret = secret
		}
		list = append(list, client)
	}
	return list, nil
}

// maxUsersFile bounds the file of users, in bytes.
const maxUsersFile = 1 << 20

func usersOf(path string) ([]issuer.User, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--users: %w", err)
	}
	if len(text) > maxUsersFile {
		return nil, fmt.Errorf("--users: %s has more than %d bytes", path, maxUsersFile)
	}
	var users []issuer.User
	if err := yaml.UnmarshalStrict(text, &users); err != nil {
		return nil, fmt.Errorf("--users: %s is not a list of users, as - {name: alice, groups: [ska]} is one of: %w", path, err)
	}
	if len(users) == 0 {
		return nil, fmt.Errorf("--users: there is nobody in %s", path)
	}
	return users, nil
}
