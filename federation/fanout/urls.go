package fanout

import (
	"strings"

	"starling/api/ivoa"
	"starling/federation/identity"
)

// URLs are checked where the schema has them, and nowhere else. Each must begin with
// the base that the node was told, or be a path; what is kept is the path.

// path takes the base off a URL.
func (c *checker) path(url string) (string, error) {
	path, ours := strings.CutPrefix(url, c.base+"/")
	if ours {
		path = "/" + path
	} else {
		path = url
	}
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.Contains(path, "\\") || strings.Contains(path, "/../") || strings.ContainsAny(path, " ?#") {
		return "", fault(Wrong, "a URL in its answer leads elsewhere")
	}
	return path, nil
}

// own makes a component's URL the path at which what has this UUID is found.
func (c *checker) own(component *ivoa.Component, path string, id identity.UUID) error {
	if component.Meta.URL == "" {
		component.Meta.URL = path + id.String()
		return nil
	}
	found, err := c.path(component.Meta.URL)
	if err != nil {
		return err
	}
	if found != path+id.String() {
		return fault(Wrong, "a URL in its answer is of something else")
	}
	component.Meta.URL = found
	return nil
}

// none refuses URLs where this federation's nodes write none.
func none(component *ivoa.Component) error {
	if component.Meta != nil && component.Meta.URL != "" {
		return fault(Wrong, "a part of its answer has a URL of its own")
	}
	return nil
}
