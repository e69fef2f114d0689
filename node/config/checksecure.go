package config

// secure reports all that a node lacks without which anybody could pass for anybody,
// or read what others are told. Development nodes, which listen on loopback only, lack
// nothing. What nodes of a federation need is checked with the rest of that.
func (k checker) secure(c *Config) {
	if c.Dev {
		return
	}
	k.want(len(c.Auth.Issuers) > 0 || c.Auth.OwnKey, "auth.issuers",
		"is needed: nobody could say who they are. Name the OpenID Connect issuer whose tokens your users have; or auth.ownKey: true believes those that `starling token --data` signs with this node's own key")
	k.want(c.TLS.Set() || c.TLS.Proxied, "tls.certificate",
		"is needed, with tls.key: tokens would go over the network in clear. Where a proxy of yours ends TLS in front of this node, say tls.proxied: true")
}
