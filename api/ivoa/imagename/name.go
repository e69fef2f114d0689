// Package imagename reads the names of container images as requests have them.
//
// There is one reader, for the policy that decides which images a site runs and
// for the executor that pulls them: if the two understood a name differently, one
// image could be allowed and another be run. It is the reference library that
// Docker itself has, with what this broker takes beside it.
package imagename

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/distribution/reference"
)

// Bounds of an image's locations.
const (
	MaxLocations = 32   // of one image
	MaxLocation  = 1000 // bytes of one
)

// Parse reads the name of an image as docker pull does, with docker:// before it
// or without: docker.io and the tag latest stand where there is nothing. The
// error is for users.
func Parse(location string) (reference.Named, error) {
	if len(location) > MaxLocation {
		return nil, fmt.Errorf("the image's location %.100q… is longer than %d bytes", location, MaxLocation)
	}
	name, err := reference.ParseNormalizedNamed(strings.TrimPrefix(location, "docker://"))
	if err != nil {
		return nil, fmt.Errorf("the image's location %q is no name of an image: %w", location, err)
	}
	// A first part in capitals is taken for a host for them alone. Whoever reads it
	// in lower case, as hosts are, would find another image.
	if host := reference.Domain(name); !strings.ContainsAny(host, ".:") && host != strings.ToLower(host) {
		return nil, fmt.Errorf("the image's location %q is no name of an image: write %s in lower case, or with its domain", location, host)
	}
	return reference.TagNameOnly(name), nil
}

// A Name is an image's name in its parts.
type Name struct {
	Location   string // as it was written
	Registry   string // host[:port], in lower case, without https's own port: "ghcr.io"
	Repository string // "ska-telescope/pulsars", "library/debian"
	Tag        string // "" where there is a digest and no tag
	Digest     string // "sha256:…", or ""
}

// Of reads a location for those who judge it. What is no name for docker
// pull, but the URL of an image (library://, https://), has its scheme in the
// registry, so that no host can pass for another's.
func Of(location string) (Name, error) {
	if before, _, found := strings.Cut(location, "://"); found && before != "docker" {
		return ofURL(location)
	}
	named, err := Parse(location)
	if err != nil {
		return Name{}, err
	}
	name := Name{
		Location: location, Repository: reference.Path(named),
		Registry: registry(strings.ToLower(reference.Domain(named))),
	}
	if tagged, ok := named.(reference.Tagged); ok {
		name.Tag = tagged.Tag()
	}
	if digested, ok := named.(reference.Digested); ok {
		name.Digest = digested.Digest().String()
	}
	return name, nil
}

// registry leaves out https's own port, which says nothing, but where without it a
// host could be taken for a part of a path.
func registry(host string) string {
	if bare := strings.TrimSuffix(host, ":443"); bare == "localhost" || strings.ContainsAny(bare, ".:") {
		return bare
	}
	return host
}

func ofURL(location string) (Name, error) {
	u, err := url.Parse(location)
	if err != nil || u.Host == "" || u.User != nil || len(location) > MaxLocation {
		return Name{}, fmt.Errorf("the image's location %.100q is neither the name nor the URL of an image", location)
	}
	return Name{
		Location: location, Repository: strings.TrimPrefix(u.EscapedPath(), "/"),
		Registry: strings.ToLower(u.Scheme + "://" + u.Host),
	}, nil
}
