package main

import (
	"github.com/spf13/cobra"

	"starling/cmd/starling/site"
)

// serveKeys are the flags of `starling serve` that set one configuration key.
// Their help says what the reference says at length.
var serveKeys = map[string]string{
	"dev": "dev", "name": "name", "http": "http", "url": "url", "data": "data", "executors": "executors",
	"log-level": "log.level", "log-format": "log.format",
	"gossip": "federation.gossip", "gossip-advertise": "federation.gossipAdvertise",
	"raft": "federation.raft", "raft-advertise": "federation.raftAdvertise",
	"bootstrap": "federation.bootstrap", "join": "federation.join",
}

func newServe(a *app) *cobra.Command {
	var file, capacity string
	var set []string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a node",
		Long: `Run a node until Ctrl-C. Everything can be set in a file (--config), in the
environment (STARLING_…) and by flags, of which the latter override the former;
` + "`starling config` prints all keys." + `

Without --dev it wants to know whose tokens it believes (auth.issuers), TLS towards
clients (tls.certificate and tls.key, or tls.proxied), and in a federation its
certificates and gossip keys; it starts with all of them or not at all. It reads keys
and certificates again when their files change, and on SIGHUP.`,
		Example: `  starling serve --dev
  starling serve --config /etc/starling.yaml --set offers.holdTime=120s

A federation of two on this machine:

  starling serve --dev --name a --data a --http 127.0.0.1:7733 \
    --gossip 127.0.0.1:7734 --raft 127.0.0.1:7735 --bootstrap
  starling serve --dev --name b --data b --http 127.0.0.1:7743 \
    --gossip 127.0.0.1:7744 --raft 127.0.0.1:7745 --join 127.0.0.1:7734`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.loadConfig(cmd.Flags(), settings{keys: serveKeys, file: file, capacity: capacity, set: set, serve: true})
			if err != nil {
				return err
			}
			return site.Run(cmd.Context(), site.Options{Config: c, Version: version(), Log: newLogger(a.err, c.Log)})
		},
	}
	f := cmd.Flags()
	f.StringVar(&file, "config", "", "configuration file (STARLING_CONFIG)")
	f.Bool("dev", false, "a whole broker for trying out: loopback only, no token needed")
	f.String("name", "", "the node's name, a DNS label")
	f.String("http", "", "address to listen on, HOST:PORT (default 127.0.0.1:7733)")
	f.String("url", "", "URL at which clients reach the node")
	f.String("data", "", "directory for all that must survive (default ./starling-data)")
	f.String("executors", "", `built-in executors: process,docker,simulator; "" for none`)
	f.StringVar(&capacity, "capacity", "", "what they share: cores=8,memory=16,storage=100,gpus=0 (GiB)")
	f.String("log-level", "", "debug, info, warn or error")
	f.String("log-format", "", "text or json")
	f.String("gossip", "", "address for gossip with other nodes, HOST:PORT; none: this node is alone")
	f.String("gossip-advertise", "", "where others reach that, if elsewhere")
	f.String("raft", "", "address for the log and requests of other nodes, HOST:PORT")
	f.String("raft-advertise", "", "where others reach that, if elsewhere")
	f.Bool("bootstrap", false, "begin a new federation; ignored by a node that belongs to one")
	f.String("join", "", "gossip addresses of nodes to join, separated by commas; needed once")
	f.StringArrayVar(&set, "set", nil, "KEY=VALUE for any configuration key")
	_ = cmd.MarkFlagFilename("config", "yaml", "yml")
	_ = cmd.MarkFlagDirname("data")
	return cmd
}
