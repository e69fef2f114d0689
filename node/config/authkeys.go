package config

import "time"

// Auth is whose word the node takes, and what follows from it.
type Auth struct {
	// For whom tokens must be: their aud has to name one of these. Default: the
	// node's url.
	Audience []string `key:"audience" example:"[https://broker.example.org]"`
	// How far the clocks of issuers and node may differ.
	Leeway time.Duration `key:"leeway" min:"0s" max:"60s"`
	// The issuers of tokens that the node believes: OpenID Connect providers, as
	// INDIGO IAM is. All nodes of a federation should have the same, each with
	// the same prefix, since users are charged under these names everywhere.
	Issuers []Issuer `key:"issuers"`
	// Who may do what. Rules add up, for users of all issuers or of one; whom no
	// rule gives a role may do nothing. {role: user, user: "*"} lets in everybody
	// of every issuer.
	Roles []RoleRule `key:"roles"`
	// Which proposals users may have charged. Rules add up. A request names one
	// by the header Starling-Proposal (--proposal).
	Proposals []ProposalRule `key:"proposals"`
	// Who pays for a request that names no proposal: personal, the user's own
	// account; only, the user's proposal, if there is exactly one.
	Payer string `key:"payer" oneof:"personal only"`
	// Whether tokens that are signed with the node's own key are believed
	// (starling token --data). Whoever can read the data directory speaks for
	// anybody then, with any role, and the node says so at every start. With
	// --dev they always are.
	OwnKey bool `key:"ownKey"`
	// How this node says on whose behalf it asks another: exchange, with a token
	// that the user's issuer gives in exchange for hers, for that node alone;
	// assertion, with a short-lived word of its own; auto, with the former where
	// the issuer does that, else the latter. With exchange it also takes no other
	// node's word.
	Delegation string `key:"delegation" oneof:"auto exchange assertion"`
}

// Issuer is one OpenID Connect provider.
type Issuer struct {
	// Its name, exactly as its tokens have it in iss: an https URL. With --dev,
	// http will do on loopback.
	URL string `key:"url"`
	// What the names of its users here begin with, before the sub of their
	// tokens, so that two issuers' users are never taken for each other. At most
	// one issuer may have none.
	Prefix string `key:"prefix" optional:"yes"`
	// The certificates of the authority that vouches for its server, a PEM file;
	// the system's where absent.
	CA string `key:"ca" optional:"yes"`
	// Whether its server may have a private or loopback address.
	AllowPrivate bool `key:"allowPrivate" optional:"yes"`
	// The claims that groups are read from; groups, wlcg.groups and
	// eduperson_entitlement where absent.
	Groups []string `key:"groups" optional:"yes"`
	// Namespaces of entitlements (AARC-G069) that are its own word on groups: with
	// urn:geant:example.org, urn:geant:example.org:group:ska:pulsars#authority is
	// group ska/pulsars, and with :role=lead before the # ska/pulsars/role=lead.
	// Other entitlements count as they are written only.
	Namespaces []string `key:"namespaces" optional:"yes"`
	// How users log in by it (starling login).
	Login Login `key:"login" optional:"yes"`
	// How the node has tokens of its users exchanged for others, for nodes and
	// data elsewhere (RFC 8693).
	Exchange Exchange `key:"exchange" optional:"yes"`
}

// Login is the public client that `starling login` is at an issuer.
type Login struct {
	// The client's id, registered for the device flow.
	ClientID string `key:"clientID"`
	// The scopes to ask for; openid and offline_access where absent.
	Scopes []string `key:"scopes" optional:"yes"`
}

// Exchange is the confidential client that the node is at an issuer.
type Exchange struct {
	// The client's id, registered for the token exchange.
	ClientID string `key:"clientID"`
	// The file that holds its secret, with mode 0600.
	SecretFile string `key:"secretFile"`
}

// RoleRule gives a role to those whom it describes by one of group, capability
// and user.
type RoleRule struct {
	// The role.
	Role string `key:"role" oneof:"user executor operator auditor accountant"`
	// A group, as ska/pulsars (a leading / doesn't count), or an entitlement as
	// it is written.
	Group string `key:"group" optional:"yes"`
	// A word of the token's scope, as compute.create.
	Capability string `key:"capability" optional:"yes"`
	// A user by the name here, prefix included; "*" is everybody, and for role
	// user only.
	User string `key:"user" optional:"yes"`
	// The issuer that must have said so, by its url; any where absent.
	Issuer string `key:"issuer" optional:"yes"`
}

// ProposalRule lets the members of groups charge a proposal.
type ProposalRule struct {
	// The group. {proposal} in it stands for a part between slashes, or a part
	// of one: ska/proposals/{proposal}.
	Group GroupPattern `key:"group"`
	// The proposal; {proposal} in it is what stood there in the group, and all
	// of it where absent. SKA-{proposal} keeps names of two issuers apart.
	Proposal string `key:"proposal" optional:"yes"`
	// The issuer that must have said so, by its url; any where absent.
	Issuer string `key:"issuer" optional:"yes"`
}
