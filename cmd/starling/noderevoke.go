package main

import (
	"strings"

	"github.com/spf13/cobra"

	"starling/cmd/starling/internal/table"
	"starling/cmd/starling/internal/words"
	"starling/federation/certificate"
	"starling/node/cluster"
)

func newRevokeNode(a *app) *cobra.Command {
	var order cluster.Revocation
	var file string
	cmd := &cobra.Command{
		Use:   "revoke NODE",
		Short: "Revoke a node's certificate: nobody speaks to it any more",
		Long: `Revoke the certificate of a node, because its key may be in other hands. It goes on
the record, and every node that has it there refuses the certificate and ends its
connections at once; a node that is cut off does so when it is back. The node is
taken out of the log, if the others have a majority without it.

Without --certificate or --fingerprint all certificates are meant that the node has
shown to the one that is asked. A revocation is never taken back: with another
certificate (starling keygen node) the node is welcome. It has the key of gossip
still, which is to be exchanged then (starling nodes keys --help).`,
		Example: `  starling nodes revoke jodrell --reason "the machine was stolen"
  starling nodes revoke jodrell --certificate jodrell.pem`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			order.Node = args[0]
			if file != "" {
				fingerprint, node, err := certificate.FingerprintOf(file)
				if err != nil {
					return usage("--certificate: %v", err)
				}
				if node != order.Node {
					return usage("--certificate: %s is of %s, not of %s", file, node, order.Node)
				}
				order.Fingerprint = fingerprint
			}
			order.Fingerprint = strings.ToLower(strings.ReplaceAll(order.Fingerprint, ":", "")) // as openssl prints it
			c, err := a.connect()
			if err != nil {
				return err
			}
			out, err := c.Revoke(cmd.Context(), order)
			if err != nil {
				return err
			}
			if a.forPrograms() {
				return a.writeDocument(out)
			}
			for _, r := range out.Revocations {
				say(a.out, "%s of %s is revoked", words.Clean(string(r.Fingerprint)), words.Clean(string(r.Node)))
			}
			if out.Removed {
				say(a.out, "%s is out of the log", words.Clean(order.Node))
			}
			for _, m := range out.Messages {
				say(a.err, "%s", words.Clean(m))
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&file, "certificate", "", "the certificate's PEM file")
	f.StringVar(&order.Fingerprint, "fingerprint", "", "the certificate's SHA-256, as openssl x509 -fingerprint -sha256 prints it")
	f.StringVar(&order.Reason, "reason", "", "why, for people")
	cmd.MarkFlagsMutuallyExclusive("certificate", "fingerprint")
	_ = cmd.MarkFlagFilename("certificate", "pem", "crt")
	return cmd
}

func newRevokedNodes(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "revoked",
		Short: "List the certificates of nodes that were revoked",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			list, err := c.Revocations(cmd.Context())
			if err != nil {
				return err
			}
			if a.forPrograms() {
				return a.writeDocument(list)
			}
			t := table.New(table.Column{Name: "node"}, table.Column{Name: "revoked"}, table.Column{Name: "by"}, table.Column{Name: "reason", Flexible: true})
			for _, r := range list.Revocations {
				t.Add(string(r.Node), words.Instant(r.Time.Time(), a.now()), string(r.By), r.Reason)
				t.Below(string(r.Fingerprint))
			}
			return a.writeTable(t, "no certificate was revoked")
		},
	}
}
