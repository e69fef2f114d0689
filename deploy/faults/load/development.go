package load

import (
	"context"
	"net/http"
	"sync"
	"time"

	"starling/api/auth"
	"starling/federation/identity"
)

// Development is a node that is run with --dev, or with auth.ownKey, and whose data
// directory is here: tokens are its own.
func Development(name, url, data string, client *http.Client) Site {
	d := &development{data: data, tokens: map[string]string{}}
	return Site{Name: name, URL: url, Client: client, Token: d.token}
}

type development struct {
	data   string
	mu     sync.Mutex
	tokens map[string]string
}

func (d *development) token(_ context.Context, who Person) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if token := d.tokens[who.Name]; token != "" {
		return token, nil
	}
	issuer, err := auth.LoadIssuer(d.data)
	if err != nil {
		return "", err
	}
	grant := auth.Grant{User: who.Name, Groups: who.Groups}
	for _, role := range who.Roles {
		grant.Roles = append(grant.Roles, identity.Role(role))
	}
	token, err := issuer.Issue(grant, time.Now(), 24*time.Hour)
	d.tokens[who.Name] = token
	return token, err
}
