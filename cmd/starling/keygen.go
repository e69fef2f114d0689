package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"starling/cmd/starling/internal/table"
	"starling/federation/certificate"
	"starling/federation/identity"
)

// newKeygen returns the commands that make what the nodes of a federation know
// each other by. They never overwrite anything.
func newKeygen(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keygen",
		Short: "Make the CA, certificates and gossip keys of a federation",
		Long: `Make what the nodes of a federation know each other by. One CA, made once and kept
away from the nodes, vouches for each node; all nodes share the keys of gossip.
Nodes on one machine with --dev need neither. Nothing is ever overwritten.`,
		Example: `  starling keygen ca --name srcnet --out ca      once, where it is safe
  starling keygen node jodrell --ca ca           for each node
  starling keygen gossip                         once, for all of them`,
	}
	cmd.AddCommand(newKeygenCA(a), newKeygenNode(a), newKeygenGossip(a))
	return cmd
}

// The names of a CA's files in its directory.
const (
	caFile    = "ca.pem"
	caKeyFile = "ca.key"
)

const perDay = 24 * time.Hour

func newKeygenCA(a *app) *cobra.Command {
	var out, name string
	var days int
	cmd := &cobra.Command{
		Use:   "ca",
		Short: "Make a federation's CA, which vouches for its nodes",
		Long: `Make a federation's CA: a certificate, which every node gets, and the key, which no
node needs. Whoever has the key can make nodes: keep it where no node runs.`,
		Example: `  starling keygen ca --name srcnet --out ca`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := checkDays(days); err != nil {
				return err
			}
			authority, err := certificate.NewAuthority(name, a.now(), time.Duration(days)*perDay)
			if err != nil {
				return usage("--name: %v", err)
			}
			pair, err := authority.Pair()
			if err != nil {
				return err
			}
			return a.writeKeys(out, authority.Expires(),
				keyFile{Path: caFile, content: pair.Certificate, Key: "federation.ca", Holds: "the CA's certificate, for every node"},
				keyFile{Path: caKeyFile, content: pair.Key, Secret: true, Holds: "the CA's key, for no node: `starling keygen node` needs it"})
		},
	}
	f := cmd.Flags()
	f.StringVar(&out, "out", ".", "directory to write to; it is made if it isn't there")
	f.StringVar(&name, "name", "starling", "the federation's name, for people")
	f.IntVar(&days, "days", 3650, "for how long it is good")
	_ = cmd.MarkFlagDirname("out")
	return cmd
}

func newKeygenNode(a *app) *cobra.Command {
	var ca, out string
	var days int
	cmd := &cobra.Command{
		Use:   "node NAME",
		Short: "Make the certificate of a node, with the CA's key",
		Long: `Make the certificate and the key by which other nodes know the node so named. Before
it ends, make another in another directory, and put both in place of the old ones:
the node reads them again, without a restart.`,
		Example: `  starling keygen node jodrell --ca ca --out jodrell --days 365`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("a certificate for which node? Its name is wanted")
			}
			name := args[0]
			if err := identity.NodeName(name).Validate(); err != nil {
				return usage("%v", err)
			}
			if err := checkDays(days); err != nil {
				return err
			}
			authority, err := certificate.LoadAuthority(filepath.Join(ca, caFile), filepath.Join(ca, caKeyFile))
			if err != nil {
				return fmt.Errorf("%w\n--ca is the directory that `starling keygen ca` wrote to", err)
			}
			expires := a.now().Add(time.Duration(days) * perDay)
			pair, err := authority.Issue(name, a.now(), time.Duration(days)*perDay)
			if err != nil {
				return err
			}
			return a.writeKeys(out, expires,
				keyFile{Path: name + ".pem", content: pair.Certificate, Key: "federation.certificate", Holds: "the certificate of " + name},
				keyFile{Path: name + ".key", content: pair.Key, Key: "federation.key", Secret: true, Holds: "the key of " + name + ", for no other machine"})
		},
	}
	f := cmd.Flags()
	f.StringVar(&ca, "ca", ".", "directory of the CA, with its key")
	f.StringVar(&out, "out", ".", "directory to write to; it is made if it isn't there")
	f.IntVar(&days, "days", 365, "for how long it is good")
	_ = cmd.MarkFlagDirname("ca")
	_ = cmd.MarkFlagDirname("out")
	return cmd
}

func newKeygenGossip(a *app) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "gossip",
		Short: "Make a key with which all nodes encrypt their gossip",
		Long: `Make a file with a key for gossip, the same for all nodes of a federation. It tells
members from strangers; who is who, certificates tell.`,
		Example: `  starling keygen gossip --out gossip.keys`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return a.writeKeys(filepath.Dir(out), time.Time{},
				keyFile{Path: filepath.Base(out), content: certificate.NewGossipKeys(), Key: "federation.gossipKeys", Secret: true, Holds: "the key of gossip, for every node"})
		},
	}
	cmd.Flags().StringVar(&out, "out", "gossip.keys", "file to write")
	_ = cmd.MarkFlagFilename("out")
	return cmd
}

// checkDays wants a lifetime that isn't a slip: at most thirty years.
func checkDays(days int) error {
	if days < 1 || days > 10957 {
		return usage("--days: want 1 to 10957, not %d", days)
	}
	return nil
}

// keyFile is one that was made, and what is said of it.
type keyFile struct {
	Path    string `json:"path"`
	Holds   string `json:"holds"`
	Key     string `json:"key,omitempty"` // of the configuration
	Secret  bool   `json:"secret"`
	content []byte
}

// writeKeys writes new files into a directory, all or none, and says what they
// are for. Secrets get into the files and nowhere else.
func (a *app) writeKeys(dir string, expires time.Time, files ...keyFile) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	var write []certificate.File
	for i := range files {
		files[i].Path = filepath.Join(dir, files[i].Path)
		write = append(write, certificate.File{Path: files[i].Path, Content: files[i].content, Secret: files[i].Secret})
	}
	if err := certificate.WriteNew(write...); err != nil {
		return err
	}
	if a.forPrograms() {
		document := map[string]any{"files": files}
		if !expires.IsZero() {
			document["expires"] = expires.UTC().Format(time.RFC3339)
		}
		return a.writeDocument(document)
	}
	t := table.New(table.Column{Name: "file"}, table.Column{Name: "configuration", Optional: true}, table.Column{Name: "mode"})
	for _, file := range files {
		mode, holds := "0644", file.Holds
		if file.Secret {
			mode, holds = "0600", holds+"; secret"
		}
		t.Add(file.Path, file.Key, mode)
		t.Below(holds)
	}
	if err := t.Write(a.out, a.outWidth); err != nil {
		return err
	}
	if !expires.IsZero() {
		say(a.err, "good until %s", expires.Format(time.DateOnly))
	}
	return nil
}
