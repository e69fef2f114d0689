package relay

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// originWide are headers by which an answer speaks for a whole origin, or a
// whole host, where only a path of it is the program's.
var originWide = [...]string{
	"Strict-Transport-Security", "Alt-Svc", "Clear-Site-Data", "Service-Worker-Allowed",
	"Nel", "Report-To", "Public-Key-Pins", "Origin-Trial", "X-Content-Type-Options", "X-Request-Id",
}

var errUnasked = errors.New("it switches to another protocol, and nobody has asked for that")

// Answer makes the answer that the client gets.
func (route Route) Answer(resp *http.Response) error {
	if resp.StatusCode == http.StatusSwitchingProtocols && resp.Request.Header.Get("Upgrade") == "" {
		return errUnasked // it would have the client's connection, and what comes next there
	}
	h := resp.Header
	for _, name := range originWide {
		h.Del(name)
	}
	for name := range h {
		if route.PrivateHeader(name) {
			h.Del(name)
		}
	}
	for _, name := range []string{"Location", "Content-Location"} {
		if location := h.Get(name); location != "" {
			h.Set(name, route.location(location))
		}
	}
	route.setCookies(resp)
	if route.Policy != "" {
		h.Add("Content-Security-Policy", route.Policy) // all that there are hold
	}
	return nil
}

// location translates a URL that the program gives as its own. Others stay as
// they are: the client follows them, we never do.
func (route Route) location(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return text
	}
	own := u.Host == route.host() && (u.Scheme == route.Scheme || u.Scheme == "")
	rooted := u.Host == "" && u.Scheme == "" && strings.HasPrefix(u.Path, "/")
	if !own && !rooted {
		return text
	}
	path := u.EscapedPath()
	if strings.HasPrefix(path, route.Prefix) { // it knows under which path it is seen
		return route.place(path, u)
	}
	rest, inside := strings.CutPrefix(path, route.Path)
	if path+"/" == route.Path {
		rest, inside = "", true
	}
	if !inside { // beside what the connector leads to
		return route.place(route.Prefix, &url.URL{})
	}
	return route.place(route.Prefix+strings.TrimLeft(rest, "/"), u)
}

// place is a path of ours with the query and the fragment of a URL.
func (route Route) place(path string, u *url.URL) string {
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	if u.Fragment != "" {
		path += "#" + u.EscapedFragment()
	}
	return path
}

// setCookies keeps the program's cookies below its prefix, and drops any that
// has the name of one of ours.
func (route Route) setCookies(resp *http.Response) {
	cookies := resp.Cookies()
	resp.Header.Del("Set-Cookie")
	for _, c := range cookies {
		if route.PrivateCookie(c.Name) {
			continue
		}
		c.Domain = ""
		path, inside := strings.CutPrefix(c.Path, route.Path)
		switch {
		case strings.HasPrefix(c.Path, route.Prefix):
		case inside:
			c.Path = route.Prefix + strings.TrimLeft(path, "/")
		default:
			c.Path = route.Prefix
		}
		if text := c.String(); text != "" {
			resp.Header.Add("Set-Cookie", text)
		}
	}
}
