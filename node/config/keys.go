package config

import "time"

// Config is a node's configuration. The comments of the fields, here and below,
// are what `starling config` prints. Tags: key is the name in the file; min and
// max are bounds, both included; oneof lists what is allowed; example stands in
// the reference where there is no fixed default.
type Config struct {
	// The node's name, unique in its federation: a DNS label (lower-case
	// letters, digits, hyphens). Every UUID that the node hands out carries it,
	// so that it should never change. Default: the first label of the host's
	// name, or "dev" with --dev.
	Name string `key:"name" example:"uksrc"`

	// Where to listen, HOST:PORT. With --dev only a loopback address will do.
	HTTP string `key:"http"`

	// The URL at which clients reach this node; all URLs in answers begin with
	// it. Default: http:// or, with tls.certificate, https:// and the address
	// above. A wildcard address (0.0.0.0, [::] or no host) needs it set.
	URL string `key:"url" example:"https://broker.example.org"`

	// TLS towards clients. Without --dev it is needed, here or in a proxy.
	TLS TLS `key:"tls"`

	// The directory in which the node keeps everything that must survive.
	Data string `key:"data"`

	// A whole broker for trying things out: listens on loopback only, and takes
	// a request without a token for user "dev", who has every role.
	Dev bool `key:"dev"`

	// The built-in executors: process runs programs of this machine, docker
	// containers of its Docker engine, simulator nothing, and says so. Default:
	// none, or with --dev process and simulator.
	Executors []string `key:"executors" oneof:"process docker simulator" example:"[process]"`

	// What the built-in executors share.
	Capacity Capacity `key:"capacity"`

	// The log, written to standard error.
	Log Log `key:"log"`

	// Where spans go, for OpenTelemetry.
	Tracing Tracing `key:"tracing"`

	// How much a client may send or ask for at once.
	Limits Limits `key:"limits"`

	// How requests are answered.
	Offers Offers `key:"offers"`

	// How the best place for a session is found.
	Placement Placement `key:"placement"`

	// What becomes of sessions.
	Sessions Sessions `key:"sessions"`

	// The files that executors of other machines send to this node.
	Uploads Uploads `key:"uploads"`

	// The built-in executors.
	Executor Executor `key:"executor"`

	// How users reach what runs in their sessions: notebooks and the like.
	Connect Connect `key:"connect"`

	// Where this node connects to because others say so.
	Outbound Outbound `key:"outbound"`

	// The storage elements of this site, by which it knows which data are here:
	// [{name: JPSRC_STORM, bandwidth: 2 GB/s}].
	StorageElements []StorageElement `key:"storageElements"`

	// How fast data come to this site from elsewhere, until it has seen for itself:
	// [{from: SPSRC_STORM, bandwidth: 200 MB/s}]. Every staging that really happens
	// corrects it; a number that is changed here is believed anew.
	Bandwidths []Link `key:"bandwidths"`

	// How long data take of whose source or size nothing is known.
	Transfers Transfers `key:"transfers"`

	// What is said of this site in offers.
	Site Site `key:"site"`

	// What using this site costs.
	Tariff Tariff `key:"tariff"`

	// What this site runs, and for whom.
	Policy Policy `key:"policy"`

	// How this node belongs to a federation. Without gossip and raft it is alone.
	Federation Federation `key:"federation"`

	// Whose word the node takes for who somebody is, and what that lets them do.
	Auth Auth `key:"auth"`

	// Storage whose data are read with tokens of the users. Their executors hold
	// such a token while they fetch data: where programs of users run beside them,
	// have bubblewrap (executor.process.bubblewrap: always) or containers.
	DataTokens []DataToken `key:"dataTokens"`

	// Proxies in front of this node, as addresses or networks (10.0.0.0/8).
	// Only from them do X-Forwarded-Host, -Proto and -For count.
	Proxies []string `key:"proxies"`
}

// Capacity is an amount of each resource that is booked.
type Capacity struct {
	// Cores; 0 means as many as the machine has.
	Cores int64 `key:"cores" min:"0" max:"1000000"`
	// Memory in GiB; 0 means three quarters of the machine's.
	Memory int64 `key:"memory" min:"0" max:"100000000"`
	// Storage in GiB; 0 means nine tenths of what is free where the data lie.
	Storage int64 `key:"storage" min:"0" max:"1000000000"`
	// GPUs; they are never counted by themselves.
	GPUs int64 `key:"gpus" min:"0" max:"1000000"`
}

// Log is how the node logs.
type Log struct {
	// The least level that is written.
	Level string `key:"level" oneof:"debug info warn error"`
	// Lines for people (text) or for programs (json).
	Format string `key:"format" oneof:"text json"`
}

// Limits bound what a client may send or ask for.
type Limits struct {
	// The size of a request's body.
	Body Size `key:"body" min:"1KiB" max:"64MiB"`
	// Entries of all lists and maps of a body together.
	List int `key:"list" min:"10" max:"1000000"`
	// How deep the values of a body may nest.
	Depth int `key:"depth" min:"8" max:"200"`
	// Entries on one page of an answered list.
	Page int `key:"page" min:"1" max:"10000"`
	// Connections of clients that are open at a time; 0 is no bound.
	Sockets int `key:"sockets" min:"0" max:"10000000"`
	// Those of one address (of IPv6, one /64) that isn't a proxy of this node's; 0
	// is no bound.
	SocketsPerAddress int `key:"socketsPerAddress" min:"0" max:"10000000"`
	// How often requests may come. With --dev as often as they like, and of as many
	// connections.
	Rates Rates `key:"rates"`
}

// Offers is how requests are answered.
type Offers struct {
	// How long an offer can be accepted, while its resources are held.
	HoldTime time.Duration `key:"holdTime" min:"1s" max:"24h"`
	// The most offers in one answer.
	PerRequest int `key:"perRequest" min:"1" max:"64"`
	// The most answers with open offers that one user may have.
	HoldGroupsPerUser int `key:"holdGroupsPerUser" min:"1" max:"100000"`
	// The share of the capacity that open offers may hold at any instant. A
	// first offer is made even where it is more.
	HoldShare float64 `key:"holdShare" min:"0.01" max:"1"`
	// How far ahead a session may be offered to start.
	Horizon time.Duration `key:"horizon" min:"1m" max:"43800h"`
	// How long a session is booked for where the request doesn't say.
	DefaultDuration time.Duration `key:"defaultDuration" min:"1s" max:"8760h"`
	// The longest session.
	MaxDuration time.Duration `key:"maxDuration" min:"1s" max:"43800h"`
	// How long storage may be kept after the end of its session.
	MaxStorageLifetime time.Duration `key:"maxStorageLifetime" min:"0s" max:"87600h"`
	// How much storage may be kept after the ends of its sessions, all of it
	// together, in GiB; 0 means as much as there is (capacity.storage).
	MaxStorageKept int64 `key:"maxStorageKept" min:"0" max:"1000000000"`
}

// Sessions is what becomes of sessions.
type Sessions struct {
	// How long an executor may keep silent before its work is taken for lost.
	Lease time.Duration `key:"lease" min:"1s" max:"24h"`
	// The shortest lease that an executor gets that asks for one of its own.
	LeaseMin time.Duration `key:"leaseMin" min:"1s" max:"24h"`
	// The longest.
	LeaseMax time.Duration `key:"leaseMax" min:"1s" max:"24h"`
	// How often a session is tried before it has failed.
	Attempts int `key:"attempts" min:"1" max:"100"`
	// How long a session that is due waits for an executor that isn't heard of:
	// then another executor of the node takes it over, or it has failed.
	Lapse time.Duration `key:"lapse" min:"2m" max:"8760h"`
	// How long offers that came to nothing can still be looked up.
	OfferRetention time.Duration `key:"offerRetention" min:"0s" max:"87600h"`
}

// Uploads is how much is kept of what executors of other machines send.
type Uploads struct {
	// The room for all of them. What doesn't fit is refused until some are gone.
	Space Size `key:"space" min:"0" max:"1PiB"`
	// How long the files of a session are kept after the last has come.
	Retention time.Duration `key:"retention" min:"1m" max:"87600h"`
}

// Executor is how the built-in executors work.
type Executor struct {
	// The executor of kind urn:starling:executable:process-1.0.
	Process Process `key:"process"`
	// The executor of containers.
	Docker Docker `key:"docker"`
	// Fetching the data that sessions read.
	Staging Staging `key:"staging"`
}

// Connect is how users reach what runs in their sessions.
type Connect struct {
	// Where pages of sessions are shown: the base of URLs at a host of its own,
	// under which this node is reached as well (a proxy must pass the Host on).
	// Such pages come from anybody's container, and a browser lets a page do
	// whatever its origin may. A * stands for the session's UUID, which keeps
	// sessions from each other, too. Default: none, and pages are shown at the
	// node's URL in a sandbox, in which most notebooks don't work; with --dev
	// localhost instead of 127.0.0.1, or the other way round.
	URL string `key:"url" example:"https://*.pages.example.org"`
	// Whether pages of sessions may be shown at the node's own URL without a
	// sandbox. For sites that know every container that runs.
	TrustPages bool `key:"trustPages"`
	// Networks in which executors that aren't built in may have connectors,
	// with or without a port (172.18.0.0/16, 127.0.0.1:8888, [fd00::]/64:8888):
	// the node leads users' browsers there. Default: none; with --dev the
	// machine's own and private ones.
	Networks []string `key:"networks" example:"[10.7.0.0/16]"`
}

// Process is how the process executor works.
type Process struct {
	// Whether programs are shut in with bubblewrap (bwrap): auto does so where
	// it is installed and works.
	Bubblewrap string `key:"bubblewrap" oneof:"auto always never"`
	// How long output files are kept after the end of their session.
	OutputRetention time.Duration `key:"outputRetention" min:"1m" max:"87600h"`
	// Whether programs may use the network; only bubblewrap can forbid it.
	Network bool `key:"network"`
}

// Docker is how the Docker executor works.
type Docker struct {
	// Where the engine listens. Default: DOCKER_HOST, or else its usual socket.
	// It must be on the node's own machine.
	Host string `key:"host" example:"unix:///run/user/1000/docker.sock"`
	// Whether images are pulled that the engine doesn't have.
	Pull bool `key:"pull"`
	// The registries from which they are pulled. Users choose what is pulled, and
	// so what the engine connects to. Default: all.
	Registries []string `key:"registries" example:"[docker.io, ghcr.io]"`
	// Whom containers can reach: open, whatever the machine can, but for other
	// containers; internal, nobody, though users reach their ports; none, nobody,
	// and nobody reaches them.
	Network string `key:"network" oneof:"open internal none"`
	// Whether users reach the ports of containers, through the node. An executor
	// in a process of its own (starling executor) wants --connectors for it, and
	// the node its network among connect.networks.
	Connectors bool `key:"connectors"`
	// How many processes and threads a container may have.
	Processes int `key:"processes" min:"16" max:"4194304"`
	// How long output files are kept after the end of their session.
	OutputRetention time.Duration `key:"outputRetention" min:"1m" max:"87600h"`
}

// Staging is how data are fetched.
type Staging struct {
	// The largest file that is fetched.
	MaxBytes Size `key:"maxBytes" min:"1KiB" max:"1PiB"`
	// How long fetching one file may take, retries included.
	Timeout time.Duration `key:"timeout" min:"1s" max:"720h"`
	// Whether data may be fetched from loopback and private addresses. Users
	// choose the URLs, so that this opens the site's inner network to them;
	// outbound.allow opens parts of it. Default: only with --dev.
	AllowPrivate bool `key:"allowPrivate"`
}
