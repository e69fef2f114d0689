package api

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"starling/node"
)

// A browser enters a connector by a one-time link, which gives it a cookie that
// opens this connector and nothing else. The links have a path of their own:
// everything below …/connect/{name}/ belongs to the session's program.

// The names of the cookie that carries a grant. Browsers let nobody set the
// second without encryption.
const (
	grantCookie       = "starling-connect"
	secureGrantCookie = "__Secure-" + grantCookie
)

func isGrantCookie(name string) bool {
	return strings.EqualFold(name, grantCookie) || strings.EqualFold(name, secureGrantCookie)
}

// oneTimeLink is what POST /sessions/{uuid}/links/{name} answers.
type oneTimeLink struct {
	URL     string    `json:"url"`
	Expires time.Time `json:"expires"`
	// Sandboxed says that the node has no host for pages, so that those of
	// programs which need cookies don't work.
	Sandboxed bool `json:"sandboxed,omitempty"`
}

// link answers POST /sessions/{uuid}/links/{name} with a link into a connector
// that works once.
func (s *Server) link(v *visit) error {
	if err := v.onlyJSON(); err != nil {
		return err
	}
	id, err := v.uuid("uuid")
	if err != nil {
		return err
	}
	name := v.Param("connector")
	secret, expires, err := s.Broker.Link(v.Request().Context(), v.caller, id, name)
	if err != nil {
		return err
	}
	return v.answerJSON(http.StatusCreated, oneTimeLink{
		URL:     s.pages.linkBase(v, id) + "/sessions/" + id.String() + "/links/" + name + "/" + secret,
		Expires: expires, Sandboxed: v.peer == "" && s.pages.sandboxed(),
	})
}

// enter answers GET /sessions/{uuid}/links/{name}/{secret}: it uses the link up,
// sets the cookie and leads to the connector.
func (s *Server) enter(v *visit) error {
	id, err := v.uuid("uuid")
	if err != nil {
		return err
	}
	if v.Request().Method != http.MethodGet { // those who only look don't enter
		return v.nothing()
	}
	name := v.Param("connector")
	grant, err := s.Broker.Enter(v.Request().Context(), id, name, v.Param("secret"))
	if err != nil {
		return err
	}
	if err := v.open(v.header(), s.pages.shownAt(v, id).base, id, grant); err != nil {
		return err
	}
	v.Response().WriteHeader(http.StatusSeeOther)
	return nil
}

// granted reports whether the request has a grant for the connector that it
// asks for, and notes where that leads. A grant for another connector, which
// the page of another session may have set, counts for nothing.
func (v *visit) granted() (bool, error) {
	if !forPages(v.Path()) {
		return false, nil
	}
	id, err := v.uuid("uuid")
	if err != nil {
		return false, nil
	}
	for _, grant := range v.grantsShown() {
		target, err := v.server.Broker.ConnectGranted(v.Request().Context(), grant, id, v.Param("connector"))
		var p *node.Problem
		switch {
		case err == nil:
			v.target, v.caller.User = &target, target.User
			return true, nil
		case errors.As(err, &p) && p.Code == node.CodeForbidden:
		default:
			return false, err
		}
	}
	return false, nil
}
