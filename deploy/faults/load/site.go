package load

import (
	"context"
	"net/http"
)

// Site is a node, as users and executors reach it.
type Site struct {
	Name string
	URL  string // without a trailing slash
	// Client trusts the site's certificate. It keeps connections as it likes, and
	// needs no timeout: every request has its own.
	Client *http.Client
	// Token is a bearer token with which this site takes somebody for who she is; ""
	// sends none. It may be asked often, and from many goroutines.
	Token func(ctx context.Context, who Person) (string, error)
}

// Person is somebody with a token. The same name is the same user at all sites.
type Person struct {
	Name   string
	Roles  []string // as the site's configuration must grant them; none: user
	Groups []string
}

// The people of a load, beside its users (see Options.Users). Where tokens don't say
// roles, the sites' configuration must grant these (auth.roles).
var (
	Operator   = Person{Name: "load-operator", Roles: []string{"user", "operator", "auditor"}}
	Accountant = Person{Name: "load-accountant", Roles: []string{"accountant"}}
	Robot      = Person{Name: "load-robot", Roles: []string{"executor"}}
	// Mallory is a user who owns nothing, and pries.
	Mallory = Person{Name: "load-mallory", Roles: []string{"user"}}
)
