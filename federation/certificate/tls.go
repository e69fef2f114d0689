package certificate

import "crypto/tls"

// Server is for who is called: only nodes of the federation get through the
// handshake. Which node it is, Peer tells. Each handshake uses what Reload read
// last.
func (c *Credentials) Server() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return c.current.Load().server, nil
		},
	}
}

func (c *Credentials) serverOf(s *set) *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Time:         c.now,
		Certificates: []tls.Certificate{s.own},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    s.authorities,
		// A ticket would let a caller back in whose certificate is no longer good.
		SessionTicketsDisabled: true,
		VerifyConnection:       nodesOnly,
	}
}

func nodesOnly(state tls.ConnectionState) error {
	_, err := Peer(state)
	return err
}

// Client is for who calls the node so named: nobody else gets through the
// handshake. It holds for one call.
func (c *Credentials) Client(node string) *tls.Config {
	s := c.current.Load()
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		Time:                   c.now,
		Certificates:           []tls.Certificate{s.own},
		RootCAs:                s.authorities,
		ServerName:             HostOf(node),
		SessionTicketsDisabled: true,
		VerifyConnection:       nodesOnly,
	}
}
