package issuer

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"mime"
	"net/http"
	"net/url"
)

// Client is a program that asks for tokens (RFC 6749 section 2).
type Client struct {
	ID string
	// Secret makes it a confidential one, which may exchange tokens, ask for one of
	// its own and look into others'. "": a public one, for its users alone.
	Secret string
}

// PublicClient is the one of the command line.
const PublicClient = "starling"

// AdminClient may have a token for any name: its secret is in the directory.
const AdminClient = "admin"

// clients are those that are known, by their names.
type clients map[string]client

type client struct {
	id           string
	confidential bool
	secret       [sha256.Size]byte // its digest
}

func (c Client) digested() client {
	return client{id: c.ID, confidential: c.Secret != "", secret: sha256.Sum256([]byte(c.Secret))}
}

func newClients(list []Client) (clients, error) {
	if len(list) == 0 {
		list = []Client{{ID: PublicClient}}
	}
	known := clients{}
	for _, c := range list {
		if err := checkName("client", c.ID); err != nil {
			return nil, err
		}
		if _, twice := known[c.ID]; twice || c.ID == AdminClient {
			return nil, fmt.Errorf("there are two clients %s", c.ID)
		}
		if c.Secret != "" && len(c.Secret) < minSecret {
			return nil, fmt.Errorf("the secret of client %s has %d bytes; want at least %d", c.ID, len(c.Secret), minSecret)
		}
		known[c.ID] = c.digested()
	}
	return known, nil
}

// errClient says the same of a client that isn't there and of a wrong secret.
var errClient = refuse(http.StatusUnauthorized, "invalid_client", "there is no such client, or that is not its secret")

// authenticate finds who asks: by HTTP Basic or in the form (RFC 6749 section
// 2.3.1), not both.
func (known clients) authenticate(r *http.Request, form url.Values) (client, error) {
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if user, password, basic := r.BasicAuth(); basic {
		if secret != "" {
			return client{}, invalid("invalid_request", "the client's secret stands in the header and in the form")
		}
		var errs [2]error
		user, errs[0] = url.QueryUnescape(user)
		password, errs[1] = url.QueryUnescape(password)
		if errs[0] != nil || errs[1] != nil || id != "" && id != user {
			return client{}, errClient
		}
		id, secret = user, password
	}
	c, found := known[id]
	digest := sha256.Sum256([]byte(secret))
	same := subtle.ConstantTimeCompare(digest[:], c.secret[:]) == 1
	if !found || !same {
		return client{}, errClient
	}
	return c, nil
}

// handler is one of a form that a client has sent.
type handler func(w http.ResponseWriter, c client, form url.Values) error

// several are the parameters that may be repeated (RFC 8693 section 2.1).
var several = map[string]bool{"audience": true, "resource": true}

// form reads the form and finds the client, then hands over.
func (s *Server) form(next handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := s.readForm(w, r, next); err != nil {
			s.fail(w, r, err)
		}
	}
}

func (s *Server) readForm(w http.ResponseWriter, r *http.Request, next handler) error {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/x-www-form-urlencoded" {
		return invalid("invalid_request", "the request is not a form: Content-Type: application/x-www-form-urlencoded")
	}
	if err := r.ParseForm(); err != nil {
		return invalid("invalid_request", "the form can't be read, or has more than %d bytes", maxBody)
	}
	for name, values := range r.PostForm {
		if len(values) > 1 && !several[name] {
			return invalid("invalid_request", "the parameter %.40q is there more than once", name)
		}
	}
	c, err := s.clients.authenticate(r, r.PostForm)
	if err != nil {
		return err
	}
	return next(w, c, r.PostForm)
}
